"""The channel of WebSocket connections: publish the notification to the process that holds the connection.

Delivery is at most once: a process that does not listen at that moment gets nothing. A subscriber's URI is
``websocket:<process>/<connection>``.
"""

from __future__ import annotations

from zaqar_core.core import subscriptions
from zaqar_core.core.process import Core
from zaqar_core.domain.errors import StoreUnavailable
from zaqar_core.notifications.notification import NotDelivered, Notification
from zaqar_core.store import keys

#: Scheme of the subscriber's URI. Clients cannot use it: it is not in the setting ``subscriber_types``.
SCHEME = "websocket"
#: Prefix of the URIs of such subscribers.
PREFIX = f"{SCHEME}:"


def subscriber(process: str, connection: int) -> str:
    """Return the URI of a connection that the named process holds."""
    return f"{PREFIX}{process}/{connection}"


def parse(payload: bytes) -> tuple[int, str, bytes]:
    """Split a published payload into connection, subscription id and document."""
    connection, subscription_id, document = payload.split(b" ", 2)
    return int(connection), subscription_id.decode(), document


class WebSocketChannel:
    """Deliver to WebSocket connections."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def destination(self, notification: Notification) -> str:
        """Return the connection. A push takes no time, so connections of one process need no common limit."""
        return notification.subscriber

    def deliver(self, notification: Notification) -> None:
        """Publish to the connection's process; delete the subscription when no process listens. Raises NotDelivered."""
        process, _, connection = notification.subscriber.removeprefix(PREFIX).partition("/")
        payload = f"{connection} {notification.subscription_id} ".encode() + notification.document
        try:
            session = self._core.session()
            heard = session.store.command("PUBLISH", keys.process_channel(process), payload)
            # A node of a cluster counts only its own subscribers.
            if heard == 0 and not session.store.is_cluster:
                subscriptions.delete(session, notification.ref, notification.subscription_id)
        except StoreUnavailable:
            raise NotDelivered("the store did not answer") from None

    def cancel_overdue(self) -> None:
        """Do nothing: a push takes no time."""
