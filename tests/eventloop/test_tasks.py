"""Tasks on an event loop, and the same calls in a thread without one."""

from __future__ import annotations

import asyncio
import gc
import threading

import pytest

from tests.eventloop.loops import on_loop
from zaqar_core import eventloop


def test_a_sleeping_task_lets_others_run() -> None:
    order: list[str] = []

    def first() -> None:
        order.append("first begins")
        eventloop.sleep(0)
        order.append("first ends")

    def second() -> None:
        order.append("second")

    on_loop(first, second)
    assert order == ["first begins", "second", "first ends"]


def test_a_blocking_call_runs_in_a_thread_and_returns_its_result() -> None:
    loop_thread = threading.get_ident()
    found = on_loop(lambda: eventloop.in_thread(threading.get_ident))
    assert found[0] != loop_thread


def test_a_blocking_call_raises_its_exception_in_the_task() -> None:
    found = on_loop(lambda: eventloop.in_thread(int, "x"))
    assert isinstance(found[0], ValueError)


def test_other_tasks_run_during_a_blocking_call() -> None:
    released = threading.Event()
    assert on_loop(lambda: eventloop.in_thread(released.wait, 60), lambda: released.set()) == [None, True]


def test_a_suspended_task_survives_garbage_collection() -> None:
    def waits() -> str:
        eventloop.sleep(0.01)
        return "ended"

    def collects() -> str:
        gc.collect()
        return "collected"

    assert on_loop(waits, collects) == ["collected", "ended"]
    assert eventloop.running() == 0


@pytest.mark.parametrize("from_thread", [False, True])
def test_a_signal_wakes_the_task_that_waits(from_thread: bool) -> None:
    signals: list[eventloop.Signal] = []

    def waits() -> str:
        signals.append(eventloop.Signal())
        signals[0].wait(60)
        return "woken"

    def wakes() -> str:
        if from_thread:
            eventloop.in_thread(signals[0].wake)
        else:
            signals[0].wake()
        return "woke"

    assert sorted(on_loop(waits, wakes)) == ["woke", "woken"]


def test_a_signal_that_came_early_ends_the_next_wait() -> None:
    def waits() -> str:
        signal = eventloop.Signal()
        signal.wake()
        signal.wait(60)
        return "woken"

    assert on_loop(waits) == ["woken"]
    assert waits() == "woken"  # the same in a thread


def test_a_wait_ends_without_a_signal() -> None:
    def waits() -> str:
        signal = eventloop.Signal()
        signal.wait(0.01)
        signal.wait(0.01)
        return "ended"

    assert on_loop(waits) == ["ended"]
    assert waits() == "ended"


def test_an_error_of_one_task_does_not_end_the_loop(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        eventloop.spawn(asyncio.get_running_loop(), int, "x")
        eventloop.spawn(asyncio.get_running_loop(), int, "1")

    asyncio.run(main())
    assert [record.getMessage() for record in caplog.records] == ["<class 'int'> ended with an unexpected error"]
    assert eventloop.running() == 0


def test_in_a_thread_the_same_calls_block() -> None:
    assert eventloop.current_task() is None
    assert eventloop.in_thread(int, "1") == 1
    eventloop.sleep(0)
