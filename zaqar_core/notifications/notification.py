"""What passes between the notifier and the ways to deliver."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from zaqar_core.core.deliveries import DeliveryKind
from zaqar_core.domain.names import QueueRef


@dataclass(slots=True)
class Notice:
    """What a subscriber is to be told. ``document`` is a JSON object as text, ``ref`` the queue it is about."""

    ref: QueueRef
    kind: DeliveryKind
    subscription_id: str
    subscriber: str
    options: Mapping[str, Any]
    document: bytes


@dataclass(eq=False)
class NotDelivered(Exception):
    """The subscriber was not told, or may not have been. ``reason`` holds neither secrets nor content.

    ``is_final``: trying again would not help. ``status`` is what a web server answered with, if one did.
    """

    reason: str
    is_final: bool = False
    status: int | None = None


class Way(Protocol):
    """How subscribers with certain schemes are told. One for all threads."""

    def place(self, notice: Notice) -> str:
        """Where it goes: to one place only so many deliveries go at the same time."""

    def deliver(self, notice: Notice) -> None:
        """The subscriber was told. Raises NotDelivered. Ends about ``notification_timeout_seconds`` after its begin."""

    def cut_overdue(self) -> None:
        """Deliveries that take too long, though never idle for long, fail. Called every second or so."""


#: The document that asks a subscriber to confirm, or says that the subscription is cancelled.
Confirmations = Callable[[QueueRef, str, DeliveryKind], bytes]
