"""The order of pushes: a connection gets the whole queue in order from every process."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from websockets.sync.client import connect

from tests.conftest import Service, serving
from tests.websocket.conftest import Client
from tests.websocket.test_subscriptions import post, subscribe
from zaqar_core.core import messages
from zaqar_core.core.session import Session
from zaqar_core.domain.model import NewMessage
from zaqar_core.domain.names import QueueRef

#: The old order was wrong in most rounds, not in all.
ROUNDS = 10


def test_a_post_is_pushed_in_its_order(session: Session, client: Client, queue_name: str) -> None:
    for turn in range(ROUNDS):
        subscribe(client, f"{queue_name}-{turn}")
        post(session, client, f"{queue_name}-{turn}", *(b"%d" % number for number in range(20)))
        assert [client.receive()["body"] for _ in range(20)] == list(range(20))


def test_all_posts_are_pushed_in_the_order_of_the_queue(session: Session, client: Client, queue_name: str) -> None:
    """Whether a message was sent alone or in a batch, by Zaqar or SQS."""
    ref = QueueRef(client.project, "us-east-1", queue_name)
    subscribe(client, queue_name)
    for first in range(0, 300, 30):
        post(session, client, queue_name, *(b"%d" % number for number in range(first, first + 10)))
        messages.send(session, ref, [NewMessage(b"%d" % number) for number in range(first + 10, first + 20)])
        for number in range(first + 20, first + 30):
            messages.send(session, ref, [NewMessage(b"%d" % number)])
    assert [int(client.receive()["body"]) for _ in range(300)] == list(range(300))


def test_many_connections_are_pushed_in_order(
    session: Session, sockets: Service, open_client: Callable[..., Client], queue_name: str
) -> None:
    clients = [open_client(project="p" * 20, is_binary=number % 2 == 0) for number in range(12)]
    for client in clients:
        subscribe(client, queue_name)
    for first in (0, 20):
        post(session, clients[0], queue_name, *(b"%d" % number for number in range(first, first + 20)))
    for client in clients:
        assert [client.receive()["body"] for _ in range(40)] == list(range(40))


@pytest.mark.slow
def test_other_processes_keep_the_order(
    store_url: str, session: Session, sockets: Service, client: Client, queue_name: str
) -> None:
    """They take turns with the process that holds the connection; one of them is killed in the middle."""
    settings = {"redis": store_url, "durability": "memory", "notification_timeout_seconds": "0.5"}
    with (
        serving(**settings) as first,
        serving(**settings),
        serving("websocket", **settings) as holder,
        connect(holder.url) as client.connection,
    ):
        subscribe(client, queue_name)
        for start in range(0, 400, 20):
            post(session, client, queue_name, *(b"%d" % number for number in range(start, start + 20)))
            if start == 200:
                first.process.kill()
        told: list[int] = []
        while len(set(told)) < 400:
            told.append(client.receive()["body"])
    assert list(dict.fromkeys(told)) == list(range(400))
