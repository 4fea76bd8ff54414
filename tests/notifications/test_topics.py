"""A message that is published to a topic goes to all subscribers, and can still be read."""

from __future__ import annotations

import time
import uuid
from typing import Any

import pytest

from tests.notifications.conftest import Subscriber, answer, subscriber_of_its_own
from tests.patience import until
from tests.zaqar.conftest import Zaqar
from zaqar_core.core.process import Core
from zaqar_core.core.session import Session
from zaqar_core.rest.face import ZaqarFace


@pytest.fixture
def zaqar(core: Core, session: Session) -> Zaqar:
    """A project of its own."""
    return Zaqar(session, ZaqarFace(core.settings))


@pytest.fixture
def topic() -> str:
    return f"/v2/topics/t-{uuid.uuid4().hex[:12]}"


def subscribe(zaqar: Zaqar, topic: str, subscriber: Subscriber) -> str:
    """The href of the subscription."""
    made = zaqar.call("POST", f"{topic}/subscriptions", {"subscriber": subscriber.url(), "ttl": 600})
    assert (made.status, made.headers["location"]) == (201, f"{topic}/subscriptions")
    return f"{topic}/subscriptions/{made.json['subscription_id']}"


def publish(zaqar: Zaqar, topic: str, *bodies: Any) -> None:
    document = {"messages": [{"body": body, "ttl": 60} for body in bodies]}
    assert zaqar.call("POST", f"{topic}/messages", document).status == 201


def test_every_subscriber_is_notified_and_readers_can_read(zaqar: Zaqar, topic: str, subscriber: Subscriber) -> None:
    with subscriber_of_its_own() as second:
        for one in (subscriber, second):
            subscribe(zaqar, topic, one)
        publish(zaqar, topic, {"n": 1}, {"n": 2})
        for one in (subscriber, second):
            until(lambda one=one: len(one.seen) == 2, "a notification")  # type: ignore[misc] # bound at once
            assert sorted(body["n"] for body in one.bodies) == [1, 2]
            assert one.seen[0].json["queue_name"] == topic.rpartition("/")[2]
    page = zaqar.other_client().call("GET", f"{topic}/messages").json
    assert [message["body"]["n"] for message in page["messages"]] == [1, 2]


def test_messages_published_together_are_delivered_in_their_order(
    zaqar: Zaqar, topic: str, subscriber: Subscriber
) -> None:
    subscribe(zaqar, topic, subscriber)
    publish(zaqar, topic, *range(20))
    until(lambda: len(subscriber.seen) == 20, "all notifications")
    assert subscriber.bodies == list(range(20))


def test_a_queue_of_the_same_name_has_subscribers_of_its_own(zaqar: Zaqar, topic: str, subscriber: Subscriber) -> None:
    subscribe(zaqar, topic, subscriber)
    queue = topic.replace("/topics/", "/queues/")
    assert zaqar.call("GET", f"{queue}/subscriptions").json["subscriptions"] == []
    zaqar.post(queue.rpartition("/")[2], "to the queue")
    publish(zaqar, topic, "to the topic")
    until(lambda: subscriber.seen, "a notification")
    time.sleep(0.2)  # what must not come would come now
    assert subscriber.bodies == ["to the topic"]


def test_a_subscription_of_a_topic_is_created_changed_and_deleted(
    zaqar: Zaqar, topic: str, subscriber: Subscriber
) -> None:
    href = subscribe(zaqar, topic, subscriber)
    shown = zaqar.call("GET", href).json
    assert (shown["source"], shown["subscriber"], shown["ttl"]) == (topic.rpartition("/")[2], subscriber.url(), 600)
    assert zaqar.call("PATCH", href, {"ttl": 700}).status == 204
    assert zaqar.call("PUT", f"{href}/confirm", {"confirmed": True}).status == 204
    [listed] = zaqar.call("GET", f"{topic}/subscriptions").json["subscriptions"]
    assert (listed["ttl"], listed["confirmed"]) == (700, True)
    assert zaqar.call("POST", f"{topic}/subscriptions", {"subscriber": subscriber.url()}).status == 409
    assert zaqar.call("DELETE", href).status == 204
    assert zaqar.call("GET", href).status == 404
    publish(zaqar, topic, 1)
    assert zaqar.call("GET", f"{topic}/undelivered").json["total"] == 0


def test_purging_a_topic_ends_its_subscriptions(zaqar: Zaqar, topic: str, subscriber: Subscriber) -> None:
    subscribe(zaqar, topic, subscriber)
    assert zaqar.call("POST", f"{topic}/purge", {"resource_types": ["messages"]}).status == 204
    assert len(zaqar.call("GET", f"{topic}/subscriptions").json["subscriptions"]) == 1
    assert zaqar.call("POST", f"{topic}/purge").status == 204
    assert zaqar.call("GET", f"{topic}/subscriptions").json["subscriptions"] == []


def test_deleting_a_topic_ends_its_subscriptions(zaqar: Zaqar, topic: str, subscriber: Subscriber) -> None:
    href = subscribe(zaqar, topic, subscriber)
    assert zaqar.call("DELETE", topic).status == 204
    assert zaqar.call("GET", href).status == 404


class TestWithConfirmation:
    """``require_confirmation``."""

    @pytest.fixture
    def settings(self) -> dict[str, Any]:
        return {"require_confirmation": True, "signed_url_key": "a secret"}

    def test_a_subscriber_confirms_at_the_topics_path(self, zaqar: Zaqar, topic: str, subscriber: Subscriber) -> None:
        href = subscribe(zaqar, topic, subscriber)
        until(lambda: subscriber.seen, "a request to confirm")
        asked = subscriber.seen[0].json
        assert asked["URL-Paths"] == f"{href}/confirm"
        assert answer(zaqar, asked, asked["SubscribeBody"]) == 204
        assert zaqar.call("GET", href).json["confirmed"] is True
