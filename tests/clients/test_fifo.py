"""FIFO queues and message groups, as clients see them."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from tests.clients.conftest import Advance
from tests.clients.driver import Client, outcome


def send(client: Client, queue_url: str, body: str, group: str, dedup_id: str | None = None) -> dict[str, Any]:
    given = {"MessageDeduplicationId": dedup_id} if dedup_id is not None else {}
    return client.send(queue_url, body, MessageGroupId=group, **given)


def bodies(client: Client, queue_url: str, **more: Any) -> list[str]:
    return [found["Body"] for found in client.receive(queue_url, **more)]


@pytest.fixture
def by_content(client: Client, queue_name: str) -> str:
    """URL of a FIFO queue that deduplicates by content."""
    return client.queue(f"{queue_name}.fifo", FifoQueue="true", ContentBasedDeduplication="true")


def test_a_fifo_queue_shows_its_own_attributes(client: Client, fifo: str) -> None:
    names = ("FifoQueue", "ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit")
    assert client.attributes(fifo, *names) == {
        "FifoQueue": "true",
        "ContentBasedDeduplication": "false",
        "DeduplicationScope": "queue",
        "FifoThroughputLimit": "perQueue",
    }
    assert set(names) <= set(client.attributes(fifo))


@pytest.mark.parametrize(
    ("name", "attributes"), [("{}", {"FifoQueue": "true"}), ("{}.fifo", {}), ("{}.fifo", {"FifoQueue": "false"})]
)
def test_the_name_and_the_attribute_must_agree(
    client: Client, queue_name: str, name: str, attributes: dict[str, str]
) -> None:
    given = {"Attributes": attributes} if attributes else {}
    client.must_refuse("InvalidParameterValue", "CreateQueue", QueueName=name.format(queue_name), **given)


def test_the_type_of_a_queue_cannot_be_changed(client: Client, fifo: str) -> None:
    client.call("SetQueueAttributes", QueueUrl=fifo, Attributes={"FifoQueue": "true"})
    error = client.must_refuse(
        "InvalidAttributeValue", "SetQueueAttributes", QueueUrl=fifo, Attributes={"FifoQueue": "false"}
    )
    assert error.message == (
        "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported."
    )


def test_a_group_keeps_its_order(client: Client, by_content: str) -> None:
    for number in range(12):
        send(client, by_content, str(number), "g")
    found: list[str] = []
    for _ in range(12):
        [message] = client.receive(by_content, MaxNumberOfMessages=1)
        found.append(message["Body"])
        client.call("DeleteMessage", QueueUrl=by_content, ReceiptHandle=message["ReceiptHandle"])
    assert found == [str(number) for number in range(12)]


def test_a_receive_takes_one_group_before_the_next(client: Client, by_content: str) -> None:
    for body, group in (("1", "a"), ("2", "b"), ("3", "a"), ("4", "a")):
        send(client, by_content, body, group)
    assert bodies(client, by_content) == ["1", "3", "4", "2"]


def test_a_group_in_flight_delivers_nothing_more(client: Client, by_content: str) -> None:
    for body, group in (("1", "a"), ("2", "a"), ("3", "b")):
        send(client, by_content, body, group)
    [first] = client.receive(by_content, MaxNumberOfMessages=1)
    assert bodies(client, by_content) == ["3"]
    assert client.counts(by_content) == (1, 2, 0)
    client.call("DeleteMessage", QueueUrl=by_content, ReceiptHandle=first["ReceiptHandle"])
    assert bodies(client, by_content) == ["2"]


def test_deleting_the_last_in_flight_wakes_a_long_poll(client: Client, by_content: str) -> None:
    for body in ("1", "2"):
        send(client, by_content, body, "g")
    [first] = client.receive(by_content, MaxNumberOfMessages=1)
    poll = client.begin("ReceiveMessage", QueueUrl=by_content, WaitTimeSeconds=20)
    client.call("DeleteMessage", QueueUrl=by_content, ReceiptHandle=first["ReceiptHandle"])
    assert [found["Body"] for found in outcome(poll, 10)["Messages"]] == ["2"]


def test_sequence_numbers_have_twenty_digits_and_rise(client: Client, by_content: str) -> None:
    sent = [send(client, by_content, str(number), "g")["SequenceNumber"] for number in range(3)]
    assert all(len(number) == 20 and number.isdigit() for number in sent)
    assert sent == sorted(set(sent))
    found = client.receive(by_content, AttributeNames=["SequenceNumber"])
    assert [message["Attributes"]["SequenceNumber"] for message in found] == sent


def test_a_message_has_its_group_and_deduplication_id(client: Client, by_content: str) -> None:
    body = "grüße\r"
    send(client, by_content, body, "g!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
    [found] = client.receive(by_content, AttributeNames=["All"])
    assert found["Attributes"]["MessageGroupId"] == "g!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
    assert found["Attributes"]["MessageDeduplicationId"] == hashlib.sha256(body.encode()).hexdigest()


def test_a_duplicate_is_not_sent_again_even_after_a_deletion(client: Client, fifo: str, later: Advance) -> None:
    first = send(client, fifo, "x", "g", "same")
    again = send(client, fifo, "other", "h", "same")
    assert (again["MessageId"], again["SequenceNumber"]) == (first["MessageId"], first["SequenceNumber"])
    assert again["MD5OfMessageBody"] == hashlib.md5(b"other").hexdigest()
    [found] = client.receive(fifo)
    client.call("DeleteMessage", QueueUrl=fifo, ReceiptHandle=found["ReceiptHandle"])
    later(fifo, 290)
    send(client, fifo, "x", "g", "same")
    assert client.counts(fifo) == (0, 0, 0)
    later(fifo, 20)
    send(client, fifo, "x", "g", "same")
    assert client.counts(fifo) == (1, 0, 0)


def test_each_group_may_have_its_own_duplicates(client: Client, queue_name: str) -> None:
    url = client.queue(
        f"{queue_name}.fifo",
        FifoQueue="true",
        DeduplicationScope="messageGroup",
        FifoThroughputLimit="perMessageGroupId",
    )
    for group in ("a", "b", "a"):
        send(client, url, "x", group, "same")
    assert client.counts(url) == (2, 0, 0)


def test_without_a_group_a_message_is_refused(client: Client, by_content: str) -> None:
    error = client.must_refuse("MissingParameter", "SendMessage", QueueUrl=by_content, MessageBody="x")
    assert error.message == "The request must contain the parameter MessageGroupId."


def test_without_a_deduplication_id_a_message_is_refused(client: Client, fifo: str) -> None:
    error = client.must_refuse(
        "InvalidParameterValue", "SendMessage", QueueUrl=fifo, MessageBody="x", MessageGroupId="g"
    )
    assert error.message == (
        "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly"
    )


@pytest.mark.parametrize("name", ["MessageGroupId", "MessageDeduplicationId"])
@pytest.mark.parametrize("value", ["has space", "x" * 129, ""])
def test_a_bad_id_is_refused(client: Client, fifo: str, name: str, value: str) -> None:
    given = {"MessageGroupId": "g", "MessageDeduplicationId": "d", name: value}
    error = client.must_refuse("InvalidParameterValue", "SendMessage", QueueUrl=fifo, MessageBody="x", **given)
    assert error.message == (
        f"Value {value} for parameter {name} is invalid. Reason: {name} can only include alphanumeric and "
        "punctuation characters. 1 to 128 in length."
    )


def test_a_message_cannot_have_a_delay_of_its_own(client: Client, by_content: str) -> None:
    error = client.must_refuse(
        "InvalidParameterValue",
        "SendMessage",
        QueueUrl=by_content,
        MessageBody="x",
        MessageGroupId="g",
        DelaySeconds=2,
    )
    assert error.message == (
        "Value 2 for parameter DelaySeconds is invalid. "
        "Reason: The request include parameter that is not valid for this queue type."
    )


def test_a_batch_arrives_in_order(client: Client, fifo: str) -> None:
    entries = [
        {"Id": f"id-{at}", "MessageBody": str(at), "MessageGroupId": "g", "MessageDeduplicationId": str(at)}
        for at in range(10)
    ]
    sent = client.call("SendMessageBatch", QueueUrl=fifo, Entries=entries)["Successful"]
    numbers = [one["SequenceNumber"] for one in sent]
    assert numbers == sorted(set(numbers))
    assert bodies(client, fifo) == [str(at) for at in range(10)]


@pytest.mark.parametrize("lacks", ["MessageGroupId", "MessageDeduplicationId"])
def test_an_entry_without_its_ids_fails_the_whole_batch(client: Client, fifo: str, lacks: str) -> None:
    full = {"MessageBody": "x", "MessageGroupId": "g", "MessageDeduplicationId": "d"}
    entries = [{"Id": "good", **full}, {"Id": "bad", **{k: v for k, v in full.items() if k != lacks}}]
    client.must_refuse("InvalidParameterValue", "SendMessageBatch", QueueUrl=fifo, Entries=entries)
    assert client.counts(fifo) == (0, 0, 0)


def test_an_expired_handle_does_not_delete(client: Client, by_content: str, later: Advance) -> None:
    send(client, by_content, "x", "g")
    [found] = client.receive(by_content, VisibilityTimeout=10)
    later(by_content, 11)
    handle = found["ReceiptHandle"]
    error = client.must_refuse("InvalidParameterValue", "DeleteMessage", QueueUrl=by_content, ReceiptHandle=handle)
    assert error.message == (
        f"Value {handle} for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired."
    )
    assert client.counts(by_content) == (1, 0, 0)


def test_a_repeated_attempt_returns_the_same_messages(client: Client, by_content: str) -> None:
    for body in ("1", "2"):
        send(client, by_content, body, "g")
    attempt = {"ReceiveRequestAttemptId": "try", "MaxNumberOfMessages": 2}
    first = client.receive(by_content, **attempt)
    again = client.receive(by_content, **attempt)
    assert [found["MessageId"] for found in again] == [found["MessageId"] for found in first]
    assert len(first) == 2


def test_messages_that_fail_too_often_move_to_the_dead_letter_queue_in_order(
    client: Client, by_content: str, queue_name: str
) -> None:
    dead = client.queue(f"{queue_name}-dead.fifo", FifoQueue="true")
    arn = client.attributes(dead, "QueueArn")["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1})
    client.call("SetQueueAttributes", QueueUrl=by_content, Attributes={"RedrivePolicy": policy})
    ids = [send(client, by_content, body, "g")["MessageId"] for body in ("1", "2", "3")]
    assert bodies(client, by_content, VisibilityTimeout=0) == ["1", "2", "3"]
    assert client.receive(by_content) == []
    found = client.receive(dead, AttributeNames=["All"])
    assert [(one["Body"], one["MessageId"]) for one in found] == list(zip("123", ids, strict=True))
    assert {one["Attributes"]["MessageGroupId"] for one in found} == {"g"}
    source = client.attributes(by_content, "QueueArn")["QueueArn"]
    assert {one["Attributes"]["DeadLetterQueueSourceArn"] for one in found} == {source}


def test_a_fifo_queue_needs_a_fifo_dead_letter_queue(client: Client, fifo: str, queue: str) -> None:
    arn = client.attributes(queue, "QueueArn")["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1})
    client.must_refuse(
        "InvalidParameterValue", "SetQueueAttributes", QueueUrl=fifo, Attributes={"RedrivePolicy": policy}
    )


def test_purging_clears_the_history_of_duplicates(client: Client, fifo: str) -> None:
    send(client, fifo, "x", "g", "same")
    client.call("PurgeQueue", QueueUrl=fifo)
    assert client.counts(fifo) == (0, 0, 0)
    send(client, fifo, "x", "g", "same")
    assert client.counts(fifo) == (1, 0, 0)


def test_a_standard_queue_accepts_a_group_too(client: Client, queue: str) -> None:
    """Fair queues: the group is returned, and there is no sequence number."""
    sent = client.send(queue, "x", MessageGroupId="tenant")
    assert not sent.get("SequenceNumber")
    [found] = client.receive(queue, AttributeNames=["All"])
    assert found["Attributes"]["MessageGroupId"] == "tenant"
    assert "SequenceNumber" not in found["Attributes"]
