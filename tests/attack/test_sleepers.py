"""Waiting receives notice messages that become due later, whatever another consumer does."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tests.patience import LONG_POLL_SECONDS, PATIENCE_SECONDS, until
from zaqar_core.core import leases, messages, queues
from zaqar_core.core.process import Core
from zaqar_core.core.session import Session
from zaqar_core.domain.model import NewMessage, QueueSettings, SettingsChange
from zaqar_core.domain.names import QueueRef
from zaqar_core.store.rechecks import RECHECK_SECONDS

#: A message that comes back after one second is given sooner after it was taken than a poll looks by itself.
PROMPT_SECONDS = RECHECK_SECONDS[0]


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


def asleep(
    core: Core, pool: ThreadPoolExecutor, queue: QueueRef, n: int, *, seconds: int = 60
) -> list[Future[tuple[float, int]]]:
    """Polls that sleep already, one message each; each tells when it was answered, and with how many messages.

    Their messages come back after ``seconds``.
    """
    before = core.waiters.asleep

    def run() -> tuple[float, int]:
        session = core.session()
        found = leases.receive(
            session, queue, max_messages=1, visibility_seconds=seconds, wait_seconds=LONG_POLL_SECONDS
        )
        return time.monotonic(), len(found)

    futures = [pool.submit(run) for _ in range(n)]
    until(lambda: core.waiters.asleep >= before + n, "all polls sleep")
    return futures


def assert_given(futures: list[Future[tuple[float, int]]], since: float) -> None:
    """Each poll has its message, in time."""
    answers = [future.result(PATIENCE_SECONDS) for future in futures]
    assert [(found, at - since < PROMPT_SECONDS) for at, found in answers] == [(1, True)] * len(futures)


def test_a_waiter_gets_a_message_that_another_waiter_released(
    core: Core, session: Session, queue: QueueRef, pool: ThreadPoolExecutor, kind: str
) -> None:
    """The first one is woken by the send; the second one by the end of the first one's lease."""
    [first] = asleep(core, pool, queue, 1, seconds=1)
    [second] = asleep(core, pool, queue, 1)
    messages.send(session, queue, [new(kind)])
    at, found = first.result(PATIENCE_SECONDS)
    assert found == 1
    assert_given([second], at)


def test_each_waiter_gets_one_of_the_messages_that_another_released(
    core: Core, session: Session, queue: QueueRef, pool: ThreadPoolExecutor, kind: str
) -> None:
    """Messages are received one by one, so their leases end one by one, and each poll returns at one of these
    times."""
    first = asleep(core, pool, queue, 4, seconds=1)
    others = asleep(core, pool, queue, 4)
    for _ in range(4):
        messages.send(session, queue, [new(kind)])
    ends = [future.result(PATIENCE_SECONDS) for future in first]
    assert [found for _, found in ends] == [1] * 4
    assert_given(others, max(at for at, _ in ends))


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
    since = time.monotonic()
    polls = asleep(core, pool, queue, 1)
    assert held.receipt is not None
    leases.delete_received(session, queue, [held.receipt])
    assert_given(polls, since)
