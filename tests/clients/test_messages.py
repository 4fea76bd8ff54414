"""Messages are received as they were sent, as clients see them."""

from __future__ import annotations

import hashlib
import time
from typing import Any

import pytest

from tests.clients.conftest import Advance
from tests.clients.driver import Client, outcome

#: What is easily lost on the way, by either protocol.
BODIES = {
    "ascii": "hello",
    "carriage-return": "a\rb\r\nc\n\rd\r",
    "markup": '<Body attr="1">&amp;&#xD;<![CDATA[x]]></Body>\'',
    "json": '{"a": "\\u00e9", "b": null}',
    "unicode": "grüße, 世界, \u2028\u2029, e\u0301",
    "astral": "\U0001f469\u200d\U0001f4bb\U0010fffd",
    "edges": "\t\u0020\ud7ff\ue000\ufffd",
    "form": "a=b&c=d+e%20f;g",
}
ATTRIBUTES: dict[str, dict[str, Any]] = {
    "text": {"DataType": "String", "StringValue": "é<&>\r\n "},
    "number": {"DataType": "Number", "StringValue": "-12.50e3"},
    "bytes": {"DataType": "Binary", "BinaryValue": bytes(range(256))},
    "custom.1": {"DataType": "String.json", "StringValue": "{}"},
    "custom_2": {"DataType": "Binary.gzip", "BinaryValue": b"\0"},
    "Custom-3": {"DataType": "Number.int", "StringValue": "00012345678901234567890"},
}
TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"


def md5(body: str) -> str:
    return hashlib.md5(body.encode()).hexdigest()


def md5_of_attributes(attributes: dict[str, dict[str, Any]]) -> str:
    """As the developer guide describes it."""
    joined = b""
    for name, one in sorted(attributes.items()):
        is_binary = "BinaryValue" in one
        value = one["BinaryValue"] if is_binary else one["StringValue"].encode()
        for part in (name.encode(), one["DataType"].encode()):
            joined += len(part).to_bytes(4, "big") + part
        joined += (b"\2" if is_binary else b"\1") + len(value).to_bytes(4, "big") + value
    return hashlib.md5(joined).hexdigest()


def values(message: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """A message's attributes without the empty lists that SDK 2 adds."""
    return {
        name: {key: value for key, value in one.items() if value != []}
        for name, one in message.get("MessageAttributes", {}).items()
    }


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_body_is_received_as_it_was_sent(client: Client, queue: str, body: str) -> None:
    assert client.send(queue, body)["MD5OfMessageBody"] == md5(body)
    [found] = client.receive(queue)
    assert (found["Body"], found["MD5OfBody"]) == (body, md5(body))


def test_a_body_of_white_space_is_received_as_it_was_sent(client: Client, queue: str) -> None:
    """The XML reader of SDK 2 drops white text however it is written: its own check of the MD5 sees that."""
    body = " \t\r\n "
    client.send(queue, body)
    if client.kind == "js2-query":
        assert client.error("ReceiveMessage", QueueUrl=queue).name == "InvalidChecksum"
    else:
        assert [found["Body"] for found in client.receive(queue)] == [body]


def test_a_message_of_one_mebibyte_is_received(client: Client, queue: str) -> None:
    body = "é<\r" * 262_144
    client.send(queue, body)
    assert [found["Body"] for found in client.receive(queue)] == [body]


def test_a_message_over_one_mebibyte_is_refused(client: Client, queue: str) -> None:
    client.must_refuse("InvalidParameterValue", "SendMessage", QueueUrl=queue, MessageBody="x" * 1_048_577)


def test_attributes_are_received_as_they_were_sent(client: Client, queue: str) -> None:
    sent = client.send(queue, "x", MessageAttributes=ATTRIBUTES)
    assert sent["MD5OfMessageAttributes"] == md5_of_attributes(ATTRIBUTES)
    [found] = client.receive(queue, MessageAttributeNames=["All"])
    assert values(found) == ATTRIBUTES
    assert found["MD5OfMessageAttributes"] == md5_of_attributes(ATTRIBUTES)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["text", "never"], ["text"]),
        (["custom.*"], ["custom.1", "custom_2"]),
        ([".*"], list(ATTRIBUTES)),
        (["never"], []),
    ],
)
def test_only_requested_attributes_are_received_with_their_digest(
    client: Client, queue: str, names: list[str], expected: list[str]
) -> None:
    client.send(queue, "x", MessageAttributes=ATTRIBUTES)
    [found] = client.receive(queue, MessageAttributeNames=names)
    wanted = {name: ATTRIBUTES[name] for name in expected}
    assert values(found) == wanted
    assert found.get("MD5OfMessageAttributes") == (md5_of_attributes(wanted) if wanted else None)


def test_a_message_is_forwarded_with_its_attributes_as_received(client: Client, queue: str) -> None:
    """SDK 2 adds empty lists to each attribute that it returns, and sends them back."""
    client.send(queue, "x", MessageAttributes=ATTRIBUTES)
    [found] = client.receive(queue, MessageAttributeNames=["All"])
    client.call("DeleteMessage", QueueUrl=queue, ReceiptHandle=found["ReceiptHandle"])
    client.send(queue, found["Body"], MessageAttributes=found["MessageAttributes"])
    [again] = client.receive(queue, MessageAttributeNames=["All"])
    assert values(again) == ATTRIBUTES


