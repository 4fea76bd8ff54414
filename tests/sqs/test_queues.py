"""Queues: names, attributes, listing, tags, permissions."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.sqs.wire import Refused, Sqs

ACCOUNT_ARN = "arn:aws:sqs:us-east-1:000000000000"


def refused(sqs: Sqs, operation: str, **members: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        sqs.call(operation, **members)
    return caught.value


def attributes(sqs: Sqs, queue: str, *names: str) -> dict[str, str]:
    found = sqs.call("GetQueueAttributes", QueueUrl=queue, AttributeNames=list(names))
    return dict(found.get("Attributes", {}))


@pytest.mark.parametrize("name", ["", "a" * 81, "with/slash", "with.dot", "with space", "é"])
def test_a_bad_name_is_refused(sqs: Sqs, name: str) -> None:
    error = refused(sqs, "CreateQueue", QueueName=name)
    assert (error.code, error.status) == ("InvalidParameterValue", 400)
    assert error.message == "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"


def test_creating_again_needs_equal_attributes(sqs: Sqs, queue_name: str) -> None:
    url = sqs.queue(queue_name, DelaySeconds="5")
    assert sqs.queue(queue_name) == sqs.queue(queue_name, DelaySeconds="5", VisibilityTimeout="30") == url
    error = refused(sqs, "CreateQueue", QueueName=queue_name, Attributes={"DelaySeconds": "6"})
    assert error.code == "QueueAlreadyExists"
    assert error.message == "A queue already exists with the same name and a different value for attribute DelaySeconds"


@pytest.mark.parametrize(
    ("name", "value", "code", "words"),
    [
        ("Foobar", "1", "InvalidAttributeName", "Unknown Attribute Foobar."),
        ("FifoQueue", "false", "InvalidAttributeName", "Unknown Attribute FifoQueue."),
        ("QueueArn", "x", "InvalidAttributeName", "Unknown Attribute QueueArn."),
        ("MaximumMessageSize", "1023", "InvalidAttributeValue", None),
        ("MaximumMessageSize", "1048577", "InvalidAttributeValue", None),
        ("VisibilityTimeout", "43201", "InvalidAttributeValue", None),
        ("DelaySeconds", "-1", "InvalidAttributeValue", None),
        ("DelaySeconds", "٣", "InvalidAttributeValue", None),
        ("RedrivePolicy", "{}", "InvalidParameterValue", None),
        ("RedrivePolicy", "not json", "InvalidParameterValue", None),
        (
            "DeduplicationScope",
            "queue",
            "InvalidAttributeName",
            "You can specify the DeduplicationScope only when FifoQueue is set to true.",
        ),
    ],
)
def test_a_bad_attribute_is_refused_and_nothing_is_set(
    sqs: Sqs, queue: str, name: str, value: str, code: str, words: str | None
) -> None:
    before = attributes(sqs, queue, "All")
    error = refused(sqs, "SetQueueAttributes", QueueUrl=queue, Attributes={"VisibilityTimeout": "7", name: value})
    assert error.code == code
    assert words in (None, error.message)
    assert attributes(sqs, queue, "All") == before


def test_attributes_read_back_as_set_and_an_empty_value_removes_one(sqs: Sqs, queue: str) -> None:
    policy = json.dumps({"Version": "2012-10-17", "Statement": []})
    sqs.call("SetQueueAttributes", QueueUrl=queue, Attributes={"Policy": policy, "KmsMasterKeyId": "alias/a"})
    wanted = ("Policy", "KmsMasterKeyId", "SqsManagedSseEnabled")
    assert attributes(sqs, queue, *wanted) == dict(zip(wanted, (policy, "alias/a", "false"), strict=True))
    sqs.call("SetQueueAttributes", QueueUrl=queue, Attributes={"Policy": "", "KmsMasterKeyId": ""})
    assert attributes(sqs, queue, *wanted) == {"SqsManagedSseEnabled": "false"}


def test_a_request_without_names_returns_no_attributes(sqs: Sqs, queue: str) -> None:
    assert "Attributes" not in sqs.call("GetQueueAttributes", QueueUrl=queue)
    assert refused(sqs, "GetQueueAttributes", QueueUrl=queue, AttributeNames=["Nope"]).code == "InvalidAttributeName"


def test_a_receive_limit_given_as_text_reads_back_as_a_number(sqs: Sqs, queue: str, queue_name: str) -> None:
    dead = sqs.queue(queue_name + "-dead")
    arn = f"{ACCOUNT_ARN}:{queue_name}-dead"
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": "3"})
    sqs.call("SetQueueAttributes", QueueUrl=queue, Attributes={"RedrivePolicy": policy})
    found = attributes(sqs, queue, "RedrivePolicy")["RedrivePolicy"]
    assert json.loads(found) == {"deadLetterTargetArn": arn, "maxReceiveCount": 3}
    sources = sqs.call("ListDeadLetterSourceQueues", QueueUrl=dead)
    assert sources.get("queueUrls", sources.get("QueueUrls")) == [queue]
    missing = json.dumps({"deadLetterTargetArn": arn + "x", "maxReceiveCount": 3})
    error = refused(sqs, "SetQueueAttributes", QueueUrl=queue, Attributes={"RedrivePolicy": missing})
    assert error.code == "InvalidParameterValue"


def test_pages_of_a_listing_end_without_a_token(sqs: Sqs, queue_name: str) -> None:
    urls = [sqs.queue(f"{queue_name}-{number}") for number in range(3)]
    assert sqs.call("ListQueues", QueueNamePrefix=queue_name) == {"QueueUrls": urls}
    first = sqs.call("ListQueues", QueueNamePrefix=queue_name, MaxResults=2)
    assert first["QueueUrls"] == urls[:2]
    second = sqs.call("ListQueues", QueueNamePrefix=queue_name, MaxResults=2, NextToken=first["NextToken"])
    assert second == {"QueueUrls": urls[2:]}
    assert "QueueUrls" not in sqs.call("ListQueues", QueueNamePrefix=queue_name + "-none")


@pytest.mark.parametrize("operation", ["DeleteQueue", "PurgeQueue", "ListQueueTags", "ReceiveMessage"])
def test_the_error_for_a_missing_queue_differs_by_protocol(sqs: Sqs, operation: str) -> None:
    error = refused(sqs, operation, QueueUrl=f"{sqs.url}/000000000000/nowhere")
    assert (error.code, error.status) == ("AWS.SimpleQueueService.NonExistentQueue", 400)
    suffix = "." if sqs.protocol == "json" else " for this wsdl version."
    assert error.message == "The specified queue does not exist" + suffix


def test_the_name_of_a_deleted_queue_can_be_used_again(sqs: Sqs, queue: str, queue_name: str) -> None:
    sqs.call("SendMessage", QueueUrl=queue, MessageBody="1")
    sqs.call("DeleteQueue", QueueUrl=queue)
    assert refused(sqs, "GetQueueUrl", QueueName=queue_name).code.endswith("NonExistentQueue")
    assert sqs.counts(sqs.queue(queue_name)) == ("0", "0", "0")


def test_tags_are_set_replaced_and_removed(sqs: Sqs, queue: str) -> None:
    sqs.call("TagQueue", QueueUrl=queue, Tags={"a": "1", "A": "2"})
    sqs.call("TagQueue", QueueUrl=queue, Tags={"a": "3"})
    assert sqs.call("ListQueueTags", QueueUrl=queue)["Tags"] == {"a": "3", "A": "2"}
    sqs.call("UntagQueue", QueueUrl=queue, TagKeys=["a", "unknown"])
    assert sqs.call("ListQueueTags", QueueUrl=queue)["Tags"] == {"A": "2"}
    sqs.call("UntagQueue", QueueUrl=queue, TagKeys=["A"])
    assert "Tags" not in sqs.call("ListQueueTags", QueueUrl=queue)


def test_permissions_write_a_policy(sqs: Sqs, queue: str, queue_name: str) -> None:
    asked: dict[str, Any] = {"Label": "l", "AWSAccountIds": ["111111111111"], "Actions": ["ReceiveMessage"]}
    sqs.call("AddPermission", QueueUrl=queue, **asked)
    arn = f"{ACCOUNT_ARN}:{queue_name}"
    assert json.loads(attributes(sqs, queue, "Policy")["Policy"]) == {
        "Version": "2008-10-17",
        "Id": f"{arn}/SQSDefaultPolicy",
        "Statement": [
            {
                "Sid": "l",
                "Effect": "Allow",
                "Principal": {"AWS": "arn:aws:iam::111111111111:root"},
                "Action": "SQS:ReceiveMessage",
                "Resource": arn,
            }
        ],
    }
    again = refused(sqs, "AddPermission", QueueUrl=queue, **asked)
    assert again.message == "Value l for parameter Label is invalid. Reason: Already exists."
    sqs.call("RemovePermission", QueueUrl=queue, Label="l")
    assert attributes(sqs, queue, "Policy") == {}
