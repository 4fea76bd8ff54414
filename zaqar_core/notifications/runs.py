"""Runs: deliveries of one subscription that one thread makes one after the other."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from zaqar_core.core.deliveries import Delivery, Outcome
from zaqar_core.notifications.notification import Channel, NotDelivered, Notification
from zaqar_core.notifications.worker_pool import QUICK_SECONDS

_log = logging.getLogger("sqs_facade.notifications")


@dataclass(slots=True)
class Step:
    """One delivery and its notification."""

    delivery: Delivery
    notification: Notification


@dataclass(slots=True)
class Tried:
    """A try has ended after ``seconds``. ``failure`` is None when the subscriber got the notification."""

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
    """Steps in their order. ``ends`` is the end of their lease on this process's clock.

    ``keeps_positions``: the whole queue is one line, so a step that failed may be tried again before the next one.
    """

    def __init__(
        self,
        steps: Sequence[Step],
        channel: Channel,
        destination: str,
        *,
        ends: float,
        try_seconds: float,
        keeps_positions: bool,
    ) -> None:
        self.ref = steps[0].notification.ref
        self.subscription_id = steps[0].notification.subscription_id
        self.destination = destination
        self.keeps_positions = keeps_positions
        self._steps = deque(steps)
        self._channel = channel
        self._ends = ends
        self._try_seconds = try_seconds

    def work(self, report: Callable[[Tried | Outcome | Ended], object]) -> None:
        """Try each step and report it at once, then report the run itself. Never raises.

        The run ends early, and its remaining steps are reported as untried, in these cases: a try was slow (so other
        destinations get the thread); a try failed and the run keeps positions; the next step has another destination;
        the lease might end during the next try.
        """
        slowest: float | None = None
        while (step := self._next()) is not None:
            began = time.monotonic()
            has_moved = slowest is not None and self._destination_of(step) != self.destination
            if has_moved or began + self._try_seconds > self._ends:
                report(_untried(step))
                break
            failure = self._failure_of(step)
            seconds = time.monotonic() - began
            slowest = max(slowest or 0.0, seconds)
            report(Tried(step, self, seconds, failure))
            if seconds > QUICK_SECONDS or (self.keeps_positions and failure is not None and not failure.is_final):
                break
        for outcome in self.return_untried():
            report(outcome)
        report(Ended(self, slowest))

    def return_untried(self, wait_ms: int = 0) -> list[Outcome]:
        """Remove the steps that have not begun, and return their outcomes. Any thread may call it.

        The store leases the first of these steps, and so the line behind it, not before ``wait_ms`` have passed.
        """
        found: list[Outcome] = []
        while (step := self._next()) is not None:
            found.append(_untried(step, 0 if found else wait_ms))
        return found

    def _next(self) -> Step | None:
        try:
            return self._steps.popleft()
        except IndexError:
            return None

    def _destination_of(self, step: Step) -> str | None:
        try:
            return self._channel.destination(step.notification)
        except Exception:
            _log.exception("cannot determine the destination of a notification of queue %s", step.notification.ref.name)
            return None

    def _failure_of(self, step: Step) -> NotDelivered | None:
        try:
            self._channel.deliver(step.notification)
        except NotDelivered as problem:
            return problem
        except Exception:
            _log.exception("a delivery of queue %s raised an unexpected error", step.notification.ref.name)
            return NotDelivered("an unexpected error, which is in the service's log")
        return None


def _untried(step: Step, wait_ms: int = 0) -> Outcome:
    return Outcome(step.delivery.ref, step.delivery.key, "untried_in_line", wait_ms)
