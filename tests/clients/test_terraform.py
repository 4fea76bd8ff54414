"""What Terraform's provider asks of a queue: what was set reads back, again and again; what was removed is gone.

The provider waits until every attribute that it sent reads back six times in a row, then reads attributes and tags; on
deletion it waits until the queue is not found fifteen times. It counts a missing attribute as an empty one, and lets
KmsDataKeyReusePeriodSeconds be missing when it is the default.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.clients.driver import Client

READS = 6
NOT_FOUND = 15
DOCUMENTS = {"Policy", "RedrivePolicy", "RedriveAllowPolicy"}
NUMBERS = {
    "DelaySeconds": ("0", "90", "900"),
    "MaximumMessageSize": ("1024", "262144", "1048576"),
    "MessageRetentionPeriod": ("60", "86400", "1209600"),
    "ReceiveMessageWaitTimeSeconds": ("0", "10", "20"),
    "VisibilityTimeout": ("0", "30", "43200"),
}
KEY = "arn:aws:kms:us-east-1:000000000000:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def document(**members: Any) -> str:
    """Write JSON as Terraform's jsonencode does."""
    return json.dumps(members, sort_keys=True, separators=(",", ":"))


def policy(resource: str) -> str:
    statement = {
        "Sid": "é <&>",
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com", "AWS": ["111122223333", "*"]},
        "Action": ["sqs:SendMessage", "sqs:ReceiveMessage"],
        "Resource": resource,
        "Condition": {"ArnEquals": {"aws:SourceArn": "arn:aws:sns:us-east-1:000000000000:topic"}},
    }
    return document(Version="2012-10-17", Id="x", Statement=[statement])


def reads_back(client: Client, queue_url: str, expected: dict[str, str]) -> None:
    """Check that six reads in a row return the value that was set."""
    for _ in range(READS):
        found = client.attributes(queue_url)
        for name, value in expected.items():
            told = found.get(name, "")
            if name in DOCUMENTS and value:
                assert told, f"{name} is not shown"
                assert json.loads(told) == json.loads(value)
            elif name == "KmsDataKeyReusePeriodSeconds" and value == "300":
                assert told in ("", "300")
            else:
                assert (name, told) == (name, value)


def created(client: Client, name: str, attributes: dict[str, str], **more: Any) -> str:
    """Create a queue and check its attributes. Creating it again, as after a lost response, changes nothing."""
    url = str(client.call("CreateQueue", QueueName=name, Attributes=attributes, **more)["QueueUrl"])
    assert len(urlsplit(url).path.strip("/").split("/")) == 2
    reads_back(client, url, attributes)
    assert client.call("CreateQueue", QueueName=name, Attributes=attributes, **more)["QueueUrl"] == url
    return url


def updated(client: Client, queue_url: str, attributes: dict[str, str]) -> None:
    client.call("SetQueueAttributes", QueueUrl=queue_url, Attributes=attributes)
    reads_back(client, queue_url, attributes)


@pytest.mark.parametrize("at", [0, 1, 2], ids=["least", "usual", "most"])
def test_numbers_read_back_from_creation_and_change(client: Client, queue_name: str, at: int) -> None:
    wanted = {name: values[at] for name, values in NUMBERS.items()}
    url = created(client, queue_name, wanted)
    updated(client, url, {name: values[at - 1] for name, values in NUMBERS.items()})
    updated(client, url, wanted)


def test_a_policy_reads_back_until_it_is_removed(client: Client, queue_name: str) -> None:
    url = created(client, queue_name, {"Policy": policy("*")})
    updated(client, url, {"Policy": policy(f"arn:aws:sqs:us-east-1:000000000000:{queue_name}")})
    updated(client, url, {"Policy": ""})
    assert "Policy" not in client.attributes(url)


def test_a_redrive_policy_reads_back_until_it_is_removed(client: Client, queue: str, queue_name: str) -> None:
    target = client.attributes(queue, "QueueArn")["QueueArn"]
    url = created(client, f"{queue_name}-s", {"RedrivePolicy": document(deadLetterTargetArn=target, maxReceiveCount=4)})
    updated(client, url, {"RedrivePolicy": document(deadLetterTargetArn=target, maxReceiveCount=1000)})
    updated(client, url, {"RedrivePolicy": ""})
    assert "RedrivePolicy" not in client.attributes(url)
    assert not client.call("ListDeadLetterSourceQueues", QueueUrl=queue).get("queueUrls")


@pytest.mark.parametrize(
    "members",
    [
        {"redrivePermission": "allowAll"},
        {"redrivePermission": "denyAll"},
        {"redrivePermission": "byQueue", "sourceQueueArns": ["arn:aws:sqs:us-east-1:000000000000:any"]},
    ],
    ids=lambda members: members["redrivePermission"],
)
def test_a_redrive_allow_policy_reads_back_until_it_is_removed(
    client: Client, queue_name: str, members: dict[str, Any]
) -> None:
    url = created(client, queue_name, {"RedriveAllowPolicy": document(**members)})
    updated(client, url, {"RedriveAllowPolicy": document(redrivePermission="denyAll")})
    updated(client, url, {"RedriveAllowPolicy": ""})
    assert "RedriveAllowPolicy" not in client.attributes(url)