@pytest.mark.parametrize("name", ["größe", "名前", "a-b_c.d", "x" * 256, "Number", "0"])
def test_an_attribute_name_with_allowed_letters_is_received(client: Client, queue: str, name: str) -> None:
    attributes = {name: {"DataType": "String", "StringValue": "x"}}
    assert client.send(queue, "x", MessageAttributes=attributes)["MD5OfMessageAttributes"] == md5_of_attributes(
        attributes
    )
    [found] = client.receive(queue, MessageAttributeNames=[name])
    assert values(found) == attributes


def test_the_old_and_the_new_member_for_system_attributes_are_joined(client: Client, queue: str) -> None:
    if client.process.protocol == "query":
        pytest.skip("its model has only AttributeNames")
    client.send(queue, "x")
    members = {"AttributeNames": ["SenderId"], "MessageSystemAttributeNames": ["ApproximateReceiveCount"]}
    [found] = client.receive(queue, **members)
    assert found["Attributes"] == {"SenderId": "000000000000", "ApproximateReceiveCount": "1"}


def test_a_trace_header_is_received(client: Client, queue: str) -> None:
    system = {"AWSTraceHeader": {"DataType": "String", "StringValue": TRACE}}
    sent = client.send(queue, "x", MessageSystemAttributes=system)
    assert sent["MD5OfMessageSystemAttributes"] == "5ae4d5d7636402d80f4eb6d213245a88"
    assert "MD5OfMessageAttributes" not in sent
    [found] = client.receive(queue, AttributeNames=["AWSTraceHeader"])
    assert found["Attributes"] == {"AWSTraceHeader": TRACE}


def test_system_attributes_are_received_on_request(client: Client, queue: str, later: Advance) -> None:
    before = int(time.time() * 1000) - 1
    client.send(queue, "x")
    later(queue, 7)
    [plain] = client.receive(queue, VisibilityTimeout=0)
    assert not plain.get("Attributes")
    later(queue, 3600)
    [found] = client.receive(queue, AttributeNames=["All"])
    told = found["Attributes"]
    assert told["ApproximateReceiveCount"] == "2"
    assert told["SenderId"] == "000000000000"
    assert before <= int(told["SentTimestamp"])
    assert 7000 <= int(told["ApproximateFirstReceiveTimestamp"]) - int(told["SentTimestamp"]) < 3_600_000
    assert set(told) == {*("ApproximateFirstReceiveTimestamp", "ApproximateReceiveCount", "SenderId", "SentTimestamp")}


@pytest.mark.parametrize(
    ("shape", "members"),
    [
        ("InvalidMessageContents", {"MessageBody": "\uffff"}),
        ("InvalidMessageContents", {"MessageBody": "a\u0001"}),
        ("MissingParameter", {"MessageBody": ""}),
        ("InvalidParameterValue", {"MessageBody": "x", "DelaySeconds": 901}),
        (
            "InvalidParameterValue",
            {"MessageBody": "x", "MessageAttributes": {"AWS.x": {"DataType": "String", "StringValue": "x"}}},
        ),
        (
            "InvalidParameterValue",
            {"MessageBody": "x", "MessageAttributes": {"x": {"DataType": "String", "StringValue": ""}}},
        ),
        (
            "InvalidParameterValue",
            {"MessageBody": "x", "MessageAttributes": {"x": {"DataType": "Text", "StringValue": "x"}}},
        ),
        (
            "InvalidParameterValue",
            {"MessageBody": "x", "MessageAttributes": {"x": {"DataType": "Binary", "BinaryValue": b""}}},
        ),
    ],
)
def test_a_bad_message_raises_an_error_of_the_sdk(
    client: Client, queue: str, shape: str, members: dict[str, Any]
) -> None:
    client.must_refuse(shape, "SendMessage", QueueUrl=queue, **members)
    assert client.counts(queue) == (0, 0, 0)


def test_an_empty_queue_returns_no_messages(client: Client, queue: str) -> None:
    assert client.receive(queue) == []


@pytest.mark.parametrize(
    "members",
    [
        {"MaxNumberOfMessages": 0},
        {"MaxNumberOfMessages": 11},
        {"WaitTimeSeconds": -1},
        {"WaitTimeSeconds": 21},
        {"VisibilityTimeout": 43_201},
    ],
    ids=str,
)
def test_a_receive_out_of_bounds_is_refused(client: Client, queue: str, members: dict[str, int]) -> None:
    client.must_refuse("InvalidParameterValue", "ReceiveMessage", QueueUrl=queue, **members)


def test_the_main_job_runs_from_end_to_end(client: Client, queue: str) -> None:
    """A hundred messages are sent, received, extended and deleted, and nothing is left."""
    sends = [
        client.begin("SendMessage", QueueUrl=queue, MessageBody=f"body {number}\r", MessageAttributes=ATTRIBUTES)
        for number in range(100)
    ]
    assert len({outcome(sent)["MessageId"] for sent in sends}) == 100
    received: list[dict[str, Any]] = []
    for _ in range(30):
        received += client.receive(queue, MessageAttributeNames=["All"])
        if len(received) == 100:
            break
    assert sorted(found["Body"] for found in received) == sorted(f"body {number}\r" for number in range(100))
    assert all(values(found) == ATTRIBUTES for found in received)
    for start in range(0, 100, 10):
        entries = [{"Id": str(at), "ReceiptHandle": received[at]["ReceiptHandle"]} for at in range(start, start + 10)]
        longer = [{**entry, "VisibilityTimeout": 90} for entry in entries]
        extended = client.call("ChangeMessageVisibilityBatch", QueueUrl=queue, Entries=longer)
        assert len(extended["Successful"]) == 10
        assert len(client.call("DeleteMessageBatch", QueueUrl=queue, Entries=entries)["Successful"]) == 10
    assert client.counts(queue) == (0, 0, 0)
