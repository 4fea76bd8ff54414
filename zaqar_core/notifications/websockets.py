"""Connections as subscribers: the process that holds one is told by a message on its channel.

At most once: whoever is not listening at that moment is not told. A subscriber is ``websocket:<process>/<connection>``.
"""

from __future__ import annotations

from zaqar_core.core import subscriptions
from zaqar_core.core.process import Core
from zaqar_core.domain.errors import StoreUnavailable
from zaqar_core.notifications.notification import NotDelivered, Notice
from zaqar_core.store import keys

#: Of the subscriber's URI. No client may name one: it is not among the settings' ``subscriber_types``.
SCHEME = "websocket"
#: How subscribers of that kind begin.
PREFIX = f"{SCHEME}:"


def subscriber(process: str, connection: int) -> str:
    """The URI of a connection that the process of that name holds."""
    return f"{PREFIX}{process}/{connection}"


def parse(payload: bytes) -> tuple[int, str, bytes]:
    """Connection, subscription id and document of what came on the channel."""
    connection, subscription_id, document = payload.split(b" ", 2)
    return int(connection), subscription_id.decode(), document


class Sockets:
    """The way of connections."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def place(self, notice: Notice) -> str:
        """The connection: a push takes no time, so those of one process need no common bound."""
        return notice.subscriber

    def deliver(self, notice: Notice) -> None:
        """The process was told, if there is one; if there is none the subscription ends. Raises NotDelivered."""
        process, _, connection = notice.subscriber.removeprefix(PREFIX).partition("/")
        payload = f"{connection} {notice.subscription_id} ".encode() + notice.document
        try:
            with self._core.session() as session:
                heard = session.store.command("PUBLISH", keys.process_channel(process), payload)
                # A cluster's node counts only its own listeners.
                if heard == 0 and not session.store.is_cluster:
                    subscriptions.delete(session, notice.ref, notice.subscription_id)
        except StoreUnavailable:
            raise NotDelivered("the store did not answer") from None

    def cut_overdue(self) -> None:
        """Nothing here takes long."""
