"""Waiting receives notice messages that become due later, whatever another consumer does."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tests.patience import ENDLESS_POLL_SECONDS, PATIENCE_SECONDS, until
from zaqar_core.core import leases, messages, queues
from zaqar_core.core.process import Core
from zaqar_core.core.session import Session
from zaqar_core.domain.model import NewMessage, QueueSettings, SettingsChange
from zaqar_core.domain.names import QueueRef

pytestmark = pytest.mark.usefixtures("only_wakeups")


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(20) as pool:
        yield pool


@pytest.fixture(params=["plain", "fair", "fifo"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def queue(session: Session, kind: str) -> QueueRef:
    """A new queue of each kind."""
    name = f"q-{uuid.uuid4().hex[:12]}{'.fifo' if kind == 'fifo' else ''}"
    ref = QueueRef("000000000000", "us-east-1", name)
    queues.create(session, ref, QueueSettings(), creator="sqs")
    return ref


def new(kind: str, delay: int | None = None, group: str = "") -> NewMessage:
    own = uuid.uuid4().hex
    return NewMessage(
        own.encode(),
        group=None if kind == "plain" else group or own,
        dedup_id=own if kind == "fifo" else None,
        delay_seconds=delay,
    )


def asleep(core: Core, pool: ThreadPoolExecutor, queue: QueueRef, n: int, *, seconds: int = 60) -> list[Future[int]]:
    """Polls that sleep already, one message each; each tells how many it was given.

    Their messages come back after ``seconds``.
    """
    before = core.waiters.asleep

    def run() -> int:
        session = core.session()
        found = leases.receive(
            session, queue, max_messages=1, visibility_seconds=seconds, wait_seconds=ENDLESS_POLL_SECONDS
        )
        return len(found)

    futures = [pool.submit(run) for _ in range(n)]
    until(lambda: core.waiters.asleep >= before + n, "all polls sleep")
    return futures


def assert_given(futures: list[Future[int]]) -> None:
    """Each poll has its message, and has not waited until its end."""
    assert [future.result(PATIENCE_SECONDS) for future in futures] == [1] * len(futures)


def test_a_waiter_gets_a_message_that_another_waiter_released(
    core: Core, session: Session, queue: QueueRef, pool: ThreadPoolExecutor, kind: str
) -> None:
    """One is woken by the send, the other one by the end of its lease."""
    polls = asleep(core, pool, queue, 2, seconds=1)
    messages.send(session, queue, [new(kind)])
    assert_given(polls)


def test_each_waiter_gets_one_of_the_messages_that_another_released(
    core: Core, session: Session, queue: QueueRef, pool: ThreadPoolExecutor, kind: str
) -> None:
    """Messages are received one by one, so their leases end one by one, and each poll returns at one of these
    times."""
    polls = asleep(core, pool, queue, 8, seconds=1)
    for _ in range(4):
        messages.send(session, queue, [new(kind)])
    assert_given(polls)


def test_a_waiter_gets_a_delayed_message_whose_group_was_freed(
    core: Core, session: Session, pool: ThreadPoolExecutor
) -> None:
    """When the first message of the group is deleted, the delayed one is next: it is due before anything else."""
    queue = QueueRef("000000000000", "us-east-1", f"q-{uuid.uuid4().hex[:12]}.fifo")
    queues.create(session, queue, QueueSettings(), creator="sqs")
    messages.send(session, queue, [new("fifo", group="a")])
    [held] = leases.receive(session, queue, max_messages=1, visibility_seconds=60)
    queues.change(session, queue, SettingsChange(set={"delay_seconds": 1}))
    messages.send(session, queue, [new("fifo", group="a")])
    polls = asleep(core, pool, queue, 1)
    assert held.receipt is not None
    leases.delete_received(session, queue, [held.receipt])
    assert_given(polls)