@pytest.mark.parametrize("reuse", ["60", "300", "86400"])
def test_a_kms_key_reads_back_until_it_is_removed(client: Client, queue_name: str, reuse: str) -> None:
    url = created(client, queue_name, {"KmsMasterKeyId": KEY, "KmsDataKeyReusePeriodSeconds": reuse})
    reads_back(client, url, {"SqsManagedSseEnabled": "false"})
    updated(client, url, {"KmsMasterKeyId": "alias/aws/sqs"})
    updated(client, url, {"KmsMasterKeyId": "", "KmsDataKeyReusePeriodSeconds": "300"})
    found = client.attributes(url)
    assert not {"KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds"} & set(found)
    assert found["SqsManagedSseEnabled"] == "false"


def test_no_reuse_period_is_shown_without_a_kms_key(client: Client, queue: str) -> None:
    assert "KmsDataKeyReusePeriodSeconds" not in client.attributes(queue)


def test_managed_encryption_reads_back(client: Client, queue_name: str) -> None:
    url = created(client, queue_name, {"SqsManagedSseEnabled": "false"})
    updated(client, url, {"SqsManagedSseEnabled": "true"})
    updated(client, url, {"SqsManagedSseEnabled": "false"})


def test_a_queue_changes_from_kms_to_managed_encryption_and_back(client: Client, queue_name: str) -> None:
    url = created(client, queue_name, {"KmsMasterKeyId": KEY})
    updated(client, url, {"KmsMasterKeyId": "", "SqsManagedSseEnabled": "true"})
    assert "KmsMasterKeyId" not in client.attributes(url)
    updated(client, url, {"KmsMasterKeyId": KEY, "SqsManagedSseEnabled": "false"})


def test_both_kinds_of_encryption_at_once_are_refused(client: Client, queue: str) -> None:
    both = {"KmsMasterKeyId": KEY, "SqsManagedSseEnabled": "true"}
    client.must_refuse("InvalidAttributeName", "SetQueueAttributes", QueueUrl=queue, Attributes=both)
    reads_back(client, queue, {"KmsMasterKeyId": "", "SqsManagedSseEnabled": "true"})


def test_fifo_attributes_read_back(client: Client, queue_name: str) -> None:
    usual = {
        "FifoQueue": "true",
        "ContentBasedDeduplication": "false",
        "DeduplicationScope": "queue",
        "FifoThroughputLimit": "perQueue",
    }
    high = {
        "ContentBasedDeduplication": "true",
        "DeduplicationScope": "messageGroup",
        "FifoThroughputLimit": "perMessageGroupId",
    }
    url = created(client, f"{queue_name}.fifo", usual)
    updated(client, url, high)
    updated(client, url, {name: usual[name] for name in high})
    created(client, f"{queue_name}-high.fifo", {"FifoQueue": "true", **high})


def test_fifo_attributes_read_back_beside_the_others(client: Client, fifo: str, queue_name: str) -> None:
    target = client.attributes(fifo, "QueueArn")["QueueArn"]
    wanted = {
        **{name: values[1] for name, values in NUMBERS.items()},
        "FifoQueue": "true",
        "ContentBasedDeduplication": "true",
        "Policy": policy("*"),
        "RedrivePolicy": document(deadLetterTargetArn=target, maxReceiveCount=3),
        "RedriveAllowPolicy": document(redrivePermission="denyAll"),
        "KmsMasterKeyId": KEY,
        "KmsDataKeyReusePeriodSeconds": "600",
    }
    url = created(client, f"{queue_name}-all.fifo", wanted)
    updated(client, url, dict.fromkeys(("Policy", "RedrivePolicy", "RedriveAllowPolicy", "KmsMasterKeyId"), ""))


def test_tags_are_returned_from_creation_to_removal(client: Client, queue_name: str) -> None:
    url = created(client, queue_name, {"DelaySeconds": "0"}, tags={"Name": "a", "empty": ""})
    assert client.call("ListQueueTags", QueueUrl=url)["Tags"] == {"Name": "a", "empty": ""}
    client.call("UntagQueue", QueueUrl=url, TagKeys=["Name", "empty"])
    for _ in range(READS):
        assert not client.call("ListQueueTags", QueueUrl=url).get("Tags")


def test_tags_of_a_queue_without_tags_can_be_listed(client: Client, queue: str) -> None:
    assert not client.call("ListQueueTags", QueueUrl=queue).get("Tags")


def test_a_destroyed_queue_is_not_found_and_can_be_created_again(client: Client, queue: str, queue_name: str) -> None:
    client.call("DeleteQueue", QueueUrl=queue)
    for _ in range(NOT_FOUND):
        client.must_refuse("QueueDoesNotExist", "GetQueueAttributes", QueueUrl=queue, AttributeNames=["All"])
    client.must_refuse("QueueDoesNotExist", "ListQueueTags", QueueUrl=queue)
    client.must_refuse("QueueDoesNotExist", "DeleteQueue", QueueUrl=queue)
    assert created(client, queue_name, {"DelaySeconds": "7"}) == queue
