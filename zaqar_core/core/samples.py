"""Samples: a queue's metrics minute by minute, for as many minutes as the setting ``metric_minutes`` says.

The store keeps a sample only for minutes in which something has changed, so an idle queue costs nothing. Values that
describe a state (the counts of messages, the age of the oldest one) count until a later sample has others. Values that
count events (messages sent, received, deleted) count in their minute only. Minutes are those of the queue's clock.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from zaqar_core.core.session import Session
from zaqar_core.domain.errors import StoreUnavailable
from zaqar_core.domain.names import QueueRef
from zaqar_core.store import ScriptFailed, script

_SAMPLE = script("sample")
_SAMPLES = script("samples")
_ADD_COUNTS = script("add_counts").plain  # the same for every kind of queue
#: Queues of one round trip. The samples of a busy queue are about 8 KiB.
QUEUES_AT_ONCE = 50
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


class _Sample(msgspec.Struct, array_like=True):
    """A sample as in Q:ms (see ``keys``)."""

    minute: int
    visible: int = 0
    in_flight: int = 0
    delayed: int = 0
    since_seconds: int = 0
    sent: int = 0
    received: int = 0
    deleted: int = 0
    empty_receives: int = 0
    sent_bytes: int = 0
    smallest_bytes: int = 0
    largest_bytes: int = 0


_decode = msgspec.msgpack.Decoder(_Sample).decode
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

    __slots__ = ("_now", "_now_ms", "_rows")

    def __init__(self, now_ms: int, now: Depths, rows: Sequence[bytes] = ()) -> None:
        self._now_ms = now_ms
        self._now = now
        self._rows = [_decode(row) for row in rows]

    def minutes(self, first: int, end: int) -> Iterator[Minute]:
        """Yield the minutes from ``first`` up to ``end``, exclusive, as far as there are samples.

        The present minute has the depths of now.
        """
        present = self._now_ms // MINUTE_MS
        depths: Depths | None = None
        rows = iter(self._rows)
        row = next(rows, None)
        for number in range(
            max(first, min((one.minute for one in self._rows), default=present)), min(end, present + 1)
        ):
            events = _NONE
            while row is not None and row.minute <= number:
                if row.visible >= 0:
                    since = row.since_seconds * 1000 if row.since_seconds else None
                    depths = Depths(row.visible, row.in_flight, row.delayed, since)
                if row.minute == number:
                    events = _events(row)
                row = next(rows, None)
            is_complete = number < present
            at_ms = (number + 1) * MINUTE_MS if is_complete else self._now_ms
            if not is_complete:
                depths = self._now
            yield Minute(number, at_ms, depths, events, is_complete)


def take(session: Session, refs: Sequence[QueueRef]) -> None:
    """Write the samples of the present minute. Queues that do not exist, or do not answer, are left out."""
    if session.settings.metric_minutes:
        session.run_many(_SAMPLE, refs, [session.settings.metric_minutes])


def read(session: Session, refs: Sequence[QueueRef]) -> list[Samples | None]:
    """Return the samples of each queue; None for one that does not exist. Raises StoreUnavailable."""
    found: list[Samples | None] = []
    for start in range(0, len(refs), QUEUES_AT_ONCE):
        for reply in session.run_many(_SAMPLES, refs[start : start + QUEUES_AT_ONCE], []):
            if isinstance(reply, StoreUnavailable):
                raise reply
            if isinstance(reply, ScriptFailed):
                found.append(None)
                continue
            now_ms, visible, in_flight, delayed, since, *rows = reply
            found.append(Samples(now_ms, Depths(visible, in_flight, delayed, since or None), rows))
    return found


def add(session: Session, counted: Mapping[QueueRef, Mapping[int, Events]]) -> None:
    """Add what this process has counted, by queue and minute since 1970 of the real time. Raises StoreUnavailable.

    Queues that do not exist are left out.
    """
    each = [
        [word for minute, events in minutes.items() for word in (minute, *msgspec.structs.astuple(events))]
        for minutes in counted.values()
    ]
    session.router.run_many([(_ADD_COUNTS, ref) for ref in counted], [session.settings.metric_minutes], each)


def _events(row: _Sample) -> Events:
    return Events(
        row.sent,
        row.received,
        row.deleted,
        row.empty_receives,
        row.sent_bytes,
        row.smallest_bytes,
        row.largest_bytes,
    )
