"""Subscribers of queues that live in pools."""

from __future__ import annotations

import msgspec

from tests.notifications.conftest import (
    Subscriber,
    subscriber,  # noqa: F401 - a fixture
)
from tests.patience import sooner_than, until
from tests.pools.conftest import SETTINGS, made
from tests.zaqar.conftest import Zaqar
from zaqar_core.core import messages, queues, subscriptions
from zaqar_core.core.session import Session
from zaqar_core.domain.model import NewMessage
from zaqar_core.domain.names import QueueRef
from zaqar_core.notifications import channels
from zaqar_core.notifications.notifier import LIST_QUEUES_SECONDS, Notifier
from zaqar_core.pools.routing import PooledCore
from zaqar_core.rest.confirmations import Confirmations


def start_notifier(core: PooledCore) -> None:
    core.settings = msgspec.structs.replace(SETTINGS, webhook_allowed_networks=("127.0.0.0/8",))
    Notifier(core, channels.table(core), Confirmations(core.settings)).start()


def subscribed(session: Session, subscriber: Subscriber) -> list[QueueRef]:  # noqa: F811
    """A queue in each pool, to which the subscriber is subscribed under the queue's name."""
    refs = [made(session, pool) for pool in ("a", "b")]
    for ref in refs:
        subscriptions.create(session, ref, subscriber=subscriber.url(f"/{ref.name}"), ttl_seconds=600, options=b"{}")
    return refs


def test_a_subscriber_is_notified_at_once_in_every_deployment(
    core: PooledCore,
    session: Session,
    pools: Zaqar,
    subscriber: Subscriber,  # noqa: F811
) -> None:
    start_notifier(core)
    refs = subscribed(session, subscriber)
    with sooner_than(12 * LIST_QUEUES_SECONDS[0], "twelve looks for messages"):
        for turn in range(6):
            for ref in refs:
                messages.send(session, ref, [NewMessage(f"{turn} {ref.name}".encode())])
                until(lambda: f"{turn} {ref.name}" in subscriber.bodies, "the notifications")  # noqa: B023


def test_a_post_is_delivered_in_its_order_in_every_deployment(
    core: PooledCore,
    session: Session,
    pools: Zaqar,
    subscriber: Subscriber,  # noqa: F811
) -> None:
    start_notifier(core)
    numbers = [f"{number:02}" for number in range(20)]
    refs = subscribed(session, subscriber)
    for ref in refs:
        messages.send(session, ref, [NewMessage(number.encode()) for number in numbers])
    until(lambda: len(subscriber.seen) == 40, "all notifications")
    for ref in refs:
        assert [seen.json["body"] for seen in subscriber.seen if seen.path == f"/{ref.name}"] == numbers


def test_a_deleted_queue_leaves_no_subscription_in_its_pool(session: Session, pools: Zaqar, servers: list) -> None:  # type: ignore[type-arg]
    ref = made(session, "a")
    subscriptions.create(session, ref, subscriber="http://example.org/", ttl_seconds=600, options=b"{}")
    queues.delete(session, ref)
    with servers[1].client() as client:
        assert [key for key in client.scan_iter(f"*{ref.name}*") if b":z:" not in key] == []


def test_a_pool_that_is_down_does_not_delay_notifications_of_others(
    core: PooledCore,
    session: Session,
    pools: Zaqar,
    servers: list,  # type: ignore[type-arg]
    subscriber: Subscriber,  # noqa: F811
) -> None:
    start_notifier(core)
    refs = [made(session, pool) for pool in ("b", "b", "b", "a")]
    for ref in refs:
        subscriptions.create(session, ref, subscriber=subscriber.url(f"/{ref.name}"), ttl_seconds=600, options=b"{}")
        messages.send(session, ref, [NewMessage(b"before")])
    until(lambda: len(subscriber.seen) == len(refs), "all notifications")
    servers[2].kill()
    for ref in refs[:3]:
        core.notifications.put(ref)
    for turn in range(20):
        messages.send(session, refs[3], [NewMessage(f"{turn}".encode())])
    until(lambda: {str(turn) for turn in range(20)} <= set(subscriber.bodies), "the notifications")
