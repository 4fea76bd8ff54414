"""What the console's overview shows of queues, at a small cost for queues in which nothing happens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from zaqar_core.core import queues
from zaqar_core.core.known_queues import Kind, KnownQueues
from zaqar_core.core.session import Session
from zaqar_core.domain.errors import StoreUnavailable
from zaqar_core.domain.model import Figures
from zaqar_core.domain.names import QueueRef

#: None for a queue that does not exist, StoreUnavailable for one in a pool that does not answer.
Missing = StoreUnavailable | None


def _count(session: Session, refs: list[QueueRef]) -> Sequence[Figures | Missing]:
    return queues.figures(session, refs)


def _holds(figures: Figures, _: Sequence[int], queue_ms: int) -> bool:
    """Return whether no message has expired: figures have the time at which the oldest one was sent."""
    if figures.oldest_sent_ms is None:
        return True
    retention_seconds = figures.queue.settings.retention_seconds or figures.queue.default_retention_seconds
    return queue_ms < figures.oldest_sent_ms + 1000 * retention_seconds


def _after(figures: Figures, _: float, queue_ms: int) -> Figures:
    return replace(figures, now_ms=queue_ms)


FIGURES: Kind[Figures, Missing] = Kind(
    result=Figures,
    count=_count,
    fields=(b"gen", b"rev", b"seq"),
    hashes=(),
    holds=_holds,
    after=_after,
    most_seconds=600.0,
)
KnownFigures = KnownQueues[Figures, Missing]
