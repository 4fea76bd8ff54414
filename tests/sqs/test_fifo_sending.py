"""FIFO queues: requirements of messages and batches, and the responses."""

from __future__ import annotations

import hashlib
from itertools import pairwise
from typing import Any

import pytest

from tests.sqs.fifo import bodies, receive, send
from tests.sqs.wire import Failure, Sqs, text

NO_GROUP = "The request must contain the parameter MessageGroupId."
NO_DEDUPLICATION = (
    "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly"
)


def test_a_message_group_id_is_required(sqs: Sqs, fifo: str) -> None:
    assert sqs.error("SendMessage", QueueUrl=fifo, MessageBody="x") == Failure("MissingParameter", 400, NO_GROUP)
    assert sqs.counts(fifo) == ("0", "0", "0")


def test_a_deduplication_id_is_required_without_content_based_deduplication(sqs: Sqs, explicit: str) -> None:
    error = sqs.error("SendMessage", QueueUrl=explicit, MessageBody="x", MessageGroupId="g")
    assert error == Failure("InvalidParameterValue", 400, NO_DEDUPLICATION)
    sqs.send(explicit, "x", MessageGroupId="g", MessageDeduplicationId="d")
    assert sqs.counts(explicit) == ("1", "0", "0")


@pytest.mark.parametrize("name", ["MessageGroupId", "MessageDeduplicationId"])
@pytest.mark.parametrize("value", ["x" * 129, "a b", "", "ü", "x\n"])
def test_identifiers_with_other_characters_are_refused(sqs: Sqs, fifo: str, name: str, value: str) -> None:
    members = {"MessageGroupId": "g", name: value}
    assert sqs.error("SendMessage", QueueUrl=fifo, MessageBody="x", **members) == Failure(
        "InvalidParameterValue",
        400,
        f"Value {value} for parameter {name} is invalid. Reason: {name} can only include alphanumeric and "
        "punctuation characters. 1 to 128 in length.",
    )


def test_identifiers_of_128_characters_and_punctuation_are_accepted(sqs: Sqs, fifo: str) -> None:
    punctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
    longest = punctuation + "x" * (128 - len(punctuation))
    sqs.send(fifo, "x", MessageGroupId=longest, MessageDeduplicationId=longest)
    [found] = sqs.receive(fifo, MessageSystemAttributeNames=["All"])
    assert found["Attributes"]["MessageGroupId"] == found["Attributes"]["MessageDeduplicationId"] == longest


def test_a_delay_is_refused_and_zero_means_that_of_the_queue(sqs: Sqs, queue_name: str) -> None:
    queue = sqs.queue(f"{queue_name}.fifo", FifoQueue="true", ContentBasedDeduplication="true", DelaySeconds="900")
    members = {"QueueUrl": queue, "MessageBody": "x", "MessageGroupId": "g"}
    assert sqs.error("SendMessage", DelaySeconds=2, **members) == Failure(
        "InvalidParameterValue",
        400,
        "Value 2 for parameter DelaySeconds is invalid. Reason: The request include parameter that is not valid for "
        "this queue type.",
    )
    sqs.call("SendMessage", DelaySeconds=0, **members)
    assert sqs.counts(queue) == ("0", "0", "1")


def test_a_standard_queue_refuses_a_deduplication_id(sqs: Sqs, queue: str) -> None:
    error = sqs.error("SendMessage", QueueUrl=queue, MessageBody="x", MessageDeduplicationId="d")
    assert error == Failure(
        "InvalidParameterValue",
        400,
        "Value d for parameter MessageDeduplicationId is invalid. Reason: The request include parameter that is not "
        "valid for this queue type.",
    )
    assert sqs.counts(queue) == ("0", "0", "0")


def test_a_sequence_number_has_twenty_digits_and_grows(sqs: Sqs, fifo: str) -> None:
    numbers = [sent["SequenceNumber"] for sent in send(sqs, fifo, "a:1", "b:2", "a:3")]
    assert {len(number) for number in numbers} == {20}
    assert not any("0000" in number for number in numbers)
    assert all(int(two) - int(one) > 1 for one, two in pairwise(numbers))
    found = receive(sqs, fifo, MessageSystemAttributeNames=["SequenceNumber"])
    assert {one["Body"]: one["Attributes"]["SequenceNumber"] for one in found} == dict(zip("123", numbers, strict=True))


