"""FIFO queues: order, groups, deduplication, sequence numbers."""

from __future__ import annotations

import hashlib
import threading
import time
from typing import Any

import pytest

from tests.sqs.wire import Failure, Sqs, md5, text

PREFIX = "AWS.SimpleQueueService."
NO_GROUP = "The request must contain the parameter MessageGroupId."
NO_DEDUPLICATION = (
    "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly"
)


@pytest.fixture
def fifo(sqs: Sqs, queue_name: str) -> str:
    """URL of a new FIFO queue, deduplicated by content."""
    return sqs.queue(f"{queue_name}.fifo", FifoQueue="true", ContentBasedDeduplication="true")


@pytest.fixture
def explicit(sqs: Sqs, queue_name: str) -> str:
    """URL of a new FIFO queue whose messages need a deduplication id."""
    return sqs.queue(f"{queue_name}-explicit.fifo", FifoQueue="true")


def send(sqs: Sqs, queue: str, *messages: str) -> list[dict[str, Any]]:
    """Messages written as ``group:body``."""
    return [sqs.send(queue, body, MessageGroupId=group) for group, _, body in (one.partition(":") for one in messages)]


def bodies(found: list[dict[str, Any]]) -> list[str]:
    return [one["Body"] for one in found]


def receive(sqs: Sqs, queue: str, **more: Any) -> list[dict[str, Any]]:
    return sqs.receive(queue, **{"MaxNumberOfMessages": 10, **more})


def delete(sqs: Sqs, queue: str, message: dict[str, Any]) -> None:
    sqs.call("DeleteMessage", QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])


# -- what is asked of a message ------------------------------------------------------------------------------------


def test_a_group_is_needed(sqs: Sqs, fifo: str) -> None:
    assert sqs.error("SendMessage", QueueUrl=fifo, MessageBody="x") == Failure("MissingParameter", 400, NO_GROUP)
    assert sqs.counts(fifo) == ("0", "0", "0")


def test_a_deduplication_id_is_needed_where_the_content_is_none(sqs: Sqs, explicit: str) -> None:
    error = sqs.error("SendMessage", QueueUrl=explicit, MessageBody="x", MessageGroupId="g")
    assert error == Failure("InvalidParameterValue", 400, NO_DEDUPLICATION)
    sqs.send(explicit, "x", MessageGroupId="g", MessageDeduplicationId="d")
    assert sqs.counts(explicit) == ("1", "0", "0")


@pytest.mark.parametrize("name", ["MessageGroupId", "MessageDeduplicationId"])
@pytest.mark.parametrize("value", ["x" * 129, "a b", "", "ü", "x\n"])
def test_identifiers_have_their_characters(sqs: Sqs, fifo: str, name: str, value: str) -> None:
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


def test_a_delay_of_its_own_is_refused_and_zero_means_the_queues(sqs: Sqs, queue_name: str) -> None:
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


# -- what comes back ---------------------------------------------------------------------------------------------


def test_a_sequence_number_has_twenty_digits_and_grows(sqs: Sqs, fifo: str) -> None:
    numbers = [sent["SequenceNumber"] for sent in send(sqs, fifo, "a:1", "b:2", "a:3")]
    assert {len(number) for number in numbers} == {20}
    assert numbers == sorted(numbers)
    assert len(set(numbers)) == 3
    found = receive(sqs, fifo, MessageSystemAttributeNames=["SequenceNumber"])
    assert {one["Body"]: one["Attributes"]["SequenceNumber"] for one in found} == dict(zip("123", numbers, strict=True))


def test_all_attributes_of_a_message_are_these(sqs: Sqs, fifo: str) -> None:
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


# -- order and groups ----------------------------------------------------------------------------------------------


def test_one_group_is_emptied_before_the_next_begins(sqs: Sqs, fifo: str) -> None:
    send(sqs, fifo, "g1:1", "g2:2", "g1:3", "g1:4")
    assert bodies(receive(sqs, fifo)) == ["1", "3", "4", "2"]


def test_a_group_gives_nothing_while_one_of_its_messages_is_in_flight(sqs: Sqs, fifo: str) -> None:
    send(sqs, fifo, "g1:1", "g1:2", "g2:3")
    assert bodies(receive(sqs, fifo, MaxNumberOfMessages=1)) == ["1"]
    assert bodies(receive(sqs, fifo)) == ["3"]
    assert receive(sqs, fifo) == []
    assert sqs.counts(fifo) == ("1", "2", "0")


def test_deleting_all_in_flight_frees_the_group_and_deleting_some_does_not(sqs: Sqs, fifo: str) -> None:
    send(sqs, fifo, "g:1", "g:2", "g:3")
    first, second = receive(sqs, fifo, MaxNumberOfMessages=2)
    delete(sqs, fifo, first)
    assert receive(sqs, fifo) == []
    delete(sqs, fifo, second)
    assert bodies(receive(sqs, fifo)) == ["3"]


