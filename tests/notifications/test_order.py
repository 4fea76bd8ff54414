"""The order of notifications: each subscriber gets the messages of one post in the order of the post."""

from __future__ import annotations

import base64
import itertools
import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tests.notifications.conftest import Subscriber, new_queue, subscribe, texts
from tests.notifications.test_retries import nothing_left
from tests.patience import until
from zaqar_core.core import messages, stored_messages, subscriptions
from zaqar_core.core.process import Core
from zaqar_core.core.session import Session
from zaqar_core.domain.model import NewMessage
from zaqar_core.domain.names import QueueRef
from zaqar_core.store import keys

Advance = Callable[[QueueRef, float], None]
Post = Callable[[Session, QueueRef, Sequence[NewMessage]], object]

#: The old order was wrong in most rounds, not in all.
ROUNDS = 10
NUMBERS = [f"{number:02}" for number in range(20)]


@pytest.fixture
def settings() -> dict[str, Any]:
    return {"encryption_keys": ("k:" + base64.b64encode(bytes(range(32))).decode(),), "notification_threads": 16}


def _by_zaqar(session: Session, queue: QueueRef, posted: Sequence[NewMessage]) -> None:
    messages.post(session, queue, posted, post_bytes=1)


def _by_sqs(session: Session, queue: QueueRef, posted: Sequence[NewMessage]) -> None:
    messages.send(session, queue, posted)


@pytest.mark.parametrize("post", [_by_zaqar, _by_sqs])
@pytest.mark.parametrize("kind", ["plain", "encrypted", "groups"])
def test_the_messages_of_a_post_are_delivered_in_their_order(
    session: Session, subscriber: Subscriber, post: Post, kind: str
) -> None:
    for turn in range(ROUNDS):
        queue = new_queue(session, encrypt_messages=int(kind == "encrypted"))
        subscribe(session, queue, subscriber.url(f"/{turn}"))
        group = "g" if kind == "groups" else None
        post(session, queue, [NewMessage(number.encode(), "text", group=group) for number in NUMBERS])
        until(lambda: len(subscriber.seen) == len(NUMBERS), "all notifications")
        assert subscriber.bodies == NUMBERS
        subscriber.seen.clear()


def test_every_subscriber_gets_messages_in_order(session: Session, subscriber: Subscriber, other: Subscriber) -> None:
    for turn in range(ROUNDS):
        queue = new_queue(session)
        paths = [f"/{turn}/{number}" for number in range(6)]
        for path in paths:
            subscribe(session, queue, subscriber.url(path))
        subscribe(session, queue, other.url())
        messages.send(session, queue, texts(*NUMBERS))
        until(lambda: len(subscriber.seen) == 120 and len(other.seen) == 20, "all notifications")
        for path in paths:
            assert [seen.json["body"] for seen in subscriber.seen if seen.path == path] == NUMBERS
        assert other.bodies == NUMBERS
        subscriber.seen.clear()
        other.seen.clear()


def test_a_long_post_is_delivered_in_its_order(session: Session, queue: QueueRef, subscriber: Subscriber) -> None:
    """Creating its deliveries takes more than one step, and so does delivering them."""
    numbers = [f"{number:03}" for number in range(300)]
    subscribe(session, queue, subscriber.url())
    messages.send(session, queue, texts(*numbers))
    until(lambda: len(subscriber.seen) == 300, "all notifications")
    assert subscriber.bodies == numbers
    until(lambda: nothing_left(session, queue), "an empty outbox")


def test_processes_keep_the_order_of_each_post(
    session: Session, subscriber: Subscriber, processes: Callable[..., Core]
) -> None:
    processes()
    processes()
    for _ in range(ROUNDS):
        queue = new_queue(session)
        subscribe(session, queue, subscriber.url())
        for post in "abcdef":
            messages.send(session, queue, texts(*[post + number for number in NUMBERS]))
        until(lambda: len(subscriber.seen) == 120, "all notifications")
        for post in "abcdef":
            assert [body[1:] for body in subscriber.bodies if body[0] == post] == NUMBERS
        subscriber.seen.clear()


def test_posts_begin_in_the_order_of_the_queue(session: Session, queue: QueueRef, subscriber: Subscriber) -> None:
    """Four posts may be in progress: while their first messages hang, no fifth one begins."""
    subscribe(session, queue, subscriber.url())
    messages.send(session, queue, texts("first"))
    until(lambda: nothing_left(session, queue), "the host is known to be quick")
    subscriber.seen.clear()
    subscriber.hangs_at = {post + NUMBERS[0] for post in "abcd"}
    for post in "abcdef":
        messages.send(session, queue, texts(*[post + number for number in NUMBERS]))
    until(lambda: len(subscriber.seen) == 4, "four posts have begun")
    assert sorted(subscriber.bodies) == sorted(subscriber.hangs_at)
    subscriber.let_go.set()
    until(lambda: len(subscriber.seen) == 120, "all notifications")
    assert {body[0] for body in subscriber.bodies} == set("abcdef")


@pytest.mark.parametrize("suffix", ["", ".fifo"])
def test_a_failed_first_try_does_not_delay_the_next_delivery(
    session: Session, subscriber: Subscriber, suffix: str
) -> None:
    """The retries are delivered beside the others."""
    for _ in range(ROUNDS):
        queue = new_queue(session, suffix)
        subscriber.answers_at = {"03": 503, "04": 500, "11": 429}
        subscribe(session, queue, subscriber.url())
        messages.send(session, queue, numbered() if suffix else texts(*NUMBERS))
        until(lambda: len(subscriber.seen) == 29, "four tries of three, one of the others")
        assert list(dict.fromkeys(subscriber.bodies)) == NUMBERS
        subscriber.seen.clear()


