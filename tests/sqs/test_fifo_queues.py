"""FIFO queues: names and attributes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sqs.wire import Failure, Sqs

NAME_REFUSED = "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"
SCOPE_NEEDED = (
    "Invalid value for the parameter FifoThroughputLimit. "
    "Reason: perMessageGroupId is allowed only when the value for DeduplicationScope is messageGroup."
)


def test_a_new_queue_has_exactly_these_attributes(sqs: Sqs, queue_name: str) -> None:
    found = sqs.attributes(sqs.queue(f"{queue_name}.fifo", FifoQueue="true"), "All")
    assert {found.pop(name).isdigit() for name in ("CreatedTimestamp", "LastModifiedTimestamp")} == {True}
    assert found == {
        "ApproximateNumberOfMessages": "0",
        "ApproximateNumberOfMessagesDelayed": "0",
        "ApproximateNumberOfMessagesNotVisible": "0",
        "ContentBasedDeduplication": "false",
        "DeduplicationScope": "queue",
        "DelaySeconds": "0",
        "FifoQueue": "true",
        "FifoThroughputLimit": "perQueue",
        "MaximumMessageSize": "1048576",
        "MessageRetentionPeriod": "345600",
        "QueueArn": f"arn:aws:sqs:us-east-1:000000000000:{queue_name}.fifo",
        "ReceiveMessageWaitTimeSeconds": "0",
        "SqsManagedSseEnabled": "true",
        "VisibilityTimeout": "30",
    }


@pytest.mark.parametrize("flag", [{}, {"FifoQueue": "false"}, {"FifoQueue": "yes"}])
def test_the_suffix_needs_the_attribute(sqs: Sqs, queue_name: str, flag: dict[str, str]) -> None:
    error = sqs.error("CreateQueue", QueueName=f"{queue_name}.fifo", Attributes=flag)
    assert error == Failure("InvalidParameterValue", 400, NAME_REFUSED)


@pytest.mark.parametrize("suffix", ["", ".FIFO", ".fifo.fifo", "fifo", " .fifo"])
def test_the_attribute_needs_the_suffix(sqs: Sqs, queue_name: str, suffix: str) -> None:
    error = sqs.error("CreateQueue", QueueName=queue_name + suffix, Attributes={"FifoQueue": "true"})
    assert (error.code, error.status) == ("InvalidParameterValue", 400)
    assert "must end with .fifo suffix and be 1 to 80 in length" in error.message


def test_the_suffix_is_part_of_the_eighty_characters(sqs: Sqs, queue_name: str) -> None:
    sqs.queue(queue_name.ljust(75, "-") + ".fifo", FifoQueue="true")
    error = sqs.error("CreateQueue", QueueName=queue_name.ljust(76, "-") + ".fifo", Attributes={"FifoQueue": "true"})
    assert error.code == "InvalidParameterValue"
    assert sqs.error("CreateQueue", QueueName=".fifo", Attributes={"FifoQueue": "true"}).status == 400


@pytest.mark.parametrize("value", ["true", "True", "TRUE"])
def test_flags_are_read_in_any_case_and_shown_in_lower_case(sqs: Sqs, queue_name: str, value: str) -> None:
    url = sqs.queue(f"{queue_name}.fifo", FifoQueue=value, ContentBasedDeduplication=value)
    found = sqs.attributes(url, "FifoQueue", "ContentBasedDeduplication")
    assert found == {"FifoQueue": "true", "ContentBasedDeduplication": "true"}


@pytest.mark.parametrize("value", ["true", "false", "True", "x", ""])
@pytest.mark.parametrize("name", ["FifoQueue", "ContentBasedDeduplication"])
def test_a_standard_queue_cannot_be_created_with_fifo_attributes(
    sqs: Sqs, queue_name: str, name: str, value: str
) -> None:
    if (name, value.lower()) == ("FifoQueue", "true"):
        return  # then the name is what is wrong
    error = sqs.error("CreateQueue", QueueName=queue_name, Attributes={name: value})
    assert error == Failure("InvalidAttributeName", 400, f"Unknown Attribute {name}.")


@pytest.mark.parametrize("name", ["DeduplicationScope", "FifoThroughputLimit"])
def test_scope_and_limit_are_for_fifo_queues_only(sqs: Sqs, queue: str, queue_name: str, name: str) -> None:
    refusal = Failure("InvalidAttributeName", 400, f"You can specify the {name} only when FifoQueue is set to true.")
    value = {"DeduplicationScope": "queue", "FifoThroughputLimit": "perQueue"}[name]
    assert sqs.error("CreateQueue", QueueName=f"{queue_name}-2", Attributes={name: value}) == refusal
    assert sqs.error("SetQueueAttributes", QueueUrl=queue, Attributes={name: value}) == refusal


def test_a_fifo_queue_cannot_become_a_standard_queue(sqs: Sqs, fifo: str) -> None:
    assert sqs.call("SetQueueAttributes", QueueUrl=fifo, Attributes={"FifoQueue": "true"}) == {}
    error = sqs.error("SetQueueAttributes", QueueUrl=fifo, Attributes={"DelaySeconds": "5", "FifoQueue": "false"})
    assert error == Failure(
        "InvalidAttributeValue",
        400,
        "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported.",
    )
    assert sqs.attributes(fifo, "FifoQueue", "DelaySeconds") == {"FifoQueue": "true", "DelaySeconds": "0"}


def test_content_based_deduplication_is_switched_after_creation(sqs: Sqs, fifo: str) -> None:
    for value, shown in (("true", "true"), ("False", "false"), ("true", "true"), ("", "false")):
        sqs.call("SetQueueAttributes", QueueUrl=fifo, Attributes={"ContentBasedDeduplication": value})
        assert sqs.attributes(fifo, "ContentBasedDeduplication") == {"ContentBasedDeduplication": shown}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ContentBasedDeduplication", "yes"),
        ("DeduplicationScope", "group"),
        ("DeduplicationScope", "Queue"),
        ("FifoThroughputLimit", "perGroup"),
        ("FifoQueue", ""),
    ],
)
def test_unknown_values_of_fifo_attributes_are_refused(sqs: Sqs, fifo: str, name: str, value: str) -> None:
    before = sqs.attributes(fifo, "All")
    error = sqs.error("SetQueueAttributes", QueueUrl=fifo, Attributes={"DelaySeconds": "1", name: value})
    assert (error.code, error.status) == ("InvalidAttributeValue", 400)
    assert sqs.attributes(fifo, "All") == before


def test_a_limit_by_group_needs_deduplication_by_group_at_creation(sqs: Sqs, queue_name: str) -> None:
    name = f"{queue_name}.fifo"
    given = {"FifoQueue": "true", "FifoThroughputLimit": "perMessageGroupId"}
    assert sqs.error("CreateQueue", QueueName=name, Attributes=given) == Failure(
        "InvalidAttributeValue", 400, SCOPE_NEEDED
    )
    assert sqs.error("GetQueueUrl", QueueName=name).code.endswith("NonExistentQueue")
    url = sqs.queue(name, **given, DeduplicationScope="messageGroup")
    assert sqs.attributes(url, "DeduplicationScope", "FifoThroughputLimit") == {
        "DeduplicationScope": "messageGroup",
        "FifoThroughputLimit": "perMessageGroupId",
    }


def test_a_limit_by_group_needs_deduplication_by_group_at_a_change(sqs: Sqs, fifo: str) -> None:
    def change(**given: str) -> dict[str, Any]:
        return {"QueueUrl": fifo, "Attributes": given}

    refusal = Failure("InvalidAttributeValue", 400, SCOPE_NEEDED)
    assert sqs.error("SetQueueAttributes", **change(FifoThroughputLimit="perMessageGroupId")) == refusal
    sqs.call("SetQueueAttributes", **change(DeduplicationScope="messageGroup"))
    sqs.call("SetQueueAttributes", **change(FifoThroughputLimit="perMessageGroupId"))
    assert sqs.error("SetQueueAttributes", **change(DeduplicationScope="queue")) == refusal
    sqs.call("SetQueueAttributes", **change(DeduplicationScope="queue", FifoThroughputLimit=""))
    assert sqs.attributes(fifo, "DeduplicationScope", "FifoThroughputLimit") == {
        "DeduplicationScope": "queue",
        "FifoThroughputLimit": "perQueue",
    }


def test_creating_again_compares_the_attributes_of_fifo_too(sqs: Sqs, fifo: str, queue_name: str) -> None:
    name = f"{queue_name}.fifo"
    assert sqs.queue(name, FifoQueue="True", ContentBasedDeduplication="true", DeduplicationScope="queue") == fifo
    given = {"FifoQueue": "true", "ContentBasedDeduplication": "false"}
    reason = "A queue already exists with the same name and a different value for attribute ContentBasedDeduplication"
    assert sqs.error("CreateQueue", QueueName=name, Attributes=given) == Failure("QueueAlreadyExists", 400, reason)
