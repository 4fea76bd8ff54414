"""Subscribers that fail, hang and restart: every notification arrives or is recorded as undelivered."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.notifications.conftest import Subscriber, new_queue, subscribe, texts
from tests.patience import PATIENCE_SECONDS, until
from zaqar_core.background.housekeeping import SHARDS, Housekeeping
from zaqar_core.core import deliveries, messages, queues, stored_messages, subscriptions
from zaqar_core.core.deliveries import Undelivered
from zaqar_core.core.process import Core
from zaqar_core.core.session import Session
from zaqar_core.domain.model import SettingsChange
from zaqar_core.domain.names import QueueRef
from zaqar_core.store import keys

Advance = Callable[[QueueRef, float], None]

#: No retries at all; the face would ask for a larger difference between the delays.
ONCE = {"retries_with_no_delay": 0, "minimum_delay_retries": 0, "minimum_delay": 10, "maximum_delay": 14,
        "maximum_delay_retries": 0}  # fmt: skip


def undelivered(session: Session, queue: QueueRef) -> list[Undelivered]:
    return deliveries.undelivered(session, queue, after=0, limit=100)[1]


def nothing_left(session: Session, queue: QueueRef) -> bool:
    """Return whether the store has no deliveries of the queue any more."""
    prefix = keys.queue(queue)
    return not any(session.store.command("EXISTS", prefix + b":" + part.encode()) for part in _PLACES)


_PLACES = ("o", "oq", "or", "np", "nq", "nv", "nd", "ni", "nt", "nl", "nr")


def test_retries_follow_the_default_policy(
    session: Session, queue: QueueRef, subscriber: Subscriber, advance: Advance
) -> None:
    """Three at once, three after 5 s, a growing delay, three after 30 s; then it is recorded as undelivered."""
    subscribe(session, queue, subscriber.url())
    subscriber.statuses = [503] * 100
    messages.send(session, queue, texts("x"))
    until(lambda: len(subscriber.seen) == 4, "three retries at once")
    for tries, delay in enumerate([5, 5, 5, 5, 10, 15, 20, 25, 30, 30, 30], 5):
        until(lambda: session.store.command("ZCARD", keys.queue(queue) + b":nd") == 1, "the next try is set")
        advance(queue, delay - 1)
        time.sleep(0.02)
        assert len(subscriber.seen) == tries - 1
        advance(queue, 1)
        until(lambda: len(subscriber.seen) == tries, f"try {tries}")  # noqa: B023
    until(lambda: undelivered(session, queue), "it is recorded")
    [failed] = undelivered(session, queue)
    assert failed.outbox_message is not None
    assert (failed.outbox_message.message.body, failed.tries, failed.reason) == (
        b"x",
        15,
        "the subscriber answered with status 503",
    )
    assert failed.subscriber == subscriber.url()
    assert nothing_left(session, queue)
    advance(queue, 100)
    assert undelivered(session, queue)[0].age_seconds == 100


def test_the_policy_of_the_queue_is_used(session: Session, queue: QueueRef, subscriber: Subscriber) -> None:
    queues.change(session, queue, SettingsChange(documents={"metadata": json.dumps({"_retry_policy": ONCE}).encode()}))
    subscriber.statuses = [500] * 20
    subscribe(session, queue, subscriber.url("/own"), _retry_policy={**ONCE, "retries_with_no_delay": 2})
    messages.send(session, queue, texts("x"))
    until(lambda: undelivered(session, queue), "it has failed for good")
    assert len(subscriber.seen) == 3
    subscribe(session, queue, subscriber.url("/queue's"))
    messages.send(session, queue, texts("y"))
    until(lambda: len(undelivered(session, queue)) == 3, "it has failed for good")
    assert [seen.path for seen in subscriber.seen if seen.json["body"] == "y" and seen.path != "/own"] == ["/queue's"]


def test_the_policy_of_the_queue_can_override_that_of_the_subscription(
    session: Session, queue: QueueRef, subscriber: Subscriber
) -> None:
    policy = {"_retry_policy": {**ONCE, "ignore_subscription_override": True}}
    queues.change(session, queue, SettingsChange(documents={"metadata": json.dumps(policy).encode()}))
    subscribe(session, queue, subscriber.url(), _retry_policy={"retries_with_no_delay": 50})
    subscriber.statuses = [500] * 3
    messages.send(session, queue, texts("x"))
    until(lambda: undelivered(session, queue), "it has failed for good")
    assert len(subscriber.seen) == 1


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 504, 599])
def test_temporary_statuses_are_retried(session: Session, queue: QueueRef, subscriber: Subscriber, status: int) -> None:
    subscribe(session, queue, subscriber.url())
    subscriber.statuses = [status, 204]
    messages.send(session, queue, texts("x"))
    until(lambda: len(subscriber.seen) == 2, "a retry")
    until(lambda: nothing_left(session, queue), "an empty outbox")


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 404, 410])
def test_other_statuses_are_final(session: Session, queue: QueueRef, subscriber: Subscriber, status: int) -> None:
    """Redirects are not followed: they could lead to an address that is not allowed."""
    subscribe(session, queue, subscriber.url())
    subscriber.statuses = [status]
    messages.send(session, queue, texts("x"))
    until(lambda: undelivered(session, queue), "it is recorded")
    assert len(subscriber.seen) == 1
    assert undelivered(session, queue)[0].reason == f"the subscriber answered with status {status}"


def test_a_subscriber_that_restarts_gets_the_notification(
    session: Session, queue: QueueRef, subscriber: Subscriber, advance: Advance
) -> None:
    """Nothing is lost meanwhile, and all arrive when it is back."""
    subscribe(session, queue, subscriber.url())
    subscriber.stop()
    messages.send(session, queue, texts(*"0123456789"))
    until(lambda: session.store.command("ZCARD", keys.queue(queue) + b":nd") == 10, "all wait to be tried again")
    subscriber.start()
    advance(queue, 5)
    until(lambda: len(subscriber.seen) == 10, "all notifications")
    assert sorted(subscriber.bodies) == sorted("0123456789")


class TestSlowSubscribers:
    """No other delivery waits for them."""

    @pytest.fixture(params=[0.5])
    def settings(self, request: pytest.FixtureRequest) -> dict[str, Any]:
        return {"notification_timeout_seconds": request.param, "notification_threads": 8}

    def _deliver_beside_it(self, session: Session, queue: QueueRef, subscriber: Subscriber, other: Subscriber) -> None:
        """Send twenty messages for one that hangs, with five subscriptions, and one that has them all on return."""
        subscriber.hangs = True
        for number in range(5):
            subscribe(session, queue, subscriber.url(f"/{number}"))
        subscribe(session, queue, other.url())
        messages.send(session, queue, texts(*[str(number) for number in range(20)]))
        until(lambda: len(other.seen) == 20, "the other one has all messages")

    @pytest.mark.parametrize("settings", [2 * PATIENCE_SECONDS], indirect=True)
    def test_a_subscriber_that_hangs_does_not_delay_others(
        self, session: Session, queue: QueueRef, subscriber: Subscriber, other: Subscriber
    ) -> None:
        """None of its deliveries times out before the others are delivered."""
        self._deliver_beside_it(session, queue, subscriber, other)
        assert len(subscriber.seen) <= 5
        subscriber.let_go.set()

    def test_deliveries_to_a_subscriber_that_hangs_are_repeated(
        self, session: Session, queue: QueueRef, subscriber: Subscriber, other: Subscriber, advance: Advance
    ) -> None:
        self._deliver_beside_it(session, queue, subscriber, other)
        subscriber.hangs = False
        subscriber.let_go.set()
        for _ in range(200):
            advance(queue, 5)
            time.sleep(0.1)
            if nothing_left(session, queue):
                break
        told = {(seen.path, seen.json["body"]) for seen in subscriber.seen}
        assert len(told) == 100

    def test_a_subscriber_that_sends_single_bytes_times_out(self, session: Session, queue: QueueRef) -> None:
        """A byte now and then does not keep a delivery going."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            ended = threading.Event()

            def drip() -> None:
                opened, _ = listener.accept()
                with opened:
                    opened.recv(65536)
                    try:
                        for byte in b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100:
                            opened.send(bytes([byte]))
                            time.sleep(0.1)
                    except OSError:
                        ended.set()

            threading.Thread(target=drip, daemon=True).start()
            url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
            subscribe(session, queue, url, _retry_policy=ONCE)
            messages.send(session, queue, texts("x"))
            until(ended.is_set, "the connection is cut")


