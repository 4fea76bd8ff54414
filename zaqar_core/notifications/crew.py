"""Threads that deliver: so many at most, of which one place never has more than its share."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from typing import Generic, TypeVar

Job = TypeVar("Job")


class Crew(Generic[Job]):
    """Daemon threads, started as they are needed. Only one thread may call its methods; ``work`` runs in the crew."""

    def __init__(self, work: Callable[[Job], None], *, threads: int) -> None:
        self._work = work
        self._most = threads
        #: A slow place leaves three quarters of the crew to the others.
        self._share = max(1, threads // 4)
        self._jobs: SimpleQueue[Job] = SimpleQueue()
        self._threads = 0
        self._at_work = 0
        self._places: dict[str, int] = {}
        self._waiting: dict[str, deque[Job]] = {}

    @property
    def free(self) -> int:
        """Jobs that can begin now."""
        return self._most - self._at_work

    def give(self, place: str, job: Job) -> bool:
        """The job begins, or when the place has less to do; False when too many wait there already."""
        if self.free > 0 and self._places.get(place, 0) < self._share:
            self._begin(place, job)
            return True
        waiting = self._waiting.setdefault(place, deque())
        if len(waiting) >= self._share:
            return False
        waiting.append(job)
        return True

    def ended(self, place: str) -> None:
        """A job of that place has ended: to be called once for each."""
        self._at_work -= 1
        self._places[place] -= 1
        if not self._places[place]:
            del self._places[place]
        for other in dict.fromkeys((place, *self._waiting)):
            waiting = self._waiting.get(other)
            while waiting and self.free > 0 and self._places.get(other, 0) < self._share:
                self._begin(other, waiting.popleft())
            if waiting is not None and not waiting:
                del self._waiting[other]

    def dismiss(self) -> list[Job]:
        """Jobs that wait will not begin: those are they."""
        left = [job for waiting in self._waiting.values() for job in waiting]
        self._waiting.clear()
        return left

    def _begin(self, place: str, job: Job) -> None:
        self._at_work += 1
        self._places[place] = self._places.get(place, 0) + 1
        if self._threads < self._at_work:
            self._threads += 1
            threading.Thread(target=self._run, name=f"notify-{self._threads}", daemon=True).start()
        self._jobs.put(job)

    def _run(self) -> None:
        while True:
            self._work(self._jobs.get())