def test_a_freed_group_wakes_a_long_poll(sqs: Sqs, fifo: str) -> None:
    send(sqs, fifo, "g:1", "g:2")
    [first] = receive(sqs, fifo, MaxNumberOfMessages=1)
    found: list[str] = []
    waiter = threading.Thread(target=lambda: found.extend(bodies(receive(sqs, fifo, WaitTimeSeconds=20))))
    began = time.monotonic()
    waiter.start()
    delete(sqs, fifo, first)
    waiter.join(10)
    assert found == ["2"]
    assert time.monotonic() - began < 5


def test_a_message_given_back_is_the_next_and_later_ones_in_flight_stay_hidden(sqs: Sqs, fifo: str) -> None:
    send(sqs, fifo, "g:1", "g:2", "g:3")
    first = receive(sqs, fifo)[0]
    handle = {"QueueUrl": fifo, "ReceiptHandle": first["ReceiptHandle"]}
    sqs.call("ChangeMessageVisibility", VisibilityTimeout=0, **handle)
    assert bodies(receive(sqs, fifo)) == ["1"]
    assert receive(sqs, fifo) == []


def test_a_freed_group_goes_behind_the_others(sqs: Sqs, fifo: str) -> None:
    send(sqs, fifo, "g1:1", "g1:2", "g2:3")
    [first] = receive(sqs, fifo, MaxNumberOfMessages=1)
    delete(sqs, fifo, first)
    assert bodies(receive(sqs, fifo, MaxNumberOfMessages=1)) == ["3"]
    assert bodies(receive(sqs, fifo, MaxNumberOfMessages=1)) == ["2"]


def test_receiving_with_zero_visibility_locks_nothing(sqs: Sqs, fifo: str) -> None:
    send(sqs, fifo, "g:1", "g:2")
    for _ in range(2):
        assert bodies(receive(sqs, fifo, MaxNumberOfMessages=1, VisibilityTimeout=0)) == ["1"]


def test_an_emptied_group_is_usable_again(sqs: Sqs, fifo: str) -> None:
    for number in range(3):
        send(sqs, fifo, f"g:{number}")
        [found] = receive(sqs, fifo)
        assert found["Body"] == str(number)
        delete(sqs, fifo, found)


@pytest.mark.parametrize("operation", ["DeleteMessage", "ChangeMessageVisibility"])
def test_a_handle_whose_lease_has_ended_is_expired(sqs: Sqs, fifo: str, operation: str) -> None:
    send(sqs, fifo, "g:1")
    [found] = receive(sqs, fifo, VisibilityTimeout=0)
    handle = found["ReceiptHandle"]
    more = {"VisibilityTimeout": 5} if operation == "ChangeMessageVisibility" else {}
    assert sqs.error(operation, QueueUrl=fifo, ReceiptHandle=handle, **more) == Failure(
        "InvalidParameterValue",
        400,
        f"Value {handle} for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired.",
    )
    assert bodies(receive(sqs, fifo)) == ["1"]


def test_an_expired_handle_fails_alone_in_a_batch(sqs: Sqs, fifo: str) -> None:
    send(sqs, fifo, "a:1", "b:2")
    [old] = receive(sqs, fifo, MaxNumberOfMessages=1, VisibilityTimeout=0)
    good = next(one for one in receive(sqs, fifo) if one["Body"] == "2")
    entries = [{"Id": one["Body"], "ReceiptHandle": one["ReceiptHandle"]} for one in (old, good)]
    found = sqs.call("DeleteMessageBatch", QueueUrl=fifo, Entries=entries)
    assert found["Successful"] == [{"Id": "2"}]
    [failed] = found["Failed"]
    assert (failed["Id"], failed["Code"], failed["SenderFault"]) == ("1", "InvalidParameterValue", True)


def test_deleting_again_is_no_error(sqs: Sqs, fifo: str) -> None:
    send(sqs, fifo, "g:1")
    [found] = receive(sqs, fifo)
    for _ in range(2):
        delete(sqs, fifo, found)


# -- deduplication -----------------------------------------------------------------------------------------------


def test_a_duplicate_gives_the_first_messages_id_and_the_new_bodys_digest(sqs: Sqs, explicit: str) -> None:
    ids = {"MessageGroupId": "g", "MessageDeduplicationId": "d"}
    first = sqs.send(explicit, "first", **ids)
    second = sqs.send(explicit, "second", MessageAttributes={"a": text("1")}, **ids)
    assert (second["MessageId"], second["SequenceNumber"]) == (first["MessageId"], first["SequenceNumber"])
    assert second["MD5OfMessageBody"] == md5("second")
    assert "MD5OfMessageAttributes" in second
    assert bodies(receive(sqs, explicit)) == ["first"]


