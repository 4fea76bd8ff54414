"""Lets one waiter of each queue check it now and then, since the process that was woken may have crashed."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from zaqar_core.domain.randomness import randomness

if TYPE_CHECKING:
    from zaqar_core.store.wakeups import Waiter

#: In each process one waiter of a queue checks the queue after a random time between these even without a wake-up.
RECHECK_SECONDS = (5.0, 10.0)
#: Checks a second of all queues together, about 1 % of a core. Where more queues than these times allow have waiters,
#: each is checked less often; a receive that waits for 20 s at most checks its queue anyway when it begins and ends.
MOST_PER_SECOND = 125.0


class Rechecks:
    """The waiters by queue, and when one of each queue checks it without a wake-up."""

    __slots__ = ("_lock", "_queues")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        #: For each queue the time of its next check and its waiters by number.
        self._queues: dict[bytes, tuple[float, dict[int, Waiter]]] = {}

    def add(self, waiter: Waiter) -> None:
        """Add a waiter; it may be the one that checks its queue."""
        with self._lock:
            found = self._queues.get(waiter.queue)
            if found is None:
                found = self._queues[waiter.queue] = (self._next_check(time.monotonic()), {})
            found[1][waiter.number] = waiter

    def remove(self, waiter: Waiter) -> None:
        """Remove a waiter."""
        with self._lock:
            _, waiters = self._queues.get(waiter.queue, (0.0, {}))
            waiters.pop(waiter.number, None)
            if not waiters:
                self._queues.pop(waiter.queue, None)

    def wake_due(self, now: float) -> None:
        """Wake one waiter of each queue whose time has come."""
        with self._lock:
            due = [(queue, waiters) for queue, (at, waiters) in self._queues.items() if at <= now]
            for queue, waiters in due:
                self._queues[queue] = (self._next_check(now), waiters)
        for queue, _ in due:
            self.wake(queue)

    def wake(self, queue: bytes, *, instead_of: Waiter | None = None) -> None:
        """Wake one waiter of the queue, another one than ``instead_of``; one that sleeps, if any does.

        One that does not sleep may have been too early in the queue, and would check it only after its next wake-up.
        """
        with self._lock:
            _, waiters = self._queues.get(queue, (0.0, {}))
            found = next((one for one in waiters.values() if one.is_asleep and one is not instead_of), None)
            if found is None:
                found = next((one for one in waiters.values() if one is not instead_of), None)
            if found is not None:
                found.is_recheck = True
        if found is not None:
            found.wake()

    def _next_check(self, now: float) -> float:
        mean_seconds = sum(RECHECK_SECONDS) / 2
        longer = max(1.0, len(self._queues) / (MOST_PER_SECOND * mean_seconds))
        return now + longer * randomness.uniform(*RECHECK_SECONDS)
