"""What processes count of the messages of queues reaches the samples of the minutes in which it happened."""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import hiredis
import pytest

from tests.private_valkey import private_valkey
from tests.store.traffic import core_on
from zaqar_core.configuration.settings import Settings
from zaqar_core.core import queues, samples
from zaqar_core.core.event_counts import MOST_MINUTES, EventCounts
from zaqar_core.core.process import Core
from zaqar_core.core.samples import Events
from zaqar_core.core.session import Session
from zaqar_core.core.traffic import Event
from zaqar_core.domain.errors import StoreFull, StoreUnavailable, StoreUnfit
from zaqar_core.domain.model import QueueSettings
from zaqar_core.domain.names import QueueRef
from zaqar_core.observability import counter_file
from zaqar_core.observability.counter_file import CounterFile, CounterFiles
from zaqar_core.observability.counting import NodeCounting
from zaqar_core.observability.metrics import Metrics
from zaqar_core.store.single_server import Store


@pytest.fixture(scope="module")
def core() -> Iterator[Core]:
    with private_valkey() as server, core_on(server.url) as core:
        yield core


class Counts(EventCounts):
    """The counts of a process that counts in a file of its own."""

    def __init__(self, files: CounterFiles | None = None) -> None:
        self.counting = NodeCounting(files or CounterFiles(None))
        self.count = self.counting.count
        super().__init__(self.counting)
        self.counting.event_counts = self


def _end(counting: NodeCounting) -> None:
    """Give the files back, as the end of a process does."""
    for one in (counting, counting._others):
        _release(one._file)


def _release(file: CounterFile) -> None:
    fcntl.flock(file._descriptor, fcntl.LOCK_UN)  # closing is not enough: the map of the file has a copy
    os.close(file._descriptor)


@pytest.fixture
def counts() -> Counts:
    return Counts()


def _minute(session: Session, queue: QueueRef) -> int:
    [found] = samples.read(session, [queue])
    assert found is not None
    return found._now_ms // samples.MINUTE_MS


def _events(session: Session, queue: QueueRef, minute: int) -> Events:
    [found] = samples.read(session, [queue])
    assert found is not None
    return next((one.events for one in found.minutes(minute, minute + 1)), Events())


def test_counts_of_several_processes_are_added(session: Session, queue: QueueRef, counts: Counts) -> None:
    minute, other = _minute(session, queue), Counts()
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


def test_counts_of_a_minute_that_are_ended_twice_are_one(session: Session, queue: QueueRef, counts: Counts) -> None:
    minute = _minute(session, queue)
    for size in (20, 10, 30):
        counts.count(queue, Event.SENT, 1, size)
        counts.end(minute)
    counts.count(queue, Event.DELETED, 1)
    counts.end(minute - 1)
    counts.add(session)
    assert _events(session, queue, minute) == Events(sent=3, sent_bytes=60, smallest_bytes=10, largest_bytes=30)
    assert _events(session, queue, minute - 1) == Events(deleted=1)


def test_a_queue_that_is_deleted_is_not_counted(session: Session, queue: QueueRef, counts: Counts) -> None:
    minute = _minute(session, queue)
    counts.count(queue, Event.DELETED, 1)
    counts.end(minute)
    counts.count(queue, Event.DELETED, 1)
    counts.counting.forget(queue)
    counts.end(minute)
    counts.add(session)
    assert _events(session, queue, minute) == Events()


@pytest.mark.parametrize(
    ("problem", "deleted"),
    [
        (StoreUnavailable("gone", is_unsent=True), 1),
        (StoreUnavailable("gone"), 0),
        (StoreFull("full"), 1),
        (StoreUnfit("unfit"), 1),
    ],
)
def test_counts_wait_for_the_store_unless_they_may_be_there(
    session: Session,
    queue: QueueRef,
    counts: Counts,
    monkeypatch: pytest.MonkeyPatch,
    problem: StoreUnavailable,
    deleted: int,
) -> None:
    def fail(*_: object) -> None:
        raise problem

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
    session: Session, queue: QueueRef, counts: Counts, monkeypatch: pytest.MonkeyPatch
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


def test_counts_wait_for_a_bounded_time(session: Session, queue: QueueRef, counts: Counts) -> None:
    minute = _minute(session, queue)
    for number in range(MOST_MINUTES + 2):
        counts.count(queue, Event.DELETED, 1)
        counts.end(minute - number)
    counts.add(session)
    found = [_events(session, queue, minute - number).deleted for number in range(MOST_MINUTES + 2)]
    assert found == [1] * MOST_MINUTES + [0, 0]


