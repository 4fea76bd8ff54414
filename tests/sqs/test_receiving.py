"""Receiving, visibility, deleting, purging."""

from __future__ import annotations

import threading
import time
from base64 import b64encode
from typing import Any

import pytest

from tests.patience import LONG_POLL_SECONDS, sooner_than
from tests.sqs.wire import Failure, Sqs, binary, md5_of_attributes, text

MANY = {
    "Hello": text("1"),
    "Help.Me": text("2", "Number"),
    "Hel": text("3"),
    "other": binary(b"\0\xff"),
}


@pytest.mark.parametrize("most", [0, 11, -1, 10**30])
def test_a_count_out_of_bounds_is_refused(sqs: Sqs, queue: str, most: int) -> None:
    error = sqs.error("ReceiveMessage", QueueUrl=queue, MaxNumberOfMessages=most)
    reason = "for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided."
    assert error.code == "InvalidParameterValue"
    assert most == 10**30 or error.message == f"Value {most} {reason}"


@pytest.mark.parametrize("wait", [-1, 21])
def test_a_wait_out_of_bounds_is_refused(sqs: Sqs, queue: str, wait: int) -> None:
    reason = "for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= 20, if provided."
    error = sqs.error("ReceiveMessage", QueueUrl=queue, WaitTimeSeconds=wait)
    assert error == Failure("InvalidParameterValue", 400, f"Value {wait} {reason}")


@pytest.mark.parametrize("seconds", [-1, 43_201])
def test_a_visibility_out_of_bounds_is_refused(sqs: Sqs, queue: str, seconds: int) -> None:
    sqs.send(queue, "x")
    assert sqs.error("ReceiveMessage", QueueUrl=queue, VisibilityTimeout=seconds).code == "InvalidParameterValue"
    assert sqs.counts(queue) == ("1", "0", "0")


def test_an_empty_receive_has_no_messages_at_all(sqs: Sqs, queue: str) -> None:
    assert sqs.call("ReceiveMessage", QueueUrl=queue) == {}


def test_one_message_is_received_unless_more_are_requested(sqs: Sqs, queue: str) -> None:
    for number in range(12):
        sqs.send(queue, str(number))
    assert len(sqs.receive(queue)) == 1
    assert len(sqs.receive(queue, MaxNumberOfMessages=10)) == 10
    assert sqs.counts(queue) == ("1", "11", "0")


def test_system_attributes_are_returned_only_on_request(sqs: Sqs, queue: str) -> None:
    before = int(time.time() * 1000)
    sqs.send(queue, "x")
    [plain] = sqs.receive(queue, VisibilityTimeout=0)
    assert "Attributes" not in plain
    [found] = sqs.receive(queue, VisibilityTimeout=0, AttributeNames=["All"])
    attributes = found["Attributes"]
    assert set(attributes) == {
        "ApproximateFirstReceiveTimestamp", "ApproximateReceiveCount", "SenderId", "SentTimestamp",
    }  # fmt: skip
    assert attributes["ApproximateReceiveCount"] == "2"
    sent, first = int(attributes["SentTimestamp"]), int(attributes["ApproximateFirstReceiveTimestamp"])
    assert before - 1000 <= sent <= first <= time.time() * 1000 + 1000
    [again] = sqs.receive(queue, MessageSystemAttributeNames=["All"])
    assert again["Attributes"] == {**attributes, "ApproximateReceiveCount": "3"}


def test_both_lists_of_system_attributes_are_joined(sqs: Sqs, queue: str) -> None:
    sqs.send(queue, "x")
    names = {"AttributeNames": ["SenderId"], "MessageSystemAttributeNames": ["ApproximateReceiveCount"]}
    [found] = sqs.receive(queue, **names)
    assert set(found["Attributes"]) == {"SenderId", "ApproximateReceiveCount"}


@pytest.mark.parametrize("member", ["AttributeNames", "MessageSystemAttributeNames"])
@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (["Foobar"], set()),
        (["", "senderid", "SenderId ", "Sender*", "ü", "x" * 1000], set()),
        (["VisibilityTimeout", "QueueArn", "Policy"], set()),
        (["Foobar", "SenderId", "Foobar"], {"SenderId"}),
        (
            ["Foobar", "All"],
            {"ApproximateFirstReceiveTimestamp", "ApproximateReceiveCount", "SenderId", "SentTimestamp"},
        ),
    ],
)
def test_unknown_system_attributes_are_ignored(
    sqs: Sqs, queue: str, member: str, names: list[str], shown: set[str]
) -> None:
    """Recorded from AWS for MessageSystemAttributeNames; AWS's model lets AttributeNames name attributes of queues."""
    sqs.send(queue, "x")
    [found] = sqs.receive(queue, **{member: names})
    assert found.get("Attributes", {}).keys() == shown


