"""kill -9 of the whole service while it notifies a subscriber: every acknowledged message is delivered."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from tests.notifications.conftest import Subscriber, subscriber_of_its_own
from tests.patience import until
from tests.serving.conftest import Client, Serve, client_of
from tests.serving.test_kills import Sender

pytestmark = pytest.mark.slow

Start = Callable[..., Serve]
KILLS = 3
#: A delivery that a dead process worked on is taken up again after its lease: twice the time-out and 5 s.
TIMEOUT_SECONDS = 1
PATIENCE_SECONDS = 40.0


@pytest.fixture
def subscriber() -> Iterator[Subscriber]:
    with subscriber_of_its_own() as one:
        yield one


@pytest.fixture
def start(serve: Start, data: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Serve]:
    """A service on the test's data directory, which may call this machine."""
    monkeypatch.setenv("SQS_FACADE_WEBHOOK_ALLOWED_NETWORKS", "127.0.0.0/8")
    monkeypatch.setenv("SQS_FACADE_NOTIFICATION_TIMEOUT_SECONDS", str(TIMEOUT_SECONDS))
    return lambda: serve("--data-dir", data).wait_ready()


def subscribe(service: Serve, subscriber: Subscriber) -> None:
    """Subscribe the subscriber to the queue "kept", which must exist."""
    headers = {
        "Client-ID": "00000000-0000-4000-8000-000000000001",
        "X-Project-Id": "000000000000",
        "Content-Type": "application/json",
    }
    body = json.dumps({"subscriber": subscriber.url()}).encode()
    url = f"{service.url}/v2/queues/kept/subscriptions"
    with urlopen(Request(url, body, headers, method="POST"), timeout=10) as answer:
        assert answer.status == 201


def create(service: Serve) -> None:
    with client_of(service) as client:
        client.call("CreateQueue", QueueName="kept")


def test_no_notification_is_lost_when_processes_are_killed(start: Callable[[], Serve], subscriber: Subscriber) -> None:
    """Processes are killed during sends and deliveries; the subscriber fails now and then too."""
    service = start()
    create(service)
    subscribe(service, subscriber)
    subscriber.statuses = [503 if number % 7 == 0 else 200 for number in range(1000)]
    sender = Sender(service)
    try:
        for _ in range(KILLS):
            sender.more()
            service.kill()
            sender.service = service = start()
        sender.more()
    finally:
        sender.end()
    until(lambda: set(sender.acknowledged) <= set(subscriber.bodies), "all notifications", PATIENCE_SECONDS)


def test_notifications_of_an_unavailable_subscriber_are_delivered_after_a_kill(
    start: Callable[[], Serve], subscriber: Subscriber
) -> None:
    service = start()
    create(service)
    subscribe(service, subscriber)
    subscriber.stop()
    with client_of(service) as client:
        for number in range(20):
            client.call("SendMessage", QueueUrl="kept", MessageBody=str(number))
        while client.call("ReceiveMessage", QueueUrl="kept", MaxNumberOfMessages=10).get("Messages"):
            continue
    service.kill()
    subscriber.start()
    start()
    until(lambda: {*map(str, range(20))} <= set(subscriber.bodies), "all notifications", PATIENCE_SECONDS)


def test_a_delivery_in_progress_is_taken_over_after_its_lease(
    start: Callable[[], Serve], subscriber: Subscriber
) -> None:
    service = start()
    create(service)
    subscribe(service, subscriber)
    subscriber.hangs = True
    client = Client(service.url)
    client.call("SendMessage", QueueUrl="kept", MessageBody="x")
    client.close()
    until(lambda: subscriber.seen, "the first try")
    service.kill()
    subscriber.hangs = False
    subscriber.let_go.set()
    start()
    until(lambda: len(subscriber.seen) > 1, "a second notification", PATIENCE_SECONDS)


def test_a_stopped_service_returns_its_deliveries_at_once(start: Callable[[], Serve], subscriber: Subscriber) -> None:
    """SIGTERM does not wait for a subscriber that hangs."""
    service = start()
    create(service)
    subscribe(service, subscriber)
    subscriber.hangs = True
    with client_of(service) as client:
        client.call("SendMessage", QueueUrl="kept", MessageBody="x")
    until(lambda: subscriber.seen, "the first try")
    service.stop()
