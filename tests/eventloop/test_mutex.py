"""A lock that tasks and threads may hold while they block."""

from __future__ import annotations

import threading

from tests.eventloop.loops import on_loop
from zaqar_core import eventloop
from zaqar_core.eventloop import Mutex


def test_a_task_waits_for_another_that_blocks_while_it_holds_the_lock() -> None:
    mutex, order = Mutex(), list[str]()

    def holds(name: str) -> None:
        with mutex:
            order.append(f"{name} has it")
            eventloop.sleep(0.01)
            order.append(f"{name} gives it back")

    on_loop(lambda: holds("first"), lambda: holds("second"))
    assert order == ["first has it", "first gives it back", "second has it", "second gives it back"]


def test_a_task_waits_for_a_thread() -> None:
    mutex, release = Mutex(), threading.Event()
    held = threading.Event()

    def holds() -> None:
        with mutex:
            held.set()
            release.wait(60)

    thread = threading.Thread(target=holds)
    thread.start()
    held.wait(60)
    assert on_loop(lambda: mutex.acquire(60), release.set) == [None, True]
    thread.join()


def test_who_waits_too_long_does_not_get_it() -> None:
    mutex = Mutex()
    assert mutex.acquire()
    assert on_loop(lambda: mutex.acquire(0.01)) == [False]
    assert not mutex.acquire(0.01)
    mutex.release()
    assert mutex.acquire(0.01)
    assert mutex.is_held