def test_an_unknown_name_in_one_list_does_not_affect_the_other_list(sqs: Sqs, queue: str) -> None:
    sqs.send(queue, "x")
    names = {"AttributeNames": ["Foobar"], "MessageSystemAttributeNames": ["ApproximateReceiveCount", "Nope"]}
    [found] = sqs.receive(queue, **names)
    assert found["Attributes"] == {"ApproximateReceiveCount": "1"}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([], []),
        (["All"], ["Hel", "Hello", "Help.Me", "other"]),
        (["*"], ["Hel", "Hello", "Help.Me", "other"]),
        ([".*"], ["Hel", "Hello", "Help.Me", "other"]),
        (["Hel.*"], ["Hel", "Hello", "Help.Me"]),
        (["Help.*", "other"], ["Help.Me", "other"]),
        (["Hel"], ["Hel"]),
        (["Help", "AWS.", "..foo", "hello", "Hell(o)", ""], []),
    ],
)
def test_attributes_are_chosen_by_name_and_prefix_and_the_md5_covers_the_chosen(
    sqs: Sqs, queue: str, names: list[str], expected: list[str]
) -> None:
    sqs.send(queue, "x", MessageAttributes=MANY)
    [found] = sqs.receive(queue, MessageAttributeNames=names)
    if not expected:
        assert set(found) == {"MessageId", "ReceiptHandle", "MD5OfBody", "Body"}
        return
    chosen = {name: MANY[name] for name in expected}
    assert found["MessageAttributes"] == chosen
    assert found["MD5OfMessageAttributes"] == md5_of_attributes(chosen)


def test_each_receive_returns_a_new_handle_and_counts_with_zero_visibility_too(sqs: Sqs, queue: str) -> None:
    sqs.send(queue, "x")
    handles = [sqs.receive(queue, VisibilityTimeout=0)[0]["ReceiptHandle"] for _ in range(3)]
    assert len(set(handles)) == 3
    [last] = sqs.receive(queue, AttributeNames=["ApproximateReceiveCount"])
    assert last["Attributes"] == {"ApproximateReceiveCount": "4"}
    assert sqs.receive(queue) == []


def test_a_message_can_be_deleted_by_an_older_handle(sqs: Sqs, queue: str) -> None:
    sqs.send(queue, "x")
    [old] = sqs.receive(queue, VisibilityTimeout=0)
    sqs.receive(queue)
    assert sqs.call("DeleteMessage", QueueUrl=queue, ReceiptHandle=old["ReceiptHandle"]) == {}
    assert sqs.counts(queue) == ("0", "0", "0")


def test_deleting_again_is_no_error(sqs: Sqs, queue: str) -> None:
    sqs.send(queue, "x")
    [found] = sqs.receive(queue)
    for _ in range(3):
        assert sqs.call("DeleteMessage", QueueUrl=queue, ReceiptHandle=found["ReceiptHandle"]) == {}


def test_visibility_set_to_zero_makes_a_message_receivable_at_once(sqs: Sqs, queue: str) -> None:
    sqs.send(queue, "x")
    [found] = sqs.receive(queue)
    assert sqs.counts(queue) == ("0", "1", "0")
    handle = {"QueueUrl": queue, "ReceiptHandle": found["ReceiptHandle"]}
    assert sqs.call("ChangeMessageVisibility", **handle, VisibilityTimeout=0) == {}
    [again] = sqs.receive(queue)
    assert again["MessageId"] == found["MessageId"]


def test_visibility_is_changed_also_after_it_ran_out(sqs: Sqs, queue: str) -> None:
    sqs.send(queue, "x")
    [found] = sqs.receive(queue, VisibilityTimeout=0)
    handle = {"QueueUrl": queue, "ReceiptHandle": found["ReceiptHandle"]}
    assert sqs.call("ChangeMessageVisibility", **handle, VisibilityTimeout=60) == {}
    assert sqs.counts(queue) == ("0", "1", "0")
    assert sqs.call("ChangeMessageVisibility", **handle, VisibilityTimeout=0) == {}


