"""More leases end at once than one step of a function releases: messages behind them are found all the same."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest

from zaqar_core.core import claims, leases, messages, queues
from zaqar_core.core.session import Session
from zaqar_core.domain.model import NewMessage, QueueSettings
from zaqar_core.domain.names import QueueRef

Advance = Callable[[QueueRef, float], None]
#: One step gives back a hundred.
MANY = 250


@pytest.fixture(params=["plain", "fair", "fifo"])
def queue(session: Session, advance: Advance, request: pytest.FixtureRequest) -> QueueRef:
    """Many leases have ended whose messages are past the receive limit, and after them one whose message is not."""
    suffix = ".fifo" if request.param == "fifo" else ""
    ref = QueueRef("000000000000", "us-east-1", f"q-{uuid.uuid4().hex[:12]}{suffix}")
    settings = QueueSettings(dead_letter_queue=f"dead-{ref.name}", max_receive_count=2)
    queues.create(session, ref.sibling(f"dead-{ref.name}"), QueueSettings(), creator="sqs")
    queues.create(session, ref, settings, creator="sqs")
    new = [NewMessage(str(at).encode(), dedup_id=str(at) if suffix else None) for at in range(MANY + 1)]
    for message in new:
        message.group = None if request.param == "plain" else f"g{message.body.decode()}"
    messages.send(session, ref, new[:MANY])
    for seconds in (0, 1):
        for _ in range(MANY // 10):
            found = leases.receive(session, ref, max_messages=10, visibility_seconds=30 + seconds, wait_seconds=0)
            if not seconds:
                leases.change_visibility(session, ref, [(one.receipt, 2) for one in found if one.receipt])
        advance(ref, 3 - 3 * seconds)
    messages.send(session, ref, new[MANY:])
    assert len(leases.receive(session, ref, max_messages=10, visibility_seconds=40, wait_seconds=0)) == 1
    advance(ref, 60)
    return ref


def test_a_receive_finds_a_message_behind_many_due_ones(session: Session, queue: QueueRef) -> None:
    [found] = leases.receive(session, queue, max_messages=10, wait_seconds=0)
    assert (found.body, found.receive_count) == (str(MANY).encode(), 2)


def test_a_claim_finds_a_message_behind_many_due_ones(session: Session, queue: QueueRef) -> None:
    claim = claims.create(session, queue, ttl_seconds=60, grace_seconds=60, limit=10)
    assert claim is not None
    assert [message.body for message in claim.messages] == [str(MANY).encode()]


def test_a_pop_finds_a_message_behind_many_due_ones(session: Session, queue: QueueRef) -> None:
    assert [message.body for message in messages.pop(session, queue, limit=10)] == [str(MANY).encode()]