@pytest.mark.parametrize("url", ["http://localhost.localdomain.invalid/", "https://127.0.0.1:1/"])
def test_an_unreachable_subscriber_is_retried(session: Session, queue: QueueRef, url: str) -> None:
    subscribe(session, queue, url, _retry_policy={**ONCE, "minimum_delay_retries": 1})
    messages.send(session, queue, texts("x"))
    until(lambda: session.store.command("ZCARD", keys.queue(queue) + b":nd") == 1, "a retry")


class TestPrivateNetworks:
    """Without exceptions, a host name with a private address is not called."""

    @pytest.fixture
    def settings(self) -> dict[str, Any]:
        return {"webhook_allowed_networks": ()}

    @pytest.mark.parametrize("host", ["localhost", "127.1", "0"])
    def test_are_not_called(self, session: Session, queue: QueueRef, subscriber: Subscriber, host: str) -> None:
        subscribe(session, queue, f"http://{host}:{subscriber.port}/")
        messages.send(session, queue, texts("x"))
        until(lambda: undelivered(session, queue), "it is recorded")
        assert undelivered(session, queue)[0].reason.endswith(
            "in networks that the service does not send notifications to"
        )
        assert subscriber.seen == []


def test_retries_end_with_their_subscription(
    session: Session, queue: QueueRef, subscriber: Subscriber, advance: Advance
) -> None:
    subscriber.statuses = [500] * 4
    subscribe(session, queue, subscriber.url())
    messages.send(session, queue, texts("x"))
    until(lambda: session.store.command("ZCARD", keys.queue(queue) + b":nd") == 1, "the next try is set")
    subscriptions.delete_all(session, queue)
    advance(queue, 5)
    until(lambda: nothing_left(session, queue), "nothing is left of it")
    assert len(subscriber.seen) == 4


