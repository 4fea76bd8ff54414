"""What happens to the messages of queues, as the operations of the core report it for counting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from zaqar_core.domain.model import NewMessage, StoredMessage
from zaqar_core.domain.names import QueueRef

if TYPE_CHECKING:
    from zaqar_core.core.event_counts import EventCounts

#: What has happened in a queue, as the members of ``samples.Events`` in their order.
Row = list[int]
Rows = Mapping[QueueRef, Row]


class Event:
    """The events: numbers from 0 to ``NUMBER - 1``."""

    #: A client has sent messages. A duplicate that a FIFO queue did not store counts too.
    SENT = 0
    #: A client has received, claimed or popped messages.
    RECEIVED = 1
    #: A receive, claim or pop found no message.
    EMPTY_RECEIVE = 2
    #: A client has deleted messages.
    DELETED = 3
    #: Messages were moved from this queue to its dead-letter queue.
    DEAD_LETTERED = 4
    #: A move task has moved messages from this dead-letter queue.
    REDRIVEN = 5
    #: Notifications of the queue were delivered.
    NOTIFIED = 6
    #: Notifications failed and are tried again.
    NOTIFICATION_RETRIED = 7
    #: Notifications failed for good.
    NOTIFICATION_FAILED = 8

    NUMBER = 9


class Traffic(Protocol):
    """Counts events. One instance serves all threads and tasks of a process."""

    #: What adds the counts to the samples of queues; None where nothing does.
    event_counts: EventCounts | None

    def count(self, ref: QueueRef, event: int, number: int, size_bytes: int = 0) -> None:
        """Count an event of an existing queue for a number of messages. ``size_bytes`` is their size, for SENT and
        RECEIVED. Must not raise or block."""

    def forget(self, ref: QueueRef) -> None:
        """Begin again at 0 for a queue that was deleted."""

    def take(self) -> Rows:
        """Return what was counted since the last call. Only one thread at a time may call it."""

    def take_left(self) -> Mapping[int, Rows]:
        """Return what earlier processes counted and did not take, by the minute since 1970 of their last call.

        Call it once, before ``take``.
        """


class Uncounted:
    """Counts nothing."""

    event_counts: EventCounts | None = None

    def count(self, ref: QueueRef, event: int, number: int, size_bytes: int = 0) -> None:
        """Do nothing."""

    def forget(self, ref: QueueRef) -> None:
        """Do nothing."""

    def take(self) -> Rows:
        """Return nothing."""
        return {}

    def take_left(self) -> Mapping[int, Rows]:
        """Return nothing."""
        return {}


def sent_bytes(messages: Sequence[NewMessage]) -> int:
    """Return the size of messages as SQS counts it: bodies, and attributes with their names and types."""
    if len(messages) == 1:
        return messages[0].size_bytes or len(messages[0].body)
    return sum([message.size_bytes or len(message.body) for message in messages])


def received(traffic: Traffic, ref: QueueRef, messages: Sequence[StoredMessage]) -> None:
    """Count messages that a client gets."""
    number = len(messages)
    size = len(messages[0].body) if number == 1 else sum([len(message.body) for message in messages])
    traffic.count(ref, Event.RECEIVED, number, size)
