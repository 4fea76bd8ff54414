"""Writes log lines to standard error in a thread, so that no request waits for their reader.

A full pipe or a slow disk blocks that thread only. Lines that wait are bounded; beyond the bound they are dropped and
counted, and a line says how many.
"""

from __future__ import annotations

import contextlib
import os
import select
import stat
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator

#: Lines that may wait, a few MB.
MOST_WAITING = 10_000
#: A write of so many bytes to a pipe is never mixed with those of other processes (POSIX: PIPE_BUF on Linux).
_TOGETHER_BYTES = 4096
#: To a file, of any size.
_TOGETHER_IN_FILE_BYTES = 1 << 18
#: Lines that are not urgent are written so much later, many at once: each wake-up of the thread costs a request time.
_GATHER_SECONDS = 0.02
#: At the end of the process, for what waits.
_CLOSE_SECONDS = 0.5


class Writer:
    """The lines of one process. Any thread and task may use it; a forked process begins with no lines."""

    def __init__(self, descriptor: int, lost: Callable[[int], bytes], due: Callable[[], float | None]) -> None:
        """``lost`` returns the line that says how many lines were dropped.

        ``due`` is called in the thread; it may put lines, and returns the seconds until it must be called again, None
        if only after more lines.
        """
        self._descriptor = descriptor
        self._together_bytes = _together_bytes(descriptor)
        self._lost = lost
        self._due = due
        self._begin()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._begin)

    def _begin(self) -> None:
        self._lines: deque[bytes] = deque()
        self._has_lines = threading.Event()
        self._is_urgent = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._is_closed = False
        #: Lines that were dropped and that no line has reported.
        self.dropped = 0

    def put(self, line: bytes, *, is_urgent: bool = True) -> None:
        """Have a line written, which ends in a line feed. Never blocks: the line is dropped if too many wait."""
        if len(self._lines) >= MOST_WAITING:
            self.dropped += 1
            return
        self._lines.append(line)
        if is_urgent and not self._is_urgent.is_set():
            self._is_urgent.set()
        if not self._has_lines.is_set():
            self._has_lines.set()
            if self._thread is None:
                self._start()

    def close(self) -> None:
        """Write what waits, unless that takes too long. Later lines are written by their own threads."""
        self._is_closed = True
        self._is_urgent.set()
        self._has_lines.set()
        thread = self._thread
        if thread is not None:
            thread.join(_CLOSE_SECONDS)

    def _start(self) -> None:
        with self._lock:
            if self._thread is None and not self._is_closed:
                thread = threading.Thread(target=self._run, name="log", daemon=True)
                with contextlib.suppress(RuntimeError):  # the interpreter ends
                    thread.start()
                    self._thread = thread
                    return
        if self._is_closed:
            self._write_waiting()

    def _run(self) -> None:
        while not self._is_closed:
            try:
                self._has_lines.wait(self._due())
                if self._has_lines.is_set():
                    self._is_urgent.wait(_GATHER_SECONDS)
                self._has_lines.clear()
                self._is_urgent.clear()
                self._write_waiting()
            except Exception:  # there is no other way to tell it; without this thread nothing is logged any more
                self.dropped += 1
                time.sleep(_CLOSE_SECONDS)
        self._write_waiting()

    def _write_waiting(self) -> None:
        for chunk in self._chunks():
            try:
                self._write(chunk)
            except OSError:  # nobody reads the other end of the pipe, or the disk is full: there is nobody to tell
                self.dropped += chunk.count(b"\n")
        if self.dropped:
            dropped, self.dropped = self.dropped, 0
            try:
                self._write(self._lost(dropped))
            except OSError:
                self.dropped += dropped

    def _chunks(self) -> Iterator[bytes]:
        """Yield the lines that wait, as many together as one write may have."""
        found: list[bytes] = []
        size = 0
        while self._lines:
            line = self._lines.popleft()
            if found and size + len(line) > self._together_bytes:
                yield b"".join(found)
                found, size = [], 0
            found.append(line)
            size += len(line)
        if found:
            yield b"".join(found)

    def _write(self, data: bytes) -> None:
        """Write all of it. Raises OSError."""
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[os.write(self._descriptor, rest) :]
            except BlockingIOError:  # another program that has this file open made it non-blocking
                select.select([], [self._descriptor], [])


def _together_bytes(descriptor: int) -> int:
    try:
        is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
    except OSError:  # closed by the program that started this one
        return _TOGETHER_BYTES
    return _TOGETHER_IN_FILE_BYTES if is_file else _TOGETHER_BYTES
