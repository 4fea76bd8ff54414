"""The shortest way of receives and claims writes and notices what the general one does."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from zaqar_core.core import claims, leases, messages
from zaqar_core.core.session import Session
from zaqar_core.domain.model import NewMessage, StoredMessage
from zaqar_core.domain.names import QueueRef
from zaqar_core.store import keys, records


def put(session: Session, queue: QueueRef, *bodies: bytes, **how: Any) -> None:
    messages.send(session, queue, [NewMessage(body, **how) for body in bodies])


def take(session: Session, queue: QueueRef, most: int, **how: Any) -> list[StoredMessage]:
    return leases.receive(session, queue, max_messages=most, wait_seconds=0, **how)


def bodies(found: list[StoredMessage]) -> list[bytes]:
    return [message.body for message in found]


def key(queue: QueueRef, part: str) -> bytes:
    return keys.queue(queue) + part.encode()


def states(session: Session, queue: QueueRef) -> list[bytes]:
    """The states of all messages as stored, by seq."""
    found = session.store.command("HGETALL", key(queue, ":s"))
    return [state for _, state in sorted(zip(map(int, found[::2]), found[1::2], strict=True))]


def begin(session: Session, queue: QueueRef) -> None:
    """Receive twice: then the function has saved the time of this second, and knows the number in flight."""
    put(session, queue, b"first", b"second")
    take(session, queue, 1, visibility_seconds=600)
    take(session, queue, 1, visibility_seconds=600)


@pytest.mark.parametrize("most", [1, 2, 10])
@pytest.mark.parametrize("kind", ["text", "json"])
def test_the_state_of_a_first_receive_is_its_messagepack(
    session: Session, queue: QueueRef, most: int, kind: Any
) -> None:
    begin(session, queue)
    put(session, queue, b"1", b"2", kind=kind)
    found = take(session, queue, most)
    flags = records.JSON if kind == "json" else 0
    for message, packed in zip(found, states(session, queue)[2:], strict=True):
        assert message.receipt is not None
        receipt = message.receipt
        state = [receipt.nonce.hex(), 1, receipt.received_ms, "", 0, flags]
        assert packed == msgspec.msgpack.encode(state)


@pytest.mark.parametrize("limit", [1, 3])
def test_the_state_of_a_first_claim_is_its_messagepack(session: Session, queue: QueueRef, limit: int) -> None:
    messages.post(session, queue, [NewMessage(b"1"), NewMessage(b"2")], post_bytes=2)
    claim = claims.create(session, queue, ttl_seconds=60, grace_seconds=60, limit=limit)
    assert claim is not None
    for packed in states(session, queue):
        nonce, count, first_ms, claim_id, ttl, flags = msgspec.msgpack.decode(packed)
        assert (count, claim_id, ttl, flags) == (1, claim.id.replace("-", ""), 0, records.OWN_TTL)
        assert packed == msgspec.msgpack.encode([nonce, 1, first_ms, claim_id, 0, flags])


@pytest.mark.parametrize("most", [1, 10])
def test_a_message_received_before_is_counted_on_beside_new_ones(session: Session, queue: QueueRef, most: int) -> None:
    begin(session, queue)
    put(session, queue, b"again")
    take(session, queue, 1, visibility_seconds=0)
    put(session, queue, b"new")
    found = [*take(session, queue, most), *take(session, queue, most)]
    assert [(message.body, message.receive_count) for message in found] == [(b"again", 2), (b"new", 1)]


@pytest.mark.parametrize("most", [1, 10])
def test_new_messages_behind_an_expired_one_are_received(
    session: Session, queue: QueueRef, advance: Any, most: int
) -> None:
    begin(session, queue)
    put(session, queue, b"old")
    advance(queue, 345_600 - 1)
    put(session, queue, b"new")
    advance(queue, 2)
    assert bodies(take(session, queue, most)) == [b"new"]


def test_a_claim_that_ends_after_the_message_extends_its_expiry(
    session: Session, queue: QueueRef, advance: Any
) -> None:
    messages.post(session, queue, [NewMessage(b"1", ttl_seconds=100), NewMessage(b"2")], post_bytes=2)
    claim = claims.create(session, queue, ttl_seconds=90, grace_seconds=60, limit=1)
    later = claims.create(session, queue, ttl_seconds=90, grace_seconds=60, limit=1)
    assert claim is not None
    assert later is not None
    advance(queue, 20)
    claims.update(session, queue, claim.id, ttl_seconds=90, grace_seconds=60)
    advance(queue, 85)
    assert bodies(claims.get(session, queue, claim.id).messages) == [b"1"]


def lease_of_another_release(session: Session, queue: QueueRef, seq: int) -> None:
    """Let the lease of a message end now, as a function of another release does, which writes the field ``due``."""
    now_ms = int(session.store.command("HGET", keys.queue(queue), "now"))
    session.store.command("ZADD", key(queue, ":l"), now_ms, seq)
    session.store.command("HSET", keys.queue(queue), "due", now_ms)


def test_what_another_release_made_due_is_noticed_before_nothing_is_found(session: Session, queue: QueueRef) -> None:
    begin(session, queue)
    lease_of_another_release(session, queue, 1)
    assert bodies(take(session, queue, 1)) == [b"first"]


def test_what_another_release_made_due_stays_due_behind_a_later_lease(session: Session, queue: QueueRef) -> None:
    begin(session, queue)
    put(session, queue, b"1")
    session.store.command("HSET", keys.queue(queue), "due", 1)
    take(session, queue, 1, visibility_seconds=30)
    assert int(session.store.command("HGET", keys.queue(queue), "due")) == 1
