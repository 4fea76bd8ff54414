"""Files of counters that processes share in memory: each file has one writer, and any process reads all of them.

A counter is an integer of 64 bits in a mapped file, so counting is an addition in memory and is not lost when its
process is killed. The files of one service are in one folder. A process claims a file by a lock that the system
releases when the process ends; the next one that claims the file goes on counting in it. So nothing has to be folded
or removed, and there are never more files than processes at one time.

A file is a sequence of words: a head, then rows. A row is a word with its widths, its key, and its counters. The word
with the widths is written last, so a row that a killed process left unfinished does not exist.

The magic number says what the counters of all rows mean. Files with another one are left alone: they are of another
release, in a folder that is kept.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from zaqar_core.domain.batches import batched
from zaqar_core.eventloop import Pauses, sleep

try:
    import fcntl
except ModuleNotFoundError:  # Windows
    fcntl = None  # type: ignore[assignment]

_WORD = 8
#: The first word: "SCNTS.02". Its digits are the version of the layout, which changes with the width of any row and the
#: meaning of any counter: a test compares it with the tables of ``counting``.
_MAGIC = 0x32302E53544E4353
#: Index of the first word of the first row. The head has the magic number and the mark; the rest of it is unused.
_FIRST, _MARK = 8, 1
#: Words of a file: 16 MiB of address space. Memory is taken in steps.
_WORDS = 2 << 20
_STEP_WORDS = 32 << 10
#: More keys than this are never asked for by name, so a longer one is a damaged file.
_MOST_KEY_BYTES = 4096
_NAME = "counters-{}"
_MOST_FILES = 1024
#: Time after which a full disk is asked again for room.
_RETRY_SECONDS = 10.0
#: Tries to get the lock of all files, and the time between them.
_TRIES, _PAUSE_SECONDS = 100, 0.005
#: The lower half of a word of widths is the length of the key, the upper half the number of counters.
_LENGTH_MASK = (1 << 32) - 1
#: New rows that are read before other tasks may run, and all pauses for them.
_ROWS_AT_ONCE, _PAUSES_SECONDS = 50, 0.1
_NO_ROWS: dict[bytes, tuple[int, int]] = {}


class CounterFile:
    """A file in which this process counts. ``cells`` are all its words; only one thread at a time may write."""

    def __init__(self, mapped: mmap.mmap, descriptor: int = -1) -> None:
        """``descriptor`` is -1 for memory that no other process sees. A file has room for the first step.

        An open file keeps its lock.
        """
        self._bytes = memoryview(mapped)
        self.cells = self._bytes.cast("q")
        self._descriptor = descriptor
        self._allocated = _WORDS if descriptor < 0 else _STEP_WORDS
        self._retry_at = 0.0
        #: The index of the first counter of each row, by its key.
        self.rows: dict[bytes, int] = {}
        self._end = _FIRST
        if not self.cells[0]:
            self.cells[0] = _MAGIC
        for key, at, width in _rows(self.cells, _FIRST):
            self.rows[key] = at
            self._end = at + width
        self._allocate(self._end)

    @property
    def is_private(self) -> bool:
        """Whether no other process sees it."""
        return self._descriptor < 0

    @property
    def mark(self) -> int:
        """A number of the owner, which the next owner of the file finds; 0 in a new file."""
        return self.cells[_MARK]

    @mark.setter
    def mark(self, number: int) -> None:
        self.cells[_MARK] = number

    def row(self, key: bytes, width: int) -> int:
        """Return the index of the first of ``width`` counters under a key; -1 if there is no room for a new row."""
        at = self.rows.get(key)
        if at is not None:
            return at
        key_words = -(-len(key) // _WORD)
        at = self._end + 1 + key_words
        end = at + width
        if not self._allocate(end + 1):
            return -1
        cells = self.cells
        for index in range(at, end):  # a killed process may have left something
            cells[index] = 0
        first = self._end + 1
        self._bytes[first * _WORD : at * _WORD] = key.ljust(key_words * _WORD, b"\0")
        cells[end] = 0
        cells[self._end] = width << 32 | len(key)
        self.rows[key] = at
        self._end = end
        return at

    def _allocate(self, words: int) -> bool:
        """Have room for so many words on the disk; return whether there is. Writing to a hole would kill a process."""
        if words <= self._allocated:
            return True
        if words > _WORDS or time.monotonic() < self._retry_at:
            return False
        wanted = min(-(-words // _STEP_WORDS) * _STEP_WORDS, _WORDS)
        if not _reserve(self._descriptor, self._allocated * _WORD, wanted * _WORD):
            self._retry_at = time.monotonic() + _RETRY_SECONDS  # each message would try it
            return False
        self._allocated = wanted
        return True


def _reserve(descriptor: int, start: int, end: int) -> bool:
    """Have the file system store these bytes of a file, which keep their values; return whether it has room."""
    try:
        left = memoryview(os.pread(descriptor, end - start, start).ljust(end - start, b"\0"))
        while left:
            written = os.pwrite(descriptor, left, start)  # only a part, where only that has room
            left, start = left[written:], start + written
    except OSError:
        return False
    return True


def _has_other_layout(descriptor: int) -> bool:
    """Return whether a file has rows whose counters mean something else."""
    first = int.from_bytes(os.pread(descriptor, _WORD, 0), "little")
    return first not in (0, _MAGIC)


def _opened(descriptor: int) -> CounterFile | None:
    """Map a file that this process has locked; None if there is no room for its first rows."""
    try:
        if not _reserve(descriptor, 0, _STEP_WORDS * _WORD):
            if os.fstat(descriptor).st_size < _WORDS * _WORD:  # no other process has mapped it
                os.ftruncate(descriptor, 0)
            return None
        os.ftruncate(descriptor, _WORDS * _WORD)
        return CounterFile(mmap.mmap(descriptor, _WORDS * _WORD), descriptor)
    except OSError:
        return None


class CounterReader:
    """Reads one file, which another process may write. It knows the rows that it has seen before."""

    def __init__(self, cells: memoryview) -> None:
        self._cells = cells
        self._end = _FIRST
        #: Index and number of the counters of each row, by its key; by the part of the key before the first NUL.
        self.rows: dict[bytes, dict[bytes, tuple[int, int]]] = {}

    def catch_up(self, pauses: Pauses | None = None) -> None:
        """Look for new rows. With ``pauses`` other tasks run meanwhile, which may do the same."""
        for some in batched(_rows(self._cells, self._end), _ROWS_AT_ONCE):
            for key, at, width in some:
                self.rows.setdefault(key.partition(b"\0")[0], {})[key] = (at, width)
                self._end = max(self._end, at + width)
            if pauses is not None:
                pauses.step()

    def counters(self, key: bytes) -> list[int] | None:
        """Return the counters of a row that is known."""
        found = self.rows.get(key.partition(b"\0")[0], _NO_ROWS).get(key)
        return None if found is None else self.read(found)

    def read(self, row: tuple[int, int]) -> list[int]:
        """Return the counters of one of ``rows``."""
        return self._cells[row[0] : row[0] + row[1]].tolist()


def _rows(cells: memoryview, start: int) -> Iterator[tuple[bytes, int, int]]:
    """Iterate over key, index of the first counter and number of counters of the rows from a word on."""
    at, last, octets = start, len(cells), cells.cast("B")
    while at < last and (widths := cells[at]) > 0:
        width, length = widths >> 32, widths & _LENGTH_MASK
        first = at + 1 - (-length // _WORD)
        if length > _MOST_KEY_BYTES or first + width >= last:
            return
        key = octets[(at + 1) * _WORD : (at + 1) * _WORD + length].tobytes()
        yield key, first, width
        at = first + width


class CounterFiles:
    """The files of one service, and those among them that this process has claimed. Any thread may use it."""

    def __init__(self, folder: Path | None) -> None:
        """Without a folder, or where there are no locks, this process counts for itself. The folder is created."""
        self._folder = folder if fcntl is not None else None
        self._lock = threading.RLock()
        self._readers: dict[str, CounterReader] = {}
        #: Names of files with another layout.
        self._others: set[str] = set()
        if self._folder is not None:
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
            except OSError:
                self._folder = None

    def claim(self) -> CounterFile:
        """Claim a file that no process writes now, or a new one."""
        with self._lock:
            file = self._claim()
            if file.is_private:
                self._readers[f"private {len(self._readers)}"] = CounterReader(file.cells)
            return file

    def _claim(self) -> CounterFile:
        if self._folder is not None:
            with contextlib.suppress(OSError):
                for number in range(_MOST_FILES):
                    path = self._folder / _NAME.format(number)
                    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
                    try:
                        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    except BlockingIOError:
                        os.close(descriptor)
                        continue
                    if _has_other_layout(descriptor):
                        os.close(descriptor)
                        continue
                    file = _opened(descriptor)
                    if file is not None:
                        return file
                    os.close(descriptor)
                    break
        return CounterFile(mmap.mmap(-1, _WORDS * _WORD))

    @contextlib.contextmanager
    def exclusive(self) -> Iterator[None]:
        """Let no other process and no other thread be in such a block, which must be short and must not block.

        Other tasks run while this one waits. A process that does not leave its block, because it was stopped in the
        middle of it, is not waited for.
        """
        descriptor = self._open_lock()
        if descriptor < 0:
            with self._lock:
                yield
            return
        try:
            for _ in range(_TRIES):
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    sleep(_PAUSE_SECONDS)
            yield
        finally:
            os.close(descriptor)

    def _open_lock(self) -> int:
        """Return a descriptor of the file that is locked; -1 without a folder, or where it cannot be opened.

        The folder may be gone, since programs clean folders of temporary files, and descriptors may be used up.
        """
        if self._folder is None:
            return -1
        try:
            return os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:
            return -1

    def catch_up(self) -> None:
        """Read new rows while other tasks run, so that ``readers`` has few left.

        In a process that has read none yet, these are all rows that all processes have ever written.
        """
        with self._lock:
            self._find()
            readers = tuple(self._readers.values())
        pauses = Pauses(_PAUSES_SECONDS)
        for reader in readers:
            reader.catch_up(pauses)

    def readers(self) -> Sequence[CounterReader]:
        """Return the readers of all files, with the rows that the files have now. No other task runs meanwhile."""
        with self._lock:
            self._find()
            for reader in self._readers.values():
                reader.catch_up()
            return tuple(self._readers.values())

    def total(self, key: bytes) -> list[int]:
        """Return the sums of the counters of a row over all files; an empty list if no file has it."""
        return total(self.readers(), key)

    def _find(self) -> None:
        if self._folder is None:
            return
        for number in range(_MOST_FILES):
            name = _NAME.format(number)
            if name in self._readers or name in self._others:
                continue
            try:
                descriptor = os.open(self._folder / name, os.O_RDONLY | os.O_CLOEXEC)
            except OSError:
                return  # the files are numbered without gaps
            try:
                if os.fstat(descriptor).st_size < _WORDS * _WORD:
                    return  # it is being created
                mapped = mmap.mmap(descriptor, _WORDS * _WORD, access=mmap.ACCESS_READ)
            except OSError:
                return  # no memory for its pages: the next call tries again
            finally:
                os.close(descriptor)
            cells = memoryview(mapped).cast("q")
            if not cells[0]:
                return  # as above
            if cells[0] == _MAGIC:
                self._readers[name] = CounterReader(cells)
            else:
                self._others.add(name)


def total(readers: Sequence[CounterReader], key: bytes) -> list[int]:
    """Return the sums of the counters of a row over all files; an empty list if none has it."""
    sums: list[int] = []
    for reader in readers:
        found = reader.counters(key)
        if found is not None:
            sums = [one + more for one, more in zip(sums, found, strict=True)] if sums else found
    return sums
