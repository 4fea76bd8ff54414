"""Which scheme of a subscriber is delivered in which way: one table."""

from __future__ import annotations

from collections.abc import Mapping

from zaqar_core.core.process import Core
from zaqar_core.keystone import trusts
from zaqar_core.notifications import websockets
from zaqar_core.notifications.mails import Mails
from zaqar_core.notifications.notification import Way
from zaqar_core.notifications.trust_webhooks import Trusted
from zaqar_core.notifications.webhooks import Webhooks


def table(core: Core) -> Mapping[str, Way]:
    """Scheme -> way."""
    settings = core.settings
    webhooks = Webhooks(settings)
    ways: dict[str, Way] = {
        "http": webhooks,
        "https": webhooks,
        "mailto": Mails(settings),
        websockets.SCHEME: websockets.Sockets(core),
    }
    keystone = trusts.configured(settings)
    if keystone is not None:
        ways["trust+http"] = ways["trust+https"] = Trusted(webhooks, keystone)
    return ways
