"""ReceiveRequestAttemptId: a receive that is repeated, on both types of queues."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.sqs.fifo import bodies, receive, send
from tests.sqs.wire import Failure, Sqs

ATTEMPT = {"ReceiveRequestAttemptId": "try"}
NOT_RETRYABLE = Failure(
    "InvalidParameterValue",
    400,
    "Value try for parameter ReceiveRequestAttemptId is invalid. Reason: The receiveRequestAttemptId is not valid "
    "anymore since the receive call is not retryable.",
)

Act = Callable[[Sqs, str, str], Any]


def delete(sqs: Sqs, queue: str, handle: str) -> None:
    sqs.call("DeleteMessage", QueueUrl=queue, ReceiptHandle=handle)


def delete_in_a_batch(sqs: Sqs, queue: str, handle: str) -> None:
    sqs.call("DeleteMessageBatch", QueueUrl=queue, Entries=[{"Id": "a", "ReceiptHandle": handle}])


def change(sqs: Sqs, queue: str, handle: str) -> None:
    sqs.call("ChangeMessageVisibility", QueueUrl=queue, ReceiptHandle=handle, VisibilityTimeout=100)


def give_back(sqs: Sqs, queue: str, handle: str) -> None:
    sqs.call("ChangeMessageVisibility", QueueUrl=queue, ReceiptHandle=handle, VisibilityTimeout=0)


def change_in_a_batch(sqs: Sqs, queue: str, handle: str) -> None:
    entry = {"Id": "a", "ReceiptHandle": handle, "VisibilityTimeout": 100}
    sqs.call("ChangeMessageVisibilityBatch", QueueUrl=queue, Entries=[entry])


def test_a_receive_repeated_with_its_attempt_id_returns_the_same_messages_and_handles(sqs: Sqs, fifo: str) -> None:
    send(sqs, fifo, "g:1", "g:2", "g:3")
    first = receive(sqs, fifo, MaxNumberOfMessages=2, **ATTEMPT)
    again = receive(sqs, fifo, MaxNumberOfMessages=2, **ATTEMPT)
    assert bodies(first) == ["1", "2"]
    assert again == first
    assert receive(sqs, fifo) == []


@pytest.mark.parametrize("act", [delete, delete_in_a_batch, change, give_back, change_in_a_batch])
def test_a_receive_cannot_be_repeated_after_one_of_its_messages_was_changed(sqs: Sqs, fifo: str, act: Act) -> None:
    send(sqs, fifo, "a:1", "b:2")
    _, second = receive(sqs, fifo, **ATTEMPT)
    act(sqs, fifo, second["ReceiptHandle"])
    for wait in (0, 20):  # nothing is waited for
        assert sqs.error("ReceiveMessage", QueueUrl=fifo, WaitTimeSeconds=wait, **ATTEMPT) == NOT_RETRYABLE


def test_another_attempt_id_is_another_receive(sqs: Sqs, fifo: str) -> None:
    send(sqs, fifo, "a:1", "b:2")
    [first] = sqs.receive(fifo, **ATTEMPT)
    delete(sqs, fifo, first["ReceiptHandle"])
    assert bodies(sqs.receive(fifo, ReceiveRequestAttemptId="another")) == ["2"]


def test_a_receive_that_found_nothing_is_not_remembered(sqs: Sqs, fifo: str) -> None:
    assert receive(sqs, fifo, **ATTEMPT) == []
    send(sqs, fifo, "a:1")
    assert bodies(receive(sqs, fifo, **ATTEMPT)) == ["1"]


@pytest.mark.parametrize("kind", ["fifo", "queue"])
@pytest.mark.parametrize("value", ["x" * 129, "a b", "", "ü", "x\n"])
def test_an_attempt_id_with_other_characters_is_refused_on_every_queue(
    sqs: Sqs, request: pytest.FixtureRequest, kind: str, value: str
) -> None:
    url = request.getfixturevalue(kind)
    assert sqs.error("ReceiveMessage", QueueUrl=url, ReceiveRequestAttemptId=value) == Failure(
        "InvalidParameterValue",
        400,
        f"Value {value} for parameter ReceiveRequestAttemptId is invalid. Reason: ReceiveRequestAttemptId can only "
        "include alphanumeric and punctuation characters. 1 to 128 in length.",
    )


@pytest.mark.parametrize("group", [{}, {"MessageGroupId": "tenant"}])
def test_an_attempt_id_on_a_standard_queue_has_no_effect(sqs: Sqs, queue: str, group: dict[str, str]) -> None:
    """Frameworks set one on every receive."""
    for body in "12":
        sqs.send(queue, body, **group)
    attempt = {"ReceiveRequestAttemptId": "x" * 128}
    assert [bodies(sqs.receive(queue, **attempt)) for _ in range(3)] == [["1"], ["2"], []]
