"""Samples of a queue's metrics: one for each minute in which something has changed, for a bounded time."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from types import SimpleNamespace

import pytest

from tests.private_valkey import private_valkey
from tests.store import redrive
from tests.store.traffic import core_on
from zaqar_core.background import sampling
from zaqar_core.background.sampling import BEGIN_SECONDS, LEASE_MS, QUEUES_AT_ONCE, Sampler, _seconds_to_round
from zaqar_core.core import leases, messages, queues, samples
from zaqar_core.core.process import Core
from zaqar_core.core.samples import Events, Minute
from zaqar_core.core.session import Session
from zaqar_core.domain.model import NewMessage, QueueSettings, SettingsChange
from zaqar_core.domain.names import QueueRef, topics_of
from zaqar_core.store import keys

PROJECT, REGION = "000000000000", "us-east-1"
Advance = Callable[[QueueRef, float], None]


@pytest.fixture(scope="module")
def core() -> Iterator[Core]:
    with private_valkey() as server, core_on(server.url) as core:
        yield core


@pytest.fixture(params=["plain", "fair", "fifo"])
def queue(session: Session, queue_name: str, request: pytest.FixtureRequest) -> QueueRef:
    """A queue of each kind, whose present minute has just begun."""
    ref = _made(session, queue_name + (".fifo" if request.param == "fifo" else ""))
    if request.param == "fair":
        session.run_many(samples._SAMPLES, [ref], [])
        _send(session, ref, 1)
        leases.receive(session, ref, max_messages=1, wait_seconds=0)
        queues.purge_all(session, ref)
    return ref


def _made(session: Session, name: str, **settings: int) -> QueueRef:
    ref = QueueRef(PROJECT, REGION, name)
    queues.create(session, ref, QueueSettings(**settings), creator="sqs")  # type: ignore[arg-type]
    return ref


def _send(session: Session, ref: QueueRef, number: int, **more: int) -> None:
    new = [NewMessage(b"x", group=f"g{at}", dedup_id=f"{at}", **more) for at in range(number)]  # type: ignore[arg-type]
    messages.send(session, ref, new)


def _now(session: Session, ref: QueueRef) -> int:
    """The present minute of the queue."""
    [found] = samples.read(session, [ref])
    assert found is not None
    return found._now_ms // samples.MINUTE_MS


def _minutes(session: Session, ref: QueueRef, last: int = 10_000) -> list[Minute]:
    """The last minutes, with the present one."""
    now = _now(session, ref)
    [found] = samples.read(session, [ref])
    assert found is not None
    return list(found.minutes(now - last + 1, now + 1))


def _counts(minutes: list[Minute]) -> list[tuple[int, int, int]]:
    return [(one.depths.visible, one.depths.in_flight, one.depths.delayed) for one in minutes if one.depths]


def _age(minute: Minute) -> int:
    assert minute.depths is not None
    return minute.depths.oldest_age_seconds(minute.at_ms)


def _rows(session: Session, ref: QueueRef) -> int:
    return int(session.store.command("LLEN", keys.queue(ref) + b":ms"))


def test_a_sample_counts_until_the_next_one(session: Session, queue: QueueRef, advance: Advance) -> None:
    _send(session, queue, 3)
    samples.take(session, [queue])
    advance(queue, 120)
    leases.receive(session, queue, max_messages=1, wait_seconds=0)
    samples.take(session, [queue])
    advance(queue, 60)
    assert _counts(_minutes(session, queue)) == [(3, 0, 0), (3, 0, 0), (2, 1, 0), (3, 0, 0)], "the last one is of now"
    assert [one.is_complete for one in _minutes(session, queue)] == [True, True, True, False]


def test_the_last_look_in_a_minute_counts(session: Session, queue: QueueRef, advance: Advance) -> None:
    samples.take(session, [queue])
    _send(session, queue, 1)
    samples.take(session, [queue])
    advance(queue, 60)
    assert _counts(_minutes(session, queue, 2)) == [(1, 0, 0), (1, 0, 0)]
    assert _rows(session, queue) == 1


def test_an_idle_queue_takes_no_room_and_no_writes(session: Session, queue: QueueRef, advance: Advance) -> None:
    _send(session, queue, 1)
    for _ in range(5):
        samples.take(session, [queue])
        advance(queue, 60)
    assert _rows(session, queue) == 1
    assert _counts(_minutes(session, queue)) == [(1, 0, 0)] * 6
    ages = [_age(one) for one in _minutes(session, queue)]
    assert [later - sooner for sooner, later in pairwise(ages[:-1])] == [60] * 4


def test_samples_are_kept_for_a_bounded_time(session: Session, queue: QueueRef, advance: Advance) -> None:
    kept = session.settings.metric_minutes
    for number in range(kept + 10):
        samples.add(session, {queue: {_now(session, queue): Events(sent=number + 1)}})
        if number % 3:
            samples.take(session, [queue])
        advance(queue, 60)
    samples.take(session, [queue])
    assert _rows(session, queue) <= kept + 1
    found = _minutes(session, queue, kept)
    assert len(found) == len(_minutes(session, queue)) == kept
    assert None not in [one.depths for one in found], "the values of the oldest minute are kept, whose sample had none"


def test_without_samples_there_is_the_state_of_now() -> None:
    now = samples.Depths(1, 2, 3, None)
    kept = samples.Samples(120_000, now, [b"\x92\x01\x05"], kept=0)
    assert list(kept.minutes(0, 10)) == [Minute(2, 120_000, now, Events(), is_complete=False)]


def test_a_queue_that_is_deleted_has_no_samples(session: Session, queue: QueueRef) -> None:
    samples.take(session, [queue])
    queues.delete(session, queue)
    assert samples.read(session, [queue]) == [None]
    samples.take(session, [queue])
    samples.add(session, {queue: {1: Events(sent=1)}})
    assert not session.store.command("EXISTS", keys.queue(queue) + b":ms")


def test_a_new_queue_has_no_samples_of_an_earlier_one(session: Session, queue_name: str) -> None:
    ref = QueueRef(PROJECT, REGION, queue_name)
    session.store.command("RPUSH", keys.queue(ref) + b":ms", b"\x92\x01\x05")  # as an earlier release leaves it
    _made(session, queue_name)
    assert _counts(_minutes(session, ref)) == [(0, 0, 0)]


def test_events_are_added_to_their_minutes(session: Session, queue: QueueRef, advance: Advance) -> None:
    start = _now(session, queue)
    first = Events(sent=2, received=1, sent_bytes=30, smallest_bytes=10, largest_bytes=20)
    samples.add(session, {queue: {start: first}})
    samples.take(session, [queue])
    samples.add(session, {queue: {start: Events(sent=1, deleted=4, sent_bytes=5, smallest_bytes=5, largest_bytes=5)}})
    samples.add(session, {queue: {start: Events(empty_receives=7)}})
    samples.add(session, {queue: {start + 5: Events(deleted=1), start - 2: Events(received=3)}})
    [before, _, present] = _minutes(session, queue, 3)
    assert before.depths is None
    assert before.events == Events(received=3), "an earlier minute, in which the queue was not sampled"
    assert present.events == Events(3, 1, 5, 7, 35, 5, 20), "a clock that is ahead counts for the present minute"


def test_the_age_is_that_of_the_oldest_message(session: Session, queue: QueueRef, advance: Advance) -> None:
    _send(session, queue, 1)
    advance(queue, 50)
    _send(session, queue, 2)
    leases.receive(session, queue, max_messages=1, wait_seconds=0)
    assert 50 <= _age(_minutes(session, queue)[-1]) <= 55, "it is in flight"
    advance(queue, 60)
    queues.purge_all(session, queue)
    assert _age(_minutes(session, queue)[-1]) == 0


@pytest.mark.parametrize("suffix", ["", ".fifo"])
def test_a_delayed_message_has_no_age_yet(session: Session, queue_name: str, suffix: str, advance: Advance) -> None:
    ref = _made(session, queue_name + suffix, delay_seconds=100)
    _send(session, ref, 1)
    advance(ref, 50)
    [now] = _minutes(session, ref, 1)
    assert (_counts([now]), _age(now)) == ([(0, 0, 1)], 0)
    advance(ref, 51)
    [now] = _minutes(session, ref, 1)
    assert (_counts([now]), 101 <= _age(now) <= 105) == ([(1, 0, 0)], True)


def test_expired_messages_do_not_count(session: Session, queue: QueueRef, advance: Advance) -> None:
    queues.change(session, queue, SettingsChange(set={"retention_seconds": 60}))
    for _ in range(3):
        messages.send(session, queue, [NewMessage(b"x", group="g", dedup_id=uuid.uuid4().hex) for _ in range(100)])
    leases.receive(session, queue, max_messages=10, wait_seconds=0)
    advance(queue, 61)
    messages.send(session, queue, [NewMessage(b"x", group="g", dedup_id="young")])
    advance(queue, 10)
    [now] = _minutes(session, queue, 1)
    assert (_counts([now]), 10 <= _age(now) <= 15) == ([(1, 0, 0)], True)


def test_a_message_received_three_times_has_no_age(session: Session, queue: QueueRef, advance: Advance) -> None:
    _send(session, queue, 1)
    for _ in range(3):
        assert leases.receive(session, queue, max_messages=1, wait_seconds=0)
        advance(queue, 31)
    messages.send(session, queue, [NewMessage(b"x", group="later", dedup_id="later")])
    advance(queue, 10)
    age = _age(_minutes(session, queue)[-1])
    assert 103 <= age <= 110 if queue.is_fifo else 10 <= age <= 15


def test_the_age_begins_with_the_move_to_a_dead_letter_queue(
    session: Session, queue: QueueRef, advance: Advance
) -> None:
    dead = redrive.dead_letter_queue_of(session, queue)
    messages.send(session, queue, [NewMessage(b"x", group="g", dedup_id="d")])
    for ref in (queue, dead):
        advance(ref, 500)
    leases.receive(session, queue, max_messages=1, wait_seconds=0)
    leases.receive(session, queue, max_messages=1, wait_seconds=0)
    assert _counts(_minutes(session, dead)) == [(1, 0, 0)]
    advance(dead, 20)
    assert 20 <= _age(_minutes(session, dead)[-1]) <= 25
    leases.receive(session, dead, max_messages=1, wait_seconds=0)
    advance(dead, 60)
    assert 80 <= _age(_minutes(session, dead)[-1]) <= 85


def test_one_process_samples_all_queues_once_a_minute(core: Core, session: Session, queue_name: str) -> None:
    refs = [_made(session, f"{queue_name}-{number}") for number in range(QUEUES_AT_ONCE + 3)]
    topic = QueueRef(PROJECT, topics_of(REGION), queue_name)
    queues.create(session, topic, QueueSettings(), creator="zaqar")
    session.store.command("DEL", keys.SAMPLING)
    Sampler(core).round()
    assert [_rows(session, ref) for ref in (*refs, topic)] == [1] * len(refs) + [0]
    _send(session, refs[0], 1)
    Sampler(core).round()
    [found] = samples.read(session, [refs[0]])
    assert found is not None
    assert found._rows[0].depths == samples.Depths(0, 0, 0, None), "another process has the lease"
    assert 0 < session.store.command("PTTL", keys.SAMPLING) <= LEASE_MS


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_clock_that_is_set_delays_no_round(core: Core, monkeypatch: pytest.MonkeyPatch, hours: int) -> None:
    clocks = {"time": 1_800_000_000.0, "monotonic": 5_000.0}
    monkeypatch.setattr(sampling, "time", SimpleNamespace(**{name: partial(clocks.get, name) for name in clocks}))
    sampler, rounds, adds = Sampler(core), list[float](), list[float]()
    monkeypatch.setattr(sampler, "round", lambda: rounds.append(clocks["monotonic"]))
    monkeypatch.setattr(sampler, "add", lambda: adds.append(clocks["monotonic"]))

    def wait(seconds: float) -> bool:
        for name in clocks:
            clocks[name] += seconds + 0.001
        if not adds:
            clocks["time"] += hours * 3600
        return clocks["monotonic"] > 5_000 + 5 * 60

    monkeypatch.setattr(sampler._stopping, "wait", wait)
    sampler._run()
    assert all(later - earlier <= 75 for earlier, later in pairwise([5_000, *rounds]))
    assert len(rounds) >= 4
    assert all(later - earlier <= 16 for earlier, later in pairwise(adds))


@pytest.mark.parametrize("second", [0, 34.9, 35, 44.9, 45, 59.9])
def test_each_minute_has_one_round(second: float) -> None:
    first, last = BEGIN_SECONDS
    begins = second + _seconds_to_round(1_800_000_000 + second)
    assert first <= begins % 60 <= last
    assert (begins < 60) == (second < first)
    assert (last - first) * 1000 < LEASE_MS < (60 - last + first) * 1000, "each round can take the lease, and one does"
