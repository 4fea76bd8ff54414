"""Queues: create, look up, change, delete, purge, list, count."""

from __future__ import annotations

from dataclasses import dataclass

from zaqar_core.core import Session
from zaqar_core.model import Counts, Creator, Queue, QueueSettings, SettingsChange, Stats
from zaqar_core.names import QueueRef


@dataclass(slots=True)
class Created:
    """``queue`` as it now stands; ``is_new`` says whether this call made it. An existing queue is never changed."""

    queue: Queue
    is_new: bool


def create(session: Session, ref: QueueRef, settings: QueueSettings, *, creator: Creator) -> Created:
    """The queue exists. Whether an existing one's settings agree is for the caller to compare."""
    raise NotImplementedError


def get(session: Session, ref: QueueRef) -> Queue:
    """Settings and life of one queue. One round trip. Raises QueueNotFound."""
    raise NotImplementedError


def change(session: Session, ref: QueueRef, wanted: SettingsChange) -> Queue:
    """All of the change is applied, or none. Returns the queue afterwards.

    Wakes waiting receives that a new delay or retention concerns. Raises QueueNotFound, SettingsChanged.
    """
    raise NotImplementedError


def delete(session: Session, ref: QueueRef) -> None:
    """The queue, its messages and claims are gone; waiting receives are released. Raises QueueNotFound."""
    raise NotImplementedError


def purge_all(session: Session, ref: QueueRef) -> None:
    """SQS's purge: every message is gone: visible, in flight and delayed. Raises QueueNotFound."""
    raise NotImplementedError


def purge_free(session: Session, ref: QueueRef) -> None:
    """Zaqar's purge: every message that is neither claimed nor delayed is gone. A missing queue is no error."""
    raise NotImplementedError


def names(
    session: Session, project: str, region: str, *, prefix: str = "", after: str = "", limit: int = 1000
) -> list[str]:
    """Names of the project's queues in the region, in byte order, beginning after ``after``. At most ``limit``."""
    raise NotImplementedError


def number(session: Session, project: str, region: str) -> int:
    """How many queues the project has in the region."""
    raise NotImplementedError


def get_many(session: Session, refs: list[QueueRef]) -> list[Queue | None]:
    """Each queue's settings, None where it is missing. One round trip for all."""
    raise NotImplementedError


def get_with_counts(session: Session, ref: QueueRef) -> tuple[Queue, Counts]:
    """A queue and its counts in one round trip; the cost does not depend on the number of messages."""
    raise NotImplementedError


def stats(session: Session, ref: QueueRef) -> Stats:
    """Counts with the oldest and the newest message. Raises QueueNotFound."""
    raise NotImplementedError
