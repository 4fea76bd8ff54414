"""Dead-letter queues that have dead-letter queues of their own, and circles of them: every message can be received."""

from __future__ import annotations

import uuid

import pytest

from zaqar_core.core import leases, messages, queues
from zaqar_core.core.session import Session
from zaqar_core.domain.model import NewMessage, QueueSettings, SettingsChange
from zaqar_core.domain.names import QueueRef
from zaqar_core.store.statistics import STATISTICS


@pytest.fixture(params=["plain", "fair", "fifo"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def make(session: Session, kind: str) -> QueueRef:
    name = f"q-{uuid.uuid4().hex[:12]}{'.fifo' if kind == 'fifo' else ''}"
    ref = QueueRef("000000000000", "us-east-1", name)
    queues.create(session, ref, QueueSettings(visibility_timeout_seconds=0), creator="sqs")
    return ref


def set_dead_letter_queue(session: Session, queue: QueueRef, dead: QueueRef, limit: int) -> None:
    change = SettingsChange(set={"dead_letter_queue": dead.name, "max_receive_count": limit})
    queues.change(session, queue, change)


def send(session: Session, queue: QueueRef, kind: str) -> None:
    group = None if kind == "plain" else "g"
    messages.send(session, queue, [NewMessage(b"1", group=group, dedup_id=uuid.uuid4().hex if group else None)])


def counts(session: Session, queue: QueueRef, tries: int) -> list[int]:
    """Return the receive counts of the messages that the queue delivers in so many tries."""
    got = [leases.receive(session, queue, max_messages=10, wait_seconds=0) for _ in range(tries)]
    return [one.receive_count for found in got for one in found]


def test_each_queue_of_a_chain_delivers_a_message_as_often_as_its_limit_says(session: Session, kind: str) -> None:
    first, second, last = (make(session, kind) for _ in range(3))
    set_dead_letter_queue(session, first, second, 2)
    set_dead_letter_queue(session, second, last, 1)
    send(session, first, kind)
    assert counts(session, first, 3) == [1, 2]
    assert counts(session, second, 2) == [3]
    assert counts(session, last, 2) == [4, 5]


def test_two_queues_that_are_dead_letter_queues_of_each_other_deliver_the_message(session: Session, kind: str) -> None:
    one, other = make(session, kind), make(session, kind)
    set_dead_letter_queue(session, one, other, 1)
    set_dead_letter_queue(session, other, one, 1)
    send(session, one, kind)
    assert [counts(session, queue, 2) for queue in (one, other, one)] == [[1], [2], [3]]


def test_a_queue_that_is_its_own_dead_letter_queue_delivers_the_message_to_a_poll(session: Session, kind: str) -> None:
    """The poll does not search repeatedly for the message that it just moved."""
    queue = make(session, kind)
    set_dead_letter_queue(session, queue, queue, 1)
    send(session, queue, kind)
    assert counts(session, queue, 1) == [1]
    before = STATISTICS.round_trips
    [found] = leases.receive(session, queue, max_messages=10, wait_seconds=2)
    assert found.receive_count == 2
    assert STATISTICS.round_trips - before < 20
