"""Receives of FIFO queues that are repeated under the id of an attempt."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest

from tests.patience import ENDLESS_POLL_SECONDS, PATIENCE_SECONDS, until
from tests.store.fifo import make, send, texts
from zaqar_core.core import claims, leases, messages, queues
from zaqar_core.core.process import Core
from zaqar_core.core.session import Session
from zaqar_core.domain.errors import ReceiveNotRetryable
from zaqar_core.domain.model import NewMessage, SettingsChange, StoredMessage
from zaqar_core.domain.names import QueueRef
from zaqar_core.store import keys

Advance = Callable[[QueueRef, float], None]
Act = Callable[[Session, QueueRef, StoredMessage], object]


@pytest.fixture
def fifo(session: Session) -> QueueRef:
    return make(session)


def attempt(
    session: Session, ref: QueueRef, name: str | None = "x", n: int = 10, seconds: int = 30
) -> list[StoredMessage]:
    return leases.receive(
        session, ref, max_messages=n, visibility_seconds=seconds, wait_seconds=0, attempt_id=name
    )  # fmt: skip


def delete(session: Session, ref: QueueRef, found: StoredMessage) -> None:
    assert found.receipt is not None
    assert leases.delete_received(session, ref, [found.receipt]) == [None]


def change(seconds: int) -> Act:
    def run(session: Session, ref: QueueRef, found: StoredMessage) -> None:
        assert found.receipt is not None
        assert leases.change_visibility(session, ref, [(found.receipt, seconds)]) == [None]

    return run


def delete_by_zaqar(session: Session, ref: QueueRef, found: StoredMessage) -> None:
    messages.delete_many(session, ref, [found.id])


def claim(session: Session, ref: QueueRef, found: StoredMessage) -> None:
    made = claims.create(session, ref, ttl_seconds=600, grace_seconds=600, limit=1)
    assert made is not None
    assert made.messages[0].id == found.id


def pop(session: Session, ref: QueueRef, found: StoredMessage) -> None:
    assert [one.id for one in messages.pop(session, ref, limit=1)] == [found.id]


def receive_by_another(session: Session, ref: QueueRef, found: StoredMessage) -> None:
    assert attempt(session, ref, "y", 1)[0].id == found.id


def must_be_refused(session: Session, ref: QueueRef) -> None:
    with pytest.raises(ReceiveNotRetryable) as caught:
        attempt(session, ref)
    assert caught.value.attempt_id == "x"


def test_a_repeated_attempt_returns_the_same_messages_under_the_same_receipts(
    session: Session, fifo: QueueRef, advance: Advance
) -> None:
    send(session, fifo, "a1", "a2", "b1")
    first = attempt(session, fifo, n=2)
    advance(fifo, 20)
    again = attempt(session, fifo, n=2)
    assert [(one.id, one.receipt, one.receive_count) for one in again] == [(one.id, one.receipt, 1) for one in first]
    assert texts(attempt(session, fifo, "y")) == ["b1"]
    advance(fifo, 20)  # past the first timeout, within the one that the repeat began
    delete(session, fifo, again[0])


@pytest.mark.parametrize("act", [delete, change(100), change(5), change(0), delete_by_zaqar])
def test_an_attempt_is_refused_after_one_of_its_messages_was_changed(
    session: Session, fifo: QueueRef, act: Act
) -> None:
    send(session, fifo, "a1", "b1")
    _, second = attempt(session, fifo)
    act(session, fifo, second)
    must_be_refused(session, fifo)
    must_be_refused(session, fifo)


def test_a_refused_attempt_changes_nothing(session: Session, fifo: QueueRef, advance: Advance) -> None:
    send(session, fifo, "a1", "b1", "c1")
    one, two = attempt(session, fifo, n=2)
    delete(session, fifo, two)
    advance(fifo, 20)
    must_be_refused(session, fifo)
    assert texts(attempt(session, fifo, "y")) == ["c1"]
    advance(fifo, 11)
    assert texts(attempt(session, fifo, None)) == [one.body.decode()]


@pytest.mark.parametrize("act", [receive_by_another, claim, pop])
def test_an_attempt_is_refused_after_one_of_its_messages_was_received_again(
    session: Session, fifo: QueueRef, advance: Advance, act: Act
) -> None:
    send(session, fifo, "a1", "b1")
    first, _ = attempt(session, fifo)
    advance(fifo, 31)
    act(session, fifo, first)
    must_be_refused(session, fifo)


def test_an_attempt_whose_message_is_held_longer_is_refused_after_its_own_timeout_too(
    session: Session, fifo: QueueRef, advance: Advance
) -> None:
    send(session, fifo, "a1", "b1")
    first, _ = attempt(session, fifo)
    change(100)(session, fifo, first)
    advance(fifo, 31)
    must_be_refused(session, fifo)


def test_an_attempt_is_refused_after_one_of_its_messages_expired(session: Session, advance: Advance) -> None:
    fifo = make(session, retention_seconds=60)
    send(session, fifo, "a1")
    advance(fifo, 40)
    send(session, fifo, "b1")
    assert texts(attempt(session, fifo, seconds=100)) == ["a1", "b1"]
    advance(fifo, 21)
    must_be_refused(session, fifo)


def test_after_its_timeout_an_attempt_is_a_receive_of_its_own(
    session: Session, fifo: QueueRef, advance: Advance
) -> None:
    send(session, fifo, "a1", "b1")
    first = attempt(session, fifo)
    advance(fifo, 31)
    again = attempt(session, fifo)
    assert [(one.id, one.receive_count) for one in again] == [(one.id, 2) for one in first]
    assert texts(attempt(session, fifo)) == ["a1", "b1"]  # the new receive is repeated


def test_an_attempt_that_found_nothing_after_its_timeout_is_forgotten(
    session: Session, fifo: QueueRef, advance: Advance
) -> None:
    dead = make(session)
    queues.change(session, fifo, SettingsChange(set={"dead_letter_queue": dead.name, "max_receive_count": 1}))
    send(session, fifo, "a1")
    assert texts(attempt(session, fifo)) == ["a1"]
    advance(fifo, 31)
    assert attempt(session, fifo) == []  # the message has gone to the dead-letter queue
    send(session, fifo, "a2")
    assert texts(attempt(session, fifo)) == ["a2"]


@pytest.mark.parametrize("is_deleted", [False, True])
def test_after_five_minutes_an_attempt_is_a_receive_of_its_own(
    session: Session, fifo: QueueRef, advance: Advance, is_deleted: bool
) -> None:
    send(session, fifo, "a1", "b1")
    [first] = attempt(session, fifo, n=1, seconds=3600)
    if is_deleted:
        delete(session, fifo, first)
    advance(fifo, 299.9)
    if is_deleted:
        must_be_refused(session, fifo)
    else:
        assert texts(attempt(session, fifo, seconds=3600)) == ["a1"]
    advance(fifo, 0.1)
    assert texts(attempt(session, fifo)) == ["b1"]


def test_a_timeout_of_zero_ends_an_attempt(session: Session, fifo: QueueRef) -> None:
    send(session, fifo, "a1", "b1")
    for count in (1, 2, 3):
        assert [(one.body, one.receive_count) for one in attempt(session, fifo, n=1, seconds=0)] == [
            (b"a1" if count != 2 else b"b1", 1 if count < 3 else 2)
        ]


def test_a_purge_forgets_attempts(session: Session, fifo: QueueRef) -> None:
    send(session, fifo, "a1")
    attempt(session, fifo)
    queues.purge_all(session, fifo)
    send(session, fifo, "a2")
    assert texts(attempt(session, fifo)) == ["a2"]


def test_an_attempt_on_a_standard_queue_is_an_ordinary_receive(session: Session, queue: QueueRef) -> None:
    messages.send(session, queue, [NewMessage(b"1"), NewMessage(b"2")])
    assert [texts(attempt(session, queue, n=1)) for _ in range(3)] == [["1"], ["2"], []]


@pytest.mark.usefixtures("only_wakeups")
def test_a_poll_that_is_refused_leaves_the_message_to_another_poll(
    core: Core, session: Session, fifo: QueueRef
) -> None:
    """Its wake-up must be passed on, or the other poll would wait until its end."""

    def poll(name: str | None) -> list[StoredMessage]:
        own = core.session()
        return leases.receive(own, fifo, max_messages=1, wait_seconds=ENDLESS_POLL_SECONDS, attempt_id=name)

    with ThreadPoolExecutor(2) as pool:
        asleep = core.waiters.asleep
        refused = pool.submit(poll, "x")
        until(lambda: core.waiters.asleep == asleep + 1, "the first poll sleeps")
        other = pool.submit(poll, None)
        until(lambda: core.waiters.asleep == asleep + 2, "the second poll sleeps")
        # An attempt of that name, now past, whose message is gone: as if it had been made and ended meanwhile.
        past = msgspec.msgpack.encode([4_000_000_000_000, "00" * 8, 4_000_000_000_000, 999])
        for bucket in range(4):
            name = keys.queue(fifo) + b":ra:%d" % bucket
            session.store.command("HSET", name, session.ids.key(b"x"), past)
        send(session, fifo, "a1")
        with pytest.raises(ReceiveNotRetryable):
            refused.result(PATIENCE_SECONDS)
        assert texts(other.result(PATIENCE_SECONDS)) == ["a1"]
    assert session.store.command("ZCARD", keys.queue(fifo) + b":w") == 0
