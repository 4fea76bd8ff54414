"""Ends waits that found nothing, and lets waits check their queues, a few at a time."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zaqar_core.store.wakeups import Waiter

#: Waits that end at the same time, while none has to wait long for it. Each makes a last call of the store, and its
#: client often sends the next receive: together twice the work of a send, which delays the wake-ups of the same turns.
_FEW_AT_ONCE = 4
#: So many more for each second that the first one has been over, or they might never catch up.
_MORE_PER_SECOND = 4
#: Waits that check their queues in each turn of the loop, when all have to.
_CHECKS_A_TURN = 16


class WaitEnds:
    """The waits of an event loop whose time is over or whose clients have gone.

    Receives that began together end together. If thousands of them made their last call at the same time, the wake-ups
    and requests of others would wait behind them. So each end makes room for the next one, in the order of the ends.
    """

    __slots__ = ("_is_scheduled", "_running", "_to_check", "_waiting", "loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        #: The waits that have to end, each with the time from which on.
        self._waiting: deque[tuple[Waiter, float]] = deque()
        self._running = 0
        self._is_scheduled = False
        #: The waits that have to check their queues.
        self._to_check: deque[Waiter] = deque()

    def add(self, waiter: Waiter) -> None:
        """End the wait of a waiter in its turn."""
        self._waiting.append((waiter, self.loop.time()))
        self._schedule()

    def check(self, waiters: Iterable[Waiter]) -> None:
        """Let waiters check their queues in the next turns of the loop."""
        if not self._to_check:
            self.loop.call_soon(self._check_next)
        self._to_check.extend(waiters)

    def ended(self) -> None:
        """Take note that a waiter that was ended is unregistered."""
        self._running -= 1
        if self._waiting:
            self._schedule()

    def _schedule(self) -> None:
        if not self._is_scheduled:
            self._is_scheduled = True
            self.loop.call_soon(self._end_next)

    def _end_next(self) -> None:
        self._is_scheduled = False
        now = self.loop.time()
        while self._waiting:
            waiter, since = self._waiting[0]
            if self._running >= _FEW_AT_ONCE + int((now - since) * _MORE_PER_SECOND):
                return
            self._waiting.popleft()
            if waiter.is_asleep and not waiter.is_ending:  # no wake-up was faster
                self._running += 1
                waiter.is_ending = True
                waiter.wake()

    def _check_next(self) -> None:
        for _ in range(min(len(self._to_check), _CHECKS_A_TURN)):
            self._to_check.popleft().wake()
        if self._to_check:
            self.loop.call_soon(self._check_next)
