"""What processes count of the messages of queues reaches the samples of the minutes in which it happened."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.private_valkey import private_valkey
from tests.store.traffic import core_on
from zaqar_core.core import samples
from zaqar_core.core.event_counts import MOST_MINUTES, EventCounts
from zaqar_core.core.process import Core
from zaqar_core.core.samples import Events
from zaqar_core.core.session import Session
from zaqar_core.core.traffic import Event, Uncounted
from zaqar_core.domain.errors import StoreUnavailable
from zaqar_core.domain.names import QueueRef
from zaqar_core.store.single_server import Store


@pytest.fixture(scope="module")
def core() -> Iterator[Core]:
    with private_valkey() as server, core_on(server.url) as core:
        yield core


@pytest.fixture
def counts() -> EventCounts:
    return EventCounts(Uncounted())


def _minute(session: Session, queue: QueueRef) -> int:
    [found] = samples.read(session, [queue])
    assert found is not None
    return found._now_ms // samples.MINUTE_MS


def _events(session: Session, queue: QueueRef, minute: int) -> Events:
    [found] = samples.read(session, [queue])
    assert found is not None
    return next((one.events for one in found.minutes(minute, minute + 1)), Events())


def test_counts_of_several_processes_are_added(session: Session, queue: QueueRef, counts: EventCounts) -> None:
    minute, other = _minute(session, queue), EventCounts(Uncounted())
    counts.count(queue, Event.SENT, 2, 30)
    counts.count(queue, Event.SENT, 1, 100)
    counts.count(queue, Event.EMPTY_RECEIVE, 1)
    other.count(queue, Event.SENT, 1, 5)
    other.count(queue, Event.RECEIVED, 3, 120)
    other.count(queue, Event.DELETED, 2)
    other.count(queue, Event.DEAD_LETTERED, 9)
    other.count(queue, Event.DELETED, 0)
    for one in (counts, other):
        one.end(minute)
        one.add(session)
        one.add(session)
    assert _events(session, queue, minute) == Events(4, 3, 2, 1, 135, 5, 100)


def test_counts_of_a_minute_that_are_ended_twice_are_one(
    session: Session, queue: QueueRef, counts: EventCounts
) -> None:
    minute = _minute(session, queue)
    for size in (20, 10, 30):
        counts.count(queue, Event.SENT, 1, size)
        counts.end(minute)
    counts.count(queue, Event.DELETED, 1)
    counts.end(minute - 1)
    counts.add(session)
    assert _events(session, queue, minute) == Events(sent=3, sent_bytes=60, smallest_bytes=10, largest_bytes=30)
    assert _events(session, queue, minute - 1) == Events(deleted=1)


def test_a_queue_that_is_deleted_is_not_counted(session: Session, queue: QueueRef, counts: EventCounts) -> None:
    minute = _minute(session, queue)
    counts.count(queue, Event.DELETED, 1)
    counts.end(minute)
    counts.count(queue, Event.DELETED, 1)
    counts.forget(queue)
    counts.end(minute)
    counts.add(session)
    assert _events(session, queue, minute) == Events()


@pytest.mark.parametrize(("is_unsent", "deleted"), [(True, 1), (False, 0)])
def test_counts_wait_for_the_store_unless_they_may_be_there(
    session: Session,
    queue: QueueRef,
    counts: EventCounts,
    monkeypatch: pytest.MonkeyPatch,
    is_unsent: bool,
    deleted: int,
) -> None:
    def fail(*_: object) -> None:
        raise StoreUnavailable("gone", is_unsent=is_unsent)

    minute = _minute(session, queue)
    counts.count(queue, Event.DELETED, 1)
    counts.end(minute)
    with monkeypatch.context() as broken:
        broken.setattr(Store, "run_many", fail)
        with pytest.raises(StoreUnavailable):
            counts.add(session)
    counts.add(session)
    assert _events(session, queue, minute).deleted == deleted


def test_counts_that_wait_are_added_to_those_of_the_same_minute(
    session: Session, queue: QueueRef, counts: EventCounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    minute = _minute(session, queue)

    def fail(*_: object) -> None:
        counts.count(queue, Event.SENT, 1, 20)
        counts.end(minute)
        raise StoreUnavailable("gone", is_unsent=True)

    counts.count(queue, Event.SENT, 2, 20)
    counts.end(minute)
    with monkeypatch.context() as broken:
        broken.setattr(Store, "run_many", fail)
        with pytest.raises(StoreUnavailable):
            counts.add(session)
    counts.add(session)
    assert _events(session, queue, minute) == Events(sent=3, sent_bytes=40, smallest_bytes=10, largest_bytes=20)


def test_counts_wait_for_a_bounded_time(session: Session, queue: QueueRef, counts: EventCounts) -> None:
    minute = _minute(session, queue)
    for number in range(MOST_MINUTES + 2):
        counts.count(queue, Event.DELETED, 1)
        counts.end(minute - number)
    counts.add(session)
    found = [_events(session, queue, minute - number).deleted for number in range(MOST_MINUTES + 2)]
    assert found == [1] * MOST_MINUTES + [0, 0]
