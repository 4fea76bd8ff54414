"""Runs of deliveries, which one thread makes one after the other."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from zaqar_core.core.deliveries import Delivery, Outcome
from zaqar_core.domain.model import Subscription
from zaqar_core.domain.names import QueueRef
from zaqar_core.notifications import runs
from zaqar_core.notifications.notification import NotDelivered, Notification
from zaqar_core.notifications.runs import Ended, Run, Step, Tried

QUEUE = QueueRef("p", "us-east-1", "q")


class Deliveries:
    """A channel that records deliveries, and the reports of a run. ``on`` has an action for each document."""

    def __init__(self) -> None:
        self.delivered: list[bytes] = []
        self.on: dict[bytes, Callable[[], object]] = {}
        self.places: dict[bytes, str] = {}
        self.reports: list[Any] = []

    def destination(self, notification: Notification) -> str:
        return self.places.get(notification.document, "host")

    def deliver(self, notification: Notification) -> None:
        self.delivered.append(notification.document)
        self.on.get(notification.document, lambda: None)()

    def cancel_overdue(self) -> None:
        return

    def run(self, *, keeps_positions: bool = False, lease_seconds: float = 25.0) -> Run:
        """Of four steps."""
        subscription = Subscription("s", "http://host/", b"{}", 60, 0, True)
        steps = [
            Step(
                Delivery(key, QUEUE, "message", 0, subscription, None),
                Notification(QUEUE, "message", "s", "http://host/", {}, key),
            )
            for key in (b"1", b"2", b"3", b"4")
        ]
        ends = time.monotonic() + lease_seconds
        return Run(steps, self, "host", ends=ends, try_seconds=10.0, keeps_positions=keeps_positions)

    @property
    def given_back(self) -> list[bytes]:
        return [one.key for one in self.reports if isinstance(one, Outcome) and one.word == "untried_in_line"]

    @property
    def failed(self) -> list[bytes]:
        return [one.step.delivery.key for one in self.reports if isinstance(one, Tried) and one.failure]


@pytest.fixture
def channel() -> Deliveries:
    return Deliveries()


def fail(*, is_final: bool = False) -> None:
    raise NotDelivered("no", is_final)


def test_steps_are_tried_in_order_and_reported_one_by_one(channel: Deliveries) -> None:
    channel.run().work(channel.reports.append)
    assert channel.delivered == [b"1", b"2", b"3", b"4"]
    assert [type(one) for one in channel.reports] == [Tried] * 4 + [Ended]


def test_a_failure_does_not_end_the_run(channel: Deliveries) -> None:
    channel.on = {b"1": fail, b"3": lambda: 1 / 0}
    channel.run().work(channel.reports.append)
    assert (channel.delivered, channel.failed) == ([b"1", b"2", b"3", b"4"], [b"1", b"3"])


def test_a_failure_ends_a_run_that_keeps_positions(channel: Deliveries) -> None:
    channel.on = {b"1": lambda: fail(is_final=True), b"2": fail}
    channel.run(keeps_positions=True).work(channel.reports.append)
    assert (channel.failed, channel.given_back) == ([b"1", b"2"], [b"3", b"4"])
    assert isinstance(channel.reports[-1], Ended)


def test_a_slow_try_ends_the_run(channel: Deliveries, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "QUICK_SECONDS", -1.0)
    channel.run().work(channel.reports.append)
    assert (channel.delivered, channel.given_back) == ([b"1"], [b"2", b"3", b"4"])


def test_another_destination_ends_the_run(channel: Deliveries) -> None:
    channel.places = {b"1": "another, until its token is known", b"3": "another"}
    channel.run().work(channel.reports.append)
    assert (channel.delivered, channel.given_back) == ([b"1", b"2"], [b"3", b"4"])


def test_no_try_begins_that_may_last_longer_than_the_lease(channel: Deliveries) -> None:
    channel.run(lease_seconds=5.0).work(channel.reports.append)
    assert (channel.delivered, channel.given_back) == ([], [b"1", b"2", b"3", b"4"])


def test_a_returned_step_is_not_tried(channel: Deliveries) -> None:
    run = channel.run()
    given_back: list[Outcome] = []
    channel.on = {b"2": lambda: given_back.extend(run.return_untried(500))}
    run.work(channel.reports.append)
    assert channel.delivered == [b"1", b"2"]
    assert [(one.key, one.delay_ms) for one in given_back] == [(b"3", 500), (b"4", 0)]
