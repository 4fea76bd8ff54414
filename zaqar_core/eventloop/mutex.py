"""A lock and a semaphore that may be held while their holders block."""

from __future__ import annotations

import threading
import time
from collections import deque
from types import TracebackType

from zaqar_core.eventloop.tasks import Signal


class Semaphore:
    """A number of places for tasks and threads, which a task may hold while it blocks. First come, first served.

    A task must not hold a ``threading.Lock`` while it blocks: the next task that wants the lock would block the loop,
    and the holder could never go on.
    """

    __slots__ = ("_free", "_inner", "_waiting")

    def __init__(self, places: int) -> None:
        self._inner = threading.Lock()
        self._free = places
        self._waiting: deque[Signal] = deque()

    def acquire(self, seconds: float = 3600.0) -> bool:
        """Take a place; return whether it was taken in time."""
        deadline = time.monotonic() + seconds
        signal: Signal | None = None
        while True:
            with self._inner:
                if self._free:
                    self._free -= 1
                    return True
                if signal is None:
                    signal = Signal()
                elif time.monotonic() >= deadline:
                    return False
                self._waiting.append(signal)
            signal.wait(deadline - time.monotonic())
            with self._inner:
                if signal in self._waiting:
                    self._waiting.remove(signal)

    def release(self) -> None:
        """Give a place back."""
        with self._inner:
            self._free += 1
            if self._waiting:
                self._waiting.popleft().wake()

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


class Mutex(Semaphore):
    """A lock: one place."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(1)

    @property
    def is_held(self) -> bool:
        """Whether somebody holds it now."""
        return not self._free
