"""What monitoring shows of the state of queues, at a small cost for queues in which nothing happens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from zaqar_core.core.known_queues import Kind
from zaqar_core.core.session import Session
from zaqar_core.domain.errors import CoreError
from zaqar_core.domain.names import QueueRef
from zaqar_core.store import ScriptFailed, script

_GAUGES = script("gauges")


@dataclass(frozen=True, slots=True)
class Gauges:
    """The state of one queue. ``oldest_age_ms`` is 0 without a message that is visible or in flight."""

    visible: int
    in_flight: int
    delayed: int
    oldest_age_ms: int
    #: Messages whose notifications are not all delivered.
    outbox: int
    #: Notifications that failed and wait for another try.
    retries: int
    #: Notifications that failed for good, since the queue was created.
    failed: int
    is_subscribed: bool
    incarnation: str
    #: Its name, "" without one.
    dead_letter_queue: str


def read(session: Session, refs: Sequence[QueueRef]) -> list[Gauges | None]:
    """Read many queues in one round trip for each deployment; None for one that does not exist or does not answer.

    Raises StoreUnavailable if the main store does not answer.
    """
    found: list[Gauges | None] = []
    for reply in session.run_many(_GAUGES, refs, []):
        if isinstance(reply, CoreError | ScriptFailed):
            found.append(None)
        else:
            numbers: tuple[int, int, int, int, int, int, int] = tuple(reply[:7])
            found.append(Gauges(*numbers, bool(reply[7]), reply[8].decode(), reply[9].decode()))
    return found


def _holds(gauges: Gauges, received: Sequence[int], _: int) -> bool:
    """Return whether only time has passed.

    A receive and a release leave all signs as they were, and may change the age. Messages that expire are shown until
    the result ends.
    """
    return not gauges.is_subscribed and not any(received)


def _after(gauges: Gauges, seconds: float, _: int) -> Gauges:
    if not gauges.oldest_age_ms:
        return gauges
    return replace(gauges, oldest_age_ms=gauges.oldest_age_ms + int(seconds * 1000))


#: ``:s`` has the messages that were received.
GAUGES: Kind[Gauges, None] = Kind(
    result=Gauges,
    count=read,
    fields=(b"gen", b"seq", b"failed"),
    hashes=(b":s",),
    holds=_holds,
    after=_after,
    most_seconds=60.0,
)
