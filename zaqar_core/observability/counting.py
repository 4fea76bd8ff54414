"""What a process counts: requests, the messages of queues, and the state of the process itself."""

from __future__ import annotations

import contextlib
import threading
import time
from bisect import bisect_left
from collections.abc import Mapping
from threading import get_ident

from zaqar_core.core.traffic import Event
from zaqar_core.domain.names import QueueRef
from zaqar_core.observability.counter_file import CounterFile, CounterFiles, total
from zaqar_core.web.envelope import Reply, Request

#: Upper bounds of the buckets of latencies, in seconds. The last bucket has no bound.
LATENCIES = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

#: Beginnings of keys. Parts of a key are separated by NUL, which no name has.
OPERATION, ERROR, QUEUE, TOTAL, STATE = b"op", b"error", b"queue", b"total", b"state"
_NUL = "\0"

#: Counters of an operation: microseconds of service, microseconds of waiting; then the buckets.
SERVICE_US, WAITED_US, BUCKETS = 0, 1, 2
_OPERATION_WIDTH = BUCKETS + len(LATENCIES) + 1

#: Counters of a queue: one for each event, then the bytes of SENT and RECEIVED.
SIZES = Event.NUMBER
QUEUE_WIDTH = SIZES + 2
#: Stands for all queues for which a file has no room.
ROWLESS = QueueRef("", "", "")
#: Rows of errors in one file. Names are those of tables, so this many are never used.
_MOST_ERRORS = 5_000


def key(kind: bytes, *parts: str) -> bytes:
    """Return the key of a row."""
    return kind + b"\0" + _NUL.join(parts).encode("utf-8", "surrogateescape")


def parts(row_key: bytes) -> tuple[bytes, list[str]]:
    """Return the kind and the parts of a key."""
    kind, _, rest = row_key.partition(b"\0")
    return kind, rest.decode("utf-8", "surrogateescape").split(_NUL)


def queue_key(ref: QueueRef) -> bytes:
    """Return the key of a queue's row."""
    return key(QUEUE, ref.project, ref.region, ref.name)


class Counting:
    """Counts requests and the messages of queues: an observer, and :class:`zaqar_core.core.traffic.Traffic`.

    The thread of the event loop has a file of its own, since a lock costs as much as all counting of a request. All
    other threads share a second file, that of ``beside``, under a lock.
    """

    def __init__(self, file: CounterFile, beside: Counting | None = None) -> None:
        """Without ``beside``, only one thread at a time may count."""
        self._beside = beside
        self._lock = threading.Lock()
        self._loop_thread = -1
        self._file = file
        self._cells = file.cells
        self._operations: dict[tuple[str, str], int] = {}
        self._errors: dict[tuple[str, str, str, int], int] = {}
        self._queues: dict[QueueRef, int] = {}
        # Where there is no room for a row, these count instead.
        self._other_operations = file.row(key(OPERATION, "", ""), _OPERATION_WIDTH)
        self._other_errors = file.row(key(ERROR, "", "", "", "0"), 1)
        self._other_queues = file.row(queue_key(ROWLESS), QUEUE_WIDTH)

    def adopt_thread(self) -> None:
        """Count without a lock on this thread from now on: it is that of the event loop."""
        self._loop_thread = get_ident()

    def observe(self, request: Request, reply: Reply) -> None:
        """Count a finished request. The wait of a receive is not part of its latency."""
        if get_ident() != self._loop_thread and self._beside is not None:
            with self._lock:
                self._beside.observe(request, reply)
            return
        note, cells = request.note, self._cells
        seconds = note.seconds
        try:
            at = self._operations[note.dialect, note.operation]
        except KeyError:
            at = self._operation(note.dialect, note.operation)
        if note.waited_seconds:
            seconds -= note.waited_seconds
            cells[at + WAITED_US] += int(note.waited_seconds * 1e6)
        cells[at] += int(seconds * 1e6)
        cells[at + BUCKETS + bisect_left(LATENCIES, seconds)] += 1
        if reply.status >= 400:
            cells[self._error((note.dialect, note.operation, note.code, reply.status))] += 1

    def count(self, ref: QueueRef, event: int, number: int, size_bytes: int = 0) -> None:
        """See Traffic."""
        if get_ident() != self._loop_thread and self._beside is not None:
            with self._lock:
                self._beside.count(ref, event, number, size_bytes)
            return
        try:
            at = self._queues[ref]
        except KeyError:
            at = self._row(ref)
        cells = self._cells
        cells[at + event] += number
        if size_bytes:
            cells[at + SIZES + event] += size_bytes

    def subtract(self, ref: QueueRef, numbers: list[int]) -> None:
        """Subtract from the counters of a queue."""
        if self._beside is not None:
            with self._lock:
                self._beside.subtract(ref, numbers)
            return
        at = self._row(ref)
        for index, number in enumerate(numbers):
            self._cells[at + index] -= number

    def _row(self, ref: QueueRef) -> int:
        at = self._file.row(queue_key(ref), QUEUE_WIDTH)
        if at < 0:
            return self._other_queues
        self._queues[ref] = at
        return at

    def _operation(self, dialect: str, operation: str) -> int:
        row = self._file.row(key(OPERATION, dialect, operation), _OPERATION_WIDTH)
        at = self._operations[dialect, operation] = row if row >= 0 else self._other_operations
        return at

    def _error(self, named: tuple[str, str, str, int]) -> int:
        at = self._errors.get(named, -1)
        if at < 0:
            row = self._file.row(key(ERROR, *map(str, named)), 1) if len(self._errors) < _MOST_ERRORS else -1
            at = self._errors[named] = row if row >= 0 else self._other_errors
        return at


