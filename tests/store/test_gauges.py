"""What monitoring reads of a queue is what its counts say, and reading it changes nothing in the store."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import redis

from tests.store.queue_kinds import queue_kinds
from zaqar_core.core import claims, leases, messages, queue_gauges, queues, samples
from zaqar_core.core.known_queues import KnownQueues
from zaqar_core.core.queue_gauges import GAUGES
from zaqar_core.core.session import Session
from zaqar_core.domain.model import NewMessage, SettingsChange
from zaqar_core.domain.names import QueueRef

Advance = Callable[[QueueRef, float], None]


@pytest.mark.parametrize("kind", queue_kinds(""))
def test_gauges_are_the_counts_while_nothing_has_been_processed(
    session: Session, queue_name: str, advance: Advance, kind: str
) -> None:
    ref, settings, group = queue_kinds(queue_name)[kind]
    queues.create(session, ref, settings, creator="sqs")
    queues.change(session, ref, SettingsChange(set={"retention_seconds": 100}))
    known = KnownQueues(GAUGES)

    def check() -> queue_gauges.Gauges:
        [found], [again] = queue_gauges.read(session, [ref]), known.read(session, [ref])
        assert found is not None
        assert again is not None
        _, counts = queues.get_with_counts(session, ref)
        assert (found.visible, found.in_flight, found.delayed) == (counts.visible, counts.in_flight, counts.delayed)
        assert (again.visible, again.in_flight, again.delayed) == (counts.visible, counts.in_flight, counts.delayed)
        [sampled] = samples.read(session, [ref])
        assert sampled is not None
        age_seconds = sampled._now.oldest_age_seconds(sampled._now_ms)
        assert abs(found.oldest_age_ms / 1000 - age_seconds) <= 2, "the metrics of CloudWatch say the same"
        return found

    check()
    for number in range(6):
        delay = 30 if number == 5 and not ref.is_fifo else None
        new = NewMessage(str(number).encode(), delay_seconds=delay, group=group)
        messages.send(session, ref, [new])
        check()
    advance(ref, 11)
    assert check().oldest_age_ms >= 11_000
    assert leases.receive(session, ref, max_messages=2, visibility_seconds=5)
    assert check().in_flight == 2
    advance(ref, 6)
    assert check().in_flight == 0
    claims.create(session, ref, ttl_seconds=60, grace_seconds=60, limit=1)
    advance(ref, 20)
    assert check().delayed == 0
    advance(ref, 70)
    check()
    advance(ref, 100)
    assert check().visible == 0


def test_reading_gauges_writes_nothing(session: Session, store_url: str, queue: QueueRef, advance: Advance) -> None:
    messages.send(session, queue, [NewMessage(b"a"), NewMessage(b"b", delay_seconds=5), NewMessage(b"c")])
    leases.receive(session, queue, max_messages=1, visibility_seconds=5)
    advance(queue, 10)
    if session.store.is_cluster:
        pytest.skip("a cluster has several servers")
    server = redis.Redis.from_url(store_url)
    before = server.info("persistence")["rdb_changes_since_last_save"]
    queue_gauges.read(session, [queue])
    KnownQueues(GAUGES).read(session, [queue])
    after = server.info("persistence")["rdb_changes_since_last_save"]
    server.close()
    assert before == after
