"""Headers that lift the limits of one ReceiveMessage."""

from __future__ import annotations

import threading
import time

import pytest

from tests.patience import sooner_than
from tests.sqs.wire import Sqs


def test_more_than_ten_messages_are_received_at_once(sqs: Sqs, queue: str) -> None:
    for number in range(20):
        sqs.send(queue, str(number))
    found = sqs.receive(queue, MaxNumberOfMessages=10, count="20")
    assert [one["Body"] for one in found] == [str(number) for number in range(20)]
    assert sqs.counts(queue) == ("0", "20", "0")


def test_a_wait_continues_until_the_requested_number_of_messages_is_there(sqs: Sqs, queue: str) -> None:
    sqs.send(queue, "1")
    found: list[str] = []
    waiter = threading.Thread(
        target=lambda: found.extend(one["Body"] for one in sqs.receive(queue, MaxNumberOfMessages=3, wait="30"))
    )
    with sooner_than(30, "the wait"):
        waiter.start()
        for body in "23":
            sqs.send(queue, body)
        waiter.join()
    assert found == ["1", "2", "3"]


def test_a_wait_that_times_out_returns_the_messages_that_it_has(sqs: Sqs, queue: str) -> None:
    sqs.send(queue, "1")
    began = time.monotonic()
    assert [one["Body"] for one in sqs.receive(queue, MaxNumberOfMessages=2, wait="1")] == ["1"]
    assert time.monotonic() - began > 0.9


def test_a_message_that_is_visible_at_once_is_returned_once(sqs: Sqs, queue: str) -> None:
    sqs.send(queue, "1")
    found = sqs.receive(queue, MaxNumberOfMessages=5, VisibilityTimeout=0, wait="30", count="20")
    assert [one["Body"] for one in found] == ["1"]


@pytest.mark.parametrize("value", ["0", "x", "-1", "1001", "9" * 30, "٣"])
def test_a_count_that_is_not_a_number_is_refused(sqs: Sqs, queue: str, value: str) -> None:
    error = sqs.error("ReceiveMessage", QueueUrl=queue, count=value.encode())
    assert (error.code, error.status) == ("InvalidParameterValue", 400)