class NodeCounting(Counting):
    """Counts for all threads and tasks of a process, and knows what the other processes have counted."""

    def __init__(self, files: CounterFiles) -> None:
        super().__init__(files.claim(), Counting(files.claim()))
        self._files = files

    def forget(self, ref: QueueRef) -> None:
        """See Traffic."""
        self.forget_counted(ref, None)

    def forget_counted(self, ref: QueueRef, counted: list[int] | None) -> None:
        """Subtract what was counted for a queue that was deleted; None: all of it.

        The sum over all files becomes 0. Each file has one writer, so this process subtracts the sum from one of its
        own. Without a descriptor for the lock nothing is subtracted; a later scrape does it.
        """
        with contextlib.suppress(OSError), self._files.exclusive():
            sums = total(self._files.readers(), queue_key(ref))
            if any(sums):
                self.subtract(ref, sums if counted is None else [*map(min, sums, counted)])


class ProcessCounters:
    """Totals and states of a process that something else keeps: they are copied to its file now and then.

    Totals go on from what an earlier process has left in the file. States are those of live processes only: the file
    says when they were written.
    """

    #: States that were written longer ago belong to a process that has ended, or that hangs.
    STALE_SECONDS = 10.0

    def __init__(self, files: CounterFiles) -> None:
        self._file = files.claim()
        self._begun: dict[bytes, int] = {}
        self._lock = threading.Lock()

    def publish(self, totals: Mapping[tuple[str, str], int], states: Mapping[str, int]) -> None:
        """Write totals since the start of this process, by name and label, and states, by name."""
        cells = self._file.cells
        with self._lock:
            for (name, label), value in totals.items():
                row_key = key(TOTAL, name, label)
                at = self._file.row(row_key, 1)
                if at >= 0:
                    begun = self._begun.setdefault(row_key, cells[at])
                    cells[at] = begun + value
            now_ms = int(time.monotonic() * 1000)
            for name, value in states.items():
                at = self._file.row(key(STATE, name), 2)
                if at >= 0:
                    cells[at], cells[at + 1] = now_ms, value
