"""Move tasks: messages of a dead-letter queue move as new messages."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.store.redrive import (
    bodies,
    create_dead_letters,
    dead_letter_queue_of,
    looked_at,
    made,
    move_all,
    newest,
    run,
    set_dead_letter_queue,
    taken,
    visible,
)
from zaqar_core.core import leases, messages, move_tasks, queues
from zaqar_core.core.session import Session
from zaqar_core.domain.errors import MoveTaskNotFound, MoveTaskNotRunning, MoveTaskRunning, QueueNotFound
from zaqar_core.domain.model import Attribute, Counts, NewMessage, SettingsChange
from zaqar_core.domain.names import QueueRef

Advance = Callable[[QueueRef, float], None]


@pytest.fixture
def dead(session: Session, queue: QueueRef) -> QueueRef:
    return dead_letter_queue_of(session, queue)


def test_every_message_returns_to_its_source_queue(session: Session, queue: QueueRef, dead: QueueRef) -> None:
    other = made(session, queue.sibling(queue.name + "-other"))
    set_dead_letter_queue(session, other, dead)
    create_dead_letters(session, queue, *bodies("1", "2"))
    create_dead_letters(session, other, *bodies("3"))
    task = move_all(session, dead)
    assert (task.status, task.moved, task.to_move) == ("COMPLETED", 3, 3)
    assert [message.body for message in taken(session, queue)] == [b"1", b"2"]
    assert [message.body for message in taken(session, other)] == [b"3"]
    assert queues.get_with_counts(session, dead)[1] == Counts(0, 0, 0)


def test_all_messages_move_to_the_destination(session: Session, queue: QueueRef, dead: QueueRef) -> None:
    elsewhere = made(session, queue.sibling(queue.name + "-else"))
    create_dead_letters(session, queue, *bodies("1"))
    messages.send(session, dead, bodies("2"))
    task = move_all(session, dead, elsewhere)
    assert (task.destination, task.moved) == (elsewhere, 2)
    assert [message.body for message in taken(session, elsewhere)] == [b"1", b"2"]


def test_a_moved_message_is_a_new_one_with_the_old_content(
    session: Session, queue: QueueRef, dead: QueueRef, advance: Advance
) -> None:
    given = NewMessage(
        b'{"a":1}',
        "json",
        (Attribute("colour", "String", b"red"),),
        (Attribute("AWSTraceHeader", "String", b"Root=1"),),
        client_id=b"c" * 16,
        sender="me",
        group="g",
    )
    [sent] = messages.send(session, queue, [given])
    create_dead_letters(session, queue)
    advance(queue, 1000)
    move_all(session, dead)
    [found] = taken(session, queue)
    assert not isinstance(sent, Exception)
    assert found.id != sent.id
    assert messages.get_many(session, queue, [found.id])[0].body == given.body
    assert messages.get_many(session, queue, [sent.id]) == []
    assert (found.body, found.kind, found.attributes) == (given.body, given.kind, given.attributes)
    assert (found.system_attributes, found.client_id) == (given.system_attributes, given.client_id)
    assert (found.sender, found.group) == (given.sender, given.group)
    assert (found.receive_count, found.source_queue) == (1, None)
    assert found.now_ms - found.sent_ms < 900_000


def test_retention_begins_again(session: Session, queue: QueueRef, dead: QueueRef, advance: Advance) -> None:
    """Also for a message that had a ttl of its own: it follows the destination's retention now."""
    create_dead_letters(session, queue, NewMessage(b"1", ttl_seconds=300), NewMessage(b"2"))
    move_all(session, dead)
    advance(queue, 345_000)
    assert visible(session, queue) == 2
    advance(queue, 601)
    assert visible(session, queue) == 0


def test_a_moved_message_waits_for_the_delay_of_its_destination(
    session: Session, queue: QueueRef, dead: QueueRef, advance: Advance
) -> None:
    create_dead_letters(session, queue, *bodies("1"))
    queues.change(session, queue, SettingsChange(set={"delay_seconds": 30}))
    move_all(session, dead)
    assert queues.get_with_counts(session, queue)[1] == Counts(0, 0, 1)
    advance(queue, 31)
    assert [message.body for message in taken(session, queue)] == [b"1"]


def test_a_moved_message_can_become_a_dead_letter_again(session: Session, queue: QueueRef, dead: QueueRef) -> None:
    create_dead_letters(session, queue, *bodies("1"))
    move_all(session, dead)
    create_dead_letters(session, queue)
    [found] = taken(session, dead)
    assert (found.body, found.source_queue) == (b"1", queue)


def test_messages_in_flight_stay(session: Session, queue: QueueRef, dead: QueueRef, advance: Advance) -> None:
    create_dead_letters(session, queue, *bodies("1", "2"))
    [held] = leases.receive(session, dead, max_messages=1, wait_seconds=0)
    task = move_all(session, dead)
    assert (task.status, task.moved) == ("COMPLETED", 1)
    advance(dead, 31)
    assert [message.body for message in taken(session, dead)] == [held.body]


def test_messages_that_were_sent_after_the_start_stay(session: Session, queue: QueueRef, dead: QueueRef) -> None:
    """So a task between two queues that feed each other ends."""
    create_dead_letters(session, queue, *bodies("1"))
    move_tasks.start(session, dead, destination=queue, messages_per_second=None)
    messages.send(session, dead, bodies("2"))
    run(session, dead)
    assert (newest(session, dead).status, newest(session, dead).moved) == ("COMPLETED", 1)
    assert visible(session, dead) == 1


