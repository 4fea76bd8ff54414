"""Expired messages are not counted, however many there are, and are removed in bounded steps."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import pytest

from tests.patience import PATIENCE_SECONDS
from tests.private_valkey import PrivateValkey
from tests.store import fifo, redrive
from tests.store.private_server import core_on_server, private_server
from zaqar_core.background import housekeeping
from zaqar_core.background.housekeeping import Housekeeping
from zaqar_core.core import leases, messages, move_tasks, queues
from zaqar_core.core.process import Core
from zaqar_core.core.session import Session
from zaqar_core.domain.model import Counts, NewMessage, QueueSettings, SettingsChange
from zaqar_core.domain.names import QueueRef
from zaqar_core.store import keys, script

#: More than the steps of one call remove.
MANY = 3000
RETENTION = 60

Advance = Callable[[QueueRef, float], None]


server = pytest.fixture(scope="module")(private_server)
core = pytest.fixture(scope="module")(core_on_server)


@pytest.fixture
def queue(session: Session, queue_name: str) -> QueueRef:
    return made(session, queue_name)


def made(session: Session, name: str, **settings: int) -> QueueRef:
    ref = QueueRef("000000000000", "us-east-1", name)
    queues.create(session, ref, QueueSettings(retention_seconds=RETENTION, **settings), creator="sqs")  # type: ignore[arg-type]
    return ref


def send(session: Session, ref: QueueRef, number: int, **fields: object) -> None:
    for at in range(0, number, 100):
        new = [NewMessage(b"x", **fields) for _ in range(min(100, number - at))]  # type: ignore[arg-type]
        messages.send(session, ref, new)


def counts(session: Session, ref: QueueRef) -> Counts:
    return queues.get_with_counts(session, ref)[1]


def stored(session: Session, ref: QueueRef) -> int:
    return int(session.store.command("ZCARD", keys.queue(ref) + b":a"))


@pytest.mark.parametrize("group", [None, "tenant"])
def test_messages_past_the_retention_are_not_counted(
    session: Session, queue: QueueRef, advance: Advance, group: str | None
) -> None:
    send(session, queue, MANY, group=group)
    advance(queue, RETENTION + 1)
    send(session, queue, 7, group=group)
    assert counts(session, queue) == Counts(7, 0, 0)
    assert stored(session, queue) > 7
    found = queues.stats(session, queue)
    assert found.counts.visible == 7
    assert found.oldest
    assert found.newest
    assert found.oldest.sequence == MANY + 1


def test_messages_of_a_fifo_queue_past_the_retention_are_not_counted(session: Session, advance: Advance) -> None:
    ref = fifo.make(session, retention_seconds=RETENTION)
    for at in range(0, MANY, 100):
        fifo.send(session, ref, *(f"{chr(97 + n % 26)}{at + n}" for n in range(100)))
    advance(ref, RETENTION + 1)
    fifo.send(session, ref, "a", "b")
    assert counts(session, ref) == Counts(2, 0, 0)
    assert stored(session, ref) > 2


def test_messages_past_their_own_ttl_are_not_counted(session: Session, queue: QueueRef, advance: Advance) -> None:
    send(session, queue, MANY, ttl_seconds=30)
    send(session, queue, 5, ttl_seconds=50)
    advance(queue, 31)
    assert counts(session, queue) == Counts(5, 0, 0)
    assert stored(session, queue) > 5
    found = queues.stats(session, queue).oldest
    assert found
    assert found.ttl_seconds == 50


def test_messages_with_and_without_own_ttl_are_not_counted(session: Session, queue: QueueRef, advance: Advance) -> None:
    for _ in range(10):
        send(session, queue, MANY // 20)
        send(session, queue, MANY // 20, ttl_seconds=30)
    advance(queue, RETENTION + 1)
    assert counts(session, queue).visible == 0
    send(session, queue, 3)
    assert counts(session, queue).visible <= 3
    clear(session, queue)
    assert counts(session, queue) == Counts(3, 0, 0)


def test_a_longer_own_ttl_outlives_the_retention(session: Session, queue: QueueRef, advance: Advance) -> None:
    """Its messages are passed once, however many there are before those that expire."""
    send(session, queue, MANY, ttl_seconds=3600)
    send(session, queue, 9)
    advance(queue, RETENTION + 1)
    clear(session, queue)
    assert counts(session, queue) == Counts(MANY, 0, 0)
    assert stored(session, queue) == MANY


def test_expired_messages_in_flight_and_delayed_are_not_counted(
    session: Session, queue: QueueRef, advance: Advance
) -> None:
    send(session, queue, 1000)
    send(session, queue, 1000, delay_seconds=900)
    for _ in range(60):
        leases.receive(session, queue, max_messages=10, visibility_seconds=3600, wait_seconds=0)
    assert counts(session, queue) == Counts(400, 600, 1000)
    advance(queue, RETENTION + 1)
    send(session, queue, 4)
    send(session, queue, 2, delay_seconds=900)
    assert counts(session, queue) == Counts(4, 0, 2)
    assert stored(session, queue) > 6


def test_dead_letters_past_the_retention_are_not_counted(session: Session, queue: QueueRef, advance: Advance) -> None:
    dead = redrive.dead_letter_queue_of(session, queue)
    queues.change(session, dead, SettingsChange(set={"retention_seconds": RETENTION}))
    for _ in range(5):
        redrive.create_dead_letters(session, queue, *(NewMessage(b"x") for _ in range(100)))
    send(session, dead, 500)
    assert counts(session, dead).visible == 1000
    advance(dead, RETENTION + 1)
    assert counts(session, dead).visible == 0
    send(session, dead, 2)
    clear(session, dead)
    assert counts(session, dead).visible == 2


def test_delayed_dead_letters_of_a_fifo_queue_are_counted(session: Session, advance: Advance) -> None:
    """All of them came from another queue; their delay begins with the move."""
    source = fifo.make(session, retention_seconds=RETENTION)
    dead = redrive.dead_letter_queue_of(session, source)
    queues.change(session, dead, SettingsChange(set={"delay_seconds": 30, "retention_seconds": RETENTION}))
    fifo.send(session, source, *(f"{chr(97 + at)}{at}" for at in range(26)))
    for _ in range(20):
        leases.receive(session, source, max_messages=10, wait_seconds=0)
    assert counts(session, dead) == Counts(0, 0, 26)
    advance(dead, 31)
    fifo.send(session, dead, "a", "b")
    assert counts(session, dead) == Counts(26, 0, 2)
    advance(dead, RETENTION - 30)
    assert counts(session, dead) == Counts(2, 0, 0)


def test_messages_that_return_from_a_failed_move_still_expire(
    session: Session, queue: QueueRef, advance: Advance
) -> None:
    """They have old positions, which were searched for expired messages already."""
    send(session, queue, 2)
    session.store.command("HSET", keys.queue(queue), "swept", 2)
    [taken] = [session.run(script("receive"), queue, [b"1 0 99", "0" * 16, 0])]
    assert taken
    queues.change(session, queue, SettingsChange(set={"dead_letter_queue": "missing", "max_receive_count": 1}))
    leases.receive(session, queue, max_messages=1, visibility_seconds=0, wait_seconds=0)
    advance(queue, RETENTION + 1)
    clear(session, queue)
    assert stored(session, queue) == 0


def test_a_move_task_counts_only_what_it_can_move(session: Session, queue: QueueRef, advance: Advance) -> None:
    send(session, queue, MANY)
    advance(queue, RETENTION + 1)
    send(session, queue, 3)
    target = made(session, f"{queue.name}-target")
    task = move_tasks.start(session, queue, destination=target, messages_per_second=None)
    assert task.to_move == 3


def test_a_count_costs_the_logarithm_of_the_backlog(
    server: PrivateValkey, session: Session, queue: QueueRef, advance: Advance
) -> None:
    """Counted in commands of the functions, for backlogs of which one is eight times the other."""

    def cost(number: int) -> int:
        ref = made(session, f"{queue.name}-{number}")
        send(session, ref, number)
        advance(ref, RETENTION + 1)
        counts(session, ref)
        with server.client() as client:
            client.config_resetstat()
            counts(session, ref)
            return sum(one["calls"] for one in client.info("commandstats").values())

    small, large = cost(2000), cost(16000)
    assert large - small <= 8 * math.log2(16000 / 2000)


def clear(session: Session, ref: QueueRef) -> None:
    """Remove what has expired, as housekeeping does."""
    while session.run(script("housekeeping"), ref, [500])[1]:
        pass


def test_housekeeping_empties_an_idle_queue_in_bounded_steps(
    server: PrivateValkey, core: Core, session: Session, queue: QueueRef, advance: Advance
) -> None:
    number = 10 * housekeeping.STEP
    send(session, queue, number)
    advance(queue, RETENTION + 1)
    for shard in range(housekeeping.SHARDS):
        session.store.command("DEL", keys.housekeeping_lease(shard))
    with server.client() as client:
        others = [key for key in client.scan_iter("sf1:*") if keys.queue(queue).removesuffix(b":0}") not in key]
        client.delete(*(key for key in others if b":0}" in key))  # of the other tests
        client.config_resetstat()
        keeper = Housekeeping(core)
        keeper.round()
        keeper.reclaim(time.monotonic() + PATIENCE_SECONDS)
        fcall = client.info("commandstats")["cmdstat_fcall"]
    assert stored(session, queue) == 0
    assert fcall["calls"] >= number / housekeeping.STEP
