"""What monitoring shows of the state of queues: one call of a function for each queue, many calls in one round trip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
    is_fifo: bool
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
