"""Batches: success, failures of single entries, and failures of the whole batch, as clients see them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.clients.driver import Client
from tests.clients.test_messages import ATTRIBUTES, BODIES, md5, md5_of_attributes, values

BATCHES = ("SendMessageBatch", "DeleteMessageBatch", "ChangeMessageVisibilityBatch")


def entries_for(operation: str, ids: list[str]) -> list[dict[str, Any]]:
    members: dict[str, dict[str, Any]] = {
        "SendMessageBatch": {"MessageBody": "x"},
        "DeleteMessageBatch": {"ReceiptHandle": "x"},
        "ChangeMessageVisibilityBatch": {"ReceiptHandle": "x", "VisibilityTimeout": 1},
    }
    return [{"Id": name, **members[operation]} for name in ids]


def test_a_batch_of_ten_arrives_complete(client: Client, queue: str) -> None:
    bodies = [*BODIES.values(), "ninth", "last"]
    entries = [
        {"Id": f"id-{at}", "MessageBody": body, "MessageAttributes": ATTRIBUTES} for at, body in enumerate(bodies)
    ]
    sent = client.call("SendMessageBatch", QueueUrl=queue, Entries=entries)
    assert [(one["Id"], one["MD5OfMessageBody"]) for one in sent["Successful"]] == [
        (f"id-{at}", md5(body)) for at, body in enumerate(bodies)
    ]
    assert {one["MD5OfMessageAttributes"] for one in sent["Successful"]} == {md5_of_attributes(ATTRIBUTES)}
    assert not sent.get("Failed")
    found = client.receive(queue, MessageAttributeNames=["All"])
    assert sorted(message["Body"] for message in found) == sorted(bodies)
    assert all(values(message) == ATTRIBUTES for message in found)


def test_bad_entries_fail_alone(client: Client, queue_name: str) -> None:
    url = client.queue(queue_name, MaximumMessageSize="1024")
    entries = [
        {"Id": "good", "MessageBody": "x"},
        {"Id": "long", "MessageBody": "x" * 1025},
        {"Id": "character", "MessageBody": "\ufffe"},
        {"Id": "delay", "MessageBody": "x", "DelaySeconds": 901},
        {"Id": "late", "MessageBody": "y", "DelaySeconds": 900},
    ]
    sent = client.call("SendMessageBatch", QueueUrl=url, Entries=entries)
    assert [one["Id"] for one in sent["Successful"]] == ["good", "late"]
    failed = {one["Id"]: one for one in sent["Failed"]}
    assert {name: (one["Code"], one["SenderFault"]) for name, one in failed.items()} == {
        "long": ("InvalidParameterValue", True),
        "character": ("InvalidMessageContents", True),
        "delay": ("InvalidParameterValue", True),
    }
    assert failed["long"]["Message"] == (
        "One or more parameters cannot be validated. Reason: Message must be shorter than 1024 bytes."
    )
    assert client.counts(url) == (1, 0, 1)


@pytest.mark.parametrize("operation", ["DeleteMessageBatch", "ChangeMessageVisibilityBatch"])
def test_a_bad_handle_fails_alone(client: Client, queue: str, operation: str) -> None:
    client.send(queue, "x")
    [found] = client.receive(queue)
    entries = entries_for(operation, ["good", "bad"])
    entries[0]["ReceiptHandle"] = found["ReceiptHandle"]
    answer = client.call(operation, QueueUrl=queue, Entries=entries)
    assert answer["Successful"] == [{"Id": "good"}]
    assert answer["Failed"] == [
        {
            "Id": "bad",
            "Code": "ReceiptHandleIsInvalid",
            "SenderFault": True,
            "Message": 'The input receipt handle "x" is not a valid receipt handle.',
        }
    ]


@pytest.mark.parametrize("operation", BATCHES)
def test_an_empty_batch_raises_an_error_of_the_sdk(client: Client, queue: str, operation: str) -> None:
    error = client.must_refuse("EmptyBatchRequest", operation, QueueUrl=queue, Entries=[])
    assert error.message == f"There should be at least one {operation}RequestEntry in the request."


@pytest.mark.parametrize("operation", BATCHES)
def test_eleven_entries_raise_an_error_of_the_sdk(client: Client, queue: str, operation: str) -> None:
    entries = entries_for(operation, [str(number) for number in range(11)])
    error = client.must_refuse("TooManyEntriesInBatchRequest", operation, QueueUrl=queue, Entries=entries)
    assert error.message == "Maximum number of entries per request are 10. You have sent 11."


@pytest.mark.parametrize("operation", BATCHES)
def test_an_id_used_twice_raises_an_error_of_the_sdk(client: Client, queue: str, operation: str) -> None:
    error = client.must_refuse(
        "BatchEntryIdsNotDistinct", operation, QueueUrl=queue, Entries=entries_for(operation, ["a", "b", "a"])
    )
    assert error.message == "Id a repeated."


@pytest.mark.parametrize("name", ["", "no spaces", "x" * 81])
@pytest.mark.parametrize("operation", BATCHES)
def test_a_bad_id_raises_an_error_of_the_sdk(client: Client, queue: str, operation: str, name: str) -> None:
    client.must_refuse("InvalidBatchEntryId", operation, QueueUrl=queue, Entries=entries_for(operation, ["a", name]))


def test_a_batch_over_one_mebibyte_raises_an_error_of_the_sdk(client: Client, queue: str) -> None:
    entries = [{"Id": str(at), "MessageBody": "x" * size} for at, size in enumerate((524_288, 524_289))]
    error = client.must_refuse("BatchRequestTooLong", "SendMessageBatch", QueueUrl=queue, Entries=entries)
    assert error.message == "Batch requests cannot be longer than 1048576 bytes. You have sent 1048577 bytes."
    assert client.counts(queue) == (0, 0, 0)


def test_a_batch_of_exactly_one_mebibyte_is_sent(client: Client, queue: str) -> None:
    entries = [{"Id": str(at), "MessageBody": "x" * 524_288} for at in range(2)]
    assert len(client.call("SendMessageBatch", QueueUrl=queue, Entries=entries)["Successful"]) == 2
