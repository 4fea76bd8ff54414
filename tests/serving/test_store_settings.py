"""A running service notices that its store no longer keeps the durability, refuses changes meanwhile, and goes on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from tests.conftest import Service, serving
from tests.patience import until
from tests.private_valkey import PrivateValkey, private_valkey
from tests.sqs.wire import Sqs

DURABLE = ("--appendonly", "yes", "--appendfsync", "always")
#: A setting that the service needs, its wrong value, and what the service says of it.
SETTINGS = [
    ("appendfsync", "everysec", "always", "needs appendfsync always"),
    ("appendonly", "no", "yes", "needs appendonly yes"),
    ("maxmemory-policy", "allkeys-lru", "noeviction", "set maxmemory-policy noeviction"),
]
PROJECT = {"X-Project-Id": "p", "Client-ID": "3381af92-2b9e-11e3-b191-71861300734c"}


@dataclass
class Durable:
    """A service with durability fsync, and its server."""

    service: Service
    valkey: PrivateValkey

    def configure(self, name: str, value: str) -> None:
        with self.valkey.client() as client:
            client.config_set(name, value)

    def ready(self) -> tuple[int, str]:
        answer = requests.get(f"{self.service.url}/health/ready", timeout=10)
        return answer.status_code, answer.json().get("reason", "")

    def zaqar(self, method: str, path: str, document: Any = None) -> requests.Response:
        return requests.request(method, f"{self.service.url}/v2{path}", json=document, headers=PROJECT, timeout=10)


@pytest.fixture(scope="module")
def durable() -> Iterator[Durable]:
    with private_valkey(*DURABLE) as valkey, serving(redis=valkey.url, durability="fsync") as service:
        yield Durable(service, valkey)


@pytest.fixture(params=["json-fast", "query-fast", "json-flask", "query-flask"])
def sqs(durable: Durable, request: pytest.FixtureRequest) -> Sqs:
    protocol, lane = request.param.split("-")
    return Sqs(durable.service.url, protocol, lane)


def test_a_full_store_can_be_emptied_and_says_that_nothing_was_stored(
    durable: Durable, sqs: Sqs, queue_name: str
) -> None:
    queue = sqs.queue(queue_name)
    durable.zaqar("PUT", f"/queues/{queue_name}")
    sqs.send(queue, "1")
    sqs.send(queue, "2")
    durable.zaqar("POST", f"/queues/{queue_name}/messages", {"messages": [{"body": 1, "ttl": 60}]})
    durable.configure("maxmemory", "100kb")
    try:
        assert durable.ready()[0] == 503
        assert "out of memory" in durable.ready()[1]
        for action, members in (
            ("SendMessage", {"QueueUrl": queue, "MessageBody": "3"}),
            ("SendMessageBatch", {"QueueUrl": queue, "Entries": [{"Id": "a", "MessageBody": "3"}]}),
            ("CreateQueue", {"QueueName": f"{queue_name}-new"}),
            ("SetQueueAttributes", {"QueueUrl": queue, "Attributes": {"DelaySeconds": "3"}}),
            ("TagQueue", {"QueueUrl": queue, "Tags": {"a": "b"}}),
        ):
            error = sqs.error(action, **members)
            assert (error.status, error.code) == (503, "ServiceUnavailable")
            assert "Nothing was stored" in error.message
        for method, path, document in (
            ("POST", f"/queues/{queue_name}/messages", {"messages": [{"body": 1, "ttl": 60}]}),
            ("PUT", f"/queues/{queue_name}-new", {}),
            ("POST", f"/queues/{queue_name}/subscriptions", {"subscriber": "http://example.org/", "ttl": 60}),
        ):
            refused = durable.zaqar(method, path, document)
            assert refused.status_code == 503
            assert "Nothing was stored" in refused.json()["description"]
        [first] = sqs.receive(queue)
        sqs.call("DeleteMessage", QueueUrl=queue, ReceiptHandle=first["ReceiptHandle"])
        claim = durable.zaqar("POST", f"/queues/{queue_name}/claims", {"ttl": 60, "grace": 60})
        [claimed] = claim.json()["messages"]
        assert requests.delete(durable.service.url + claimed["href"], headers=PROJECT, timeout=10).status_code == 204
        assert sqs.counts(queue) == ("1", "0", "0")
        sqs.call("DeleteQueue", QueueUrl=queue)
        assert durable.zaqar("DELETE", f"/queues/{queue_name}").status_code == 204
    finally:
        durable.configure("maxmemory", "0")
    assert durable.ready()[0] == 200
    sqs.queue(queue_name)


@pytest.mark.parametrize(("name", "wrong", "right", "words"), SETTINGS)
def test_changes_are_refused_while_the_durability_is_not_kept(
    durable: Durable, sqs: Sqs, queue_name: str, name: str, wrong: str, right: str, words: str
) -> None:
    queue = sqs.queue(queue_name)
    sqs.call("SendMessage", QueueUrl=queue, MessageBody="before")
    durable.zaqar("PUT", f"/queues/{queue_name}")
    durable.configure(name, wrong)
    try:
        assert durable.ready()[0] == 503
        assert words in durable.ready()[1]
        for action, members in (("SendMessage", {"MessageBody": "1"}), ("ReceiveMessage", {}), ("PurgeQueue", {})):
            error = sqs.error(action, QueueUrl=queue, **members)
            assert (error.status, error.code) == (503, "ServiceUnavailable")
            assert words in error.message
        posted = durable.zaqar("POST", f"/queues/{queue_name}/messages", {"messages": [{"body": 1, "ttl": 60}]})
        assert posted.status_code == 503
        assert words in posted.json()["description"]
        found = sqs.call("GetQueueAttributes", QueueUrl=queue, AttributeNames=["All"])
        assert found["Attributes"]["ApproximateNumberOfMessages"] == "1"
        assert durable.zaqar("GET", f"/queues/{queue_name}/messages?echo=true").status_code == 200
    finally:
        durable.configure(name, right)
    until(lambda: durable.ready()[0] == 200, "the service is ready again")
    sqs.call("SendMessage", QueueUrl=queue, MessageBody="after")
