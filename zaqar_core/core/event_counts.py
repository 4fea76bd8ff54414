"""Counts what happens to the messages of queues, minute by minute, until it is added to their samples.

A process adds its counts a few times a minute, the last time when the minute ends. What a killed process has not added
is lost.
"""

from __future__ import annotations

import threading
import time

from zaqar_core.core import samples
from zaqar_core.core.samples import Events
from zaqar_core.core.session import Session
from zaqar_core.core.traffic import Event, Traffic
from zaqar_core.domain.errors import StoreUnavailable
from zaqar_core.domain.names import QueueRef

#: Minutes whose counts wait for a store that does not answer. Older ones are dropped.
MOST_MINUTES = 5
#: Indexes of a row, which has the members of ``samples.Events`` in their order.
_SENT, _RECEIVED, _DELETED, _EMPTY, _BYTES, _SMALLEST, _LARGEST = range(7)
#: The index for each event of traffic, from 0 on; -1 for those that CloudWatch does not have.
_INDEXES = tuple(
    {Event.SENT: _SENT, Event.RECEIVED: _RECEIVED, Event.DELETED: _DELETED, Event.EMPTY_RECEIVE: _EMPTY}.get(event, -1)
    for event in range(Event.NUMBER)
)

Rows = dict[QueueRef, list[int]]


class EventCounts:
    """The counts of one process, which it also shows to ``inner``. Implements Traffic."""

    def __init__(self, inner: Traffic) -> None:
        self._inner = inner
        self._count_inner = inner.count
        self._lock = threading.Lock()
        self._rows: Rows = {}
        #: Counts of minutes since 1970 that are not added yet.
        self._pending: dict[int, Rows] = {}

    def count(self, ref: QueueRef, event: int, number: int, size_bytes: int = 0) -> None:
        """See Traffic. The messages of one call count as equally large."""
        self._count_inner(ref, event, number, size_bytes)
        index = _INDEXES[event]
        if index < 0 or not number:
            return
        with self._lock:
            try:
                row = self._rows[ref]
            except KeyError:
                row = self._rows[ref] = [0] * 7
            row[index] += number
            if event == 0:  # SENT: a constant is read faster than an attribute
                row[_BYTES] += size_bytes
                size = size_bytes if number == 1 else size_bytes // number
                if size > row[_LARGEST]:
                    row[_LARGEST] = size
                if size < row[_SMALLEST] or not row[_SMALLEST]:
                    row[_SMALLEST] = size

    def forget(self, ref: QueueRef) -> None:
        """See Traffic."""
        self._inner.forget(ref)
        with self._lock:
            self._rows.pop(ref, None)
            for rows in self._pending.values():
                rows.pop(ref, None)

    def end(self, minute: int) -> None:
        """Assign to a minute what has been counted since the last call."""
        with self._lock:
            rows, self._rows = self._rows, {}
            if not rows:
                return
            self._merge(minute, rows)
            for old in sorted(self._pending)[:-MOST_MINUTES]:
                del self._pending[old]

    def add(self, session: Session) -> None:
        """Add the counts of ended minutes to the samples, 20 queues in a round trip. Raises StoreUnavailable.

        Counts whose outcome is unknown are not added again: they would count twice.
        """
        while (taken := self._take()) is not None:  # without a lock: another task may add the other parts meanwhile
            minute, part = taken
            try:
                samples.add(session, {ref: {minute: Events(*row)} for ref, row in part.items()})
            except StoreUnavailable as problem:
                if problem.is_unsent:
                    self._return(minute, part)
                raise

    def _take(self) -> tuple[int, Rows] | None:
        """Take counts of the oldest minute; None if there are none."""
        with self._lock:
            if not self._pending:
                return None
            minute = min(self._pending)
            pending = self._pending[minute]
            part = {ref: pending.pop(ref) for ref in list(pending)[: samples.QUEUES_AT_ONCE]}
            if not pending:
                del self._pending[minute]
            return minute, part

    def _return(self, minute: int, part: Rows) -> None:
        with self._lock:
            self._merge(minute, part)

    def _merge(self, minute: int, rows: Rows) -> None:
        """Add rows to those of a minute. The lock must be held."""
        pending = self._pending.setdefault(minute, {})
        for ref, row in rows.items():
            known = pending.get(ref)
            pending[ref] = row if known is None else _sum(known, row)


def add_now(session: Session) -> None:
    """Add what this process has counted so far, if it counts. Raises StoreUnavailable."""
    if isinstance(session.traffic, EventCounts):
        session.traffic.end(int(time.time() // 60))
        session.traffic.add(session)


def _sum(one: list[int], other: list[int]) -> list[int]:
    found = [first + second for first, second in zip(one, other, strict=True)]
    found[_SMALLEST] = min(one[_SMALLEST] or other[_SMALLEST], other[_SMALLEST] or one[_SMALLEST])
    found[_LARGEST] = max(one[_LARGEST], other[_LARGEST])
    return found
