"""Webhooks with a real server."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.notifications.conftest import Subscriber, new_queue, subscribe, texts
from tests.patience import sooner_than, until
from zaqar_core.core import claims, messages, queues
from zaqar_core.core.process import Core
from zaqar_core.core.session import Session
from zaqar_core.domain.model import Attribute, NewMessage, SettingsChange
from zaqar_core.domain.names import QueueRef
from zaqar_core.notifications.notifier import LIST_QUEUES_SECONDS
from zaqar_core.store import keys


def test_a_subscriber_is_notified_of_a_post(session: Session, queue: QueueRef, subscriber: Subscriber) -> None:
    """One request for each message, with the members as they were posted."""
    subscribe(session, queue, subscriber.url("/hook?a=b"))
    posted = [NewMessage(b'{"n":1}', "json", ttl_seconds=600), NewMessage("é".encode(), "text")]
    messages.post(session, queue, posted, post_bytes=10)
    until(lambda: len(subscriber.seen) == 2, "both notifications")
    by_ttl = sorted(subscriber.seen, key=lambda seen: int(seen.json["ttl"]))
    assert [seen.json for seen in by_ttl] == [
        {"body": {"n": 1}, "ttl": 600, "Message_Type": "Notification", "queue_name": queue.name},
        {"body": "é", "ttl": 3600, "Message_Type": "Notification", "queue_name": queue.name},
    ]
    first = by_ttl[0]
    assert (first.path, first.headers["Content-Type"]) == ("/hook?a=b", "application/json")


def test_a_subscriber_is_notified_of_a_message_that_sqs_sent(
    session: Session, queue: QueueRef, subscriber: Subscriber
) -> None:
    """Its text is a JSON string, its ttl what the queue's retention is; attributes are SQS's own."""
    subscribe(session, queue, subscriber.url())
    sent = NewMessage(b'{"looks": "like JSON"}', attributes=(Attribute("a", "String", b"v"),), delay_seconds=5)
    messages.send(session, queue, [sent])
    until(lambda: subscriber.seen, "the notification")
    assert subscriber.seen[0].json == {
        "body": '{"looks": "like JSON"}',
        "ttl": 3600,
        "delay": 5,
        "Message_Type": "Notification",
        "queue_name": queue.name,
    }


def test_the_first_try_follows_within_moments(session: Session, queue: QueueRef, subscriber: Subscriber) -> None:
    subscribe(session, queue, subscriber.url())
    with sooner_than(10 * LIST_QUEUES_SECONDS[0], "ten looks for messages"):
        for number in range(10):
            messages.send(session, queue, texts(str(number)))
            until(lambda: len(subscriber.seen) > number, "a notification")  # noqa: B023


def test_the_first_try_is_prompt_when_another_process_sent(
    session: Session, queue: QueueRef, subscriber: Subscriber, processes: Callable[..., Core]
) -> None:
    """The sender's process has no notifier; the notifier of the other process is woken."""
    subscribe(session, queue, subscriber.url())
    time.sleep(0.1)
    elsewhere = processes(delivers=False).session()
    with sooner_than(10 * LIST_QUEUES_SECONDS[0], "ten looks for messages"):
        for number in range(10):
            messages.send(elsewhere, queue, texts(str(number)))
            until(lambda: len(subscriber.seen) > number, "a notification")  # noqa: B023


def test_headers_and_template_of_the_subscription_are_used(
    session: Session, queue: QueueRef, subscriber: Subscriber
) -> None:
    subscribe(
        session,
        queue,
        subscriber.url().replace("//", "//user:p%40ss@"),
        post_headers={"X-Key": "k", "content-type": "application/x-mine"},
        post_data='{"id": 7, "message": "$zaqar_message$"}',
    )
    messages.send(session, queue, texts("x"))
    until(lambda: subscriber.seen, "a notification")
    [seen] = subscriber.seen
    assert (seen.headers["X-Key"], seen.headers["content-type"]) == ("k", "application/x-mine")
    assert seen.headers["Authorization"] == "Basic dXNlcjpwQHNz"
    assert [name.lower() for name in seen.headers].count("content-type") == 1
    message = {"body": "x", "ttl": 3600, "Message_Type": "Notification", "queue_name": queue.name}
    assert seen.json == {"id": 7, "message": message}


def test_headers_of_the_connection_that_are_stored_are_not_sent(
    session: Session, queue: QueueRef, subscriber: Subscriber
) -> None:
    """They were accepted before; so were names and values that HTTP does not allow."""
    kept = {
        "Host": "evil.example",
        "connection": "x",
        "Keep-Alive": "x",
        "Content-Length": "1",
        "a b": "c",
        "X": "a\r\nY: b",
    }
    subscribe(session, queue, subscriber.url(), post_headers={"X-Key": "k", **kept})
    messages.send(session, queue, texts("x"))
    until(lambda: subscriber.seen, "a notification")
    [seen] = subscriber.seen
    headers = {name.lower(): value for name, value in seen.headers.items()}
    assert (headers["host"], headers["x-key"]) == (f"127.0.0.1:{subscriber.port}", "k")
    assert headers["content-length"] == str(len(seen.body))
    assert headers.keys().isdisjoint(("connection", "keep-alive", "x", "y", "a b"))


