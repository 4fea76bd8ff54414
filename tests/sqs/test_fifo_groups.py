"""FIFO queues: order, groups in flight, expired handles, dead letters."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from tests.patience import LONG_POLL_SECONDS, sooner_than
from tests.sqs.fifo import bodies, delete, receive, send
from tests.sqs.wire import Failure, Sqs


def test_one_group_is_emptied_before_the_next_begins(sqs: Sqs, fifo: str) -> None:
    send(sqs, fifo, "g1:1", "g2:2", "g1:3", "g1:4")
    assert bodies(receive(sqs, fifo)) == ["1", "3", "4", "2"]


def test_a_group_delivers_nothing_while_one_of_its_messages_is_in_flight(sqs: Sqs, fifo: str) -> None:
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
    waiter = threading.Thread(
        target=lambda: found.extend(bodies(receive(sqs, fifo, WaitTimeSeconds=LONG_POLL_SECONDS)))
    )
    with sooner_than(LONG_POLL_SECONDS, "the poll"):
        waiter.start()
        delete(sqs, fifo, first)
        waiter.join()
    assert found == ["2"]


def test_a_released_message_is_delivered_next_and_later_ones_stay_in_flight(sqs: Sqs, fifo: str) -> None:
    send(sqs, fifo, "g:1", "g:2", "g:3")
    first = receive(sqs, fifo)[0]
    handle = {"QueueUrl": fifo, "ReceiptHandle": first["ReceiptHandle"]}
    sqs.call("ChangeMessageVisibility", VisibilityTimeout=0, **handle)
    assert bodies(receive(sqs, fifo)) == ["1"]
    assert receive(sqs, fifo) == []


def test_a_freed_group_comes_after_the_others(sqs: Sqs, fifo: str) -> None:
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
    more: dict[str, Any] = {"VisibilityTimeout": 5} if operation == "ChangeMessageVisibility" else {}
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
