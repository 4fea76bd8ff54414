"""Runs: deliveries of one subscription that one thread works off, one after the other."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from zaqar_core.core.deliveries import Delivery, Outcome
from zaqar_core.notifications.notification import NotDelivered, Notice, Way
from zaqar_core.notifications.worker_pool import QUICK_SECONDS

_log = logging.getLogger("sqs_facade.notifications")


@dataclass(slots=True)
class Step:
    """One delivery and its notice."""

    delivery: Delivery
    notice: Notice


@dataclass(slots=True)
class Tried:
    """A try has ended after so many seconds; ``failure`` is None if the subscriber has the notice."""

    step: Step
    run: Run
    seconds: float
    failure: NotDelivered | None


@dataclass(slots=True)
class Ended:
    """A run has reported all its steps; ``seconds`` is how long its slowest try took, None if there was none."""

    run: Run
    seconds: float | None


class Run:
    """Steps in their order. ``place`` is where all of them go, ``ends`` the end of their lease on this process's clock.

    ``keeps_places``: the whole queue is one line, so a step that failed may be tried again before the next one.
    """

    def __init__(
        self, steps: Sequence[Step], way: Way, place: str, *, ends: float, try_seconds: float, keeps_places: bool
    ) -> None:
        self.place = place
        self.keeps_places = keeps_places
        self._steps = deque(steps)
        self._way = way
        self._ends = ends
        self._try_seconds = try_seconds

    def work(self, report: Callable[[Tried | Outcome | Ended], object]) -> None:
        """Try each step and report it at once, then report the run itself. Never raises.

        The rest goes back untried after a slow try, so that other places get the thread; after a failure where places
        are kept; when the next step goes to another place; when the lease might end during the next try.
        """
        slowest: float | None = None
        while (step := self._next()) is not None:
            began = time.monotonic()
            if began + self._try_seconds > self._ends or (slowest is not None and self._place_of(step) != self.place):
                report(_back(step))
                break
            failure = self._failure_of(step)
            seconds = time.monotonic() - began
            slowest = max(slowest or 0.0, seconds)
            report(Tried(step, self, seconds, failure))
            if seconds > QUICK_SECONDS or (self.keeps_places and failure is not None and not failure.is_final):
                break
        for outcome in self.give_back():
            report(outcome)
        report(Ended(self, slowest))

    def give_back(self, wait_ms: int = 0) -> list[Outcome]:
        """Take away the steps that have not begun. Any thread may call it.

        The first one, and so the line behind it, waits ``wait_ms`` before it is given again.
        """
        found: list[Outcome] = []
        while (step := self._next()) is not None:
            found.append(_back(step, 0 if found else wait_ms))
        return found

    def _next(self) -> Step | None:
        try:
            return self._steps.popleft()
        except IndexError:
            return None

    def _place_of(self, step: Step) -> str | None:
        try:
            return self._way.place(step.notice)
        except Exception:
            _log.exception("a notification of queue %s has no place", step.notice.ref.name)
            return None

    def _failure_of(self, step: Step) -> NotDelivered | None:
        try:
            self._way.deliver(step.notice)
        except NotDelivered as problem:
            return problem
        except Exception:
            _log.exception("a delivery failed, queue %s", step.notice.ref.name)
            return NotDelivered("it failed for a reason that is in the service's log")
        return None


def _back(step: Step, wait_ms: int = 0) -> Outcome:
    return Outcome(step.delivery.ref, step.delivery.key, "back", wait_ms)