def test_a_message_has_exactly_these_system_attributes(sqs: Sqs, fifo: str) -> None:
    [sent] = send(sqs, fifo, "g:body")
    [found] = receive(sqs, fifo, AttributeNames=["All"])
    attributes = found["Attributes"]
    assert set(attributes) == {
        "ApproximateFirstReceiveTimestamp", "ApproximateReceiveCount", "MessageDeduplicationId", "MessageGroupId",
        "SenderId", "SentTimestamp", "SequenceNumber",
    }  # fmt: skip
    assert attributes["MessageGroupId"] == "g"
    assert attributes["MessageDeduplicationId"] == hashlib.sha256(b"body").hexdigest()
    assert attributes["SequenceNumber"] == sent["SequenceNumber"]


def test_every_response_has_the_same_sequence_number_of_a_message(sqs: Sqs, fifo: str) -> None:
    [sent] = send(sqs, fifo, "g:1")
    [duplicate] = send(sqs, fifo, "g:1")
    entries = [entry("a", MessageBody="1"), entry("b", MessageBody="2")]
    batch = sqs.call("SendMessageBatch", QueueUrl=fifo, Entries=entries)["Successful"]
    received = [sqs.receive(fifo, VisibilityTimeout=0, AttributeNames=["SequenceNumber"])[0] for _ in range(2)]
    shown = [sent, duplicate, batch[0], *(one["Attributes"] for one in received)]
    assert [one["SequenceNumber"] for one in shown] == [sent["SequenceNumber"]] * 5
    assert batch[1]["SequenceNumber"] > sent["SequenceNumber"]


def entry(name: str, **more: Any) -> dict[str, Any]:
    return {"Id": name, "MessageBody": name, "MessageGroupId": "g", **more}


def test_a_batch_keeps_its_order_and_returns_sequence_numbers(sqs: Sqs, fifo: str) -> None:
    found = sqs.call("SendMessageBatch", QueueUrl=fifo, Entries=[entry(name) for name in "jihgfedcba"])
    numbers = [one["SequenceNumber"] for one in found["Successful"]]
    assert numbers == sorted(numbers)
    assert bodies(receive(sqs, fifo)) == list("jihgfedcba")


def test_groups_of_one_batch_have_their_turns_in_its_order(sqs: Sqs, fifo: str) -> None:
    entries = [entry(f"{group}{at}", MessageGroupId=group) for at in (1, 2) for group in "zaxyb"]
    sqs.call("SendMessageBatch", QueueUrl=fifo, Entries=entries)
    assert bodies(receive(sqs, fifo)) == ["z1", "z2", "a1", "a2", "x1", "x2", "y1", "y2", "b1", "b2"]


def test_an_entry_without_a_group_fails_the_whole_batch(sqs: Sqs, fifo: str) -> None:
    entries = [entry("a"), {"Id": "b", "MessageBody": "b"}]
    error = sqs.error("SendMessageBatch", QueueUrl=fifo, Entries=entries)
    assert error == Failure("InvalidParameterValue", 400, NO_GROUP)
    assert sqs.counts(fifo) == ("0", "0", "0")


def test_an_entry_without_a_deduplication_id_fails_the_whole_batch(sqs: Sqs, explicit: str) -> None:
    entries = [entry("a", MessageDeduplicationId="a"), entry("b")]
    error = sqs.error("SendMessageBatch", QueueUrl=explicit, Entries=entries)
    assert error == Failure("InvalidParameterValue", 400, NO_DEDUPLICATION)
    assert sqs.counts(explicit) == ("0", "0", "0")


@pytest.mark.parametrize("change", [{"DelaySeconds": 5}, {"MessageAttributes": {"a": text("")}}, {"MessageBody": "\0"}])
def test_another_bad_entry_fails_alone(sqs: Sqs, fifo: str, change: dict[str, Any]) -> None:
    entries = [entry("a"), entry("b", **change), entry("c")]
    found = sqs.call("SendMessageBatch", QueueUrl=fifo, Entries=entries)
    assert [one["Id"] for one in found["Successful"]] == ["a", "c"]
    assert [one["Id"] for one in found["Failed"]] == ["b"]
    assert bodies(receive(sqs, fifo)) == ["a", "c"]


def test_duplicates_within_a_batch_are_one_message(sqs: Sqs, fifo: str) -> None:
    entries = [entry("a", MessageBody="same"), entry("b", MessageBody="same")]
    found = sqs.call("SendMessageBatch", QueueUrl=fifo, Entries=entries)["Successful"]
    assert len({one["MessageId"] for one in found}) == 1
    assert bodies(receive(sqs, fifo)) == ["same"]
