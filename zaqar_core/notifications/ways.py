"""Which scheme of a subscriber is delivered in which way: one table."""

from __future__ import annotations

from collections.abc import Mapping

from zaqar_core.notifications.mails import Mails
from zaqar_core.notifications.notice import Way
from zaqar_core.notifications.webhooks import Webhooks
from zaqar_core.settings import Settings


def table(settings: Settings) -> Mapping[str, Way]:
    """Scheme -> way."""
    webhooks = Webhooks(settings)
    return {"http": webhooks, "https": webhooks, "mailto": Mails(settings)}
