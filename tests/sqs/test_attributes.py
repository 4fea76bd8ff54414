"""Queue attributes: reading, setting, and the redrive policy."""

from __future__ import annotations

import json
import time

import pytest

from tests.sqs.wire import Failure, Sqs

ARN = "arn:aws:sqs:us-east-1:000000000000:"


def test_a_new_queue_has_exactly_these_attributes(sqs: Sqs, queue_name: str) -> None:
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


def test_only_requested_attributes_that_are_set_are_returned(sqs: Sqs, queue: str) -> None:
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
def test_fifo_attributes_are_refused_on_a_standard_queue(sqs: Sqs, queue: str, name: str, value: str) -> None:
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
    ("name", "value"),
    [
        ("Policy", '{"Statement":[]}'),
        ("KmsMasterKeyId", "alias/x"),
        ("RedriveAllowPolicy", '{"redrivePermission": "denyAll"}'),
    ],
)
def test_an_empty_value_removes_a_document(sqs: Sqs, queue: str, name: str, value: str) -> None:
    sqs.call("SetQueueAttributes", QueueUrl=queue, Attributes={name: value})
    assert sqs.attributes(queue, name) == {name: value}
    sqs.call("SetQueueAttributes", QueueUrl=queue, Attributes={name: ""})
    assert sqs.attributes(queue, name) == {}


def test_a_kms_key_turns_managed_encryption_off_permanently(sqs: Sqs, queue: str) -> None:
    sqs.call("SetQueueAttributes", QueueUrl=queue, Attributes={"KmsMasterKeyId": "k"})
    assert sqs.attributes(queue, "SqsManagedSseEnabled") == {"SqsManagedSseEnabled": "false"}
    sqs.call("SetQueueAttributes", QueueUrl=queue, Attributes={"KmsMasterKeyId": ""})
    assert sqs.attributes(queue, "SqsManagedSseEnabled", "KmsMasterKeyId") == {"SqsManagedSseEnabled": "false"}


def test_managed_encryption_shows_no_kms_attributes(sqs: Sqs, queue: str) -> None:
    names = ("SqsManagedSseEnabled", "KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds")
    sqs.call("SetQueueAttributes", QueueUrl=queue, Attributes={"KmsMasterKeyId": "k"})
    sqs.call("SetQueueAttributes", QueueUrl=queue, Attributes={"SqsManagedSseEnabled": "True"})
    assert sqs.attributes(queue, *names) == {"SqsManagedSseEnabled": "true"}
    sqs.call("SetQueueAttributes", QueueUrl=queue, Attributes={"SqsManagedSseEnabled": "false"})
    assert sqs.attributes(queue, *names) == {"SqsManagedSseEnabled": "false"}


def test_two_encryptions_at_once_are_refused(sqs: Sqs, queue: str) -> None:
    both = {"KmsMasterKeyId": "k", "SqsManagedSseEnabled": "true"}
    assert sqs.error("SetQueueAttributes", QueueUrl=queue, Attributes=both) == Failure(
        "InvalidAttributeName",
        400,
        "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS SSE.",
    )


def test_a_reuse_period_belongs_to_a_key(sqs: Sqs, queue: str) -> None:
    """Absent while unencrypted, also the default; with a key it reads back as set, and is 300 unless it was."""
    names = ("KmsDataKeyReusePeriodSeconds", "KmsMasterKeyId")
    for value in ("600", "300"):
        sqs.call("SetQueueAttributes", QueueUrl=queue, Attributes={"KmsDataKeyReusePeriodSeconds": value})
        assert sqs.attributes(queue, *names) == {}
    for given, shown in (({"KmsMasterKeyId": "k"}, "300"), ({names[0]: "600"}, "600"), ({names[0]: "300"}, "300")):
        sqs.call("SetQueueAttributes", QueueUrl=queue, Attributes=given)
        assert sqs.attributes(queue, *names) == {names[0]: shown, "KmsMasterKeyId": "k"}
    sqs.call("SetQueueAttributes", QueueUrl=queue, Attributes={"KmsMasterKeyId": "", names[0]: "300"})
    assert sqs.attributes(queue, *names) == {}


def test_every_attribute_reads_back_as_set_after_repeated_changes(sqs: Sqs, queue_name: str) -> None:
    """A tool that describes infrastructure compares six readings; at creation and by a later change."""
    dead = f"{queue_name}-dead"
    sqs.queue(dead)
    given = {
        "DelaySeconds": "7",
        "MaximumMessageSize": "2048",
        "MessageRetentionPeriod": "86400",
        "ReceiveMessageWaitTimeSeconds": "3",
        "VisibilityTimeout": "0",
        "Policy": '{"Version": "2012-10-17",  "Statement": [{"Sid":"a", "Effect":"Deny"}]}',
        "RedrivePolicy": json.dumps({"maxReceiveCount": 4, "deadLetterTargetArn": ARN + dead}),
        "RedriveAllowPolicy": json.dumps({"sourceQueueArns": [ARN + dead], "redrivePermission": "byQueue"}),
        "KmsMasterKeyId": "alias/aws/sqs",
        "KmsDataKeyReusePeriodSeconds": "600",
        "SqsManagedSseEnabled": "false",
    }
    created = sqs.queue(queue_name, **given)
    changed = sqs.queue(f"{queue_name}-2")
    sqs.call("SetQueueAttributes", QueueUrl=changed, Attributes=given)
    for url in (created, changed):
        for _ in range(6):
            found = sqs.attributes(url, *given)
            redrive = found.pop("RedrivePolicy")
            assert json.loads(redrive) == json.loads(given["RedrivePolicy"])
            assert found == {name: value for name, value in given.items() if name != "RedrivePolicy"}
        names = ["Policy", "RedrivePolicy", "RedriveAllowPolicy", "KmsMasterKeyId"]
        sqs.call("SetQueueAttributes", QueueUrl=url, Attributes=dict.fromkeys(names, ""))
        assert sqs.attributes(url, *names) == {}
        assert sqs.call("ListQueueTags", QueueUrl=url) == {}
