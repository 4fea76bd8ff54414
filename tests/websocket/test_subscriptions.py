"""Subscriptions of other subscribers by their URI, and of the connection, which gets frames."""

from __future__ import annotations

import urllib.request
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest
from websockets.sync.client import connect

from tests import conftest
from tests.conftest import Service, serving
from tests.patience import PATIENCE_SECONDS, until
from tests.websocket.conftest import Client
from zaqar_core.core import messages
from zaqar_core.core.session import Session
from zaqar_core.domain.model import NewMessage
from zaqar_core.domain.names import QueueRef

OPEN = Callable[..., Client]


def subscribe(client: Client, queue: str, **fields: Any) -> str:
    """The id of the connection's own subscription."""
    status, body = client.call("subscription_create", queue_name=queue, **fields)
    assert status == 201, body
    assert body["message"] == f"Subscription {queue} created."
    return str(body["subscription_id"])


def post(session: Session, client: Client, queue: str, *bodies: bytes) -> None:
    """Post by another process."""
    ref = QueueRef(client.project, "us-east-1", queue)
    messages.post(session, ref, [NewMessage(body, "json", ttl_seconds=60) for body in bodies], post_bytes=0)


def test_a_connection_is_notified_of_new_messages(session: Session, client: Client, queue_name: str) -> None:
    subscribe(client, queue_name)
    post(session, client, queue_name, b'{"n":1}')
    assert client.receive() == {
        "body": {"n": 1},
        "ttl": 60,
        "Message_Type": "Notification",
        "queue_name": queue_name,
    }


def test_a_notification_of_an_own_message_follows_the_reply(client: Client, queue_name: str) -> None:
    subscribe(client, queue_name, ttl=600, options={"mine": 1})
    assert client.call("message_post", queue_name=queue_name, messages=[{"body": "ö"}])[0] == 201
    assert client.receive()["body"] == "ö"


def test_a_message_that_sqs_sent_is_pushed(session: Session, client: Client, queue_name: str) -> None:
    subscribe(client, queue_name)
    messages.send(session, QueueRef(client.project, "us-east-1", queue_name), [NewMessage(b"text")])
    assert client.receive()["body"] == "text"


def test_many_messages_all_arrive(session: Session, client: Client, queue_name: str) -> None:
    subscribe(client, queue_name)
    post(session, client, queue_name, *(b"%d" % number for number in range(200)))
    assert sorted(client.receive()["body"] for _ in range(200)) == list(range(200))


def test_a_fifo_queue_is_pushed_in_order(session: Session, client: Client, queue_name: str) -> None:
    name = f"{queue_name}.fifo"
    subscribe(client, name)
    post(session, client, name, *(b"%d" % number for number in range(30)))
    assert [client.receive()["body"] for _ in range(30)] == list(range(30))


def test_notifications_keep_the_encoding_of_the_subscription(
    session: Session, open_client: OPEN, queue_name: str
) -> None:
    client = open_client(is_binary=True)
    subscribe(client, queue_name)
    client.is_binary = False
    assert client.call("queue_list")[0] == 200
    post(session, client, queue_name, b"1")
    client.is_binary = True
    assert client.receive()["body"] == 1


def test_only_subscribed_connections_are_notified(session: Session, open_client: OPEN, queue_name: str) -> None:
    first, second, other = (open_client(project="p" * 20) for _ in range(3))
    for client in (first, second):
        subscribe(client, queue_name)
    post(session, first, queue_name, b"1")
    assert [client.receive()["body"] for client in (first, second)] == [1, 1]
    with pytest.raises(TimeoutError):
        other.receive(0.3)


def test_the_subscription_is_shown_and_confirmed(client: Client, queue_name: str) -> None:
    found = subscribe(client, queue_name, ttl=600)
    status, shown = client.call("subscription_get", queue_name=queue_name, subscription_id=found)
    assert (status, shown["id"], shown["source"], shown["ttl"], shown["confirmed"]) == (
        200, found, queue_name, 600, True,
    )  # fmt: skip
    status, page = client.call("subscription_list", queue_name=queue_name)
    assert (status, set(page), [one["id"] for one in page["subscriptions"]]) == (200, {"subscriptions"}, [found])


def test_a_second_subscription_of_the_connection_is_409(client: Client, queue_name: str) -> None:
    subscribe(client, queue_name)
    refused = client.call("subscription_create", queue_name=queue_name)
    assert refused == (409, f"Subscription {queue_name} not created.")
    subscribe(client, f"{queue_name}-other")


def test_subscribing_an_unconfirmed_subscriber_again_returns_its_subscription(client: Client, queue_name: str) -> None:
    named = {"queue_name": queue_name, "subscriber": "http://example.com/hook"}
    status, made = client.call("subscription_create", **named)
    assert (status, made["message"]) == (201, f"Subscription {queue_name} created.")
    assert client.call("subscription_create", **named) == (201, made)


def test_a_deleted_subscription_is_not_notified(session: Session, client: Client, queue_name: str) -> None:
    found = subscribe(client, queue_name)
    named = {"queue_name": queue_name, "subscription_id": found}
    assert client.call("subscription_delete", **named) == (204, f"Subscription {found} removed.")
    assert client.call("subscription_get", **named)[0] == 404
    post(session, client, queue_name, b"1")
    with pytest.raises(TimeoutError):
        client.receive(0.5)
    subscribe(client, queue_name)


