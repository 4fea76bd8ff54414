"""A server that refuses all writes, because of its disk or its replicas, still answers what writes nothing at all."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.private_valkey import PrivateValkey
from tests.store.private_server import core_on_server, private_server
from zaqar_core.core import claims, dead_letters, messages, move_tasks, queue_gauges, queues, subscriptions
from zaqar_core.core.session import Session
from zaqar_core.domain.errors import StoreUnfit
from zaqar_core.domain.model import NewMessage
from zaqar_core.domain.names import QueueRef

server = pytest.fixture(scope="module")(private_server)
core = pytest.fixture(scope="module")(core_on_server)


def test_a_server_that_refuses_writes_answers_reads(server: PrivateValkey, session: Session, queue: QueueRef) -> None:
    messages.send(session, queue, [NewMessage(b"1")])
    claim = claims.create(session, queue, ttl_seconds=60, grace_seconds=60, limit=1)
    assert claim
    subscribed = subscriptions.create(session, queue, subscriber="http://a.invalid/", options=b"{}", ttl_seconds=60)
    with server.client() as client:
        client.config_set("min-replicas-to-write", 1)
        with pytest.raises(StoreUnfit, match="min-replicas-to-write"):
            messages.send(session, queue, [NewMessage(b"2")])
        reads: list[tuple[Callable[[], object], object]] = [
            (lambda: queues.get(session, queue).ref, queue),
            (lambda: [one and one.in_flight for one in queue_gauges.read(session, [queue])], [1]),
            (lambda: messages.get_many(session, queue, [claim.messages[0].id])[0].body, b"1"),
            (lambda: len(claims.in_force(session, queue, limit=9)), 1),
            (lambda: subscriptions.list_page(session, queue, after="", limit=9)[0].id, subscribed.id),
            (lambda: subscriptions.get(session, queue, subscribed.id).id, subscribed.id),
            (lambda: move_tasks.listed(session, queue, limit=9), []),
            (lambda: list(dead_letters.sources(session, queue)), []),
        ]
        assert [read() for read, _ in reads] == [found for _, found in reads]
        client.config_set("min-replicas-to-write", 0)
    session.store.inspect()
