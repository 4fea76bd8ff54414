"""Threads that deliver: so many at most, of which slow places never have more than their share."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from typing import Generic, TypeVar

Job = TypeVar("Job")

#: A job that took longer than that makes its place a slow one, until one is quick again.
QUICK_SECONDS = 1.0
#: Jobs that a place gets at a time before it is known whether it is slow.
_FIRST = 2
#: Jobs that may wait for a quick place, for each thread of the crew. For another place they are as many as its share.
_WAITING_FOR_QUICK = 4
#: Places whose pace is remembered.
_MOST_PLACES = 4096


class Crew(Generic[Job]):
    """Daemon threads, started as they are needed. Only one thread may call its methods; ``work`` runs in the crew.

    One place has at most a quarter of the crew, all slow places together half of it.
    """

    def __init__(self, work: Callable[[Job], None], *, threads: int) -> None:
        self._work = work
        self._most = threads
        self._share = max(1, threads // 4)
        self._share_of_slow = max(1, threads // 2)
        self._jobs: SimpleQueue[Job] = SimpleQueue()
        self._threads = 0
        self._at_work = 0
        self._at_slow_places = 0
        self._places: dict[str, int] = {}
        #: Whether the latest job of a place was slow, the place seen last at the end.
        self._is_slow: dict[str, bool] = {}
        self._waiting: dict[str, deque[Job]] = {}

    @property
    def free(self) -> int:
        """Jobs that can begin now."""
        return self._most - self._at_work

    def give(self, place: str, job: Job) -> bool:
        """The job begins, or when the place has less to do; False when too many wait there already."""
        if self._has_room(place):
            self._begin(place, job)
            return True
        waiting = self._waiting.setdefault(place, deque())
        is_quick = self._is_slow.get(place) is False
        if len(waiting) >= (_WAITING_FOR_QUICK * self._most if is_quick else self._share):
            return False
        waiting.append(job)
        return True

    def ended(self, place: str, seconds: float | None) -> None:
        """Note the end of a job, once for each. ``seconds`` is how long its slowest part took.

        None says nothing about the place: the job did not try it.
        """
        self._at_work -= 1
        known = self._is_slow.pop(place, None)
        was_slow = known is True
        is_slow = was_slow if seconds is None else seconds > QUICK_SECONDS
        if seconds is not None or known is not None:
            self._is_slow[place] = is_slow
        if len(self._is_slow) > _MOST_PLACES:
            self._forget()
        left = self._places.pop(place) - 1
        if left:
            self._places[place] = left
        self._at_slow_places += left * is_slow - (left + 1) * was_slow
        for other in dict.fromkeys((place, *self._waiting)):
            waiting = self._waiting.get(other)
            while waiting and self._has_room(other):
                self._begin(other, waiting.popleft())
            if waiting is not None and not waiting:
                del self._waiting[other]

    def _has_room(self, place: str) -> bool:
        if self.free <= 0:
            return False
        is_slow = self._is_slow.get(place)
        if is_slow and self._at_slow_places >= self._share_of_slow:
            return False
        return self._places.get(place, 0) < (self._share if is_slow is not None else min(_FIRST, self._share))

    def _forget(self) -> None:
        """The place that was not seen for longest and has no jobs."""
        oldest = next((place for place in self._is_slow if place not in self._places), None)
        if oldest is not None:
            del self._is_slow[oldest]

    def _begin(self, place: str, job: Job) -> None:
        self._at_work += 1
        self._at_slow_places += self._is_slow.get(place, False)
        self._places[place] = self._places.get(place, 0) + 1
        if self._threads < self._at_work:
            self._threads += 1
            threading.Thread(target=self._run, name=f"notify-{self._threads}", daemon=True).start()
        self._jobs.put(job)

    def _run(self) -> None:
        while True:
            self._work(self._jobs.get())
