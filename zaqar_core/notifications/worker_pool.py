"""The worker pool: threads that deliver notifications. Slow destinations never take more than their share."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from typing import Generic, TypeVar

Job = TypeVar("Job")
_log = logging.getLogger("sqs_facade.notifications")

#: A destination is slow if its latest job took longer.
QUICK_SECONDS = 1.0
#: Concurrent jobs of a destination whose pace is not known yet.
_FIRST = 2
#: Jobs that may wait for a quick destination, per thread of the pool. For other destinations the limit is their share.
_WAITING_FOR_QUICK = 4
#: Destinations whose pace (slow or quick) is remembered.
_MOST_DESTINATIONS = 4096


class WorkerPool(Generic[Job]):
    """A pool of daemon threads, which start when they are needed. They call ``work``.

    Only one thread may call the methods. One destination has at most a quarter of the threads, and all slow
    destinations together have at most half of them. With those whose pace is not known yet they have three quarters.
    """

    def __init__(self, work: Callable[[Job], None], *, threads: int) -> None:
        self._work = work
        self._most = threads
        self._share = max(1, threads // 4)
        self._share_of_slow = max(1, threads // 2)
        self._share_of_unproven = max(1, threads * 3 // 4)
        self._jobs: SimpleQueue[Job] = SimpleQueue()
        self._threads = 0
        self._busy = 0
        self._at_slow_destinations = 0
        self._at_new_destinations = 0
        self._running: dict[str, int] = {}
        #: Whether the latest job of each destination was slow, in the order of their latest jobs.
        self._is_slow: dict[str, bool] = {}
        self._waiting: dict[str, deque[Job]] = {}

    @property
    def free(self) -> int:
        """Number of jobs that can begin now."""
        return self._most - self._busy

    def submit(self, destination: str, job: Job) -> bool:
        """Start the job now, or when its destination has room. False: too many jobs wait for the destination."""
        if self._has_room(destination):
            self._begin(destination, job)
            return True
        waiting = self._waiting.setdefault(destination, deque())
        is_quick = self._is_slow.get(destination) is False
        if len(waiting) >= (_WAITING_FOR_QUICK * self._most if is_quick else self._share):
            return False
        waiting.append(job)
        return True

    def ended(self, destination: str, seconds: float | None) -> None:
        """Record the end of a job. Call it once for each job. ``seconds`` is how long its slowest part took.

        None means that the job did not try the destination, so the pace of the destination is unchanged.
        """
        self._busy -= 1
        known = self._is_slow.pop(destination, None)
        was_slow, was_new = known is True, known is None
        is_slow = was_slow if seconds is None else seconds > QUICK_SECONDS
        is_new = was_new and seconds is None
        if seconds is not None or known is not None:
            self._is_slow[destination] = is_slow
        if len(self._is_slow) > _MOST_DESTINATIONS:
            self._forget()
        left = self._running.pop(destination) - 1
        if left:
            self._running[destination] = left
        self._at_slow_destinations += left * is_slow - (left + 1) * was_slow
        self._at_new_destinations += left * is_new - (left + 1) * was_new
        for other in dict.fromkeys((destination, *self._waiting)):
            waiting = self._waiting.get(other)
            while waiting and self._has_room(other):
                self._begin(other, waiting.popleft())
            if waiting is not None and not waiting:
                del self._waiting[other]

    def _has_room(self, destination: str) -> bool:
        if self.free <= 0:
            return False
        is_slow = self._is_slow.get(destination)
        if is_slow and self._at_slow_destinations >= self._share_of_slow:
            return False
        unproven = self._at_slow_destinations + self._at_new_destinations
        if is_slow is not False and unproven >= self._share_of_unproven:
            return False
        return self._running.get(destination, 0) < (self._share if is_slow is not None else min(_FIRST, self._share))

    def _forget(self) -> None:
        """Forget the pace of the destination that has no jobs and was used longest ago."""
        oldest = next((destination for destination in self._is_slow if destination not in self._running), None)
        if oldest is not None:
            del self._is_slow[oldest]

    def _begin(self, destination: str, job: Job) -> None:
        self._busy += 1
        self._at_slow_destinations += self._is_slow.get(destination, False)
        self._at_new_destinations += destination not in self._is_slow
        self._running[destination] = self._running.get(destination, 0) + 1
        if self._threads < self._busy:
            self._threads += 1
            threading.Thread(target=self._run, name=f"notify-{self._threads}", daemon=True).start()
        self._jobs.put(job)

    def _run(self) -> None:
        while True:
            job = self._jobs.get()
            try:
                self._work(job)
            except Exception:  # the pool counts on its threads
                _log.exception("a delivery failed with an unexpected error")
