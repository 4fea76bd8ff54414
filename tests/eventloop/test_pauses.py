"""Long work leaves most of the event loop to requests, and still ends in time."""

from __future__ import annotations

import time

import pytest

from zaqar_core.eventloop import pauses
from zaqar_core.eventloop.pauses import Pauses


class _Clock:
    """Stands for the time, in which work and pauses are noted down."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        self.pauses: list[float] = []
        monkeypatch.setattr(time, "monotonic", lambda: self.now)
        monkeypatch.setattr(pauses, "sleep", self._sleep)

    def _sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> _Clock:
    return _Clock(monkeypatch)


def test_work_gets_a_quarter_of_the_time(clock: _Clock) -> None:
    work = Pauses(10)
    for _ in range(100):
        clock.now += 0.001
        work.step()
    assert clock.now == pytest.approx(0.4)


def test_short_steps_are_done_together(clock: _Clock) -> None:
    work = Pauses(10)
    for _ in range(100):
        clock.now += 0.0001
        work.step()
    assert len(clock.pauses) == 33
    assert max(clock.pauses) == pytest.approx(0.0009)


def test_pauses_have_a_limit_and_do_not_stop_before_the_end(clock: _Clock) -> None:
    work = Pauses(0.3)
    for _ in range(100):
        clock.now += 0.02
        work.step()
    assert sum(clock.pauses) < 0.3
    assert clock.pauses[0] <= 0.01
    assert clock.pauses[-1] > 0