def test_every_subscription_is_notified(
    session: Session, queue: QueueRef, subscriber: Subscriber, other: Subscriber
) -> None:
    for path in ("/a", "/b"):
        subscribe(session, queue, subscriber.url(path))
    subscribe(session, queue, other.url())
    messages.send(session, queue, texts(*"0123456789"))
    until(lambda: len(subscriber.seen) == 20 and len(other.seen) == 10, "all notifications")
    assert sorted(subscriber.bodies) == sorted(2 * "0123456789")
    assert sorted(other.bodies) == sorted("0123456789")


def test_a_deleted_message_is_delivered_too(session: Session, queue: QueueRef, subscriber: Subscriber) -> None:
    """The outbox has its own copy."""
    subscriber.statuses = [500] * 2
    subscribe(session, queue, subscriber.url())
    messages.send(session, queue, texts("x"))
    [popped] = messages.pop(session, queue, limit=1)
    assert popped.body == b"x"
    until(lambda: len(subscriber.seen) == 3, "the third try")
    assert subscriber.bodies == ["x"] * 3


def test_ended_and_deleted_subscriptions_are_not_notified(
    session: Session, queue: QueueRef, subscriber: Subscriber, other: Subscriber, advance: Callable[..., None]
) -> None:
    subscribe(session, queue, subscriber.url(), ttl=60)
    subscribe(session, queue, other.url())
    advance(queue, 60)
    messages.send(session, queue, texts("x"))
    until(lambda: other.seen, "the notification of the live subscription")
    time.sleep(0.1)
    assert subscriber.seen == []


def test_a_subscription_is_notified_of_later_messages_only(
    session: Session, queue: QueueRef, subscriber: Subscriber
) -> None:
    messages.send(session, queue, texts("before"))
    subscribe(session, queue, subscriber.url())
    messages.send(session, queue, texts("after"))
    until(lambda: subscriber.seen, "a notification")
    assert subscriber.bodies == ["after"]


def test_moved_messages_are_not_announced_again(session: Session, subscriber: Subscriber) -> None:
    """A dead letter was announced in its source; only a post to the dead-letter queue is announced there."""
    source = new_queue(session)
    dead = source.sibling(source.name + "-dead")
    queues.change(session, source, SettingsChange(set={"dead_letter_queue": dead.name, "max_receive_count": 1}))
    subscribe(session, dead, subscriber.url())
    messages.send(session, source, texts("moved"))
    made = claims.create(session, source, ttl_seconds=60, grace_seconds=60, limit=1)
    assert made is not None
    claims.release(session, source, made.id)
    assert claims.create(session, source, ttl_seconds=60, grace_seconds=60, limit=1) is None
    messages.send(session, dead, texts("posted"))
    until(lambda: subscriber.seen, "a notification")
    assert subscriber.bodies == ["posted"]
    assert [message.body for message in messages.pop(session, dead, limit=5)] == [b"moved", b"posted"]


def test_messages_of_a_fifo_queue_are_delivered_in_order(session: Session, subscriber: Subscriber) -> None:
    """One at a time; retries at once keep the order too."""
    queue = new_queue(session, ".fifo")
    subscribe(session, queue, subscriber.url())
    subscriber.statuses = [200, 503, 200, 200, 500]
    sent = [NewMessage(b"%02d" % number, group=str(number % 3), dedup_id=str(number)) for number in range(30)]
    messages.send(session, queue, sent)
    until(lambda: len(subscriber.seen) == 32, "all notifications")
    seen: list[Any] = list(dict.fromkeys(subscriber.bodies))
    assert seen == [f"{number:02}" for number in range(30)]
    assert subscriber.most_at_once == 1


def test_a_message_with_a_group_on_a_standard_queue_is_delivered(
    session: Session, queue: QueueRef, subscriber: Subscriber
) -> None:
    subscribe(session, queue, subscriber.url())
    messages.send(session, queue, [NewMessage(b"x", group="tenant")])
    messages.send(session, queue, texts("y"))
    until(lambda: len(subscriber.seen) == 2, "both notifications")
    assert sorted(subscriber.bodies) == ["x", "y"]


class TestEncrypted:
    """https: the certificate is checked against the host's name, though the connection goes to a checked address."""

    @pytest.fixture
    def authority(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> trustme.CA:
        authority = trustme.CA()
        authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        return authority

    @pytest.fixture(autouse=True)
    def trusted(self, authority: trustme.CA) -> trustme.CA:
        """Before the process begins, which reads the certificates then."""
        return authority

    def test_a_subscriber_is_notified_of_a_post(
        self, authority: trustme.CA, session: Session, queue: QueueRef, subscriber: Subscriber
    ) -> None:
        subscriber.encrypt(authority, "localhost")
        subscribe(session, queue, f"https://localhost:{subscriber.port}/")
        messages.send(session, queue, texts("a", "b"))
        until(lambda: len(subscriber.seen) == 2, "a notification")
        assert sorted(subscriber.bodies) == ["a", "b"]

    def test_a_certificate_of_another_host_is_not_trusted(
        self, authority: trustme.CA, session: Session, queue: QueueRef, subscriber: Subscriber
    ) -> None:
        subscriber.encrypt(authority, "other.example")
        subscribe(session, queue, f"https://localhost:{subscriber.port}/")
        messages.send(session, queue, texts("x"))
        until(lambda: session.store.command("ZCARD", keys.queue(queue) + b":nd") == 1, "a retry")
        assert subscriber.seen == []
