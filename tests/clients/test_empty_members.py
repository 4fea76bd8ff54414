"""An empty list or map counts as absent; the query protocol writes ``AttributeNames=`` for it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.clients.driver import Client


def test_a_receive_with_an_empty_list_of_system_attributes_returns_none(client: Client, queue: str) -> None:
    client.send(queue, "x")
    [found] = client.receive(queue, AttributeNames=[])
    assert not found.get("Attributes")


def test_a_receive_with_an_empty_list_of_message_attributes_returns_none(client: Client, queue: str) -> None:
    client.send(queue, "x", MessageAttributes={"a": {"DataType": "String", "StringValue": "b"}})
    [found] = client.receive(queue, MessageAttributeNames=[])
    assert not found.get("MessageAttributes")


def test_a_message_with_empty_maps_is_sent(client: Client, queue: str) -> None:
    sent = client.send(queue, "x", MessageAttributes={}, MessageSystemAttributes={})
    assert "MD5OfMessageAttributes" not in sent
    assert "MD5OfMessageSystemAttributes" not in sent


def test_an_empty_list_of_attribute_names_returns_none(client: Client, queue: str) -> None:
    assert not client.call("GetQueueAttributes", QueueUrl=queue, AttributeNames=[]).get("Attributes")


def test_a_queue_is_created_with_empty_maps(client: Client, queue_name: str) -> None:
    url = client.call("CreateQueue", QueueName=queue_name, Attributes={}, tags={})["QueueUrl"]
    assert not client.call("ListQueueTags", QueueUrl=url).get("Tags")


@pytest.mark.parametrize(
    ("operation", "members", "shape", "message"),
    [
        (
            "UntagQueue",
            {"TagKeys": []},
            "InvalidParameterValue",
            "Tag keys must be between 1 and 128 characters in length.",
        ),
        (
            "AddPermission",
            {"Label": "x", "AWSAccountIds": ["111122223333"], "Actions": []},
            "MissingParameter",
            "The request must contain the parameter Actions.",
        ),
        (
            "AddPermission",
            {"Label": "x", "AWSAccountIds": [], "Actions": ["*"]},
            "InvalidParameterValue",
            "Value [] for parameter PrincipalId is invalid. Reason: Unable to verify.",
        ),
    ],
)
def test_an_empty_required_member_raises_an_error_of_the_sdk(
    client: Client, queue: str, operation: str, members: dict[str, Any], shape: str, message: str
) -> None:
    assert client.must_refuse(shape, operation, QueueUrl=queue, **members).message == message


def test_an_empty_map_of_tags_raises_an_error_of_the_sdk(client: Client, queue: str) -> None:
    client.must_refuse("MissingParameter", "TagQueue", QueueUrl=queue, Tags={})