def test_deleting_it_from_another_queue_changes_nothing(
    sockets: Service, session: Session, open_client: OPEN, queue_name: str
) -> None:
    watcher = open_client()
    with connect(sockets.url) as connection:
        client = Client(connection, False, watcher.project)
        found = subscribe(client, queue_name)
        assert client.call("subscription_delete", queue_name="another", subscription_id=found)[0] == 204
        post(session, client, queue_name, b"1")
        assert client.receive()["body"] == 1
    until(lambda: watcher.call("subscription_list", queue_name=queue_name)[1] == {"subscriptions": []}, "it is gone")


def test_an_ended_subscription_is_not_notified(
    session: Session, client: Client, queue_name: str, advance: Callable[[QueueRef, float], None]
) -> None:
    subscribe(client, queue_name, ttl=60)
    advance(QueueRef(client.project, "us-east-1", queue_name), 61)
    post(session, client, queue_name, b"1")
    with pytest.raises(TimeoutError):
        client.receive(0.5)


def test_the_subscription_ends_with_the_connection(sockets: Service, open_client: OPEN, queue_name: str) -> None:
    watcher = open_client()
    with connect(sockets.url) as connection:
        subscribe(Client(connection, False, watcher.project), queue_name)
        assert len(watcher.call("subscription_list", queue_name=queue_name)[1]["subscriptions"]) == 1
    until(lambda: watcher.call("subscription_list", queue_name=queue_name)[1] == {"subscriptions": []}, "it is gone")


def test_another_subscriber_is_subscribed_by_its_uri(client: Client, queue_name: str) -> None:
    uri = "http://subscriber.example/hook"
    status, made = client.call("subscription_create", queue_name=queue_name, subscriber=uri, ttl=60)
    assert status == 201
    again = client.call("subscription_create", queue_name=queue_name, subscriber=uri)
    assert again[1]["subscription_id"] == made["subscription_id"]
    _, page = client.call("subscription_list", queue_name=queue_name, limit=1)
    assert page["subscriptions"][0]["subscriber"] == uri


@pytest.mark.parametrize(
    "fields",
    [
        {"ttl": 59}, {"ttl": "60"}, {"options": []}, {"subscriber": 1}, {"subscriber": ""}, {"subscriber": []},
        {"subscriber": "ftp://x"}, {"subscriber": "websocket:0123456789abcdef/1"}, {"subscriber": "websocket:x"},
    ],
)  # fmt: skip
def test_wrong_subscriptions_are_refused(client: Client, queue_name: str, fields: dict[str, Any]) -> None:
    assert client.call("subscription_create", queue_name=queue_name, **fields)[0] == 400
    assert client.call("subscription_list", queue_name=queue_name) == (200, {"subscriptions": []})


def test_a_connection_needs_no_confirmation(store_url: str, session: Session, queue_name: str) -> None:
    settings = {"require_confirmation": "true", "signed_url_key": "secret"}
    with (
        serving("websocket", redis=store_url, durability="memory", **settings) as service,
        connect(service.url) as connection,
    ):
        client = Client(connection, False)
        subscribe(client, queue_name)
        post(session, client, queue_name, b"1")
        assert client.receive()["body"] == 1


def test_a_message_posted_to_another_process_is_pushed(store_url: str, sockets: Service, queue_name: str) -> None:
    settings = {"redis": store_url, "durability": "memory"}
    with serving(**settings) as http, connect(sockets.url) as connection:
        client = Client(connection, True)
        subscribe(client, queue_name)
        request = urllib.request.Request(
            f"{http.url}/v2/queues/{queue_name}/messages",
            data=b'{"messages":[{"body":{"over":"http"},"ttl":60}]}',
            headers={
                "Client-ID": str(uuid.uuid4()),
                "X-Project-Id": client.project,
                "Content-Type": "application/json",
            },
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert answer.status == 201
        assert client.receive()["body"] == {"over": "http"}


@pytest.mark.skipif(conftest.STORE == "cluster", reason="a node of a cluster does not know who listens elsewhere")
def test_subscriptions_of_a_killed_process_end_with_the_next_message(
    store_url: str, session: Session, open_client: OPEN, queue_name: str
) -> None:
    watcher = open_client()
    with ExitStack() as stack:
        service = stack.enter_context(serving("websocket", redis=store_url, durability="memory"))
        client = Client(stack.enter_context(connect(service.url)), False, watcher.project)
        subscribe(client, queue_name)
        service.process.kill()
        service.process.wait(PATIENCE_SECONDS)
        post(session, watcher, queue_name, b"1")
        until(lambda: watcher.call("subscription_list", queue_name=queue_name)[1] == {"subscriptions": []}, "it ends")


def test_a_stop_deletes_the_subscriptions(store_url: str, open_client: OPEN, queue_name: str) -> None:
    watcher = open_client()
    with serving("websocket", redis=store_url, durability="memory") as service, connect(service.url) as connection:
        subscribe(Client(connection, False, watcher.project), queue_name)
        service.process.terminate()
        assert service.process.wait(PATIENCE_SECONDS) == 0
    assert watcher.call("subscription_list", queue_name=queue_name) == (200, {"subscriptions": []})


def test_a_client_that_does_not_keep_up_is_disconnected(
    session: Session, sockets: Service, open_client: OPEN, queue_name: str
) -> None:
    """It does not read while more notifications arrive than may wait."""
    watcher = open_client()
    with connect(sockets.url, max_queue=1, close_timeout=0.1) as connection:
        client = Client(connection, False, watcher.project)
        subscribe(client, queue_name)
        for _ in range(20):
            post(session, client, queue_name, *(b'"' + b"x" * 100_000 + b'"' for _ in range(10)))
        until(lambda: watcher.call("subscription_list", queue_name=queue_name)[1] == {"subscriptions": []}, "it ends")
