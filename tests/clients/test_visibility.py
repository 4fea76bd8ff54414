"""Delay, visibility, deletion and long polls, as clients see them."""

from __future__ import annotations

import time

import pytest

from tests.clients.conftest import Advance
from tests.clients.driver import Client, outcome
from tests.patience import LONG_POLL_SECONDS, sooner_than


def test_a_delayed_message_is_received_later(client: Client, queue: str, later: Advance) -> None:
    client.send(queue, "x", DelaySeconds=30)
    assert client.receive(queue) == []
    assert client.counts(queue) == (0, 0, 1)
    later(queue, 30)
    assert [found["Body"] for found in client.receive(queue)] == ["x"]


def test_a_message_is_received_again_when_its_visibility_timeout_ends(
    client: Client, queue: str, later: Advance
) -> None:
    client.send(queue, "x")
    [first] = client.receive(queue, VisibilityTimeout=10)
    assert client.receive(queue) == []
    later(queue, 10)
    [again] = client.receive(queue, AttributeNames=["ApproximateReceiveCount"])
    assert (again["MessageId"], again["Attributes"]) == (first["MessageId"], {"ApproximateReceiveCount": "2"})
    assert again["ReceiptHandle"] != first["ReceiptHandle"]


def test_a_visibility_timeout_is_extended_and_ended(client: Client, queue: str, later: Advance) -> None:
    client.send(queue, "x")
    [found] = client.receive(queue, VisibilityTimeout=10)
    handle = {"QueueUrl": queue, "ReceiptHandle": found["ReceiptHandle"]}
    client.call("ChangeMessageVisibility", **handle, VisibilityTimeout=100)
    later(queue, 50)
    assert client.receive(queue) == []
    client.call("ChangeMessageVisibility", **handle, VisibilityTimeout=0)
    assert len(client.receive(queue)) == 1


def test_visibility_ends_twelve_hours_after_the_receive(client: Client, queue: str) -> None:
    client.send(queue, "x")
    [found] = client.receive(queue, VisibilityTimeout=30)
    handle = {"QueueUrl": queue, "ReceiptHandle": found["ReceiptHandle"]}
    client.must_refuse("InvalidParameterValue", "ChangeMessageVisibility", **handle, VisibilityTimeout=43_200)
    client.call("ChangeMessageVisibility", **handle, VisibilityTimeout=43_100)


def test_a_visibility_that_ends_too_late_is_named(client: Client, queue: str) -> None:
    """The text of AWS is quoted in aws/aws-sdk-net#794 and localstack/localstack#3956."""
    client.send(queue, "x")
    [found] = client.receive(queue)
    handle = {"QueueUrl": queue, "ReceiptHandle": found["ReceiptHandle"]}
    error = client.must_refuse("InvalidParameterValue", "ChangeMessageVisibility", **handle, VisibilityTimeout=43_200)
    assert error.message.removesuffix(".") == (
        "Value 43200 for parameter VisibilityTimeout is invalid. "
        "Reason: Total VisibilityTimeout for the message is beyond the limit [43200 seconds]"
    )


def test_a_message_can_be_deleted_repeatedly(client: Client, queue: str, later: Advance) -> None:
    client.send(queue, "x")
    [found] = client.receive(queue)
    handle = {"QueueUrl": queue, "ReceiptHandle": found["ReceiptHandle"]}
    client.call("DeleteMessage", **handle)
    client.call("DeleteMessage", **handle)
    later(queue, 60)
    assert client.receive(queue) == []
    error = client.must_refuse("InvalidParameterValue", "ChangeMessageVisibility", **handle, VisibilityTimeout=1)
    assert error.message == (
        f"Value {found['ReceiptHandle']} for parameter ReceiptHandle is invalid. "
        "Reason: Message does not exist or is not available for visibility timeout change."
    )


@pytest.mark.parametrize(
    ("operation", "members"), [("DeleteMessage", {}), ("ChangeMessageVisibility", {"VisibilityTimeout": 1})]
)
def test_a_bad_receipt_handle_raises_an_error_of_the_sdk(
    client: Client, queue: str, operation: str, members: dict[str, int]
) -> None:
    error = client.must_refuse("ReceiptHandleIsInvalid", operation, QueueUrl=queue, ReceiptHandle="garbage", **members)
    assert error.message == 'The input receipt handle "garbage" is not a valid receipt handle.'


def test_a_long_poll_ends_when_a_message_is_sent(client: Client, queue: str) -> None:
    poll = client.begin("ReceiveMessage", QueueUrl=queue, WaitTimeSeconds=LONG_POLL_SECONDS)
    assert not poll.done()
    client.send(queue, "x")
    with sooner_than(LONG_POLL_SECONDS, "the poll"):
        assert [found["Body"] for found in outcome(poll)["Messages"]] == ["x"]


def test_many_long_polls_share_the_messages(client: Client, queue: str) -> None:
    polls = [client.begin("ReceiveMessage", QueueUrl=queue, WaitTimeSeconds=LONG_POLL_SECONDS) for _ in range(20)]
    for number in range(20):
        client.send(queue, str(number))
    found = [message["Body"] for poll in polls for message in outcome(poll)["Messages"]]
    assert sorted(found, key=int) == [str(number) for number in range(20)]


def test_a_long_poll_without_a_message_ends_empty(client: Client, queue: str) -> None:
    started = time.monotonic()
    assert client.receive(queue, WaitTimeSeconds=1) == []
    assert time.monotonic() - started > 0.9
