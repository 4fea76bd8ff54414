"""The types that the notifier and the channels share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from zaqar_core.core.deliveries import DeliveryKind
from zaqar_core.domain.model import Attribute
from zaqar_core.domain.names import QueueRef


@dataclass(slots=True)
class Notification:
    """What a subscriber gets. ``document`` is a JSON object as text; ``ref`` is the queue it concerns."""

    ref: QueueRef
    kind: DeliveryKind
    subscription_id: str
    subscriber: str
    options: Mapping[str, Any]
    document: bytes
    #: Those of the message that it announces.
    system_attributes: tuple[Attribute, ...] = ()


@dataclass(eq=False)
class NotDelivered(Exception):
    """The subscriber did not get the notification, or may not have. ``reason`` holds neither secrets nor content.

    ``is_final``: a retry would not help. ``status`` is the status of the web server's answer, if it gave one.
    """

    reason: str
    is_final: bool = False
    status: int | None = None


class Channel(Protocol):
    """How subscribers with certain schemes are reached. One instance serves all threads."""

    def destination(self, notification: Notification) -> str:
        """Return the destination. The number of concurrent deliveries to one destination is limited."""

    def deliver(self, notification: Notification) -> None:
        """Deliver within about ``notification_timeout_seconds``. Raises NotDelivered."""

    def cancel_overdue(self) -> None:
        """Make deliveries fail that take too long as a whole, even if they are never idle. Called every second."""


#: Makes the document that asks a subscriber to confirm, or that says the subscription is cancelled.
Confirmations = Callable[[QueueRef, str, DeliveryKind], bytes]
