"""Other processes deliver what an ended process left, in the order of each post."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec
import pytest

from tests.conftest import serving
from tests.notifications.conftest import Subscriber, new_queue, subscribe, texts
from tests.notifications.test_order import NUMBERS, Advance, numbered
from tests.notifications.test_retries import nothing_left
from tests.patience import PATIENCE_SECONDS, until
from zaqar_core.core import deliveries, messages
from zaqar_core.core.process import Core
from zaqar_core.core.session import Session
from zaqar_core.domain.names import QueueRef
from zaqar_core.store import keys


@pytest.fixture
def core(processes: Callable[..., Core]) -> Core:
    """No process delivers yet."""
    return processes(delivers=False)


def begin_and_die(session: Session, queue: QueueRef, lease_seconds: float) -> None:
    """Lease deliveries as a process that is then killed."""
    lease_ms = int(lease_seconds * 1000)
    deliveries.take(session, queue, token="dead", wakeup="x|1", lease_ms=lease_ms, most=1, whole_queue="w:")


@pytest.mark.parametrize("suffix", ["", ".fifo"])
def test_the_rest_of_the_post_waits_until_the_lease_ends(
    session: Session, subscriber: Subscriber, processes: Callable[..., Core], suffix: str
) -> None:
    queue = new_queue(session, suffix)
    subscribe(session, queue, subscriber.url())
    posted = numbered() if suffix else texts(*NUMBERS)
    messages.send(session, queue, posted)
    for seconds in (0.2, 0.5):
        begin_and_die(session, queue, seconds)
    processes()
    until(lambda: len(subscriber.seen) == 20, "all notifications")
    assert subscriber.bodies == NUMBERS
    until(lambda: nothing_left(session, queue), "an empty outbox")


def test_other_posts_do_not_wait(
    session: Session, queue: QueueRef, subscriber: Subscriber, processes: Callable[..., Core]
) -> None:
    subscribe(session, queue, subscriber.url())
    messages.send(session, queue, texts(*NUMBERS))
    begin_and_die(session, queue, 60)
    messages.send(session, queue, texts("another"))
    processes()
    until(lambda: subscriber.seen, "the notification of the other post")
    assert subscriber.bodies == ["another"]


@pytest.mark.slow
def test_deliveries_of_a_killed_process_are_taken_over(
    valkey: str, session: Session, queue: QueueRef, subscriber: Subscriber
) -> None:
    """It is killed in the middle of a post: the deliveries that it had begun are repeated, in order."""
    settings = {"redis": valkey, "durability": "memory", "webhook_allowed_networks": "127.0.0.0/8"}
    subscribe(session, queue, subscriber.url())
    subscriber.hangs_at = {"07"}
    with serving(**settings, notification_timeout_seconds="0.5") as service:
        messages.send(session, queue, texts(*NUMBERS))
        until(lambda: "07" in subscriber.bodies, "it is in the middle")
        service.process.kill()
        service.process.wait(PATIENCE_SECONDS)
    subscriber.hangs_at = set()
    with serving(**settings):
        until(lambda: nothing_left(session, queue), "all notifications")
    assert list(dict.fromkeys(subscriber.bodies)) == NUMBERS


@pytest.mark.slow
def test_deliveries_of_a_stopped_process_are_taken_over_at_once(
    valkey: str, session: Session, queue: QueueRef, subscriber: Subscriber
) -> None:
    """Another process continues at once, although the lease would end only in half a minute."""
    settings = {"redis": valkey, "durability": "memory", "webhook_allowed_networks": "127.0.0.0/8"}
    subscribe(session, queue, subscriber.url())
    subscriber.hangs_at = {"07"}
    with serving(**settings) as service:
        messages.send(session, queue, texts(*NUMBERS))
        until(lambda: "07" in subscriber.bodies, "it is in the middle")
        service.process.terminate()
        until(lambda: session.store.command("ZCARD", keys.queue(queue) + b":ni") == 1, "the others are given back")
        subscriber.let_go.set()
        service.process.wait(PATIENCE_SECONDS)
    with serving(**settings):
        until(lambda: nothing_left(session, queue), "all notifications")
    assert subscriber.bodies == NUMBERS


def test_deliveries_of_an_earlier_release_are_taken_over(
    session: Session,
    queue: QueueRef,
    subscriber: Subscriber,
    processes: Callable[..., Core],
    advance: Advance,
) -> None:
    """It had neither posts nor lines: it counted deliveries in work, and retries had no set of their own."""
    subscription = subscribe(session, queue, subscriber.url()).encode()
    prefix, command = keys.queue(queue), session.store.command
    messages.send(session, queue, texts(*NUMBERS))
    made = [subscription + b"m%016d" % seq for seq in range(1, 16)]
    for key in made:
        command("HSET", prefix + b":or", int(key[37:]), 1)
        command("LPOP", prefix + b":oq")
    in_work, waiting, ready = made[:4], made[4:6], made[6:]
    for key in in_work:
        command("HSET", prefix + b":nt", key, msgspec.msgpack.encode(["dead", 0]))
        command("ZADD", prefix + b":ni", int(time.time() * 1000) + 300, key)
    for key in waiting:
        command("HSET", prefix + b":nt", key, msgspec.msgpack.encode(["", 1]))
        command("ZADD", prefix + b":nd", int(time.time() * 1000) + 5000, key)
    for key in ready:
        command("ZADD", prefix + b":nq", 0, key)
    command("HSET", prefix + b":nf", subscription, len(in_work))
    command("DEL", prefix + b":np")
    processes()
    until(lambda: len(set(subscriber.bodies)) == 18, "all deliveries that are due")
    advance(queue, 5)
    until(lambda: nothing_left(session, queue) and not command("EXISTS", prefix + b":nf"), "nothing is left")
    assert sorted(subscriber.bodies) == NUMBERS