def test_a_message_without_a_source_fails_a_task_without_a_destination(
    session: Session, queue: QueueRef, dead: QueueRef
) -> None:
    create_dead_letters(session, queue, *bodies("1"))
    messages.send(session, dead, bodies("direct"))
    task = move_all(session, dead)
    assert (task.status, task.failure) == ("FAILED", "CouldNotDetermineMessageSource")
    assert (visible(session, queue), visible(session, dead)) == (1, 1)


@pytest.mark.parametrize("is_named", [True, False])
def test_a_deleted_destination_fails_the_task_and_the_rest_stays(
    session: Session, queue: QueueRef, dead: QueueRef, advance: Advance, is_named: bool
) -> None:
    create_dead_letters(session, queue, *bodies("1", "2", "3"))
    before = {message.id for message in looked_at(session, dead)}
    move_tasks.start(session, dead, destination=queue if is_named else None, messages_per_second=1)
    run(session, dead)
    queues.delete(session, queue)
    advance(dead, 1)
    run(session, dead)
    task = newest(session, dead)
    assert (task.status, task.failure) == ("FAILED", "AWS.SimpleQueueService.NonExistentQueue")
    assert task.moved == 1
    left = taken(session, dead)
    assert [(message.body, message.receive_count, message.source_queue) for message in left] == [
        (b"2", 2, queue),
        (b"3", 2, queue),
    ]
    assert {message.id for message in left} < before


def test_with_a_rate_of_one_the_first_message_moves_at_once_and_the_next_a_second_later(
    session: Session, queue: QueueRef, dead: QueueRef, advance: Advance
) -> None:
    create_dead_letters(session, queue, *bodies("1", "2", "3"))
    move_tasks.start(session, dead, destination=None, messages_per_second=1)
    moved = []
    for _ in range(3):
        run(session, dead)
        moved.append(newest(session, dead).moved)
        advance(dead, 1)
    assert moved == [1, 2, 3]
    assert newest(session, dead).status == "COMPLETED"


def test_a_pause_is_not_made_up_for(session: Session, queue: QueueRef, dead: QueueRef, advance: Advance) -> None:
    """Even after a pause no second has more moves than the rate allows."""
    create_dead_letters(session, queue, *bodies(*"123456"))
    move_tasks.start(session, dead, destination=None, messages_per_second=2)
    run(session, dead)
    advance(dead, 60)
    run(session, dead)
    assert newest(session, dead).moved == 2


def test_only_one_task_runs(session: Session, queue: QueueRef, dead: QueueRef) -> None:
    create_dead_letters(session, queue, *bodies("1", "2"))
    move_tasks.start(session, dead, destination=None, messages_per_second=1)
    with pytest.raises(MoveTaskRunning):
        move_tasks.start(session, dead, destination=None, messages_per_second=None)


def test_the_ten_newest_tasks_are_kept(session: Session, dead: QueueRef) -> None:
    started = []
    for _ in range(12):
        started.append(move_tasks.start(session, dead, destination=None, messages_per_second=None).id)
        run(session, dead)
    assert [task.id for task in move_tasks.listed(session, dead, limit=10)] == started[:1:-1]
    assert [task.id for task in move_tasks.listed(session, dead, limit=2)] == started[:-3:-1]


def test_a_cancelled_task_moves_nothing_more(
    session: Session, queue: QueueRef, dead: QueueRef, advance: Advance
) -> None:
    create_dead_letters(session, queue, *bodies("1", "2", "3"))
    task = move_tasks.start(session, dead, destination=None, messages_per_second=1)
    run(session, dead)
    assert move_tasks.cancel(session, dead, task.id) == 1
    assert newest(session, dead).status == "CANCELLED"
    advance(dead, 10)
    assert move_tasks.step(session, dead, "this") is None
    assert visible(session, dead) == 2
    move_all(session, dead)
    assert visible(session, dead) == 0


def test_an_ended_or_unknown_task_cannot_be_cancelled(session: Session, dead: QueueRef) -> None:
    with pytest.raises(MoveTaskNotFound):
        move_tasks.cancel(session, dead, "no such task")
    with pytest.raises(MoveTaskNotRunning):
        move_tasks.cancel(session, dead, move_all(session, dead).id)


def test_a_missing_source_has_no_tasks(session: Session, queue: QueueRef) -> None:
    missing = queue.sibling(queue.name + "-missing")
    with pytest.raises(QueueNotFound):
        move_tasks.start(session, missing, destination=None, messages_per_second=None)
    with pytest.raises(QueueNotFound):
        move_tasks.listed(session, missing, limit=1)
    with pytest.raises(QueueNotFound):
        move_tasks.cancel(session, missing, "x")
    assert move_tasks.step(session, missing, "this") is None


def test_tasks_end_with_their_queue(session: Session, queue: QueueRef, dead: QueueRef) -> None:
    create_dead_letters(session, queue, *bodies("1", "2"))
    move_tasks.start(session, dead, destination=None, messages_per_second=1)
    queues.delete(session, dead)
    made(session, dead)
    assert move_tasks.listed(session, dead, limit=10) == []
    assert move_tasks.step(session, dead, "this") is None