def test_the_visibility_of_a_deleted_message_cannot_be_changed(sqs: Sqs, queue: str) -> None:
    sqs.send(queue, "x")
    [found] = sqs.receive(queue)
    handle = found["ReceiptHandle"]
    sqs.call("DeleteMessage", QueueUrl=queue, ReceiptHandle=handle)
    reason = "Message does not exist or is not available for visibility timeout change."
    assert sqs.error("ChangeMessageVisibility", QueueUrl=queue, ReceiptHandle=handle, VisibilityTimeout=1) == Failure(
        "InvalidParameterValue", 400, f"Value {handle} for parameter ReceiptHandle is invalid. Reason: {reason}"
    )


@pytest.mark.parametrize("seconds", [-1, 43_201])
def test_a_new_visibility_out_of_bounds_is_refused(sqs: Sqs, queue: str, seconds: int) -> None:
    sqs.send(queue, "x")
    [found] = sqs.receive(queue)
    handle = {"QueueUrl": queue, "ReceiptHandle": found["ReceiptHandle"]}
    assert sqs.error("ChangeMessageVisibility", **handle, VisibilityTimeout=seconds).code == "InvalidParameterValue"
    assert sqs.counts(queue) == ("0", "1", "0")


@pytest.mark.parametrize("operation", ["DeleteMessage", "ChangeMessageVisibility"])
@pytest.mark.parametrize("handle", ["garbage", " ", "ü", "=" * 8, b64encode(b"x" * 42).decode(), "A" * 5000])
def test_an_unknown_receipt_handle_is_refused(sqs: Sqs, queue: str, operation: str, handle: str) -> None:
    more: dict[str, Any] = {"VisibilityTimeout": 1} if operation == "ChangeMessageVisibility" else {}
    assert sqs.error(operation, QueueUrl=queue, ReceiptHandle=handle, **more) == Failure(
        "ReceiptHandleIsInvalid", 404, f'The input receipt handle "{handle}" is not a valid receipt handle.'
    )


@pytest.mark.parametrize("operation", ["DeleteMessage", "ChangeMessageVisibility"])
def test_a_receipt_handle_of_another_queue_is_refused(sqs: Sqs, queue: str, queue_name: str, operation: str) -> None:
    """Users quote this text of AWS."""
    other = sqs.queue(f"{queue_name}-other")
    sqs.send(other, "x")
    handle = sqs.receive(other)[0]["ReceiptHandle"]
    more: dict[str, Any] = {"VisibilityTimeout": 1} if operation == "ChangeMessageVisibility" else {}
    message = f'The receipt handle "{handle}" is not valid for this queue.'
    assert sqs.error(operation, QueueUrl=queue, ReceiptHandle=handle, **more) == Failure(
        "ReceiptHandleIsInvalid", 404, message
    )
    batch = [{"Id": "a", "ReceiptHandle": handle, **more}]
    [failed] = sqs.call(f"{operation}Batch", QueueUrl=queue, Entries=batch)["Failed"]
    assert (failed["Code"], failed["Message"]) == ("ReceiptHandleIsInvalid", message)


@pytest.mark.parametrize("operation", ["DeleteMessage", "ChangeMessageVisibility"])
def test_a_handle_must_be_given(sqs: Sqs, queue: str, operation: str) -> None:
    assert sqs.error(operation, QueueUrl=queue, VisibilityTimeout=1) == Failure(
        "MissingParameter", 400, "The request must contain the parameter ReceiptHandle."
    )


def test_a_purge_deletes_visible_in_flight_and_delayed_messages(sqs: Sqs, queue: str) -> None:
    sqs.send(queue, "in flight")
    [found] = sqs.receive(queue)
    sqs.send(queue, "visible")
    sqs.send(queue, "delayed", DelaySeconds=900)
    assert sqs.counts(queue) == ("1", "1", "1")
    assert sqs.call("PurgeQueue", QueueUrl=queue) == {}
    assert sqs.counts(queue) == ("0", "0", "0")
    assert sqs.receive(queue) == []
    assert sqs.call("DeleteMessage", QueueUrl=queue, ReceiptHandle=found["ReceiptHandle"]) == {}


def test_a_second_purge_within_a_minute_is_refused(sqs: Sqs, queue: str, queue_name: str) -> None:
    sqs.call("PurgeQueue", QueueUrl=queue)
    sqs.send(queue, "x")
    assert sqs.error("PurgeQueue", QueueUrl=queue) == Failure(
        "AWS.SimpleQueueService.PurgeQueueInProgress",
        403,
        f"Only one PurgeQueue operation on {queue_name} is allowed every 60 seconds.",
    )
    assert sqs.counts(queue) == ("1", "0", "0")


