"""Many consumers on one queue: the guarantees hold, and an empty queue leaves nothing in the store."""

from __future__ import annotations

import random
import threading
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from zaqar_core.core import dead_letters, leases, messages, queues
from zaqar_core.core.process import Core
from zaqar_core.core.session import Session
from zaqar_core.domain.model import Counts, NewMessage, QueueSettings, Receipt, SettingsChange, StoredMessage
from zaqar_core.domain.names import QueueRef
from zaqar_core.store import keys

Advance = Callable[[QueueRef, float], None]
EMPTY = Counts(0, 0, 0)


def crowd(number: int, act: Callable[[int], None]) -> None:
    """Run ``act`` that many times in parallel, and raise its errors."""
    with ThreadPoolExecutor(number) as pool:
        for future in [pool.submit(act, at) for at in range(number)]:
            future.result(60)


def make(session: Session, suffix: str = "") -> QueueRef:
    ref = QueueRef("000000000000", "us-east-1", f"q-{uuid.uuid4().hex[:12]}{suffix}")
    queues.create(session, ref, QueueSettings(), creator="sqs")
    return ref


def new(kind: str, group: str) -> NewMessage:
    own = uuid.uuid4().hex
    return NewMessage(own.encode(), group=None if kind == "plain" else group, dedup_id=own if kind == "fifo" else None)


def fill(session: Session, ref: QueueRef, kind: str, number: int, groups: int) -> None:
    for start in range(0, number, 10):
        messages.send(session, ref, [new(kind, f"g{(start + at) % groups}") for at in range(10)])


def receipts(found: list[StoredMessage]) -> list[Receipt]:
    return [one.receipt for one in found if one.receipt]


def left(session: Session, ref: QueueRef) -> set[str]:
    """Return the keys of a queue beside its settings and its deduplication history."""
    start = keys.queue(ref)
    found = session.store.command("KEYS", start.replace(b"[", b"\\[") + b":*")
    return {key.removeprefix(start).decode() for key in found if b":dd:" not in key}


def test_each_group_is_in_order_and_at_one_consumer(core: Core, session: Session) -> None:
    queue = make(session, ".fifo")
    fill(session, queue, "fifo", 2000, 50)
    given, holders, lock = defaultdict[str, list[int]](list), Counter[str](), threading.Lock()
    shared: list[str] = []

    def consume(number: int) -> None:
        randomness, misses = random.Random(number), 0
        while misses < 3:
            mine = core.session()
            found = leases.receive(mine, queue, max_messages=randomness.choice((1, 2, 10)), wait_seconds=0)
            misses = 0 if found else misses + 1
            is_kept = randomness.random() < 0.9
            with lock:
                shared.extend(one.group or "" for one in found if holders[one.group or ""])
                holders.update({one.group or "" for one in found})
                for one in found if is_kept else []:
                    given[one.group or ""].append(one.sequence)
            with lock:
                holders.subtract({one.group or "" for one in found})
            if is_kept:
                leases.delete_received(mine, queue, receipts(found))
            else:
                leases.change_visibility(mine, queue, [(receipt, 0) for receipt in receipts(found)])

    crowd(32, consume)
    assert shared == []
    assert all(sequences == sorted(sequences) for sequences in given.values())
    assert sum(map(len, given.values())) == 2000
    assert (queues.get_with_counts(session, queue)[1], left(session, queue)) == (EMPTY, set())


@pytest.mark.parametrize("kind", ["plain", "fair", "fifo"])
def test_every_message_is_a_dead_letter_once(core: Core, session: Session, kind: str) -> None:
    suffix = ".fifo" if kind == "fifo" else ""
    queue, dead = make(session, suffix), make(session, suffix)
    change: dict[str, int | str] = {
        "dead_letter_queue": dead.name,
        "max_receive_count": 2,
        "visibility_timeout_seconds": 0,
    }
    queues.change(session, queue, SettingsChange(set=change))
    fill(session, queue, kind, 500, 37)

    def consume(number: int) -> None:
        randomness, misses = random.Random(number), 0
        while misses < 5:
            mine = core.session()
            found = leases.receive(mine, queue, max_messages=randomness.choice((1, 10)), wait_seconds=0)
            misses = 0 if found else misses + 1

    crowd(8, consume)
    dead_letters.finish_moves(session, queue)
    moved: list[bytes] = []
    while found := leases.receive(session, dead, max_messages=10, wait_seconds=0):
        moved += [one.body for one in found]
        leases.delete_received(session, dead, receipts(found))
    assert (len(moved), len(set(moved))) == (500, 500)
    assert [queues.get_with_counts(session, ref)[1] for ref in (queue, dead)] == [EMPTY, EMPTY]
    assert left(session, queue) | left(session, dead) == set()


def test_tenants_without_messages_leave_nothing(core: Core, session: Session, advance: Advance) -> None:
    queue = make(session)

    def act(number: int) -> None:
        randomness = random.Random(number)
        for _ in range(150):
            mine = core.session()
            if number < 4:
                group = f"tenant{int(randomness.random() ** 2 * 1000)}" if randomness.random() < 0.95 else None
                delay = randomness.choice((None, None, 1))
                messages.send(mine, queue, [NewMessage(b"1", group=group, delay_seconds=delay)] * 3)
            else:
                seconds = randomness.choice((0, 1, 60))
                found = leases.receive(mine, queue, max_messages=10, visibility_seconds=seconds, wait_seconds=0)
                if randomness.random() < 0.8:
                    leases.delete_received(mine, queue, receipts(found))

    crowd(8, act)
    advance(queue, 400)
    while found := leases.receive(session, queue, max_messages=10, wait_seconds=0):
        leases.delete_received(session, queue, receipts(found))
    assert (queues.get_with_counts(session, queue)[1], left(session, queue)) == (EMPTY, set())
