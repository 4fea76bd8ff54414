"""However messages go, nothing of them is left in the keys of their queue."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest

from tests.store import redrive
from tests.store.queue_kinds import queue_kinds
from zaqar_core.core import claims, leases, messages, queues
from zaqar_core.core.session import Session
from zaqar_core.domain.model import Claim, NewMessage
from zaqar_core.domain.names import QueueRef
from zaqar_core.store import keys

Advance = Callable[[QueueRef, float], None]
#: The keys of a queue in which a message may have an entry.
_HASHES, _SORTED_SETS = ("m", "s", "i"), ("a", "l", "d", "e", "b", "gm")
_TTL_SECONDS = 3600


def entries(session: Session, queue: QueueRef) -> dict[str, int]:
    """Return how many entries each key of the queue has, if any."""
    words = {"HLEN": _HASHES, "ZCARD": _SORTED_SETS}
    found = {
        suffix: session.store.command(word, keys.queue(queue) + f":{suffix}".encode())
        for word, suffixes in words.items()
        for suffix in suffixes
    }
    return {suffix: count for suffix, count in found.items() if count}


def by_receipt(session: Session, queue: QueueRef) -> None:
    found = leases.receive(session, queue, max_messages=10, wait_seconds=0)
    leases.delete_received(session, queue, [one.receipt for one in found if one.receipt])


def by_id(session: Session, queue: QueueRef) -> None:
    while claim := _claim(session, queue):
        for one in claim.messages:
            messages.delete_by_id(session, queue, one.id, claim_id=claim.id)


def by_ids(session: Session, queue: QueueRef) -> None:
    while claim := _claim(session, queue):
        messages.delete_many(session, queue, [one.id for one in claim.messages], claim_ids=[claim.id])


def by_pop(session: Session, queue: QueueRef) -> None:
    while messages.pop(session, queue, limit=10):
        pass


def by_purge(session: Session, queue: QueueRef) -> None:
    leases.receive(session, queue, max_messages=2, wait_seconds=0)
    queues.purge_all(session, queue)


def by_redrive(session: Session, queue: QueueRef) -> QueueRef:
    """Move all messages to a dead-letter queue, and return that."""
    dead = redrive.dead_letter_queue_of(session, queue)
    for _ in range(8):
        leases.receive(session, queue, max_messages=10, wait_seconds=0)
    return dead


def _claim(session: Session, queue: QueueRef) -> Claim | None:
    """Claim several messages. The grace extends the ends of those with a ttl of their own."""
    return claims.create(session, queue, ttl_seconds=300, grace_seconds=7200, limit=4)


@pytest.fixture(params=["plain", "fair", "fifo"])
def filled(request: pytest.FixtureRequest, session: Session) -> QueueRef:
    """A queue with messages of all sorts: with a ttl of their own, and received before."""
    queue, settings, group = queue_kinds(f"gone-{uuid.uuid4().hex[:8]}")[request.param]
    queues.create(session, queue, settings, creator="sqs")
    new = [NewMessage(b"%d" % number, group=group) for number in range(3)]
    messages.send(session, queue, new)
    own = [NewMessage(b"own %d" % number, group=group, ttl_seconds=_TTL_SECONDS) for number in range(3)]
    messages.post(session, queue, own, post_bytes=100)
    received = leases.receive(session, queue, max_messages=2, wait_seconds=0)
    leases.change_visibility(session, queue, [(one.receipt, 0) for one in received if one.receipt])
    return queue


@pytest.mark.parametrize("way", [by_receipt, by_id, by_ids, by_pop, by_purge, by_redrive])
def test_nothing_is_left(session: Session, filled: QueueRef, way: Callable[[Session, QueueRef], object]) -> None:
    assert entries(session, filled)["m"] == 6
    assert entries(session, filled)["e"] == 3
    way(session, filled)
    assert entries(session, filled) == {}


def test_nothing_is_left_of_messages_that_have_expired(session: Session, filled: QueueRef, advance: Advance) -> None:
    advance(filled, 5 * 86400)
    assert leases.receive(session, filled, max_messages=10, wait_seconds=0) == []
    assert entries(session, filled) == {}


def test_nothing_is_left_of_messages_that_came_from_another_queue(session: Session, filled: QueueRef) -> None:
    dead = by_redrive(session, filled)
    assert entries(session, dead)["b"] == 3  # the others end at their own time
    by_ids(session, dead)
    assert entries(session, dead) == {}
