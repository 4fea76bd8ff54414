"""Adds what a process has counted to the samples of queues, in the minutes in which it happened.

A process takes its counts a few times a minute, the last time when the minute ends, and adds them at once. Counts of a
store that does not answer, or is full, wait. Those that wait in a killed process are lost; what such a process has not
taken yet is taken by the next owner of its counters.
"""

from __future__ import annotations

import threading
import time

from zaqar_core.core import samples
from zaqar_core.core.samples import Events
from zaqar_core.core.session import Session
from zaqar_core.core.traffic import Row, Rows, Traffic
from zaqar_core.domain.errors import StoreFull, StoreUnavailable, StoreUnfit
from zaqar_core.domain.names import QueueRef

#: Minutes whose counts wait for a store that does not answer. Older ones are dropped.
MOST_MINUTES = 5
#: Indexes of a row: see ``traffic.Row``.
_SMALLEST, _LARGEST = 5, 6


class EventCounts:
    """The counts of one process that are not added yet."""

    def __init__(self, traffic: Traffic) -> None:
        """Begin with what earlier processes left."""
        self._traffic = traffic
        self._taking = threading.Lock()
        self._lock = threading.Lock()
        #: By minute since 1970.
        self._pending: dict[int, dict[QueueRef, Row]] = {}
        for minute, rows in traffic.take_left().items():
            self._merge(minute, rows)

    def forget(self, ref: QueueRef) -> None:
        """Drop the counts of a queue that was deleted."""
        with self._lock:
            for rows in self._pending.values():
                rows.pop(ref, None)

    def end(self, minute: int) -> None:
        """Assign to a minute what has been counted since the last call."""
        with self._taking:
            rows = self._traffic.take()
        if not rows:
            return
        with self._lock:
            self._merge(minute, rows)
            for old in sorted(self._pending)[:-MOST_MINUTES]:
                del self._pending[old]

    def add(self, session: Session) -> None:
        """Add the counts of ended minutes to the samples, 20 queues in a round trip. Raises StoreUnavailable.

        Counts that were certainly not added wait for the next call. Those whose outcome is unknown are not added again:
        they would count twice. A pool that does not answer does not keep the counts of other queues.
        """
        waiting: list[tuple[int, Rows]] = []
        try:
            while (taken := self._take()) is not None:  # without a lock: another task may add other parts meanwhile
                minute, part = taken
                try:
                    problems = samples.add(session, {ref: {minute: Events(*row)} for ref, row in part.items()})
                except StoreUnavailable as problem:
                    if _is_undone(problem):
                        waiting.append((minute, part))
                    raise
                undone = {
                    ref: row for (ref, row), problem in zip(part.items(), problems, strict=True) if _is_undone(problem)
                }
                waiting.append((minute, undone))
        finally:
            with self._lock:
                for minute, rows in waiting:
                    self._merge(minute, rows)

    def _take(self) -> tuple[int, dict[QueueRef, Row]] | None:
        """Take counts of the oldest minute; None if there are none."""
        with self._lock:
            while self._pending:
                minute = min(self._pending)
                pending = self._pending[minute]
                part = {ref: pending.pop(ref) for ref in list(pending)[: samples.QUEUES_AT_ONCE]}
                if not pending:
                    del self._pending[minute]
                if part:
                    return minute, part
            return None

    def _merge(self, minute: int, rows: Rows) -> None:
        """Add rows to those of a minute. The lock must be held."""
        if not rows:
            return
        add_rows(self._pending.setdefault(minute, {}), rows)


def _is_undone(problem: StoreUnavailable | None) -> bool:
    """Return whether the store has certainly stored nothing."""
    return problem is not None and (problem.is_unsent or isinstance(problem, StoreFull | StoreUnfit))


def add_now(session: Session) -> None:
    """Add what this process has counted so far, if it adds counts. Raises StoreUnavailable."""
    counts = session.traffic.event_counts
    if counts is not None:
        counts.end(int(time.time() // 60))
        counts.add(session)


def add_rows(rows: dict[QueueRef, Row], more: Rows) -> None:
    """Add rows to those of the same queues."""
    for ref, row in more.items():
        known = rows.get(ref)
        rows[ref] = row if known is None else _merged(known, row)


def _merged(one: Row, other: Row) -> Row:
    """Return the sum of two rows of a queue, with the smallest and the largest of both."""
    found = [first + second for first, second in zip(one, other, strict=True)]
    found[_SMALLEST] = min(one[_SMALLEST] or other[_SMALLEST], other[_SMALLEST] or one[_SMALLEST])
    found[_LARGEST] = max(one[_LARGEST], other[_LARGEST])
    return found
