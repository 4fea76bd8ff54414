"""Batches: errors of the whole call, and errors of one entry."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sqs.wire import Failure, Sqs, md5, md5_of_attributes, text

BATCHES = ["SendMessageBatch", "DeleteMessageBatch", "ChangeMessageVisibilityBatch"]
PREFIX = "AWS.SimpleQueueService."


def entries(*names: str) -> list[dict[str, Any]]:
    return [{"Id": name, "MessageBody": f"body of {name}"} for name in names]


def of_kind(operation: str, *names: str) -> list[dict[str, Any]]:
    """Entries of any batch operation."""
    if operation == "SendMessageBatch":
        return entries(*names)
    more = {"VisibilityTimeout": 0} if operation == "ChangeMessageVisibilityBatch" else {}
    return [{"Id": name, "ReceiptHandle": "x", **more} for name in names]


def test_a_batch_is_sent_in_order(sqs: Sqs, queue: str) -> None:
    attributes = {"a": text("1")}
    first, second = entries("one", "two")
    found = sqs.call("SendMessageBatch", QueueUrl=queue, Entries=[{**first, "MessageAttributes": attributes}, second])
    assert list(found) == ["Successful"]
    assert [{**one, "MessageId": ""} for one in found["Successful"]] == [
        {
            "Id": "one",
            "MessageId": "",
            "MD5OfMessageBody": md5("body of one"),
            "MD5OfMessageAttributes": md5_of_attributes(attributes),
        },
        {"Id": "two", "MessageId": "", "MD5OfMessageBody": md5("body of two")},
    ]
    received = sqs.receive(queue, MaxNumberOfMessages=10)
    assert {one["MessageId"] for one in received} == {one["MessageId"] for one in found["Successful"]}


@pytest.mark.parametrize("operation", BATCHES)
def test_an_empty_batch_is_refused(sqs: Sqs, queue: str, operation: str) -> None:
    assert sqs.error(operation, QueueUrl=queue, Entries=[]) == Failure(
        f"{PREFIX}EmptyBatchRequest", 400, f"There should be at least one {operation}RequestEntry in the request."
    )


@pytest.mark.parametrize("operation", BATCHES)
def test_more_than_ten_entries_are_refused_before_their_ids_are_checked(sqs: Sqs, queue: str, operation: str) -> None:
    error = sqs.error(operation, QueueUrl=queue, Entries=of_kind(operation, *["same id"] * 20))
    assert error == Failure(
        f"{PREFIX}TooManyEntriesInBatchRequest", 400, "Maximum number of entries per request are 10. You have sent 20."
    )
    assert sqs.counts(queue) == ("0", "0", "0")


@pytest.mark.parametrize("operation", BATCHES)
@pytest.mark.parametrize("name", ["", "a b", "a.b", "ü", "x" * 81, "x\n"])
def test_an_id_of_other_characters_fails_the_whole_batch(sqs: Sqs, queue: str, operation: str, name: str) -> None:
    error = sqs.error(operation, QueueUrl=queue, Entries=of_kind(operation, "good", name))
    assert error == Failure(
        f"{PREFIX}InvalidBatchEntryId",
        400,
        "A batch entry id can only contain alphanumeric characters, hyphens and underscores. "
        "It can be at most 80 letters long.",
    )
    assert sqs.counts(queue) == ("0", "0", "0")


@pytest.mark.parametrize("operation", BATCHES)
def test_a_repeated_id_fails_the_whole_batch(sqs: Sqs, queue: str, operation: str) -> None:
    error = sqs.error(operation, QueueUrl=queue, Entries=of_kind(operation, "id_1", "id_2", "id_2", "id_1"))
    assert error == Failure(f"{PREFIX}BatchEntryIdsNotDistinct", 400, "Id id_2 repeated.")
    assert sqs.counts(queue) == ("0", "0", "0")


def test_an_entry_without_an_id_fails_the_whole_batch(sqs: Sqs, queue: str) -> None:
    error = sqs.error("SendMessageBatch", QueueUrl=queue, Entries=[{"MessageBody": "x"}])
    assert error.code == f"{PREFIX}InvalidBatchEntryId"


def test_a_batch_may_have_a_mebibyte_and_not_a_byte_more(sqs: Sqs, queue: str) -> None:
    half = {"MessageBody": "x" * (1 << 19)}
    batch = [{"Id": "a", **half}, {"Id": "b", **half}]
    assert len(sqs.call("SendMessageBatch", QueueUrl=queue, Entries=batch)["Successful"]) == 2
    batch[1] = {"Id": "b", "MessageBody": "x" * ((1 << 19) + 1)}
    assert sqs.error("SendMessageBatch", QueueUrl=queue, Entries=batch) == Failure(
        f"{PREFIX}BatchRequestTooLong",
        400,
        "Batch requests cannot be longer than 1048576 bytes. You have sent 1048577 bytes.",
    )
    assert sqs.counts(queue) == ("2", "0", "0")


def test_an_entry_that_fails_counts_in_the_length_of_the_batch(sqs: Sqs, queue: str) -> None:
    half = "x" * (1 << 19)
    batch = [{"Id": "a", "MessageBody": half}, {"Id": "b", "MessageBody": f"\0{half}"}]
    error = sqs.error("SendMessageBatch", QueueUrl=queue, Entries=batch)
    assert error.message == "Batch requests cannot be longer than 1048576 bytes. You have sent 1048577 bytes."
    assert sqs.counts(queue) == ("0", "0", "0")


def test_the_batch_may_be_longer_than_the_queues_limit_and_one_entry_fails_alone(sqs: Sqs, queue_name: str) -> None:
    queue = sqs.queue(queue_name, MaximumMessageSize="1024")
    batch = [{"Id": name, "MessageBody": "x" * size} for name, size in (("a", 1024), ("b", 1025), ("c", 1024))]
    found = sqs.call("SendMessageBatch", QueueUrl=queue, Entries=batch)
    assert [one["Id"] for one in found["Successful"]] == ["a", "c"]
    assert found["Failed"] == [
        {
            "Id": "b",
            "SenderFault": True,
            "Code": "InvalidParameterValue",
            "Message": "One or more parameters cannot be validated. Reason: Message must be shorter than 1024 bytes.",
        }
    ]
    assert sqs.counts(queue) == ("2", "0", "0")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"MessageBody": "a\uffffb"}, "InvalidMessageContents"),
        ({"MessageBody": ""}, "EmptyValue"),
        ({"DelaySeconds": 901}, "InvalidParameterValue"),
        ({"MessageAttributes": {"x": text("")}}, "InvalidParameterValue"),
        ({"MessageGroupId": "a b"}, "InvalidParameterValue"),
    ],
)
def test_an_entry_that_cannot_be_sent_fails_alone(sqs: Sqs, queue: str, change: dict[str, Any], code: str) -> None:
    batch = entries(*"abcdefghij")
    batch[4] |= change
    found = sqs.call("SendMessageBatch", QueueUrl=queue, Entries=batch)
    assert [one["Id"] for one in found["Successful"]] == list("abcdfghij")
    [failed] = found["Failed"]
    assert (failed["Id"], failed["Code"], failed["SenderFault"]) == ("e", code, True)
    assert sqs.counts(queue) == ("9", "0", "0")


@pytest.mark.parametrize("body", [{"MessageBody": ""}, {}])
def test_the_error_of_an_entry_without_a_body_names_its_place(sqs: Sqs, queue: str, body: dict[str, str]) -> None:
    """The text is recorded from AWS, as is the code, which SendMessage does not have."""
    batch = [*entries("a", "b"), {"Id": "c", **body}]
    found = sqs.call("SendMessageBatch", QueueUrl=queue, Entries=batch)
    assert found["Failed"] == [
        {
            "Id": "c",
            "SenderFault": True,
            "Code": "EmptyValue",
            "Message": "No Value Found for SendMessageBatchRequestEntry.3.MessageBody.",
        }
    ]


@pytest.mark.parametrize(
    ("suffix", "attributes", "change"),
    [
        ("", {}, {"MessageDeduplicationId": "d"}),
        (
            ".fifo",
            {"FifoQueue": "true"},
            {"MessageGroupId": "g", "MessageDeduplicationId": "d", "DelaySeconds": 1},
        ),
    ],
    ids=["standard", "fifo"],
)
def test_the_error_of_a_parameter_of_the_other_queue_type_does_not_name_it_in_an_entry(
    sqs: Sqs, queue_name: str, suffix: str, attributes: dict[str, str], change: dict[str, Any]
) -> None:
    """Users quote this text of AWS; that of SendMessage names the parameter."""
    queue = sqs.queue(queue_name + suffix, **attributes)
    found = sqs.call("SendMessageBatch", QueueUrl=queue, Entries=[{**entries("a")[0], **change}])
    assert found["Failed"] == [
        {
            "Id": "a",
            "SenderFault": True,
            "Code": "InvalidParameterValue",
            "Message": "The request include parameter that is not valid for this queue type",
        }
    ]


def test_successful_is_absent_when_every_entry_fails(sqs: Sqs, queue: str) -> None:
    found = sqs.call("SendMessageBatch", QueueUrl=queue, Entries=[{"Id": "a", "MessageBody": "\0"}])
    assert list(found) == ["Failed"]


def test_a_missing_queue_fails_the_whole_batch(sqs: Sqs, queue_name: str) -> None:
    error = sqs.error("SendMessageBatch", QueueUrl=queue_name, Entries=entries("a"))
    assert error.code == f"{PREFIX}NonExistentQueue"


def test_a_bad_handle_fails_alone(sqs: Sqs, queue: str) -> None:
    sqs.send(queue, "x")
    [message] = sqs.receive(queue)
    handles = [{"Id": "good", "ReceiptHandle": message["ReceiptHandle"]}, {"Id": "bad", "ReceiptHandle": "x"}]
    expected = {
        "Id": "bad",
        "SenderFault": True,
        "Code": "ReceiptHandleIsInvalid",
        "Message": 'The input receipt handle "x" is not a valid receipt handle.',
    }
    longer = [{**one, "VisibilityTimeout": 60} for one in handles]
    found = sqs.call("ChangeMessageVisibilityBatch", QueueUrl=queue, Entries=longer)
    assert found == {"Successful": [{"Id": "good"}], "Failed": [expected]}
    found = sqs.call("DeleteMessageBatch", QueueUrl=queue, Entries=handles)
    assert found == {"Successful": [{"Id": "good"}], "Failed": [expected]}
    assert sqs.counts(queue) == ("0", "0", "0")


def test_visibility_is_changed_entry_by_entry(sqs: Sqs, queue: str) -> None:
    sqs.call("SendMessageBatch", QueueUrl=queue, Entries=entries("a", "b", "c"))
    received = sqs.receive(queue, MaxNumberOfMessages=10)
    timeouts = [0, 43_201, 100]
    batch = [
        {"Id": f"m{at}", "ReceiptHandle": one["ReceiptHandle"], "VisibilityTimeout": seconds}
        for at, (one, seconds) in enumerate(zip(received, timeouts, strict=True))
    ]
    found = sqs.call("ChangeMessageVisibilityBatch", QueueUrl=queue, Entries=batch)
    assert [one["Id"] for one in found["Successful"]] == ["m0", "m2"]
    assert [(one["Id"], one["Code"]) for one in found["Failed"]] == [("m1", "InvalidParameterValue")]
    assert sqs.counts(queue) == ("1", "2", "0")


def test_a_batch_deletes_all_its_entries(sqs: Sqs, queue: str) -> None:
    sqs.call("SendMessageBatch", QueueUrl=queue, Entries=entries(*"abcdefghij"))
    received = sqs.receive(queue, MaxNumberOfMessages=10)
    batch = [{"Id": f"m{at}", "ReceiptHandle": one["ReceiptHandle"]} for at, one in enumerate(received)]
    assert len(batch) == 10
    for _ in range(2):
        found = sqs.call("DeleteMessageBatch", QueueUrl=queue, Entries=batch)
        assert found == {"Successful": [{"Id": f"m{at}"} for at in range(10)]}
    assert sqs.counts(queue) == ("0", "0", "0")


def test_failures_are_in_the_order_of_their_entries(sqs: Sqs, queue_name: str) -> None:
    """A message that is too long is detected later than an empty one."""
    queue = sqs.queue(queue_name, MaximumMessageSize="1024")
    given = [{"Id": "long", "MessageBody": "x" * 1025}, {"Id": "empty", "MessageBody": ""}, *entries("good")]
    found = sqs.call("SendMessageBatch", QueueUrl=queue, Entries=given)
    assert [one["Id"] for one in found["Failed"]] == ["long", "empty"]
    assert [one["Id"] for one in found["Successful"]] == ["good"]


def test_failed_deletions_are_in_the_order_of_their_entries(sqs: Sqs, fifo: str, queue_name: str) -> None:
    sqs.send(fifo, "x", MessageGroupId="g")
    [late] = sqs.receive(fifo, VisibilityTimeout=0)
    handles = {"late": late["ReceiptHandle"], "garbage": "x"}
    given = [{"Id": name, "ReceiptHandle": handle} for name, handle in handles.items()]
    found = sqs.call("DeleteMessageBatch", QueueUrl=fifo, Entries=given)
    assert [one["Id"] for one in found["Failed"]] == ["late", "garbage"]
    more = [{**one, "VisibilityTimeout": 1} for one in given]
    found = sqs.call("ChangeMessageVisibilityBatch", QueueUrl=fifo, Entries=more)
    assert [one["Id"] for one in found["Failed"]] == ["late", "garbage"]
