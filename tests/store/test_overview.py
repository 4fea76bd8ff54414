"""What an overview reads of queues: numbers of many at once, and the claims in force."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from zaqar_core.core import claims, leases, messages, queues
from zaqar_core.core.session import Session
from zaqar_core.domain.errors import QueueNotFound
from zaqar_core.domain.model import Figures, NewMessage, QueueSettings
from zaqar_core.domain.names import QueueRef

Advance = Callable[[QueueRef, float], None]


def _claim(session: Session, ref: QueueRef, limit: int) -> str:
    claim = claims.create(session, ref, ttl_seconds=300, grace_seconds=60, limit=limit)
    assert claim is not None
    return claim.id


@pytest.mark.parametrize("suffix", ["", ".fifo"])
def test_figures_have_counts_the_oldest_message_and_all_that_were_ever_sent(
    session: Session, queue_name: str, advance: Advance, suffix: str
) -> None:
    ref = QueueRef("000000000000", "us-east-1", queue_name + suffix)
    queues.create(session, ref, QueueSettings(), creator="sqs")
    group = "g" if suffix else None
    for at in range(3):
        messages.send(session, ref, [NewMessage(b"x", group=group, dedup_id=str(at) if suffix else None)])
        advance(ref, 60)
    [taken] = leases.receive(session, ref, max_messages=1, wait_seconds=0)
    absent = ref.sibling("absent")
    found, missing = queues.figures(session, [ref, absent])
    assert missing is None
    assert isinstance(found, Figures)
    assert (found.counts.visible, found.counts.in_flight, found.counts.delayed) == (2, 1, 0)
    assert found.oldest_sent_ms == taken.sent_ms
    assert 180_000 <= found.now_ms - taken.sent_ms < 200_000
    assert found.ever_sent == 3
    assert found.queue.ref == ref


def test_figures_of_an_empty_queue_have_no_oldest_message(session: Session, queue: QueueRef) -> None:
    [found] = queues.figures(session, [queue])
    assert isinstance(found, Figures)
    assert (found.oldest_sent_ms, found.ever_sent) == (None, 0)


def test_a_queue_with_groups_has_figures(session: Session, queue: QueueRef) -> None:
    messages.send(session, queue, [NewMessage(b"x", group="g"), NewMessage(b"x")])
    session._grouped.clear()
    [found] = queues.figures(session, [queue])
    assert isinstance(found, Figures)
    assert found.counts.visible == 2
    assert found.oldest_sent_ms is not None


def test_claims_in_force_are_listed_by_their_ends(session: Session, queue: QueueRef, advance: Advance) -> None:
    messages.send(session, queue, [NewMessage(b"x") for _ in range(6)])
    first, second, third = (_claim(session, queue, limit) for limit in (1, 2, 3))
    claims.update(session, queue, first, ttl_seconds=600, grace_seconds=60)
    held = claims.get(session, queue, second).messages
    messages.delete_by_id(session, queue, held[0].id, claim_id=second)
    claims.release(session, queue, third)
    found = claims.in_force(session, queue, limit=10)
    assert [(one.id, one.held, one.ttl_seconds) for one in found] == [(second, 1, 300), (first, 1, 600)]
    assert [one.ends_ms - one.created_ms for one in found] == [300_000, 600_000]
    assert [one.id for one in claims.in_force(session, queue, limit=1)] == [second]
    advance(queue, 301)
    assert [one.id for one in claims.in_force(session, queue, limit=10)] == [first]


def test_claims_of_a_missing_queue_are_an_error(session: Session) -> None:
    with pytest.raises(QueueNotFound):
        claims.in_force(session, QueueRef("000000000000", "us-east-1", "absent"), limit=1)
