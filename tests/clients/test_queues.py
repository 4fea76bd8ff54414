"""Queues, their attributes, tags and permissions, as clients see them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.clients.conftest import ACCOUNT
from tests.clients.driver import Client

ENTRY: dict[str, Any] = {"Id": "a", "ReceiptHandle": "x"}


def arn(queue_url: str) -> str:
    return f"arn:aws:sqs:us-east-1:{ACCOUNT}:{queue_url.rsplit('/', 1)[-1]}"


def test_a_created_queue_is_found_by_its_name(client: Client, queue: str, queue_name: str) -> None:
    assert client.call("GetQueueUrl", QueueName=queue_name) == {"QueueUrl": queue}
    assert queue == f"{client.endpoint}/{ACCOUNT}/{queue_name}"


def test_creating_a_queue_again_returns_the_same_url(client: Client, queue_name: str) -> None:
    url = client.queue(queue_name, DelaySeconds="3", VisibilityTimeout="40")
    assert client.queue(queue_name) == url
    assert client.queue(queue_name, DelaySeconds="3") == url


def test_creating_a_queue_with_other_attributes_is_refused(client: Client, queue: str, queue_name: str) -> None:
    error = client.must_refuse("QueueNameExists", "CreateQueue", QueueName=queue_name, Attributes={"DelaySeconds": "3"})
    assert error.message == (
        "A queue already exists with the same name and a different value for attribute DelaySeconds"
    )


@pytest.mark.parametrize("name", ["has space", "dot.ted", "x" * 81, "sl/ash"])
def test_a_bad_name_is_refused(client: Client, name: str) -> None:
    client.must_refuse("InvalidParameterValue", "CreateQueue", QueueName=name)


@pytest.mark.parametrize(
    ("operation", "members"),
    [
        ("AddPermission", {"Label": "x", "AWSAccountIds": ["111122223333"], "Actions": ["SendMessage"]}),
        ("ChangeMessageVisibility", {"ReceiptHandle": "x", "VisibilityTimeout": 1}),
        ("DeleteQueue", {}),
        ("GetQueueAttributes", {"AttributeNames": ["All"]}),
        ("ListDeadLetterSourceQueues", {}),
        ("ListQueueTags", {}),
        ("PurgeQueue", {}),
        ("ReceiveMessage", {}),
        ("RemovePermission", {"Label": "x"}),
        ("SendMessage", {"MessageBody": "x"}),
        ("SendMessageBatch", {"Entries": [{"Id": "a", "MessageBody": "x"}]}),
        ("SetQueueAttributes", {"Attributes": {"DelaySeconds": "1"}}),
        ("TagQueue", {"Tags": {"a": "b"}}),
        ("UntagQueue", {"TagKeys": ["a"]}),
    ],
)
def test_a_missing_queue_raises_an_error_of_the_sdk(
    client: Client, queue_name: str, operation: str, members: dict[str, Any]
) -> None:
    url = f"{client.endpoint}/{ACCOUNT}/{queue_name}"
    if operation == "ChangeMessageVisibility":
        members = members | {"ReceiptHandle": _handle(client, queue_name)}
    error = client.must_refuse("QueueDoesNotExist", operation, QueueUrl=url, **members)
    assert error.status == 400


def _handle(client: Client, queue_name: str) -> str:
    """Return a receipt handle of a deleted queue."""
    url = client.queue(queue_name)
    client.send(url, "x")
    [found] = client.receive(url)
    client.call("DeleteQueue", QueueUrl=url)
    return str(found["ReceiptHandle"])


def test_the_name_of_a_missing_queue_raises_an_error_of_the_sdk(client: Client, queue_name: str) -> None:
    client.must_refuse("QueueDoesNotExist", "GetQueueUrl", QueueName=queue_name)


def test_a_deleted_queue_is_gone(client: Client, queue: str, queue_name: str) -> None:
    client.call("DeleteQueue", QueueUrl=queue)
    client.must_refuse("QueueDoesNotExist", "GetQueueUrl", QueueName=queue_name)
    assert not client.call("ListQueues", QueueNamePrefix=queue_name).get("QueueUrls")


def test_queues_are_listed_by_prefix_in_pages(client: Client, queue_name: str) -> None:
    urls = [client.queue(f"{queue_name}-{number}") for number in range(5)]
    seen: list[str] = []
    token: dict[str, str] = {}
    for _ in range(3):
        page = client.call("ListQueues", QueueNamePrefix=queue_name, MaxResults=2, **token)
        seen += page["QueueUrls"]
        token = {"NextToken": page["NextToken"]} if page.get("NextToken") else {}
    assert seen == urls
    assert not token


def test_without_a_page_size_there_is_no_token(client: Client, queue_name: str) -> None:
    urls = [client.queue(f"{queue_name}-{number}") for number in range(3)]
    assert client.call("ListQueues", QueueNamePrefix=queue_name) == {"QueueUrls": urls}


@pytest.mark.parametrize(
    "token",
    [
        "garbage",
        "\u00e9",
        "!!!!",
    ],
)
def test_an_unknown_token_is_refused(client: Client, queue: str, queue_name: str, token: str) -> None:
    """A listing that starts over would never end."""
    client.must_refuse("InvalidParameterValue", "ListQueues", QueueNamePrefix=queue_name, MaxResults=1, NextToken=token)


@pytest.mark.parametrize("most", [0, 1001])
def test_a_page_size_out_of_bounds_is_refused(client: Client, most: int) -> None:
    client.must_refuse("InvalidParameterValue", "ListQueues", MaxResults=most)


def test_a_new_queue_has_the_defaults_of_aws(client: Client, queue: str) -> None:
    found = client.attributes(queue)
    times = {found.pop("CreatedTimestamp"), found.pop("LastModifiedTimestamp")}
    assert all(text.isdigit() and len(text) == 10 for text in times)
    assert found == {
        "ApproximateNumberOfMessages": "0",
        "ApproximateNumberOfMessagesDelayed": "0",
        "ApproximateNumberOfMessagesNotVisible": "0",
        "DelaySeconds": "0",
        "MaximumMessageSize": "1048576",
        "MessageRetentionPeriod": "345600",
        "QueueArn": arn(queue),
        "ReceiveMessageWaitTimeSeconds": "0",
        "SqsManagedSseEnabled": "true",
        "VisibilityTimeout": "30",
    }


def test_only_the_requested_attributes_are_returned(client: Client, queue: str) -> None:
    assert client.attributes(queue, "QueueArn", "Policy") == {"QueueArn": arn(queue)}


def test_an_unknown_attribute_raises_an_error_of_the_sdk(client: Client, queue: str) -> None:
    error = client.must_refuse("InvalidAttributeName", "GetQueueAttributes", QueueUrl=queue, AttributeNames=["Foobar"])
    assert error.message == "Unknown Attribute Foobar."


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DelaySeconds", "901"),
        ("MaximumMessageSize", "1023"),
        ("MessageRetentionPeriod", "59"),
        ("ReceiveMessageWaitTimeSeconds", "21"),
        ("VisibilityTimeout", "-1"),
    ],
)
def test_an_attribute_value_out_of_bounds_raises_an_error_of_the_sdk(
    client: Client, queue: str, name: str, value: str
) -> None:
    client.must_refuse("InvalidAttributeValue", "SetQueueAttributes", QueueUrl=queue, Attributes={name: value})
    assert client.attributes(queue, name)[name] != value


def test_tags_are_added_replaced_and_removed(client: Client, queue_name: str) -> None:
    url = client.call("CreateQueue", QueueName=queue_name, tags={"team": "a", "empty": ""})["QueueUrl"]
    client.call("TagQueue", QueueUrl=url, Tags={"team": "ünïted", "more": "<&>"})
    assert client.call("ListQueueTags", QueueUrl=url)["Tags"] == {"team": "ünïted", "empty": "", "more": "<&>"}
    client.call("UntagQueue", QueueUrl=url, TagKeys=["team", "never"])
    assert client.call("ListQueueTags", QueueUrl=url)["Tags"] == {"empty": "", "more": "<&>"}


def test_permissions_are_added_and_removed(client: Client, queue: str) -> None:
    accounts = ["111122223333", "444455556666"]
    client.call("AddPermission", QueueUrl=queue, Label="one", AWSAccountIds=accounts[:1], Actions=["SendMessage"])
    client.call(
        "AddPermission", QueueUrl=queue, Label="two", AWSAccountIds=accounts, Actions=["SendMessage", "ReceiveMessage"]
    )
    first, second = json.loads(client.attributes(queue, "Policy")["Policy"])["Statement"]
    assert (first["Sid"], first["Principal"], first["Action"]) == (
        *("one", {"AWS": "arn:aws:iam::111122223333:root"}),
        "SQS:SendMessage",
    )
    assert second["Principal"] == {"AWS": [f"arn:aws:iam::{account}:root" for account in accounts]}
    client.must_refuse(
        "InvalidParameterValue", "AddPermission", QueueUrl=queue, Label="one", AWSAccountIds=accounts, Actions=["*"]
    )
    for label in ("one", "two"):
        client.call("RemovePermission", QueueUrl=queue, Label=label)
    assert client.attributes(queue, "Policy") == {}
    client.must_refuse("InvalidParameterValue", "RemovePermission", QueueUrl=queue, Label="one")


def test_too_many_actions_are_over_the_limit(client: Client, queue: str) -> None:
    actions = [
        *("SendMessage", "ReceiveMessage", "DeleteMessage", "PurgeQueue"),
        *("ChangeMessageVisibility", "GetQueueAttributes", "GetQueueUrl", "ListDeadLetterSourceQueues"),
    ]
    error = client.must_refuse(
        "OverLimit", "AddPermission", QueueUrl=queue, Label="x", AWSAccountIds=["111122223333"], Actions=actions
    )
    assert (error.status, error.message) == (403, "8 Actions were found, maximum allowed is 7.")


def test_the_sources_of_a_dead_letter_queue_are_listed_in_pages(client: Client, queue: str, queue_name: str) -> None:
    policy = json.dumps({"deadLetterTargetArn": arn(queue), "maxReceiveCount": 3})
    sources = [client.queue(f"{queue_name}-{number}", RedrivePolicy=policy) for number in range(3)]
    assert client.call("ListDeadLetterSourceQueues", QueueUrl=queue) == {"queueUrls": sources}
    page = client.call("ListDeadLetterSourceQueues", QueueUrl=queue, MaxResults=2)
    assert page["queueUrls"] == sources[:2]
    rest = client.call("ListDeadLetterSourceQueues", QueueUrl=queue, MaxResults=2, NextToken=page["NextToken"])
    assert rest == {"queueUrls": sources[2:]}


def test_a_dead_letter_queue_must_exist(client: Client, queue: str) -> None:
    policy = json.dumps({"deadLetterTargetArn": arn(queue) + "-none", "maxReceiveCount": 3})
    client.must_refuse(
        "InvalidParameterValue", "SetQueueAttributes", QueueUrl=queue, Attributes={"RedrivePolicy": policy}
    )


def test_a_purge_deletes_every_message(client: Client, queue: str) -> None:
    for body in ("a", "b"):
        client.send(queue, body)
    client.send(queue, "delayed", DelaySeconds=60)
    client.receive(queue, MaxNumberOfMessages=1)
    assert client.counts(queue) == (1, 1, 1)
    client.call("PurgeQueue", QueueUrl=queue)
    assert client.counts(queue) == (0, 0, 0)


def test_purging_again_at_once_is_refused(client: Client, queue: str, queue_name: str) -> None:
    client.call("PurgeQueue", QueueUrl=queue)
    error = client.must_refuse("PurgeQueueInProgress", "PurgeQueue", QueueUrl=queue)
    assert error.status == 403
    assert error.message == f"Only one PurgeQueue operation on {queue_name} is allowed every 60 seconds."
