"""Encryption, as clients of both dialects see it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import redis
import requests

from tests.conftest import Service, serving
from tests.encryption.conftest import everything, key
from tests.sqs.wire import Refused, Sqs


@pytest.fixture(scope="module")
def url(valkey: str) -> Iterator[str]:
    """URL of a service on a server of its own, with a key."""
    with serving(redis=valkey, durability="memory", encryption_keys=key("k1")) as service:
        yield service.url


@pytest.fixture(scope="module")
def keyless(valkey: str) -> Iterator[str]:
    """The same without a key."""
    with serving(redis=valkey, durability="memory", test_hooks="true") as service:
        yield service.url


@pytest.fixture(params=["json-fast", "query-fast", "json-flask", "query-flask"])
def way(request: pytest.FixtureRequest) -> tuple[str, str]:
    protocol, lane = request.param.split("-")
    return protocol, lane


def zaqar(url: str, method: str, path: str, document: object = None, *, kind: str = "json") -> requests.Response:
    headers = {"Client-ID": str(uuid.UUID(int=1)), "X-Project-Id": "000000000000"}
    if kind == "patch":
        headers["Content-Type"] = "application/openstack-messaging-v2.0-json-patch"
    return requests.request(method, url + path, json=document, headers=headers, timeout=10)


def test_both_dialects_read_what_sqs_sent_encrypted(
    url: str, valkey: str, queue_name: str, way: tuple[str, str]
) -> None:
    sqs, secret = Sqs(url, *way), uuid.uuid4().hex
    queue = sqs.queue(queue_name, SqsManagedSseEnabled="true")
    attributes = {"a": {"DataType": "String", "StringValue": f"v{secret}"}}
    sent = sqs.call("SendMessage", QueueUrl=queue, MessageBody=secret, MessageAttributes=attributes)
    assert secret.encode() not in everything(valkey)
    listed = zaqar(url, "GET", f"/v2/queues/{queue_name}/messages?echo=true&attributes=true").json()["messages"]
    assert [(one["body"], one["attributes"]["a"]["value"]) for one in listed] == [(secret, f"v{secret}")]
    [found] = sqs.call("ReceiveMessage", QueueUrl=queue, MessageAttributeNames=["All"])["Messages"]
    assert (found["Body"], found["MD5OfBody"]) == (secret, sent["MD5OfMessageBody"])
    assert found["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]


def test_both_dialects_read_what_zaqar_posted_encrypted(url: str, valkey: str, queue_name: str) -> None:
    secret, path = uuid.uuid4().hex, f"/v2/queues/{queue_name}"
    assert zaqar(url, "PUT", path, {"_enable_encrypt_messages": True}).status_code == 201
    posted = zaqar(url, "POST", f"{path}/messages", {"messages": [{"body": {"a": secret}}, {"body": secret}]})
    assert secret.encode() not in everything(valkey)
    assert zaqar(url, "GET", posted.json()["resources"][0]).json()["body"] == {"a": secret}
    peeked = requests.get(f"{url}/_aws/sqs/messages", {"QueueUrl": queue_name}, timeout=10)
    assert peeked.text.count(secret) == 2
    popped = zaqar(url, "DELETE", f"{path}/messages?pop=2").json()["messages"]
    assert [one["body"] for one in popped] == [{"a": secret}, secret]


def test_each_dialect_shows_its_own_setting(url: str, queue_name: str) -> None:
    sqs, path = Sqs(url, "json", "fast"), f"/v2/queues/{queue_name}"
    queue = sqs.queue(queue_name)
    name, shown = "_enable_encrypt_messages", []
    for change in (
        {"op": "add", "path": f"/metadata/{name}", "value": True},
        {"op": "remove", "path": f"/metadata/{name}"},
    ):
        shown.append((sqs.attributes(queue, "SqsManagedSseEnabled"), zaqar(url, "GET", path).json()[name]))
        assert zaqar(url, "PATCH", path, [change], kind="patch").status_code == 200
    sqs.call("SetQueueAttributes", QueueUrl=queue, Attributes={"SqsManagedSseEnabled": "false"})
    shown.append((sqs.attributes(queue, "SqsManagedSseEnabled"), zaqar(url, "GET", path).json()[name]))
    on, off = {"SqsManagedSseEnabled": "true"}, {"SqsManagedSseEnabled": "false"}
    assert shown == [(on, False), (on, True), (off, False)]


def test_sqs_refuses_encryption_without_a_key(keyless: str, queue_name: str, way: tuple[str, str]) -> None:
    sqs = Sqs(keyless, *way)
    reason = (
        "Invalid value for the parameter SqsManagedSseEnabled. Reason: The setting encryption_keys of this service "
        "contains no key."
    )
    wish = {"SqsManagedSseEnabled": "true"}
    assert sqs.error("CreateQueue", QueueName=queue_name, Attributes=wish) == ("InvalidAttributeValue", 400, reason)
    queue = sqs.queue(queue_name)
    assert sqs.error("SetQueueAttributes", QueueUrl=queue, Attributes=wish).message == reason
    assert sqs.attributes(queue, "SqsManagedSseEnabled") == wish


def test_zaqar_refuses_encryption_without_a_key(keyless: str, queue_name: str) -> None:
    answer = zaqar(keyless, "PUT", f"/v2/queues/{queue_name}", {"_enable_encrypt_messages": True})
    assert (answer.status_code, answer.json()["description"]) == (
        400,
        '"_enable_encrypt_messages" cannot be true: the setting encryption_keys contains no key.',
    )


def test_sqs_reports_a_missing_key(url: str, keyless: str, queue_name: str, way: tuple[str, str]) -> None:
    sqs = Sqs(url, *way)
    queue = sqs.queue(queue_name, SqsManagedSseEnabled="true")
    sqs.call("SendMessage", QueueUrl=queue, MessageBody="a")
    without = Sqs(keyless, *way)
    calls: dict[str, dict[str, Any]] = {
        "ReceiveMessage": {},
        "SendMessage": {"MessageBody": "b"},
        "SendMessageBatch": {"Entries": [{"Id": "1", "MessageBody": "b"}]},
    }
    for operation, more in calls.items():
        failure = without.error(operation, QueueUrl=queue, **more)
        assert (failure.code, failure.status) == ("KMS.NotFoundException", 400)
        assert "encryption_keys" in failure.message


def test_sqs_reports_a_changed_message(url: str, valkey: str, queue_name: str, way: tuple[str, str]) -> None:
    sqs = Sqs(url, *way)
    queue = sqs.queue(queue_name, SqsManagedSseEnabled="true")
    sqs.call("SendMessage", QueueUrl=queue, MessageBody="a")
    with redis.Redis.from_url(valkey) as client:
        where = f"sf1:{{000000000000~us-east-1:{queue_name}:0}}:m"
        client.hset(where, "1", (client.hget(where, "1") or b"")[:-1])
    with pytest.raises(Refused) as refused:
        sqs.call("ReceiveMessage", QueueUrl=queue)
    assert (refused.value.code, refused.value.status) == ("KMS.InvalidStateException", 400)


@pytest.mark.parametrize(
    ("method", "below", "document"),
    [
        ("GET", "/messages?echo=true", None),
        ("POST", "/claims", {"ttl": 60, "grace": 60}),
        ("DELETE", "/messages?pop=1", None),
        ("POST", "/messages", {"messages": [{"body": 1}]}),
    ],
)
def test_zaqar_reports_a_missing_key(
    url: str, keyless: str, queue_name: str, method: str, below: str, document: object
) -> None:
    path = f"/v2/queues/{queue_name}"
    zaqar(url, "PUT", path, {"_enable_encrypt_messages": True})
    [href] = zaqar(url, "POST", f"{path}/messages", {"messages": [{"body": 1}]}).json()["resources"]
    answer = zaqar(keyless, method, path + below, document)
    assert (answer.status_code, answer.json()["title"]) == (503, "Service temporarily unavailable")
    assert zaqar(url, "GET", href).json()["body"] == 1


def test_a_spy_records_the_content_of_an_encrypted_message(service: Service, queue_name: str) -> None:
    """An ephemeral service can encrypt without configuration."""
    sqs = Sqs(service.url, "json", "fast", account="777777777777")
    queue = sqs.queue(queue_name, SqsManagedSseEnabled="true")
    watch = {"on": True, "account": "777777777777"}
    assert requests.post(f"{service.url}/_test/spy", json=watch, timeout=10).status_code == 200
    sqs.call("SendMessage", QueueUrl=queue, MessageBody="a")
    sqs.call("ReceiveMessage", QueueUrl=queue)
    seen = requests.get(f"{service.url}/_test/spy", {"account": "777777777777"}, timeout=10).json()
    assert [(one["action"], one["body"]) for one in seen["events"]] == [("sent", "a"), ("received", "a")]
