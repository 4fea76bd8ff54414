"""What a process counts: requests, the messages of queues, and the state of the process itself."""

from __future__ import annotations

import contextlib
import struct
import threading
import time
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from threading import get_ident

from zaqar_core.core.event_counts import EventCounts, add_rows
from zaqar_core.core.traffic import Row
from zaqar_core.domain.batches import batched
from zaqar_core.domain.names import QueueRef
from zaqar_core.observability import queue_rows
from zaqar_core.observability.counter_file import CounterFile, CounterFiles, CounterReader, total
from zaqar_core.observability.queue_rows import COUNTERS, LARGEST, SIZES, SMALLEST
from zaqar_core.web.envelope import Reply, Request

#: Upper bounds of the buckets of latencies, in seconds. The last bucket has no bound.
LATENCIES = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

#: Beginnings of keys. Parts of a key are separated by NUL, which no name has.
OPERATION, ERROR, QUEUE, TOTAL, STATE = b"op", b"error", b"queue", b"total", b"state"
_NUL = "\0"
_QUEUE = QUEUE + b"\0"

#: The row of an operation: seconds of service and seconds of waiting, as floating-point numbers; then the buckets.
SERVICE, WAITED, BUCKETS = 0, 1, 2
_FIRST_BOUND = LATENCIES[0]
_OPERATION_WIDTH = BUCKETS + len(LATENCIES) + 1

#: Stands for all queues for which a file has no room.
ROWLESS = QueueRef("", "", "")
#: Queues whose counts are taken before other threads may count.
_TAKEN_AT_ONCE = 100
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


#: The seconds of an operation, and its buckets.
_Operation = tuple["memoryview[float]", "memoryview[int]"]


class _Queue:
    """A queue in which something has happened since the counts were last taken: its row, and the sizes in it."""

    __slots__ = ("cells", "largest", "smallest")

    def __init__(self, cells: memoryview) -> None:
        self.cells = cells
        # No size is between them.
        self.smallest, self.largest = 1, 0

    def widen(self, size: int) -> None:
        """Take note of a message that is smaller or larger than all before."""
        is_first = self.smallest > self.largest
        self.smallest = size if is_first else min(size, self.smallest)
        self.largest = max(size, self.largest)
        self.cells[SMALLEST], self.cells[LARGEST] = self.smallest, self.largest