def numbered() -> list[NewMessage]:
    """For a FIFO queue, in three groups."""
    return [NewMessage(number.encode(), group=f"{int(number) % 3}", dedup_id=number) for number in NUMBERS]


class TestSubscribersThatHang:
    @pytest.fixture
    def settings(self) -> dict[str, Any]:
        return {"notification_timeout_seconds": 1.2, "notification_threads": 16}

    @pytest.mark.parametrize("suffix", ["", ".fifo"])
    def test_a_first_try_that_hangs_does_not_block_the_next_delivery(
        self, session: Session, subscriber: Subscriber, suffix: str
    ) -> None:
        queue = new_queue(session, suffix)
        subscriber.hangs_at = {"00"}
        subscribe(session, queue, subscriber.url())
        messages.send(session, queue, numbered() if suffix else texts(*NUMBERS))
        until(lambda: NUMBERS[-1] in subscriber.bodies, "the last notification")
        assert list(dict.fromkeys(subscriber.bodies)) == NUMBERS
        assert subscriber.bodies.count("00") <= 2

    def test_a_slow_post_does_not_delay_another_post(
        self, session: Session, queue: QueueRef, subscriber: Subscriber
    ) -> None:
        subscriber.hangs_at = {"00"}
        subscribe(session, queue, subscriber.url())
        messages.send(session, queue, texts(*NUMBERS))
        until(lambda: subscriber.seen, "the post has begun")
        messages.send(session, queue, texts("another"))
        until(lambda: "another" in subscriber.bodies, "the notification of the other post")
        assert subscriber.bodies == ["00", "another"]

    def test_retries_leave_room_for_first_tries(
        self, session: Session, queue: QueueRef, subscriber: Subscriber
    ) -> None:
        """The others have 24 immediate retries, which do not come first."""
        subscriber.hangs_at = set("abcdef")
        subscribe(session, queue, subscriber.url())
        for body in "abcdef":
            messages.send(session, queue, texts(body))
        until(lambda: len(subscriber.seen) > 6, "some are tried again")
        messages.send(session, queue, texts("new"))
        until(lambda: "new" in subscriber.bodies, "a notification")
        assert subscriber.bodies.index("new") < 20


class TestCrowdedHosts:
    """A host has more subscriptions than threads."""

    @pytest.fixture
    def settings(self) -> dict[str, Any]:
        return {"notification_threads": 4}

    def test_many_subscriptions_keep_the_order(self, session: Session, queue: QueueRef, subscriber: Subscriber) -> None:
        paths = [f"/{number}" for number in range(12)]
        for path in paths:
            subscribe(session, queue, subscriber.url(path))
        for post in "ab":
            messages.send(session, queue, texts(*[post + number for number in NUMBERS]))
        until(lambda: len(subscriber.seen) == 480, "all notifications")
        for path, post in itertools.product(paths, "ab"):
            told = [seen.json["body"] for seen in subscriber.seen if seen.path == path]
            assert [body[1:] for body in told if body[0] == post] == NUMBERS
        until(lambda: nothing_left(session, queue), "an empty outbox")


def test_an_unreadable_message_does_not_change_the_order(
    session: Session, queue: QueueRef, subscriber: Subscriber, advance: Advance, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = stored_messages.message

    def broken(*given: Any, **named: Any) -> Any:
        found = whole(*given, **named)
        if found.body in (b"00", b"07", b"19"):
            raise ValueError("no such key")
        return found

    readable = [number for number in NUMBERS if number not in ("00", "07", "19")]
    subscribe(session, queue, subscriber.url())
    with monkeypatch.context() as patched:
        patched.setattr(stored_messages, "message", broken)
        messages.send(session, queue, texts(*NUMBERS))
        until(lambda: len(subscriber.seen) == 17, "the other notifications")
    assert subscriber.bodies == readable
    advance(queue, 60)
    until(lambda: len(subscriber.seen) == 20, "the messages that can be read again")


def test_a_deleted_subscription_does_not_get_the_rest_of_a_run(
    session: Session, queue: QueueRef, subscriber: Subscriber, other: Subscriber
) -> None:
    """A process takes up to 20 deliveries at a time; a subscriber must not get them long after it has left."""
    subscription = subscribe(session, queue, subscriber.url())
    subscribe(session, queue, other.url())
    first, subscriber.hangs_at = subscriber.let_go, {"03"}
    messages.post(session, queue, texts(*NUMBERS), post_bytes=1)
    until(lambda: len(subscriber.seen) == 4, "the fourth is being delivered")
    subscriptions.delete(session, queue, subscription)
    subscriber.hangs_at, subscriber.let_go = {"04"}, threading.Event()
    first.set()
    in_work = keys.queue(queue) + b":ni"
    # The fifth may have begun before the process learns of the deletion.
    until(lambda: session.store.command("ZCARD", in_work) <= 1, "the rest of the run is given back")
    subscriber.let_go.set()
    until(lambda: nothing_left(session, queue), "the rest is dropped")
    assert subscriber.bodies in (NUMBERS[:4], NUMBERS[:5])
    assert other.bodies == NUMBERS
