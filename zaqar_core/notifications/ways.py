"""Which scheme of a subscriber is delivered in which way: one table."""

from __future__ import annotations

from collections.abc import Mapping

from zaqar_core.core import Core
from zaqar_core.notifications import sockets
from zaqar_core.notifications.mails import Mails
from zaqar_core.notifications.notice import Way
from zaqar_core.notifications.webhooks import Webhooks


def table(core: Core) -> Mapping[str, Way]:
    """Scheme -> way."""
    settings = core.settings
    webhooks = Webhooks(settings)
    return {"http": webhooks, "https": webhooks, "mailto": Mails(settings), sockets.SCHEME: sockets.Sockets(core)}
