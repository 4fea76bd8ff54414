"""Queue attributes: what is shown, what may be set, the redrive policy."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.sqs.wire import Failure, Sqs

ARN = "arn:aws:sqs:us-east-1:000000000000:"


def test_all_on_a_new_queue_is_exactly_this(sqs: Sqs, queue_name: str) -> None:
    before = int(time.time())
    queue = sqs.queue(queue_name)
    found = sqs.attributes(queue, "All")
    for name in ("CreatedTimestamp", "LastModifiedTimestamp"):
        assert before - 1 <= int(found.pop(name)) <= time.time() + 1
    assert found == {
        "ApproximateNumberOfMessages": "0",
        "ApproximateNumberOfMessagesDelayed": "0",
        "ApproximateNumberOfMessagesNotVisible": "0",
        "DelaySeconds": "0",
        "MaximumMessageSize": "1048576",
        "MessageRetentionPeriod": "345600",
        "QueueArn": ARN + queue_name,
        "ReceiveMessageWaitTimeSeconds": "0",
        "SqsManagedSseEnabled": "true",
        "VisibilityTimeout": "30",
    }


def test_only_the_names_asked_for_and_set_are_shown(sqs: Sqs, queue: str) -> None:
    assert sqs.attributes(queue, "DelaySeconds", "Policy") == {"DelaySeconds": "0"}
    assert sqs.call("GetQueueAttributes", QueueUrl=queue, AttributeNames=["Policy"]) == {}
    assert sqs.call("GetQueueAttributes", QueueUrl=queue) == {}
    assert sqs.call("GetQueueAttributes", QueueUrl=queue, AttributeNames=[]) == {}


def test_an_unknown_name_is_refused_everywhere(sqs: Sqs, queue: str, queue_name: str) -> None:
    unknown = Failure("InvalidAttributeName", 400, "Unknown Attribute Foobar.")
    given = {"Foobar": "1"}
    assert sqs.error("GetQueueAttributes", QueueUrl=queue, AttributeNames=["All", "Foobar"]) == unknown
    assert sqs.error("SetQueueAttributes", QueueUrl=queue, Attributes=given) == unknown
    assert sqs.error("CreateQueue", QueueName=f"{queue_name}-x", Attributes=given) == unknown
    assert sqs.error("GetQueueUrl", QueueName=f"{queue_name}-x").code.endswith("NonExistentQueue")
    assert sqs.error("GetQueueAttributes", QueueUrl=queue, AttributeNames=[""]).message == "Unknown Attribute ."


@pytest.mark.parametrize("name", ["FifoQueue", "ContentBasedDeduplication", "QueueArn", "CreatedTimestamp", "All"])
@pytest.mark.parametrize("value", ["true", "false"])
def test_what_a_standard_queue_cannot_have_is_unknown_to_it(sqs: Sqs, queue: str, name: str, value: str) -> None:
    error = sqs.error("SetQueueAttributes", QueueUrl=queue, Attributes={name: value})
    assert error == Failure("InvalidAttributeName", 400, f"Unknown Attribute {name}.")


def test_a_deduplication_scope_is_for_fifo_queues_only(sqs: Sqs, queue: str) -> None:
    error = sqs.error("SetQueueAttributes", QueueUrl=queue, Attributes={"DeduplicationScope": "queue"})
    reason = "You can specify the DeduplicationScope only when FifoQueue is set to true."
    assert error == Failure("InvalidAttributeName", 400, reason)


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("DelaySeconds", 0, 900),
        ("MaximumMessageSize", 1024, 1_048_576),
        ("MessageRetentionPeriod", 60, 1_209_600),
        ("ReceiveMessageWaitTimeSeconds", 0, 20),
        ("VisibilityTimeout", 0, 43_200),
    ],
)
def test_numbers_have_bounds(sqs: Sqs, queue: str, name: str, least: int, most: int) -> None:
    for value in (least, most):
        sqs.call("SetQueueAttributes", QueueUrl=queue, Attributes={name: str(value)})
        assert sqs.attributes(queue, name) == {name: str(value)}
    for wrong in (str(least - 1), str(most + 1), "x", "1.5", " 60", "٣٠", "1" * 40):
        error = sqs.error("SetQueueAttributes", QueueUrl=queue, Attributes={name: wrong})
        assert (error.code, error.status) == ("InvalidAttributeValue", 400), wrong
    assert sqs.attributes(queue, name) == {name: str(most)}


def test_setting_is_all_or_nothing(sqs: Sqs, queue: str) -> None:
    error = sqs.error("SetQueueAttributes", QueueUrl=queue, Attributes={"DelaySeconds": "5", "VisibilityTimeout": "x"})
    assert error.code == "InvalidAttributeValue"
    assert sqs.attributes(queue, "DelaySeconds") == {"DelaySeconds": "0"}


def test_setting_nothing_is_refused_or_does_nothing_to_a_missing_queue(sqs: Sqs, queue_name: str) -> None:
    error = sqs.error("SetQueueAttributes", QueueUrl=queue_name, Attributes={"DelaySeconds": "5"})
    assert error.code == "AWS.SimpleQueueService.NonExistentQueue"


@pytest.mark.parametrize(
    ("name", "value"), [("Policy", '{"Statement":[]}'), ("KmsMasterKeyId", "alias/x"), ("RedriveAllowPolicy", "{}")]
)
def test_an_empty_document_takes_it_away(sqs: Sqs, queue: str, name: str, value: str) -> None:
    sqs.call("SetQueueAttributes", QueueUrl=queue, Attributes={name: value})
    assert sqs.attributes(queue, name) == {name: value}
    sqs.call("SetQueueAttributes", QueueUrl=queue, Attributes={name: ""})
    assert sqs.attributes(queue, name) == {}


def test_a_key_turns_the_other_encryption_off_for_good(sqs: Sqs, queue: str) -> None:
    sqs.call("SetQueueAttributes", QueueUrl=queue, Attributes={"KmsMasterKeyId": "k"})
    assert sqs.attributes(queue, "SqsManagedSseEnabled") == {"SqsManagedSseEnabled": "false"}
    sqs.call("SetQueueAttributes", QueueUrl=queue, Attributes={"KmsMasterKeyId": ""})
    assert sqs.attributes(queue, "SqsManagedSseEnabled", "KmsMasterKeyId") == {"SqsManagedSseEnabled": "false"}


def test_two_encryptions_at_once_are_refused(sqs: Sqs, queue: str) -> None:
    both = {"KmsMasterKeyId": "k", "SqsManagedSseEnabled": "true"}
    assert sqs.error("SetQueueAttributes", QueueUrl=queue, Attributes=both) == Failure(
        "InvalidAttributeName",
        400,
        "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS SSE.",
    )


def test_the_default_reuse_period_is_not_shown(sqs: Sqs, queue: str) -> None:
    for value, shown in (("600", {"KmsDataKeyReusePeriodSeconds": "600"}), ("300", {})):
        sqs.call("SetQueueAttributes", QueueUrl=queue, Attributes={"KmsDataKeyReusePeriodSeconds": value})
        assert sqs.attributes(queue, "KmsDataKeyReusePeriodSeconds") == shown


@pytest.mark.parametrize("count", [3, "3"])
def test_a_redrive_policy_reads_back_with_its_count_as_a_number(
    sqs: Sqs, queue: str, queue_name: str, count: int | str
) -> None:
    target = f"{queue_name}-dead"
    target_url = sqs.queue(target)
    policy = {"deadLetterTargetArn": ARN + target, "maxReceiveCount": count}
    sqs.call("SetQueueAttributes", QueueUrl=queue, Attributes={"RedrivePolicy": json.dumps(policy)})
    assert json.loads(sqs.attributes(queue, "RedrivePolicy")["RedrivePolicy"]) == {**policy, "maxReceiveCount": 3}
    assert sqs.call("ListDeadLetterSourceQueues", QueueUrl=target_url) == {"queueUrls": [queue]}
    sqs.call("SetQueueAttributes", QueueUrl=queue, Attributes={"RedrivePolicy": ""})
    assert sqs.attributes(queue, "RedrivePolicy") == {}
    assert sqs.call("ListDeadLetterSourceQueues", QueueUrl=target_url) == {}


@pytest.mark.parametrize(
    "change",
    [
        {"maxReceiveCount": None},
        {"deadLetterTargetArn": None},
        {"maxReceiveCount": 0},
        {"maxReceiveCount": 1001},
        {"maxReceiveCount": "invalid"},
        {"maxReceiveCount": True},
        {"maxReceiveCount": 1.5},
        {"maxReceiveCount": 10**30},
        {"deadLetterTargetArn": "not-an-arn"},
        {"deadLetterTargetArn": ["x"]},
        {"deadLetterTargetArn": ARN + "no-such-queue"},
    ],
)
def test_a_redrive_policy_that_cannot_work_is_refused(sqs: Sqs, queue: str, change: dict[str, Any]) -> None:
    policy = {"deadLetterTargetArn": sqs.attributes(queue, "QueueArn")["QueueArn"], "maxReceiveCount": 3, **change}
    given = json.dumps({name: value for name, value in policy.items() if value is not None})
    error = sqs.error("SetQueueAttributes", QueueUrl=queue, Attributes={"RedrivePolicy": given})
    assert (error.code, error.status) == ("InvalidParameterValue", 400)
    assert sqs.attributes(queue, "RedrivePolicy") == {}


@pytest.mark.parametrize("document", ["[]", "{", "1", "null"])
def test_a_redrive_policy_is_a_json_map(sqs: Sqs, queue: str, document: str) -> None:
    error = sqs.error("SetQueueAttributes", QueueUrl=queue, Attributes={"RedrivePolicy": document})
    assert error.code == "InvalidParameterValue"
