"""Moves of messages with a group: their order in FIFO queues, and their tenants in standard queues."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.store.redrive import create_dead_letters, dead_letter_queue_of, made, move_all, newest, run, taken, visible
from zaqar_core.core import leases, messages, move_tasks, queues
from zaqar_core.core.session import Session
from zaqar_core.domain.model import Counts, NewMessage, Sent, SettingsChange, StoredMessage
from zaqar_core.domain.names import QueueRef
from zaqar_core.store import keys

Advance = Callable[[QueueRef, float], None]


@pytest.fixture
def fifo(session: Session, queue: QueueRef) -> QueueRef:
    return made(session, queue.sibling(queue.name + ".fifo"))


@pytest.fixture
def dead(session: Session, fifo: QueueRef) -> QueueRef:
    """The FIFO queue's dead-letter queue."""
    return dead_letter_queue_of(session, fifo)


def of_groups(text: str) -> list[NewMessage]:
    """``a1 b1 a2``: group a's messages 1 and 2, group b's 1."""
    return [NewMessage(one.encode(), group=one[0], dedup_id=one) for one in text.split()]


def text_of(found: list[StoredMessage]) -> str:
    return " ".join(message.body.decode() for message in found)


def drained(session: Session, ref: QueueRef) -> list[StoredMessage]:
    """Receive and delete all messages; return them in their order."""
    found: list[StoredMessage] = []
    while popped := messages.pop(session, ref, limit=20):
        found += popped
    return found


def test_dead_letters_keep_the_order_of_their_groups(session: Session, fifo: QueueRef, dead: QueueRef) -> None:
    create_dead_letters(session, fifo, *of_groups("a1 b1 a2 b2 a3"))
    assert text_of(drained(session, dead)) == "a1 a2 a3 b1 b2"
    assert queues.get_with_counts(session, fifo)[1] == Counts(0, 0, 0)


def test_a_fifo_dead_letter_is_deduplicated_by_its_own_id(
    session: Session, fifo: QueueRef, dead: QueueRef, advance: Advance
) -> None:
    """As on AWS: its enqueue time is reset, and its deduplication id is its message id."""
    [sent] = messages.send(session, fifo, of_groups("a1"))
    assert isinstance(sent, Sent)
    advance(fifo, 100_000)
    create_dead_letters(session, fifo)
    advance(dead, 300_000)
    [found] = taken(session, dead)
    assert (found.id, found.dedup_id, found.group, found.source_queue) == (sent.id, sent.id, "a", fifo)
    assert found.now_ms - found.sent_ms == pytest.approx(300_000_000, abs=5_000)


def test_dead_letters_that_shared_a_deduplication_id_all_arrive(
    session: Session, fifo: QueueRef, dead: QueueRef, advance: Advance
) -> None:
    create_dead_letters(session, fifo, *of_groups("a1"))
    advance(fifo, 301)
    create_dead_letters(session, fifo, *of_groups("a1"))
    assert visible(session, dead) == 2


def test_a_task_brings_groups_back_in_their_order(session: Session, fifo: QueueRef, dead: QueueRef) -> None:
    """Over several steps, and though the messages were sent a moment ago under the same deduplication ids."""
    numbers = range(130)
    sent = [NewMessage(b"%03d" % at, group="ab"[at % 2], dedup_id=str(at)) for at in numbers]
    create_dead_letters(session, fifo, *sent)
    task = move_all(session, dead)
    assert (task.status, task.moved, task.to_move) == ("COMPLETED", 130, 130)
    found = drained(session, fifo)
    for group, in_order in (("a", numbers[::2]), ("b", numbers[1::2])):
        assert [int(message.body) for message in found if message.group == group] == list(in_order)
    assert queues.get_with_counts(session, dead)[1] == Counts(0, 0, 0)


