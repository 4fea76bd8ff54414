"""With require_confirmation a subscriber gets a request, and no notification before it has confirmed."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.notifications.conftest import Subscriber, answer, subscribe, texts
from tests.patience import until
from tests.zaqar.conftest import Zaqar
from zaqar_core.configuration.errors import SettingsInvalid
from zaqar_core.configuration.loading import load
from zaqar_core.core import messages
from zaqar_core.core.process import Core
from zaqar_core.core.session import Session
from zaqar_core.domain.names import QueueRef
from zaqar_core.rest.face import ZaqarFace

KEY = "a secret"


@pytest.fixture
def settings() -> dict[str, Any]:
    return {"require_confirmation": True, "signed_url_key": KEY, "public_url": "https://queues.example/"}


@pytest.fixture
def zaqar(core: Core, session: Session, queue: QueueRef) -> Zaqar:
    """A client in the queue's project."""
    return Zaqar(session, ZaqarFace(core.settings), project=queue.project)


def test_a_new_subscriber_gets_a_request_and_can_confirm(
    session: Session, queue: QueueRef, subscriber: Subscriber, zaqar: Zaqar
) -> None:
    made = subscribe(session, queue, subscriber.url("/hook"), post_data='{"only": "$zaqar_message$"}')
    until(lambda: subscriber.seen, "a request to confirm")
    asked = subscriber.seen[0].json
    path = f"/v2/queues/{queue.name}/subscriptions/{made}/confirm"
    assert {name: asked[name] for name in asked if name not in ("Message", "URL-Signature", "URL-Expires")} == {
        "Message_Type": "SubscriptionConfirmation",
        "URL-Methods": "PUT",
        "URL-Paths": path,
        "X-Project-ID": queue.project,
        "SubscribeBody": {"confirmed": True},
        "UnsubscribeBody": {"confirmed": False},
        "WSGISubscribeURL": "https://queues.example" + path,
        "queue_name": queue.name,
    }
    assert queue.name in asked["Message"]
    messages.send(session, queue, texts("too early"))
    assert answer(zaqar, asked, asked["SubscribeBody"]) == 204
    messages.send(session, queue, texts("now"))
    until(lambda: len(subscriber.seen) == 2, "a notification")
    assert subscriber.seen[1].json["only"]["body"] == "now"


def test_a_subscriber_is_notified_when_it_cancels(
    session: Session, queue: QueueRef, subscriber: Subscriber, zaqar: Zaqar
) -> None:
    subscribe(session, queue, subscriber.url())
    until(lambda: subscriber.seen, "a request to confirm")
    asked = subscriber.seen[0].json
    answer(zaqar, asked, asked["SubscribeBody"])
    assert answer(zaqar, asked, asked["UnsubscribeBody"]) == 204
    until(lambda: len(subscriber.seen) == 2, "a notification")
    cancelled = subscriber.seen[1].json
    assert (cancelled["Message_Type"], cancelled["queue_name"]) == ("UnsubscribeConfirmation", queue.name)
    messages.send(session, queue, texts("unwanted"))
    assert answer(zaqar, cancelled, cancelled["SubscribeBody"]) == 204
    messages.send(session, queue, texts("wanted"))
    until(lambda: len(subscriber.seen) == 3, "a second notification")
    assert subscriber.seen[2].json["body"] == "wanted"


def test_subscribing_again_sends_another_request(session: Session, queue: QueueRef, subscriber: Subscriber) -> None:
    first = subscribe(session, queue, subscriber.url())
    until(lambda: len(subscriber.seen) == 1, "a request to confirm")
    assert subscribe(session, queue, subscriber.url()) == first
    until(lambda: len(subscriber.seen) == 2, "another request to confirm")


def test_a_changed_subscriber_gets_a_request(
    session: Session, queue: QueueRef, subscriber: Subscriber, other: Subscriber, zaqar: Zaqar
) -> None:
    made = subscribe(session, queue, subscriber.url())
    path = f"/v2/queues/{queue.name}/subscriptions/{made}"
    assert zaqar.call("PATCH", path, {"subscriber": other.url()}).status == 204
    until(lambda: other.seen, "a request to confirm")
    assert other.seen[-1].json["Message_Type"] == "SubscriptionConfirmation"


def test_a_failed_request_is_tried_again(session: Session, queue: QueueRef, subscriber: Subscriber) -> None:
    """It is retried like any notification."""
    subscriber.statuses = [503, 503]
    subscribe(session, queue, subscriber.url())
    until(lambda: len(subscriber.seen) == 3, "the request to confirm")


def test_a_confirmation_needs_the_signature(
    session: Session, queue: QueueRef, subscriber: Subscriber, zaqar: Zaqar
) -> None:
    subscribe(session, queue, subscriber.url())
    until(lambda: subscriber.seen, "a request to confirm")
    asked = subscriber.seen[0].json
    assert answer(zaqar, {**asked, "URL-Signature": "0" * 64}, {"confirmed": True}) == 404
    assert (
        answer(zaqar, {**asked, "URL-Paths": asked["URL-Paths"].replace(queue.name, "x")}, {"confirmed": True}) == 404
    )


def test_confirmations_need_a_signing_key() -> None:
    with pytest.raises(SettingsInvalid, match="signed_url_key"):
        load({"require_confirmation": True}, {})


class TestNotRequired:
    """By default no request is sent, and unconfirmed subscribers are notified."""

    @pytest.fixture
    def settings(self) -> dict[str, Any]:
        return {"signed_url_key": KEY}

    def test_without_confirmations_every_subscriber_is_notified(
        self, session: Session, queue: QueueRef, subscriber: Subscriber, zaqar: Zaqar
    ) -> None:
        made = subscribe(session, queue, subscriber.url())
        zaqar.call("PUT", f"/v2/queues/{queue.name}/subscriptions/{made}/confirm", {"confirmed": False})
        messages.send(session, queue, texts("x"))
        until(lambda: subscriber.seen, "a notification")
        time.sleep(0.05)
        assert subscriber.bodies == ["x"]