def test_a_store_that_becomes_full_between_two_queues_gets_the_rest_later(
    session: Session, queue: QueueRef, counts: Counts, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = queue.sibling(f"{queue.name}-2")
    queues.create(session, other, QueueSettings(), creator="sqs")
    minute, exchange = _minute(session, queue), Store._exchange
    for ref in (queue, other):
        counts.count(ref, Event.DELETED, 1)
    counts.end(minute)

    def fill_after_first(store: Store, key: bytes, packed: bytes, replies: int, **more: Any) -> list[Any]:
        first = packed.index(b"*", 1)
        return [
            *exchange(store, key, packed[:first], 1, **more),
            *[hiredis.ReplyError("OOM command not allowed") for _ in range(replies - 1)],
        ]

    with monkeypatch.context() as broken:
        broken.setattr(Store, "_exchange", fill_after_first)
        counts.add(session)
    counts.add(session)
    assert [_events(session, ref, minute).deleted for ref in (queue, other)] == [1, 1]


def test_a_pool_that_does_not_answer_does_not_keep_the_counts_of_other_queues(
    session: Session, queue: QueueRef, counts: Counts, monkeypatch: pytest.MonkeyPatch
) -> None:
    minute, add, away = _minute(session, queue), samples.add, queue.sibling("in-a-pool")

    def without_pool(session: Session, counted: Mapping[QueueRef, Any]) -> list[StoreUnavailable | None]:
        add(session, {ref: minutes for ref, minutes in counted.items() if ref != away})
        return [StoreUnavailable("away", is_unsent=True) if ref == away else None for ref in counted]

    counts.count(away, Event.DELETED, 1)
    counts.end(minute - 1)
    counts.count(queue, Event.DELETED, 1)
    counts.end(minute)
    monkeypatch.setattr(samples, "add", without_pool)
    counts.add(session)
    assert _events(session, queue, minute).deleted == 1
    assert counts._pending == {minute - 1: {away: [0, 0, 1, 0, 0, 0, 0]}}


def test_what_a_killed_process_has_not_added_is_added_by_the_next_one(
    session: Session, queue: QueueRef, tmp_path: Path
) -> None:
    minute = int(time.time() // 60)
    counted, told = os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover
        killed = Counts(CounterFiles(tmp_path))
        killed.count(queue, Event.SENT, 1, 30)
        killed.end(minute)  # taken: whether it was added is not known
        killed.count(queue, Event.SENT, 2, 30)
        killed.counting.adopt_thread()
        killed.count(queue, Event.DELETED, 4)
        os.write(told, b".")
        signal.pause()
    os.read(counted, 1)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(counted)
    os.close(told)
    for _ in range(2):  # the next owner, and the one after it
        owner = Counts(CounterFiles(tmp_path))
        owner.add(session)
        _end(owner.counting)
    found = [_events(session, queue, at) for at in range(minute, minute + 2)]  # it may have ended meanwhile
    assert Events(2, 0, 4, 0, 30, 15, 15) in found
    assert sum(one.sent for one in found) == 2


def test_the_first_event_of_a_queue_is_taken_also_when_another_thread_takes_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    node, ref, taken = NodeCounting(CounterFiles(None)), QueueRef("p", "r", "q"), 0
    node.adopt_thread()
    begin = NodeCounting._begin

    def begin_and_take(self: NodeCounting, *event: Any) -> Any:
        nonlocal taken
        begun = begin(self, *event)
        taken += sum(row[0] for row in node.take().values())  # as a thread that is scheduled here
        return begun

    monkeypatch.setattr(NodeCounting, "_begin", begin_and_take)
    node.count(ref, Event.SENT, 1, 3)
    taken += sum(row[0] for row in node.take().values())
    assert taken == 1


def test_what_is_counted_while_counts_are_taken_is_taken_once(tmp_path: Path) -> None:
    node, number, taken = NodeCounting(CounterFiles(tmp_path)), 5_000, Counter[str]()
    refs = [QueueRef("p", "r", f"q{index}") for index in range(3)]

    def count(*, is_loop: bool) -> None:
        if is_loop:
            node.adopt_thread()
        for index in range(number):
            node.count(refs[index % 3], Event.SENT, 1, 10)

    def take() -> None:
        for ref, row in node.take().items():
            assert row[4] == 10 * row[0]
            taken[ref.name] += row[0]

    threads = [threading.Thread(target=count, kwargs={"is_loop": not index}) for index in range(3)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            take()
    finally:
        sys.setswitchinterval(interval)
    take()
    assert taken.total() == 3 * number


def test_counts_of_killed_processes_are_added_whichever_files_the_next_ones_claim(tmp_path: Path) -> None:
    settings, ref = Settings(metrics_dir=tmp_path), QueueRef("p", "r", "q")
    before = CounterFiles(tmp_path).claim()
    killed = Metrics(settings).counting
    assert killed.take_left() == {}
    killed.count(ref, Event.SENT, 2)  # for all threads
    killed.adopt_thread()
    killed.count(ref, Event.SENT, 3)
    _release(before)
    _end(killed)
    owners = [Metrics(settings).counting for _ in range(2)]
    assert sum(rows[ref][Event.SENT] for one in owners for rows in one.take_left().values()) == 5


def test_what_a_process_without_samples_has_counted_is_not_added_later(tmp_path: Path) -> None:
    files = CounterFiles(tmp_path)
    without = NodeCounting(files)
    without.count(QueueRef("p", "r", "q"), Event.SENT, 1, 30)
    _end(without)
    assert NodeCounting(CounterFiles(tmp_path)).take_left() == {}


def test_a_queue_for_which_the_file_has_no_room_has_samples(
    session: Session, queue: QueueRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counter_file, "_WORDS", 80)
    minute, counts = _minute(session, queue), Counts()
    for size in (10, 20):
        counts.count(queue, Event.SENT, 1, size)
    counts.count(queue, Event.EMPTY_RECEIVE, 1)
    counts.end(minute)
    counts.add(session)
    assert _events(session, queue, minute) == Events(2, 0, 0, 1, 30, 10, 20)


def test_a_queue_that_another_node_has_deleted_takes_nothing_from_the_samples_of_its_successor(
    session: Session, queue: QueueRef, counts: Counts
) -> None:
    minute = _minute(session, queue)
    counts.count(queue, Event.SENT, 3, 30)
    counts.end(minute)
    counts.add(session)
    counts.counting.forget_counted(queue, [3] + [0] * 10)  # as a scrape does
    counts.count(queue, Event.SENT, 1, 10)
    counts.end(minute)
    counts.add(session)
    assert _events(session, queue, minute).sent == 4
