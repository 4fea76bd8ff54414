"""Long polls: every event that makes a message visible wakes them, and they hold no slot."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tests.patience import ENDLESS_POLL_SECONDS, PATIENCE_SECONDS, until
from zaqar_core.core import claims, leases, messages, queues
from zaqar_core.core.process import Core
from zaqar_core.core.session import Session
from zaqar_core.domain.errors import AccessDenied, QueueNotFound
from zaqar_core.domain.model import NewMessage, StoredMessage
from zaqar_core.domain.names import QueueRef
from zaqar_core.store import keys

pytestmark = pytest.mark.usefixtures("only_wakeups")


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(40) as pool:
        yield pool


def poll(core: Core, pool: ThreadPoolExecutor, queue: QueueRef) -> Future[list[StoredMessage]]:
    """Start a receive; it waits when this returns."""
    before = core.waiters.asleep

    def run() -> list[StoredMessage]:
        session = core.session()
        return leases.receive(session, queue, max_messages=1, wait_seconds=ENDLESS_POLL_SECONDS)

    future = pool.submit(run)
    until(lambda: core.waiters.asleep > before, "the receive sleeps")
    return future


@pytest.mark.parametrize("other_process", [False, True])
def test_a_send_wakes_a_poll(
    core: Core, session: Session, queue: QueueRef, pool: ThreadPoolExecutor, other_process: bool
) -> None:
    future = poll(core, pool, queue)
    if other_process:
        other = Core(core.settings, core.settings.redis or "")
        theirs = other.session()
        messages.send(theirs, queue, [NewMessage(b"1")])
        other.close()
    else:
        messages.send(session, queue, [NewMessage(b"1")])
    assert [m.body for m in future.result(PATIENCE_SECONDS)] == [b"1"]


def test_a_poll_that_begins_after_others_have_ended_is_woken(
    core: Core, session: Session, queue: QueueRef, pool: ThreadPoolExecutor
) -> None:
    """The sends between them have found no waiter, and have noted that in the queue."""
    for _ in range(2):
        future = poll(core, pool, queue)
        for body in (b"1", b"2"):
            messages.send(session, queue, [NewMessage(body)])
        assert [message.body for message in future.result(PATIENCE_SECONDS)] == [b"1"]
        assert len(leases.receive(session, queue, max_messages=1, wait_seconds=0)) == 1


def test_polls_hold_no_slot(core: Core, session: Session, queue: QueueRef, pool: ThreadPoolExecutor) -> None:
    futures = [poll(core, pool, queue) for _ in range(30)]
    messages.send(session, queue, [NewMessage(b"x") for _ in range(30)])
    assert all(len(future.result(PATIENCE_SECONDS)) == 1 for future in futures)


def _give_back(session: Session, queue: QueueRef, held: StoredMessage) -> None:
    assert held.receipt is not None
    leases.change_visibility(session, queue, [(held.receipt, 0)])


def _shorten(session: Session, queue: QueueRef, held: StoredMessage) -> None:
    assert held.receipt is not None
    leases.change_visibility(session, queue, [(held.receipt, 1)])


@pytest.mark.parametrize("act", [_give_back, _shorten])
def test_a_released_message_wakes_a_poll(
    core: Core,
    session: Session,
    queue: QueueRef,
    pool: ThreadPoolExecutor,
    act: Callable[[Session, QueueRef, StoredMessage], None],
) -> None:
    messages.send(session, queue, [NewMessage(b"1")])
    [held] = leases.receive(session, queue, max_messages=1)
    future = poll(core, pool, queue)
    act(session, queue, held)
    assert len(future.result(PATIENCE_SECONDS)) == 1


def test_a_released_claim_wakes_a_poll(core: Core, session: Session, queue: QueueRef, pool: ThreadPoolExecutor) -> None:
    messages.send(session, queue, [NewMessage(b"1")])
    held = claims.create(session, queue, ttl_seconds=60, grace_seconds=60, limit=1)
    assert held is not None
    future = poll(core, pool, queue)
    claims.release(session, queue, held.id)
    assert len(future.result(PATIENCE_SECONDS)) == 1


def test_a_delay_that_ends_wakes_a_poll(
    core: Core, session: Session, queue: QueueRef, pool: ThreadPoolExecutor
) -> None:
    future = poll(core, pool, queue)
    messages.send(session, queue, [NewMessage(b"1", delay_seconds=1)])
    assert len(future.result(PATIENCE_SECONDS)) == 1


def test_a_deleted_queue_releases_its_polls(
    core: Core, session: Session, queue: QueueRef, pool: ThreadPoolExecutor
) -> None:
    future = poll(core, pool, queue)
    queues.delete(session, queue)
    with pytest.raises(QueueNotFound):
        future.result(PATIENCE_SECONDS)


def test_a_poll_ends_without_messages_after_its_wait(session: Session, queue: QueueRef) -> None:
    began = time.monotonic()
    assert leases.receive(session, queue, max_messages=1, wait_seconds=1) == []
    assert time.monotonic() - began > 0.95


def test_release_all_ends_every_poll(core: Core, session: Session, queue: QueueRef) -> None:
    other = Core(core.settings, core.settings.redis or "")
    found: list[list[StoredMessage]] = []

    def run() -> None:
        theirs = other.session()
        found.append(leases.receive(theirs, queue, max_messages=1, wait_seconds=ENDLESS_POLL_SECONDS))

    thread = threading.Thread(target=run)
    thread.start()
    until(lambda: other.waiters.asleep, "the receive sleeps")
    other.waiters.release_all()
    thread.join(PATIENCE_SECONDS)
    assert found == [[]]
    other.close()


class _Denies:
    """The guard of a request that the queue's present policy denies."""

    is_confirmed = False

    def __init__(self, ref: QueueRef) -> None:
        self.ref, self.policy = ref, keys.policy(ref, "0" * 40)

    def decide_again(self, policy_hash: str, document: str) -> None:
        raise AccessDenied("caller", "sqs:receivemessage", "queue", policy_hash + document)

    def decision(self) -> str:
        return ""


def test_a_receive_that_is_denied_at_its_first_call_takes_no_message(session: Session, queue: QueueRef) -> None:
    messages.send(session, queue, [NewMessage(b"x")])
    session.guards = [_Denies(queue)]
    with pytest.raises(AccessDenied):
        leases.receive(session, queue, max_messages=1, wait_seconds=20)
    session.guards = None
    [message] = leases.receive(session, queue, max_messages=1, wait_seconds=0)
    assert message.receive_count == 1