def test_a_duplicate_is_known_after_the_message_was_deleted(sqs: Sqs, fifo: str) -> None:
    [first] = send(sqs, fifo, "g:1")
    delete(sqs, fifo, receive(sqs, fifo)[0])
    assert send(sqs, fifo, "g:1")[0]["MessageId"] == first["MessageId"]
    assert sqs.counts(fifo) == ("0", "0", "0")


def test_a_purge_forgets_what_was_sent(sqs: Sqs, fifo: str) -> None:
    send(sqs, fifo, "g:1")
    sqs.call("PurgeQueue", QueueUrl=fifo)
    send(sqs, fifo, "g:1")
    assert bodies(receive(sqs, fifo)) == ["1"]


@pytest.mark.parametrize("scope", ["queue", "messageGroup"])
def test_the_scope_is_the_queue_or_the_group(sqs: Sqs, queue_name: str, scope: str) -> None:
    queue = sqs.queue(
        f"{queue_name}.fifo", FifoQueue="true", ContentBasedDeduplication="true", DeduplicationScope=scope
    )
    send(sqs, queue, "g1:same", "g2:same", "g1:same")
    assert len(receive(sqs, queue)) == (1 if scope == "queue" else 2)


def test_the_content_is_the_body_alone_and_an_explicit_id_wins(sqs: Sqs, fifo: str) -> None:
    sqs.send(fifo, "same", MessageGroupId="g")
    sqs.send(fifo, "same", MessageGroupId="g", MessageAttributes={"a": text("1")})
    sqs.send(fifo, "same", MessageGroupId="g", MessageDeduplicationId="another")
    assert bodies(receive(sqs, fifo)) == ["same", "same"]


def test_content_may_begin_to_count_later(sqs: Sqs, explicit: str) -> None:
    sqs.call("SetQueueAttributes", QueueUrl=explicit, Attributes={"ContentBasedDeduplication": "true"})
    send(sqs, explicit, "g:1", "g:1")
    assert bodies(receive(sqs, explicit)) == ["1"]


# -- attempts ----------------------------------------------------------------------------------------------------


def test_a_receive_repeated_with_its_attempt_id_gives_the_same_messages(sqs: Sqs, fifo: str) -> None:
    send(sqs, fifo, "g:1", "g:2", "g:3")
    first = receive(sqs, fifo, MaxNumberOfMessages=2, ReceiveRequestAttemptId="try")
    again = receive(sqs, fifo, MaxNumberOfMessages=2, ReceiveRequestAttemptId="try")
    assert bodies(first) == bodies(again) == ["1", "2"]
    assert receive(sqs, fifo) == []


def test_an_attempt_id_is_checked_and_for_fifo_only(sqs: Sqs, fifo: str, queue: str) -> None:
    error = sqs.error("ReceiveMessage", QueueUrl=fifo, ReceiveRequestAttemptId="a b")
    assert error.message.startswith("Value a b for parameter ReceiveRequestAttemptId is invalid.")
    error = sqs.error("ReceiveMessage", QueueUrl=queue, ReceiveRequestAttemptId="try")
    assert error.message.endswith("The request include parameter that is not valid for this queue type.")


# -- batches -----------------------------------------------------------------------------------------------------


def entry(name: str, **more: Any) -> dict[str, Any]:
    return {"Id": name, "MessageBody": name, "MessageGroupId": "g", **more}


def test_a_batch_keeps_its_order_and_tells_sequence_numbers(sqs: Sqs, fifo: str) -> None:
    found = sqs.call("SendMessageBatch", QueueUrl=fifo, Entries=[entry(name) for name in "jihgfedcba"])
    numbers = [one["SequenceNumber"] for one in found["Successful"]]
    assert numbers == sorted(numbers)
    assert bodies(receive(sqs, fifo)) == list("jihgfedcba")


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


# -- dead letters ------------------------------------------------------------------------------------------------


def test_a_dead_letter_keeps_its_id_and_frees_its_group(sqs: Sqs, queue_name: str) -> None:
    dead = sqs.queue(f"{queue_name}-dead.fifo", FifoQueue="true")
    arn = f"arn:aws:sqs:us-east-1:000000000000:{queue_name}-dead.fifo"
    policy = f'{{"deadLetterTargetArn":"{arn}","maxReceiveCount":1}}'
    queue = sqs.queue(f"{queue_name}.fifo", FifoQueue="true", ContentBasedDeduplication="true", RedrivePolicy=policy)
    sent, _ = send(sqs, queue, "g:1", "g:2")
    receive(sqs, queue, MaxNumberOfMessages=1, VisibilityTimeout=0)
    assert bodies(receive(sqs, queue)) == ["2"]
    [found] = receive(sqs, dead, AttributeNames=["All"])
    assert (found["MessageId"], found["Attributes"]["MessageGroupId"]) == (sent["MessageId"], "g")
