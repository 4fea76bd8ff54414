"""A lock that may be held while its holder blocks."""

from __future__ import annotations

import threading
import time
from collections import deque
from types import TracebackType

from zaqar_core.eventloop.tasks import Signal


class Mutex:
    """A lock for tasks and threads, which a task may hold while it blocks.

    A task must not hold a ``threading.Lock`` while it blocks: the next task that wants the lock would block the loop,
    and the holder could never go on.
    """

    __slots__ = ("_inner", "_is_held", "_waiting")

    def __init__(self) -> None:
        self._inner = threading.Lock()
        self._is_held = False
        self._waiting: deque[Signal] = deque()

    @property
    def is_held(self) -> bool:
        """Whether somebody holds it now."""
        return self._is_held

    def acquire(self, seconds: float = 3600.0) -> bool:
        """Take the lock; return whether it was taken in time."""
        deadline = time.monotonic() + seconds
        signal: Signal | None = None
        while True:
            with self._inner:
                if not self._is_held:
                    self._is_held = True
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
        """Give the lock back."""
        with self._inner:
            self._is_held = False
            if self._waiting:
                self._waiting.popleft().wake()

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
