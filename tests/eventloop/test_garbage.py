"""When a worker collects garbage."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from tests.eventloop.loops import on_loop
from tests.eventloop.test_waiting import sleep_until
from zaqar_core.eventloop import garbage
from zaqar_core.eventloop.tasks import current_task


@pytest.fixture
def full_collections() -> Iterator[list[object]]:
    """The collections of all generations, as they happen."""
    found: list[object] = []

    def note(phase: str, info: dict[str, int]) -> None:
        if phase == "stop" and info["generation"] == 2:
            found.append(info)

    thresholds = gc.get_threshold()
    gc.callbacks.append(note)
    yield found
    gc.callbacks.remove(note)
    gc.set_threshold(*thresholds)
    gc.unfreeze()


def collect_rarely(interval_seconds: float) -> None:
    task = current_task()
    assert task is not None
    garbage.collect_rarely(task.loop, interval_seconds)


def test_many_new_objects_start_no_collection_of_all(full_collections: list[object]) -> None:
    def makes() -> list[list[object]]:
        collect_rarely(3600)
        full_collections.clear()
        return [[] for _ in range(500_000)]

    assert len(on_loop(makes)[0]) == 500_000
    assert full_collections == []


@pytest.mark.usefixtures("full_collections")
def test_each_collection_visits_few_of_many_new_objects() -> None:
    visited: list[int] = []

    def note(phase: str, info: dict[str, int]) -> None:
        if phase == "start" and info["generation"] == 1:
            visited.append(len(gc.get_objects(generation=0)) + len(gc.get_objects(generation=1)))

    def makes() -> list[list[object]]:
        collect_rarely(3600)
        gc.callbacks.append(note)
        return [[] for _ in range(50_000)]

    on_loop(makes)
    gc.callbacks.remove(note)
    assert 0 < max(visited) <= 4 * gc.get_threshold()[0]


def test_garbage_that_became_old_is_collected_after_the_interval(full_collections: list[object]) -> None:
    def makes() -> None:
        collect_rarely(0.01)
        full_collections.clear()
        sleep_until(lambda: full_collections)

    on_loop(makes)
    assert full_collections
