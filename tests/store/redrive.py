"""Steps of tests of move tasks: create dead letters, run a task, read the queues."""

from __future__ import annotations

import pytest

from zaqar_core.core import leases, messages, move_tasks, queues
from zaqar_core.core.session import Session
from zaqar_core.domain.model import MoveTask, NewMessage, QueueSettings, SettingsChange, StoredMessage
from zaqar_core.domain.names import QueueRef


def made(session: Session, ref: QueueRef) -> QueueRef:
    """Create the queue and return it."""
    queues.create(session, ref, QueueSettings(), creator="sqs")
    return ref


def dead_letter_queue_of(session: Session, queue: QueueRef) -> QueueRef:
    """Create the dead-letter queue of the queue. One receive is allowed, and its lease ends at once."""
    stem, dot, fifo = queue.name.partition(".")
    dead = made(session, queue.sibling(f"{stem}-dead{dot}{fifo}"))
    set_dead_letter_queue(session, queue, dead)
    return dead


def set_dead_letter_queue(session: Session, queue: QueueRef, dead: QueueRef) -> None:
    change: dict[str, int | str] = {
        "dead_letter_queue": dead.name,
        "max_receive_count": 1,
        "visibility_timeout_seconds": 0,
    }
    queues.change(session, queue, SettingsChange(set=change))


def create_dead_letters(session: Session, queue: QueueRef, *new: NewMessage) -> None:
    """Send the messages, receive each once, and let the next receive move them to the dead-letter queue."""
    messages.send(session, queue, new)
    while leases.receive(session, queue, max_messages=10, wait_seconds=0):
        continue
    leases.receive(session, queue, max_messages=10, wait_seconds=0)


def bodies(*texts: str) -> list[NewMessage]:
    return [NewMessage(text.encode()) for text in texts]


def run(session: Session, source: QueueRef, runner: str = "this") -> None:
    """Run steps of the task until none is due now."""
    for _ in range(1000):
        if move_tasks.step(session, source, runner) != 0:
            return
    pytest.fail("the task does not come to rest")


def move_all(session: Session, source: QueueRef, destination: QueueRef | None = None) -> MoveTask:
    move_tasks.start(session, source, destination=destination, messages_per_second=None)
    run(session, source)
    return newest(session, source)


def newest(session: Session, source: QueueRef) -> MoveTask:
    [task] = move_tasks.listed(session, source, limit=1)
    return task


def visible(session: Session, queue: QueueRef) -> int:
    return queues.get_with_counts(session, queue)[1].visible


def taken(session: Session, queue: QueueRef) -> list[StoredMessage]:
    return leases.receive(session, queue, max_messages=10, visibility_seconds=60, wait_seconds=0)


def looked_at(session: Session, queue: QueueRef) -> list[StoredMessage]:
    page = messages.list_page(
        session,
        queue,
        marker=None,
        limit=100,
        except_client_id=None,
        include_claimed=True,
        include_delayed=True,
    )
    return page.messages
