"""Samples: a queue's metrics minute by minute, for as many minutes as the setting ``metric_minutes`` says.

The store keeps a sample only for minutes in which something has changed, so an idle queue costs nothing. Values that
describe a state (the counts of messages, the age of the oldest one) count until a later sample has others. Values that
count events (messages sent, received, deleted) count in their minute only. Minutes are those of the queue's clock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from zaqar_core.core.session import Session
from zaqar_core.domain.batches import batched
from zaqar_core.domain.errors import StoreUnavailable
from zaqar_core.domain.names import QueueRef
from zaqar_core.store import ScriptFailed, script

_SAMPLE = script("sample")
_SAMPLES = script("samples")
_ADD_COUNTS = script("add_counts").plain  # the same for every kind of queue
#: Queues of one round trip. The samples of a busy queue are about 8 KiB, and take the store about 100 µs.
QUEUES_AT_ONCE = 20
MINUTE_MS = 60_000


class Depths(msgspec.Struct, frozen=True):
    """How many messages a queue has at one moment, and since when the oldest of them, in ms; None without one."""

    visible: int
    in_flight: int
    delayed: int
    oldest_since_ms: int | None

    def oldest_age_seconds(self, at_ms: int) -> int:
        """Return the age of the oldest message at that time; 0 in an empty queue."""
        return 0 if self.oldest_since_ms is None else max(at_ms - self.oldest_since_ms, 0) // 1000


class Events(msgspec.Struct, array_like=True):
    """What has happened in a queue in one minute. Bytes are those of the messages sent; 0 without any."""

    sent: int = 0
    received: int = 0
    deleted: int = 0
    empty_receives: int = 0
    sent_bytes: int = 0
    smallest_bytes: int = 0
    largest_bytes: int = 0


class _Row(NamedTuple):
    """A sample of the store: see lua/shared/samples. ``depths`` are None where it has none."""

    minute: int
    depths: Depths | None
    events: Events


_decode = msgspec.msgpack.Decoder(list[int]).decode
#: Numbers of a sample, of which the store leaves out trailing zeros.
_NUMBERS = 12
_NONE = Events()


@dataclass(frozen=True, slots=True)
class Minute:
    """The metrics of a queue in one minute. ``number`` counts the minutes since 1970.

    ``at_ms`` is the time to which the depths belong: the end of the minute, or now. ``depths`` are None in a minute
    before the first sample. ``is_complete``: the minute has ended.
    """

    number: int
    at_ms: int
    depths: Depths | None
    events: Events
    is_complete: bool


class Samples:
    """The samples of one queue."""

    __slots__ = ("_kept", "_now", "_now_ms", "_rows")

    def __init__(self, now_ms: int, now: Depths, rows: Sequence[bytes], kept: int) -> None:
        """``kept``: the minutes for which samples are kept, with the present one."""
        self._now_ms = now_ms
        self._now = now
        self._rows = [_row(row) for row in rows]
        self._kept = kept

    def minutes(self, first: int, end: int) -> Iterator[Minute]:
        """Yield the minutes from ``first`` up to ``end``, exclusive, as far as there are samples.

        The present minute has the depths of now.
        """
        present = self._now_ms // MINUTE_MS
        rows = deque(self._rows)
        oldest = max(rows[0].minute if rows else present, present - self._kept + 1)
        depths: Depths | None = None
        for number in range(max(first, oldest), min(end, present)):
            events = _NONE
            while rows and rows[0].minute <= number:
                row = rows.popleft()
                depths = row.depths or depths
                events = row.events if row.minute == number else _NONE
            yield Minute(number, (number + 1) * MINUTE_MS, depths, events, is_complete=True)
        if first <= present < end:
            events = rows[-1].events if rows and rows[-1].minute == present else _NONE
            yield Minute(present, self._now_ms, self._now, events, is_complete=False)


def take(session: Session, refs: Sequence[QueueRef]) -> None:
    """Write the samples of the present minute. Queues that do not exist, or do not answer, are left out."""
    if session.settings.metric_minutes:
        session.run_many(_SAMPLE, refs, [session.settings.metric_minutes])


def read(session: Session, refs: Sequence[QueueRef]) -> list[Samples | None]:
    """Return the samples of each queue; None for one that does not exist. Raises StoreUnavailable."""
    found: list[Samples | None] = []
    for some in batched(refs, QUEUES_AT_ONCE):
        for reply in session.run_many(_SAMPLES, some, []):
            if isinstance(reply, StoreUnavailable):
                raise reply
            if isinstance(reply, ScriptFailed):
                found.append(None)
                continue
            now_ms, visible, in_flight, delayed, since, *rows = reply
            now = Depths(visible, in_flight, delayed, since or None)
            found.append(Samples(now_ms, now, rows, session.settings.metric_minutes))
    return found


def add(session: Session, counted: Mapping[QueueRef, Mapping[int, Events]]) -> list[StoreUnavailable | None]:
    """Add what this process has counted, by queue and minute since 1970 of the real time. Raises StoreUnavailable.

    Queues that do not exist are left out. Return for each queue why its counts were not, or perhaps not, added, None if
    they were: the store may become full between two of them, and a pool may not answer.
    """
    each = [
        [word for minute, events in minutes.items() for word in (minute, *msgspec.structs.astuple(events))]
        for minutes in counted.values()
    ]
    replies = session.router.run_many([(_ADD_COUNTS, ref) for ref in counted], [session.settings.metric_minutes], each)
    return [reply if isinstance(reply, StoreUnavailable) else None for reply in replies]


def _row(packed: bytes) -> _Row:
    found = _decode(packed)
    minute, visible, in_flight, delayed, since_seconds, *events = found + [0] * (_NUMBERS - len(found))
    since_ms = since_seconds * 1000 or None
    depths = Depths(visible, in_flight, delayed, since_ms) if visible >= 0 else None
    return _Row(minute, depths, Events(*events))
