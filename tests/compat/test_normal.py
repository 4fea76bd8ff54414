"""Only values that differ from run to run are replaced."""

from __future__ import annotations

import pytest

from sqs_facade.compat.normal import Normaliser

ONE = "0f8fad5b-d9cb-469f-a165-70867728950e"
OTHER = "7c9e6679-7425-40de-944b-e07fc1f90ae7"


def test_equal_ids_stay_equal_and_others_differ() -> None:
    assert Normaliser().observation([ONE, OTHER, ONE]) == ["<id 1>", "<id 2>", "<id 1>"]


def test_a_handle_is_replaced_inside_a_text_too() -> None:
    seen = {"message": "Value handle-1234 is invalid", "ReceiptHandle": "handle-1234"}
    assert Normaliser().observation(seen) == {"message": "Value <handle 1> is invalid", "ReceiptHandle": "<handle 1>"}


def test_hosts_and_accounts_are_left_out_of_urls_and_arns() -> None:
    normaliser = Normaliser()
    normaliser.name("c-0123456789-queue", "queue")
    normaliser.name("c-0123456789-queue-dead", "dead")
    seen = [
        "http://127.0.0.1:9324/000000000000/c-0123456789-queue",
        "arn:aws:sqs:eu-west-1:123456789012:c-0123456789-queue.fifo",
        "c-0123456789-queue-dead",
    ]
    assert normaliser.observation(seen) == ["<url>/<queue>", "<arn>:<queue>.fifo", "<dead>"]


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [
        ("CreatedTimestamp", "1700000000", "<seconds, text>"),
        ("SentTimestamp", "1700000000000", "<ms, text>"),
        ("StartedTimestamp", 1700000000000, "<ms, number>"),
        ("CreatedTimestamp", "1700000000.25", "<seconds with a fraction, text>"),
        ("CreatedTimestamp", "1700000000000", "1700000000000"),
    ],
)
def test_a_time_keeps_its_unit_and_type(name: str, value: str | int, word: str) -> None:
    assert Normaliser().observation({name: value}) == {name: word}


def test_a_sequence_number_must_be_decimal() -> None:
    seen = Normaliser().observation([{"SequenceNumber": "123"}, {"SequenceNumber": "abc"}])
    assert seen == [{"SequenceNumber": "<sequence 1>"}, {"SequenceNumber": "not a decimal number: abc"}]


def test_values_that_the_caller_sent_are_not_replaced() -> None:
    seen = {"Body": "x", "Count": "12", "Binary": b"\0\xff", "ResponseMetadata": {"RequestId": ONE}}
    assert Normaliser().observation(seen) == {"Body": "x", "Count": "12", "Binary": "bytes:00ff"}
