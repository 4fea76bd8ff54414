"""Bounds what all looks at queues (peek) take together: so many at the same time in a process, others wait."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator

from zaqar_core.eventloop import Signal


class Looks:
    """Turns of looks, first come first served. One instance serves all tasks and threads of a process."""

    def __init__(self, most: int) -> None:
        self._mutex = threading.Lock()
        self._free = most
        self._waiting: deque[Signal] = deque()

    def begin(self, seconds: float) -> bool:
        """Wait for a turn; return whether it came in time. ``end`` gives it back."""
        deadline = time.monotonic() + seconds
        signal: Signal | None = None
        while True:
            with self._mutex:
                if self._free:
                    self._free -= 1
                    return True
                if signal is None:
                    signal = Signal()
                elif time.monotonic() >= deadline:
                    return False
                self._waiting.append(signal)
            signal.wait(deadline - time.monotonic())
            with self._mutex:
                if signal in self._waiting:
                    self._waiting.remove(signal)

    def end(self) -> None:
        """Give a turn back."""
        with self._mutex:
            self._free += 1
            if self._waiting:
                self._waiting.popleft().wake()


class Look:
    """A turn, and the parts of the response that it is for. ``close`` gives the turn back, as does the end."""

    def __init__(self, looks: Looks) -> None:
        self._looks: Looks | None = looks
        self.parts: Iterator[bytes] = iter(())

    def __iter__(self) -> Look:
        return self

    def __next__(self) -> bytes:
        try:
            return next(self.parts)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the look, also one that was never begun; safe to call twice."""
        looks, self._looks = self._looks, None
        if looks is not None:
            self.parts = iter(())
            looks.end()

    __del__ = close