def test_messages_behind_a_message_in_flight_stay(
    session: Session, fifo: QueueRef, dead: QueueRef, advance: Advance
) -> None:
    create_dead_letters(session, fifo, *of_groups("a1 b1 a2 b2"))
    [held] = leases.receive(session, dead, max_messages=1, wait_seconds=0)
    task = move_all(session, dead)
    assert (held.body, task.status, task.moved) == (b"a1", "COMPLETED", 2)
    advance(dead, 31)
    assert text_of(taken(session, dead)) == "a1 a2"
    assert text_of(taken(session, fifo)) == "b1 b2"


def test_a_group_that_is_freed_meanwhile_is_moved(
    session: Session, fifo: QueueRef, dead: QueueRef, advance: Advance
) -> None:
    create_dead_letters(session, fifo, *of_groups("a1 b1 a2 b2"))
    leases.receive(session, dead, max_messages=1, wait_seconds=0)
    move_tasks.start(session, dead, destination=None, messages_per_second=1)
    run(session, dead)
    advance(dead, 31)
    for _ in range(4):
        run(session, dead)
        advance(dead, 1)
    assert (newest(session, dead).status, newest(session, dead).moved) == ("COMPLETED", 4)
    assert text_of(drained(session, fifo)) == "b1 b2 a1 a2"


def test_returned_messages_keep_their_position_in_their_group(session: Session, fifo: QueueRef, dead: QueueRef) -> None:
    create_dead_letters(session, fifo, *of_groups("a1 a2 a3"))
    move_tasks.start(session, dead, destination=None, messages_per_second=None)
    queues.delete(session, fifo)
    run(session, dead)
    assert newest(session, dead).status == "FAILED"
    assert text_of(taken(session, dead)) == "a1 a2 a3"


def test_many_locked_groups_do_not_hide_a_free_one(session: Session, fifo: QueueRef, dead: QueueRef) -> None:
    held = [NewMessage(b"held", group=str(at), dedup_id=str(at)) for at in range(10)]
    waiting = [NewMessage(b"waits", group=str(at % 10), dedup_id=f"w{at}") for at in range(450)]
    messages.send(session, dead, [*held, *waiting, NewMessage(b"free", group="free", dedup_id="free")])
    for _ in range(10):
        leases.receive(session, dead, max_messages=1, visibility_seconds=600, wait_seconds=0)
    task = move_all(session, dead, fifo)
    assert (task.status, task.moved) == ("COMPLETED", 1)
    assert text_of(taken(session, fifo)) == "free"


def test_messages_of_all_tenants_return_to_a_standard_queue(session: Session, queue: QueueRef) -> None:
    dead = dead_letter_queue_of(session, queue)
    mixed = [NewMessage(b"%02d" % at, group=["a", "b", None][at % 3]) for at in range(30)]
    create_dead_letters(session, queue, *mixed)
    task = move_all(session, dead)
    assert (task.status, task.moved, task.to_move) == ("COMPLETED", 30, 30)
    queues.change(session, queue, SettingsChange(set={"max_receive_count": 10}))
    found = {message.body: message.group for message in drained(session, queue)}
    assert found == {message.body: message.group for message in mixed}
    key = keys.queue(dead)
    assert [session.store.command("EXISTS", key + part) for part in (b":a", b":gm", b":tq", b":tn", b":gc")] == [0] * 5


def test_the_oldest_messages_of_several_tenants_move_first(session: Session, queue: QueueRef, advance: Advance) -> None:
    dead = dead_letter_queue_of(session, queue)
    messages.send(session, dead, [NewMessage(b"%d" % at, group=["a", "b", None][at % 3]) for at in range(6)])
    move_tasks.start(session, dead, destination=queue, messages_per_second=1)
    moved = []
    for _ in range(6):
        run(session, dead)
        moved += [message.body for message in drained(session, queue)]
        advance(dead, 1)
    assert moved == [b"0", b"1", b"2", b"3", b"4", b"5"]
