"""Processes add what they have counted before they end; the next one adds what a killed one has left."""

from __future__ import annotations

import psutil
import pytest
import requests
from websockets.sync.client import connect

from tests.conftest import Service, serving
from tests.patience import until
from tests.sqs.wire import Sqs
from tests.websocket.conftest import Client
from zaqar_core.core import samples
from zaqar_core.core.session import Session
from zaqar_core.domain.names import QueueRef

MESSAGES = 40

pytestmark = pytest.mark.slow


def _counted(session: Session, ref: QueueRef) -> samples.Events:
    [found] = samples.read(session, [ref])
    assert found is not None
    events = [minute.events for minute in found.minutes(0, 1 << 40)]
    return samples.Events(sum(one.sent for one in events), sent_bytes=sum(one.sent_bytes for one in events))


def _send(service: Service, url: str) -> None:
    for _ in range(MESSAGES):  # each by a connection of its own, so that both workers get some
        body = {"QueueUrl": url, "MessageBody": "xy"}
        headers = {"X-Amz-Target": "AmazonSQS.SendMessage"}
        requests.post(service.url, json=body, headers=headers, timeout=10).raise_for_status()


def _workers(service: Service) -> list[psutil.Process]:
    found = psutil.Process(service.process.pid).children()  # nothing else, as the store is not its own
    return [one for one in found if one.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.parametrize("kills", [False, True])
def test_the_counts_of_workers_are_summed(store_url: str, session: Session, queue_name: str, kills: bool) -> None:
    ref = QueueRef("000000000000", "us-east-1", queue_name)
    with serving(redis=store_url, durability="memory", workers="2") as service:
        url = Sqs(service.url, "json", "fast").queue(queue_name)
        _send(service, url)
        if kills:
            killed = _workers(service)
            assert len(killed) == 2
            for worker in killed:
                worker.kill()
            until(lambda: len({*_workers(service)} - {*killed}) == 2, "others have taken their places")
            _send(service, url)
    assert _counted(session, ref) == samples.Events(MESSAGES * (1 + kills), sent_bytes=2 * MESSAGES * (1 + kills))


def test_what_clients_of_the_websocket_service_send_is_counted(
    store_url: str, session: Session, queue_name: str
) -> None:
    with serving("websocket", redis=store_url, durability="memory") as service, connect(service.url) as connection:
        client = Client(connection, is_binary=False)
        messages = [{"body": "xy", "ttl": 60}] * 3
        client.ask("queue_create", {"queue_name": queue_name})
        client.ask("message_post", {"queue_name": queue_name, "messages": messages})
    assert _counted(session, QueueRef(client.project, "us-east-1", queue_name)).sent == 3
