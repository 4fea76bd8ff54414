"""Shares of destinations in the threads of the worker pool when some of them are slow."""

from __future__ import annotations

from itertools import count

import pytest

from zaqar_core.notifications.worker_pool import QUICK_SECONDS, WorkerPool

SLOW = QUICK_SECONDS + 1
THREADS = 32


class Workshop:
    """A worker pool whose jobs run until the test ends them."""

    def __init__(self) -> None:
        self.workers: WorkerPool[str] = WorkerPool(lambda job: None, threads=THREADS)
        self.numbers = count()

    def give(self, destination: str, jobs: int) -> int:
        """Submit jobs; return how many were accepted."""
        return sum(self.workers.submit(destination, f"{destination}-{next(self.numbers)}") for _ in range(jobs))

    def at_work(self, destination: str) -> int:
        return self.workers._running.get(destination, 0)

    def met(self, destination: str, seconds: float) -> None:
        self.give(destination, 1)
        self.workers.ended(destination, seconds)


@pytest.fixture
def shop() -> Workshop:
    return Workshop()


def test_a_new_destination_gets_two_threads_and_then_its_quarter(shop: Workshop) -> None:
    assert shop.give("new", 40) == 2 + 8
    assert shop.at_work("new") == 2
    shop.workers.ended("new", 0.01)
    assert shop.at_work("new") == 8


def test_more_jobs_may_wait_for_a_quick_destination_than_for_another(shop: Workshop) -> None:
    shop.met("quick", 0.01)
    shop.met("slow", SLOW)
    assert shop.give("quick", 1000) == 8 + 4 * THREADS
    assert shop.give("slow", 1000) == 8 + 8


def test_a_job_that_tried_nothing_does_not_change_the_pace_of_its_destination(shop: Workshop) -> None:
    shop.met("slow", SLOW)
    shop.give("slow", 1)
    shop.workers.ended("slow", None)
    assert shop.give("slow", 1000) == 8 + 8
    shop.give("new", 1)
    shop.workers.ended("new", None)
    assert shop.give("new", 1000) == 2 + 8
    assert shop.workers._at_slow_destinations == 8


def test_slow_destinations_together_have_half_of_the_threads(shop: Workshop) -> None:
    for destination in "abcdefgh":
        shop.met(destination, SLOW)
    for destination in "abcdefgh":
        shop.give(destination, 8)
    assert sum(map(shop.at_work, "abcdefgh")) == THREADS // 2
    shop.met("quick", 0.01)
    assert shop.give("quick", 8) == 8
    assert shop.at_work("quick") == 8


def test_new_destinations_leave_a_quarter_of_the_threads_to_quick_ones(shop: Workshop) -> None:
    """One subscriber can register many hosts that do not answer; a host without an earlier delivery counts as new."""
    shop.met("quick", 0.01)
    shop.met("slow", SLOW)
    shop.give("slow", 8)
    for number in range(THREADS):
        shop.give(f"new-{number}", 2)
    assert shop.workers.free == THREADS // 4
    assert shop.give("quick", 8) == shop.at_work("quick") == 8
    shop.workers.ended("new-0", None)
    assert sum(shop.at_work(f"new-{number}") for number in range(THREADS)) == THREADS // 2
    shop.workers.ended("new-1", 0.01)
    assert shop.workers._at_new_destinations == THREADS // 2 - 1


def test_a_slow_destination_that_is_quick_again_leaves_the_share_of_the_slow(shop: Workshop) -> None:
    for destination in "ab":
        shop.met(destination, SLOW)
        shop.give(destination, 8)
    shop.met("c", SLOW)
    shop.give("c", 4)
    assert shop.at_work("c") == 0
    shop.workers.ended("a", 0.01)
    assert (shop.at_work("a"), shop.at_work("c")) == (7, 4)


def test_every_waiting_job_begins(shop: Workshop) -> None:
    places = [f"p{number}" for number in range(40)]
    given = sum(shop.give(destination, 5) for destination in places)
    ended = 0
    for turn in range(1000):
        busy = [destination for destination in places if shop.at_work(destination)]
        if not busy:
            break
        shop.workers.ended(busy[turn % len(busy)], SLOW if turn % 3 else 0.01)
        ended += 1
    assert ended == given
    assert shop.workers.free == THREADS
    assert shop.workers._at_slow_destinations == shop.workers._at_new_destinations == 0


def test_the_number_of_remembered_paces_is_bounded(shop: Workshop) -> None:
    for number in range(5000):
        shop.met(f"p{number}", SLOW)
    assert len(shop.workers._is_slow) <= 4096