class Counting:
    """Counts requests and the messages of queues: an observer, and most of :class:`zaqar_core.core.traffic.Traffic`.

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
        self._seconds = file.cells.cast("B").cast("d")
        #: Seconds and buckets by dialect and operation.
        self._operations: dict[str, dict[str, _Operation]] = {}
        self._errors: dict[tuple[str, str, str, int], int] = {}
        #: The queues in which something has happened since the counts were last taken.
        self._queues: dict[QueueRef, _Queue] = {}
        #: What has happened since then in queues for which the file has no room.
        self._rowless: dict[QueueRef, Row] = {}
        #: The minute in which an earlier process last took the counts of this file, 0 if it took none.
        self._last_minute, file.mark = file.mark, 0
        # Where there is no room for a row, these count instead.
        self._other_operations = file.row(key(OPERATION, "", ""), _OPERATION_WIDTH)
        self._other_errors = file.row(key(ERROR, "", "", "", "0"), 1)
        self._other_queues = _Queue(self._cells_of(file.row(queue_key(ROWLESS), queue_rows.WIDTH)))

    def adopt_thread(self) -> None:
        """Count without a lock on this thread from now on: it is that of the event loop."""
        self._loop_thread = get_ident()

    def observe(self, request: Request, reply: Reply) -> None:
        """Count a finished request. The wait of a receive is not part of its latency."""
        if get_ident() != self._loop_thread and self._beside is not None:
            with self._lock:
                self._beside.observe_on_loop(request, reply)
        else:
            self.observe_on_loop(request, reply)

    def observe_on_loop(self, request: Request, reply: Reply) -> None:
        """Count a finished request. Only for the one thread that counts in the file, that of the event loop."""
        note = request.note
        seconds = note.seconds
        try:
            times, buckets = self._operations[note.dialect][note.operation]
        except KeyError:
            times, buckets = self._operation(note.dialect, note.operation)
        if note.waited_seconds:
            seconds -= note.waited_seconds
            times[WAITED] += note.waited_seconds
        times[SERVICE] += seconds
        buckets[0 if seconds <= _FIRST_BOUND else bisect_left(LATENCIES, seconds)] += 1
        if reply.status >= 400:
            self._cells[self._error((note.dialect, note.operation, note.code, reply.status))] += 1

    def count(self, ref: QueueRef, event: int, number: int, size_bytes: int = 0) -> None:
        """See Traffic. The messages of one call count as equally large."""
        if get_ident() != self._loop_thread and self._beside is not None:
            with self._lock:
                self._beside.count(ref, event, number, size_bytes)
            return
        begun = None
        try:
            queue = self._queues[ref]
        except KeyError:
            queue = begun = self._begin(ref, event, number, size_bytes)
        queue.cells[event] += number
        if size_bytes:
            queue.cells[SIZES + event] += size_bytes
            if not event:  # SENT: an attribute takes longer to read
                size = size_bytes if number == 1 else size_bytes // number
                if not queue.smallest <= size <= queue.largest:
                    queue.widen(size)
        if begun is not None and begun is not self._other_queues:
            self._queues[ref] = begun  # last: another thread may have taken the counts meanwhile

    def subtract(self, ref: QueueRef, numbers: Iterable[int]) -> None:
        """Subtract from the counters of a queue."""
        if self._beside is not None:
            with self._lock:
                self._beside.subtract(ref, numbers)
            return
        at = self._file.row(queue_key(ref), queue_rows.WIDTH)
        queue_rows.subtract(self._other_queues.cells if at < 0 else self._cells_of(at), numbers)

    def _cells_of(self, at: int) -> memoryview:
        """Return the row of a queue at an index."""
        return self._cells[at : at + queue_rows.WIDTH]

    def _begin(self, ref: QueueRef, event: int, number: int, size_bytes: int) -> _Queue:
        """Return a queue in which nothing has happened since its counters were last taken."""
        at = self._file.row(queue_key(ref), queue_rows.WIDTH)
        if at < 0:
            add_rows(self._rowless, {ref: queue_rows.of_event(event, number, size_bytes)})
            return self._other_queues
        queue = _Queue(self._cells_of(at))
        queue.cells[SMALLEST] = queue.cells[LARGEST] = 0
        return queue

    # -- What is taken for the samples of queues -----------------------------------------------------------------------

    def taken(self, lock: threading.Lock) -> dict[QueueRef, Row]:
        """Take what was counted since the last call. The lock is held for a short time, again and again."""
        with lock:
            queues, self._queues = self._queues, {}
            found, self._rowless = self._rowless, {}
            self._file.mark = int(time.time() // 60)
        self._take([(ref, queue.cells) for ref, queue in queues.items()], found, lock)
        return found

    def taken_left(self, lock: threading.Lock) -> tuple[int, dict[QueueRef, Row]]:
        """Take what earlier processes left in the file; return the minute in which they last took something, too."""
        found: dict[QueueRef, Row] = {}
        rows = ((QueueRef(*parts(row)[1]), at) for row, at in list(self._file.rows.items()) if row.startswith(_QUEUE))
        self._take(((ref, self._cells_of(at)) for ref, at in rows if ref != ROWLESS), found, lock)
        self._file.mark = int(time.time() // 60)
        return self._last_minute, found

    def _take(
        self, queues: Iterable[tuple[QueueRef, memoryview]], found: dict[QueueRef, Row], lock: threading.Lock
    ) -> None:
        for some in batched(queues, _TAKEN_AT_ONCE):
            with lock:
                for ref, cells in some:
                    row = queue_rows.take(cells)
                    if row is not None:
                        found[ref] = row

    def drop(self, ref: QueueRef) -> None:
        """Take what was counted for a queue, and forget it."""
        self._queues.pop(ref, None)
        self._rowless.pop(ref, None)
        at = self._file.rows.get(queue_key(ref))
        if at is not None:
            queue_rows.take(self._cells_of(at))

    def _operation(self, dialect: str, operation: str) -> _Operation:
        row = self._file.row(key(OPERATION, dialect, operation), _OPERATION_WIDTH)
        at = row if row >= 0 else self._other_operations
        found = self._seconds[at : at + BUCKETS], self._cells[at + BUCKETS : at + _OPERATION_WIDTH]
        self._operations.setdefault(dialect, {})[operation] = found
        return found

    def _error(self, named: tuple[str, str, str, int]) -> int:
        at = self._errors.get(named, -1)
        if at < 0:
            row = self._file.row(key(ERROR, *map(str, named)), 1) if len(self._errors) < _MOST_ERRORS else -1
            at = self._errors[named] = row if row >= 0 else self._other_errors
        return at


class NodeCounting(Counting):
    """Counts for all threads and tasks of a process, and knows what the other processes have counted."""

    def __init__(self, files: CounterFiles) -> None:
        file, others = files.claim(), files.claim()
        self._others = Counting(others)
        super().__init__(file, self._others)
        self._files = files
        self.event_counts: EventCounts | None = None
        # Each file that a process claims may have counts that a killed one left, so nothing has a file of its own in
        # which nobody looks for them.
        self.process = ProcessCounters(others, self._lock)

    def take(self) -> dict[QueueRef, Row]:
        """See Traffic."""
        found = self.taken(self._lock)
        add_rows(found, self._others.taken(self._lock))
        return found

    def take_left(self) -> dict[int, dict[QueueRef, Row]]:
        """See Traffic. Without the minute, what is left is of processes that did not take anything: drop it."""
        found: dict[int, dict[QueueRef, Row]] = {}
        for one in (self, self._others):
            minute, rows = one.taken_left(self._lock)
            if minute and rows:
                add_rows(found.setdefault(minute, {}), rows)
        return found

    def forget(self, ref: QueueRef) -> None:
        """See Traffic."""
        self.forget_counted(ref, None)
        with self._lock:
            self.drop(ref)
            self._others.drop(ref)
        if self.event_counts is not None:
            self.event_counts.forget(ref)

    def forget_counted(self, ref: QueueRef, counted: list[int] | None) -> None:
        """Subtract what was counted for a queue that was deleted; None: all of it.

        The sum over all files becomes 0. Each file has one writer, so this process subtracts the sum from one of its
        own. Without a descriptor for the lock nothing is subtracted; a later scrape does it.
        """
        self._files.catch_up()
        with contextlib.suppress(OSError), self._files.exclusive():
            sums = counters_of(self._files.readers(), ref)
            if any(sums):
                self.subtract(ref, sums if counted is None else [*map(min, sums, counted)])


def counters_of(readers: Sequence[CounterReader], ref: QueueRef) -> list[int]:
    """Return the sums of the counters of a queue over all files; an empty list if none has it."""
    return total(readers, queue_key(ref))[:COUNTERS]


def times_and_buckets(readers: Sequence[CounterReader], row_key: bytes) -> tuple[list[float], list[int]]:
    """Return the sums of the row of an operation over all files: seconds of service and waiting, and the buckets."""
    found = [counters for reader in readers if (counters := reader.counters(row_key))]
    times = [struct.unpack("2d", struct.pack("2q", *one[:BUCKETS])) for one in found]
    return [*map(sum, zip(*times, strict=True))], [*map(sum, zip(*(one[BUCKETS:] for one in found), strict=True))]


class ProcessCounters:
    """Totals and states of a process that something else keeps: they are copied to its file now and then.

    Totals go on from what an earlier process has left in the file. States are those of live processes only: the file
    says when they were written.
    """

    #: States that were written longer ago belong to a process that has ended, or that hangs.
    STALE_SECONDS = 10.0

    def __init__(self, file: CounterFile, lock: threading.Lock) -> None:
        """The file may be that of others, who hold the lock while they write."""
        self._file = file
        self._begun: dict[bytes, int] = {}
        self._lock = lock

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