def test_records_are_bounded(session: Session, queue: QueueRef, subscriber: Subscriber) -> None:
    """The newest thousand are kept; the total is counted."""
    subscriber.statuses = [400] * 2000
    subscribe(session, queue, subscriber.url())
    for _ in range(11):
        messages.send(session, queue, texts(*["x"] * 100))
    until(lambda: deliveries.undelivered(session, queue, after=0, limit=1)[0] == 1100, "all have failed")
    assert session.store.command("LLEN", keys.queue(queue) + b":nx") == 1000


def test_processes_share_the_work(
    session: Session, queue: QueueRef, subscriber: Subscriber, processes: Callable[..., Core]
) -> None:
    """No message is delivered twice."""
    processes()
    processes()
    for path in "abc":
        subscribe(session, queue, subscriber.url("/" + path))
    for first in range(0, 200, 20):
        messages.send(session, queue, texts(*[str(number) for number in range(first, first + 20)]))
    until(lambda: len(subscriber.seen) == 600, "all notifications")
    until(lambda: nothing_left(session, queue), "an empty outbox")
    assert len({(seen.path, seen.json["body"]) for seen in subscriber.seen}) == 600


def test_notifications_end_with_their_queue(session: Session, subscriber: Subscriber, advance: Advance) -> None:
    queue = new_queue(session)
    subscriber.statuses = [500] * 4
    subscribe(session, queue, subscriber.url())
    messages.send(session, queue, texts("x"))
    until(lambda: len(subscriber.seen) == 4, "the tries at once")
    until(lambda: session.store.command("ZCARD", keys.queue(queue) + b":nd") == 1, "the next try is set")
    queues.delete(session, queue)
    assert nothing_left(session, queue)
    assert session.store.command("EXISTS", *[keys.queue(queue) + b":" + part for part in (b"u", b"ui", b"nw")]) == 0


def test_an_unreadable_message_does_not_stop_the_others(
    session: Session, queue: QueueRef, subscriber: Subscriber, advance: Advance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is kept, and delivered when it can be read."""
    whole = stored_messages.message

    def broken(*given: Any, **named: Any) -> Any:
        found = whole(*given, **named)
        if found.body == b"bad":
            raise ValueError("no such key")
        return found

    subscribe(session, queue, subscriber.url())
    with monkeypatch.context() as patched:
        patched.setattr(stored_messages, "message", broken)
        messages.send(session, queue, texts("bad", "good"))
        until(lambda: subscriber.seen, "the notification of the other one")
        until(lambda: session.store.command("ZCARD", keys.queue(queue) + b":nd") == 1, "the bad one waits")
    advance(queue, 60)
    until(lambda: len(subscriber.seen) == 2, "a notification")
    assert subscriber.bodies == ["good", "bad"]


def test_housekeeping_finds_a_queue_that_no_notifier_knows(core: Core, session: Session, queue: QueueRef) -> None:
    subscribe(session, queue, "http://example.com/")
    session.store.command("DEL", keys.NOTIFICATIONS)
    for shard in range(SHARDS):
        session.store.command("DEL", keys.housekeeping_lease(shard))
    Housekeeping(core).round()
    assert queue in deliveries.enlisted(session)
