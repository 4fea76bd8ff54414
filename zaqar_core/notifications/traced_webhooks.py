"""Webhooks that continue the traces of the messages' senders. Loaded only with the setting ``tracing``."""

from __future__ import annotations

from urllib.parse import urlsplit

from opentelemetry.trace import SpanKind, Status, StatusCode

from zaqar_core.notifications.notification import NotDelivered, Notification
from zaqar_core.notifications.webhooks import WebhookChannel
from zaqar_core.tracing import provider, spans, trace_headers


class TracedWebhookChannel(WebhookChannel):
    """Makes a span of each delivery, and sends its context to the subscriber as ``traceparent``."""

    def post(self, url: str, notification: Notification, more: dict[str, str]) -> None:
        """See ``WebhookChannel.post``."""
        parent = spans.child_of(trace_headers.sender(notification.system_attributes))
        span = provider.tracer().start_span(f"notify {notification.ref.name}", context=parent, kind=SpanKind.PRODUCER)
        # The path of the URL may be a secret.
        span.set_attribute("messaging.system", "zaqar")
        span.set_attribute("messaging.destination.name", notification.ref.name)
        span.set_attribute("server.address", urlsplit(url).hostname or "")
        try:
            found = span.get_span_context()
            named = {"traceparent": trace_headers.as_traceparent(spans.span_ref(found))} if found.is_valid else {}
            super().post(url, notification, {**named, **more})
        except NotDelivered as failure:
            if failure.status is not None:
                span.set_attribute("http.response.status_code", failure.status)
            span.set_status(Status(StatusCode.ERROR, failure.reason))
            raise
        finally:
            span.end()
