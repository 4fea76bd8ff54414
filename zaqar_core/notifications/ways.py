"""Which scheme of a subscriber is delivered in which way: one table."""

from __future__ import annotations

from collections.abc import Mapping

from zaqar_core import trusts
from zaqar_core.core import Core
from zaqar_core.notifications import sockets
from zaqar_core.notifications.mails import Mails
from zaqar_core.notifications.notice import Way
from zaqar_core.notifications.trusted import Trusted
from zaqar_core.notifications.webhooks import Webhooks


def table(core: Core) -> Mapping[str, Way]:
    """Scheme -> way."""
    settings = core.settings
    webhooks = Webhooks(settings)
    ways: dict[str, Way] = {
        "http": webhooks,
        "https": webhooks,
        "mailto": Mails(settings),
        sockets.SCHEME: sockets.Sockets(core),
    }
    keystone = trusts.configured(settings)
    if keystone is not None:
        ways["trust+http"] = ways["trust+https"] = Trusted(webhooks, keystone)
    return ways