def test_a_long_poll_returns_at_once_if_a_message_is_visible(sqs: Sqs, queue: str) -> None:
    sqs.send(queue, "x")
    with sooner_than(LONG_POLL_SECONDS, "the poll"):
        assert len(sqs.receive(queue, MaxNumberOfMessages=10, WaitTimeSeconds=LONG_POLL_SECONDS)) == 1


@pytest.mark.parametrize("is_by_the_queue", [True, False])
def test_a_long_poll_returns_when_a_message_is_sent(sqs: Sqs, queue_name: str, is_by_the_queue: bool) -> None:
    url = sqs.queue(queue_name, ReceiveMessageWaitTimeSeconds=str(LONG_POLL_SECONDS) if is_by_the_queue else "0")
    members = {} if is_by_the_queue else {"WaitTimeSeconds": LONG_POLL_SECONDS}
    found: list[str] = []
    waiter = threading.Thread(target=lambda: found.extend(one["Body"] for one in sqs.receive(url, **members)))
    with sooner_than(LONG_POLL_SECONDS, "the poll"):
        waiter.start()
        sqs.send(url, "woken")
        waiter.join()
    assert found == ["woken"]


def test_a_wait_of_zero_overrides_the_setting_of_the_queue(sqs: Sqs, queue_name: str) -> None:
    url = sqs.queue(queue_name, ReceiveMessageWaitTimeSeconds=str(LONG_POLL_SECONDS))
    with sooner_than(LONG_POLL_SECONDS, "the queue's wait"):
        assert sqs.receive(url, WaitTimeSeconds=0) == []


def test_the_receive_after_the_last_allowed_moves_the_message_to_the_dead_letter_queue(
    sqs: Sqs, queue_name: str
) -> None:
    dead = sqs.queue(f"{queue_name}-dead")
    target, source = (f"arn:aws:sqs:us-east-1:000000000000:{name}" for name in (f"{queue_name}-dead", queue_name))
    url = sqs.queue(queue_name, RedrivePolicy=f'{{"deadLetterTargetArn":"{target}","maxReceiveCount":"1"}}')
    sent = sqs.send(url, "x", MessageAttributes={"a": text("1")})
    [first] = sqs.receive(url, AttributeNames=["All"], VisibilityTimeout=0)
    assert sqs.receive(url) == []
    [found] = sqs.receive(dead, AttributeNames=["All"], MessageAttributeNames=["All"])
    assert found["MessageId"] == sent["MessageId"]
    assert found["MessageAttributes"] == {"a": text("1")}
    changed = {"ApproximateReceiveCount": "2", "DeadLetterQueueSourceArn": source}
    assert found["Attributes"] == {**first["Attributes"], **changed}


@pytest.mark.parametrize("operation", ["DeleteMessage", "ChangeMessageVisibility"])
def test_an_empty_receipt_handle_counts_as_missing(sqs: Sqs, queue: str, operation: str) -> None:
    more: dict[str, Any] = {} if operation == "DeleteMessage" else {"VisibilityTimeout": 0}
    assert sqs.error(operation, QueueUrl=queue, ReceiptHandle="", **more) == Failure(
        "MissingParameter", 400, "The request must contain the parameter ReceiptHandle."
    )


@pytest.mark.parametrize(
    ("more", "code"), [({}, "MissingParameter"), ({"VisibilityTimeout": 43_201}, "InvalidParameterValue")]
)
def test_a_visibility_timeout_is_checked_before_the_handle(
    sqs: Sqs, queue: str, more: dict[str, Any], code: str
) -> None:
    error = sqs.error("ChangeMessageVisibility", QueueUrl=queue, ReceiptHandle="garbage", **more)
    assert (error.code, "VisibilityTimeout" in error.message) == (code, True)


def test_a_visibility_timeout_out_of_bounds_is_refused_as_the_wait_is(sqs: Sqs, queue: str) -> None:
    assert sqs.error("ReceiveMessage", QueueUrl=queue, VisibilityTimeout=43_201) == Failure(
        "InvalidParameterValue",
        400,
        "Value 43201 for parameter VisibilityTimeout is invalid. Reason: Must be >= 0 and <= 43200, if provided.",
    )
