"""The table of channels: which scheme of a subscriber is delivered how."""

from __future__ import annotations

from collections.abc import Mapping

from zaqar_core.configuration.settings import Settings
from zaqar_core.core.process import Core
from zaqar_core.keystone import trusts
from zaqar_core.notifications import websockets
from zaqar_core.notifications.mails import MailChannel
from zaqar_core.notifications.notification import Channel
from zaqar_core.notifications.trust_webhooks import TrustWebhookChannel
from zaqar_core.notifications.webhooks import WebhookChannel


def _webhooks(settings: Settings) -> WebhookChannel:
    if not settings.tracing:
        return WebhookChannel(settings)
    from zaqar_core.notifications.traced_webhooks import TracedWebhookChannel  # needs the extra tracing

    return TracedWebhookChannel(settings)


def table(core: Core) -> Mapping[str, Channel]:
    """Return the channel of each scheme."""
    settings = core.settings
    webhooks = _webhooks(settings)
    channels: dict[str, Channel] = {
        "http": webhooks,
        "https": webhooks,
        "mailto": MailChannel(settings),
        websockets.SCHEME: websockets.WebSocketChannel(core),
    }
    keystone = trusts.configured(settings)
    if keystone is not None:
        channels["trust+http"] = channels["trust+https"] = TrustWebhookChannel(webhooks, keystone)
    return channels
