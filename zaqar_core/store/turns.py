"""Turns: a bound for what tasks of one event loop do at the same time."""

from __future__ import annotations

from collections import deque

from zaqar_core.domain.errors import StoreUnavailable
from zaqar_core.eventloop import Signal

#: Time between two looks at a turn; its beginning is signalled.
_LOOK_SECONDS = 60.0


class Turns:
    """Lets in tasks up to a total size, first come first served. A larger one goes alone."""

    __slots__ = ("_inside", "_waiting", "most")

    def __init__(self, most: int) -> None:
        self.most = most
        self._inside = 0
        self._waiting: deque[_Turn] = deque()

    @property
    def is_free(self) -> bool:
        """Whether no task is inside or waits."""
        return not self._inside and not self._waiting

    def enter(self, size: int) -> None:
        """Wait for the turn. Raises the StoreUnavailable of ``fail``."""
        if not self._waiting and self._has_room(size):
            self._inside += size
            return
        turn = _Turn(size)
        self._waiting.append(turn)
        turn.wait()

    def leave(self, size: int) -> None:
        """End the turn; let in the next ones."""
        self._inside -= size
        while self._waiting and self._has_room(self._waiting[0].size):
            turn = self._waiting.popleft()
            self._inside += turn.size
            turn.begin(None)

    def fail(self, problem: StoreUnavailable) -> None:
        """Fail all that wait, so that they do not run into the same problem one after the other."""
        waiting, self._waiting = self._waiting, deque()
        for turn in waiting:
            turn.begin(problem)

    def _has_room(self, size: int) -> bool:
        return not self._inside or self._inside + size <= self.most


class _Turn:
    """One task that waits."""

    __slots__ = ("_has_begun", "_problem", "_signal", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self._signal = Signal()
        self._has_begun = False
        self._problem: StoreUnavailable | None = None

    def wait(self) -> None:
        while not self._has_begun:
            self._signal.wait(_LOOK_SECONDS)
        if self._problem is not None:
            raise StoreUnavailable(self._problem.reason, is_disconnected=self._problem.is_disconnected, is_unsent=True)

    def begin(self, problem: StoreUnavailable | None) -> None:
        self._has_begun, self._problem = True, problem
        self._signal.wake()
