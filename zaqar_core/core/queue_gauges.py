"""What monitoring shows of the state of queues, at a small cost for queues in which nothing happens.

A function in the store counts the messages of one queue; it takes the server some 50 microseconds. Before it is called,
plain commands read a few numbers that change whenever the result of the function can have changed, except by the
retention. While these are the same, the last result stays in force, for a minute at most. A queue with messages that
were received is always counted: a receive and a release leave all numbers as they were, and may change the age.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from zaqar_core.core.session import Session
from zaqar_core.domain.errors import CoreError
from zaqar_core.domain.names import QueueRef
from zaqar_core.store import ScriptFailed, keys, script
from zaqar_core.store.connection import pack

_GAUGES = script("gauges")
#: Queues that are counted in one round trip. The server works on it for half a millisecond, then answers others.
AT_ONCE = 10
#: A result is used again for so long. The retention may remove messages meanwhile.
_MOST_SECONDS = 60.0
_TIME = pack((b"TIME",))
#: Plain commands for one queue.
_COMMANDS = 5


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


@dataclass(slots=True)
class _Known:
    """The last result of a queue. ``signs`` were read before it, ``read_at`` is the time of this process then."""

    signs: list[Any]
    gauges: Gauges
    read_at: float


class KnownGauges:
    """The last results of queues. Only one task or thread at a time may use it."""

    def __init__(self) -> None:
        self._known: dict[QueueRef, _Known] = {}
        #: The packed commands of each queue.
        self._packed: dict[QueueRef, bytes] = {}

    def keep(self, refs: dict[QueueRef, Gauges | None]) -> None:
        """Forget all other queues."""
        if len(self._packed) > len(refs):
            self._known = {ref: one for ref, one in self._known.items() if ref in refs}
            self._packed = {ref: one for ref, one in self._packed.items() if ref in refs}

    def read(self, session: Session, refs: Sequence[QueueRef]) -> list[Gauges | None]:
        """Do what :func:`read` does. Two round trips if something has happened in one of the queues, else one.

        A cluster and pools have no plain commands for many queues: there each queue is counted.
        """
        if session.store.is_cluster or session.settings.pooling:
            return read(session, refs)
        replies = session.store.read(_TIME + b"".join([self._commands(ref) for ref in refs]), 1 + _COMMANDS * len(refs))
        seconds, microseconds = replies[0]
        now, now_ms = time.monotonic(), int(seconds) * 1000 + int(microseconds) // 1000
        found: list[Gauges | None] = []
        changed: list[int] = []
        signs = [replies[at : at + _COMMANDS] for at in range(1, len(replies), _COMMANDS)]
        for index, ref in enumerate(refs):
            known = self._known.get(ref)
            if known is None or known.signs != signs[index] or not self._is_valid(known, now, now_ms):
                changed.append(index)
                found.append(None)
            else:
                found.append(_older(known.gauges, now - known.read_at))
        for first in range(0, len(changed), AT_ONCE):
            indexes = changed[first : first + AT_ONCE]
            for index, gauges in zip(indexes, read(session, [refs[index] for index in indexes]), strict=True):
                found[index] = gauges
                if gauges is None:
                    self._known.pop(refs[index], None)
                else:
                    # Read before the result, so a change between the two is noticed the next time.
                    self._known[refs[index]] = _Known(signs[index], gauges, now)
        return found

    @staticmethod
    def _is_valid(known: _Known, now: float, now_ms: int) -> bool:
        if known.gauges.is_subscribed or now - known.read_at > _MOST_SECONDS:
            return False
        _, _, due_ms, offset_ms, _ = known.signs[0]
        has_received = known.signs[4] > 0
        return not has_received and due_ms is not None and now_ms + int(offset_ms or 0) < int(due_ms)

    def _commands(self, ref: QueueRef) -> bytes:
        packed = self._packed.get(ref)
        if packed is None:
            key = keys.queue(ref)
            parts = [pack((b"HMGET", key, b"gen", b"seq", b"due", b"off", b"failed"))]
            parts += [pack((b"ZCARD", key + part)) for part in (b":a", b":l", b":d")]
            parts.append(pack((b"HLEN", key + b":s")))
            packed = self._packed[ref] = b"".join(parts)
        return packed


def _older(gauges: Gauges, seconds: float) -> Gauges:
    """Return the same state after some time."""
    if not gauges.oldest_age_ms:
        return gauges
    return replace(gauges, oldest_age_ms=gauges.oldest_age_ms + int(seconds * 1000))
