"""Messages: sending, batches, receiving, visibility, deleting."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from tests.protocols.test_queues import refused
from tests.protocols.wire import Sqs, binary, text

TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"


def send(sqs: Sqs, queue: str, body: str = "x", **members: Any) -> dict[str, Any]:
    return sqs.call("SendMessage", QueueUrl=queue, MessageBody=body, **members)


def receive(sqs: Sqs, queue: str, **members: Any) -> list[dict[str, Any]]:
    members = {"MaxNumberOfMessages": 10, **members}
    return list(sqs.call("ReceiveMessage", QueueUrl=queue, **members).get("Messages", []))


@pytest.mark.parametrize("body", ["a\rb\r\nc", "<&>\"'", "é\U0001f600", " \t\n "])
def test_a_body_comes_back_byte_for_byte(sqs: Sqs, queue: str, body: str) -> None:
    sent = send(sqs, queue, body)
    [found] = receive(sqs, queue)
    assert found["Body"] == body
    assert found["MD5OfBody"] == sent["MD5OfMessageBody"] == hashlib.md5(body.encode()).hexdigest()
    assert found["MessageId"] == sent["MessageId"]


def test_an_empty_body_is_missing(sqs: Sqs, queue: str) -> None:
    error = refused(sqs, "SendMessage", QueueUrl=queue, MessageBody="")
    assert (error.code, error.message) == ("MissingParameter", "The request must contain the parameter MessageBody.")


@pytest.mark.parametrize("body", ["\x00", "\x1f", "\uffff", "\ufffe"])
def test_characters_outside_the_set_are_refused(sqs: Sqs, queue: str, body: str) -> None:
    assert refused(sqs, "SendMessage", QueueUrl=queue, MessageBody=body).code == "InvalidMessageContents"
    assert sqs.counts(queue) == ("0", "0", "0")


def test_size_counts_utf8_bytes_and_attributes(sqs: Sqs, queue_name: str) -> None:
    queue = sqs.queue(queue_name, MaximumMessageSize="1024")
    attribute = {"ab": text("cde")}  # 2 + 6 + 3 bytes
    send(sqs, queue, "é" * 506 + "x", MessageAttributes=attribute)
    error = refused(sqs, "SendMessage", QueueUrl=queue, MessageBody="é" * 507, MessageAttributes=attribute)
    assert error.code == "InvalidParameterValue"
    assert error.message == "One or more parameters are invalid. Reason: Message must be shorter than 1024 bytes."


def test_attribute_digests_cover_what_is_returned(sqs: Sqs, queue: str) -> None:
    attributes = {"Hello": text("w"), "Help.Me": text("1", "Number"), "b": binary(b"\x00\xff")}
    sent = send(sqs, queue, MessageAttributes=attributes)

    def shown(*names: str) -> dict[str, Any]:
        [found] = receive(sqs, queue, MessageAttributeNames=list(names), VisibilityTimeout=0)
        return found

    every = shown("All")
    assert every["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
    assert every["MessageAttributes"] == attributes
    assert set(shown("Hel.*")["MessageAttributes"]) == {"Hello", "Help.Me"}
    assert shown("Hel.*")["MD5OfMessageAttributes"] != every["MD5OfMessageAttributes"]
    assert "MessageAttributes" not in shown("Help", "AWS.", "..foo")
    assert "MD5OfMessageAttributes" not in shown()


@pytest.mark.parametrize(
    "attribute",
    [text(""), {"DataType": "String"}, text("x", "Nonsense"), text("x", ""), text("x", "Number"), text("\x01")],
)
def test_a_bad_attribute_is_refused(sqs: Sqs, queue: str, attribute: dict[str, str]) -> None:
    error = refused(sqs, "SendMessage", QueueUrl=queue, MessageBody="x", MessageAttributes={"a": attribute})
    assert error.code == "InvalidParameterValue"


def test_the_trace_header_is_kept_with_its_digest(sqs: Sqs, queue: str) -> None:
    sent = send(sqs, queue, MessageSystemAttributes={"AWSTraceHeader": text(TRACE)})
    assert sent["MD5OfMessageSystemAttributes"] == "5ae4d5d7636402d80f4eb6d213245a88"
    assert "MD5OfMessageAttributes" not in sent
    send(sqs, queue, trace=TRACE)
    found = receive(sqs, queue, AttributeNames=["AWSTraceHeader"])
    assert [m["Attributes"] for m in found] == [{"AWSTraceHeader": TRACE}] * 2


def test_system_attributes_only_on_request(sqs: Sqs, queue: str) -> None:
    send(sqs, queue, MessageGroupId="g")
    [plain] = receive(sqs, queue, VisibilityTimeout=0)
    assert "Attributes" not in plain
    [found] = receive(sqs, queue, MessageSystemAttributeNames=["All"])
    shown = found["Attributes"]
    assert shown.pop("ApproximateReceiveCount") == "2"
    assert len(shown.pop("SentTimestamp")) == len(shown.pop("ApproximateFirstReceiveTimestamp")) == 13
    assert shown == {"SenderId": "000000000000", "MessageGroupId": "g"}


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"MaxNumberOfMessages": 11}, "Value 11 for parameter MaxNumberOfMessages is invalid. "),
        ({"MaxNumberOfMessages": 0}, "Reason: Must be between 1 and 10, if provided."),
        ({"WaitTimeSeconds": 21}, "Reason: Must be >= 0 and <= 20, if provided."),
        ({"WaitTimeSeconds": -1}, "Value -1 for parameter WaitTimeSeconds is invalid."),
    ],
)
def test_receive_bounds(sqs: Sqs, queue: str, members: dict[str, int], words: str) -> None:
    error = refused(sqs, "ReceiveMessage", QueueUrl=queue, **members)
    assert error.code == "InvalidParameterValue"
    assert words in error.message


def test_an_empty_receive_leaves_the_key_out(sqs: Sqs, queue: str) -> None:
    assert sqs.call("ReceiveMessage", QueueUrl=queue) == {}


def test_visibility_and_deletion(sqs: Sqs, queue: str) -> None:
    send(sqs, queue)
    [held] = receive(sqs, queue)
    assert sqs.counts(queue) == ("0", "1", "0")
    handle = held["ReceiptHandle"]
    sqs.call("ChangeMessageVisibility", QueueUrl=queue, ReceiptHandle=handle, VisibilityTimeout=0)
    [again] = receive(sqs, queue)
    assert again["ReceiptHandle"] != handle
    sqs.call("DeleteMessage", QueueUrl=queue, ReceiptHandle=handle)
    sqs.call("DeleteMessage", QueueUrl=queue, ReceiptHandle=handle)
    assert sqs.counts(queue) == ("0", "0", "0")
    error = refused(sqs, "ChangeMessageVisibility", QueueUrl=queue, ReceiptHandle=handle, VisibilityTimeout=5)
    assert error.code == "InvalidParameterValue"
    assert error.message.endswith("Reason: Message does not exist or is not available for visibility timeout change.")


@pytest.mark.parametrize("operation", ["DeleteMessage", "ChangeMessageVisibility"])
def test_a_made_up_handle_is_named(sqs: Sqs, queue: str, operation: str) -> None:
    members = {} if operation == "DeleteMessage" else {"VisibilityTimeout": 1}
    error = refused(sqs, operation, QueueUrl=queue, ReceiptHandle="garbage", **members)
    assert error.code == "ReceiptHandleIsInvalid"
    assert error.message == 'The input receipt handle "garbage" is not a valid receipt handle.'


def _entries(*ids: str, body: str = "x") -> list[dict[str, Any]]:
    return [{"Id": one, "MessageBody": body} for one in ids]


@pytest.mark.parametrize(
    ("entries", "code"),
    [
        ([], "EmptyBatchRequest"),
        (_entries(*map(str, range(11))), "TooManyEntriesInBatchRequest"),
        (_entries("bad id"), "InvalidBatchEntryId"),
        (_entries("a" * 81), "InvalidBatchEntryId"),
        (_entries("a", "b", "a"), "BatchEntryIdsNotDistinct"),
        (_entries("a", "b", body="x" * 600_000), "BatchRequestTooLong"),
    ],
)
def test_a_bad_batch_fails_whole(sqs: Sqs, queue: str, entries: list[dict[str, Any]], code: str) -> None:
    error = refused(sqs, "SendMessageBatch", QueueUrl=queue, Entries=entries)
    assert error.code == f"AWS.SimpleQueueService.{code}"
    assert sqs.counts(queue) == ("0", "0", "0")


def test_a_bad_entry_fails_alone(sqs: Sqs, queue_name: str) -> None:
    queue = sqs.queue(queue_name, MaximumMessageSize="1024")
    entries = [
        {"Id": "good", "MessageBody": "x"},
        {"Id": "long", "MessageBody": "x" * 1025},
        {"Id": "late", "MessageBody": "x", "DelaySeconds": 901},
        {"Id": "odd", "MessageBody": "\x01"},
    ]
    found = sqs.call("SendMessageBatch", QueueUrl=queue, Entries=entries)
    assert [one["Id"] for one in found["Successful"]] == ["good"]
    failed = {one["Id"]: one for one in found["Failed"]}
    assert {name: one["Code"] for name, one in failed.items()} == {
        "long": "InvalidParameterValue",
        "late": "InvalidParameterValue",
        "odd": "InvalidMessageContents",
    }
    assert all(one["SenderFault"] for one in failed.values())
    assert failed["long"]["Message"] == (
        "One or more parameters cannot be validated. Reason: Message must be shorter than 1024 bytes."
    )


def test_batches_of_handles(sqs: Sqs, queue: str) -> None:
    found = sqs.call("SendMessageBatch", QueueUrl=queue, Entries=_entries("a", "b"))
    assert "Failed" not in found
    handles = [m["ReceiptHandle"] for m in receive(sqs, queue)]
    entries = [{"Id": f"e{n}", "ReceiptHandle": handle} for n, handle in enumerate([*handles, "bad"])]
    longer = [{**entry, "VisibilityTimeout": 60} for entry in entries]
    for operation, these in (("ChangeMessageVisibilityBatch", longer), ("DeleteMessageBatch", entries)):
        done = sqs.call(operation, QueueUrl=queue, Entries=these)
        assert [one["Id"] for one in done["Successful"]] == ["e0", "e1"]
        [failed] = done["Failed"]
        assert (failed["Id"], failed["Code"], failed["SenderFault"]) == ("e2", "ReceiptHandleIsInvalid", True)
    assert sqs.counts(queue) == ("0", "0", "0")


def test_purge_takes_everything(sqs: Sqs, queue: str) -> None:
    send(sqs, queue)
    send(sqs, queue, DelaySeconds=60)
    receive(sqs, queue)
    send(sqs, queue)
    assert sqs.counts(queue) == ("1", "1", "1")
    sqs.call("PurgeQueue", QueueUrl=queue)
    assert sqs.counts(queue) == ("0", "0", "0")
