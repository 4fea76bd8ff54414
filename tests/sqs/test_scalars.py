"""JSON scalars of another kind than the model's: clients without types send them, and SQS reads them."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests

from tests.conftest import Service
from tests.sqs.wire import Sqs, md5


@pytest.fixture(params=["fast", "flask"])
def json_sqs(service: Service, request: pytest.FixtureRequest) -> Sqs:
    return Sqs(service.url, "json", request.param)


def test_attributes_of_queues_may_be_numbers_and_flags(json_sqs: Sqs, queue_name: str) -> None:
    given = {"DelaySeconds": 5, "FifoQueue": True, "ContentBasedDeduplication": False}
    url = json_sqs.call("CreateQueue", QueueName=f"{queue_name}.fifo", Attributes=given)["QueueUrl"]
    json_sqs.call("SetQueueAttributes", QueueUrl=url, Attributes={"VisibilityTimeout": 0, "DelaySeconds": None})
    names = ("DelaySeconds", "ContentBasedDeduplication", "VisibilityTimeout")
    assert json_sqs.attributes(url, *names) == {
        "DelaySeconds": "5", "ContentBasedDeduplication": "false", "VisibilityTimeout": "0",
    }  # fmt: skip


def test_texts_may_be_numbers_and_numbers_may_be_texts(json_sqs: Sqs, queue_name: str) -> None:
    url = json_sqs.queue(queue_name)
    attributes: Any = {
        "n": {"DataType": "Number", "StringValue": 12.5},
        "b": {"DataType": "String", "StringValue": True},
    }
    sent = json_sqs.call(
        "SendMessage", QueueUrl=url, MessageBody=0, DelaySeconds="0", MessageAttributes=attributes, MessageGroupId=7
    )
    assert sent["MD5OfMessageBody"] == md5("0")
    [found] = json_sqs.receive(
        url, MaxNumberOfMessages="10", MessageAttributeNames=["All"], MessageSystemAttributeNames=["MessageGroupId"]
    )
    assert (found["Body"], found["Attributes"]) == ("0", {"MessageGroupId": "7"})
    assert {name: one["StringValue"] for name, one in found["MessageAttributes"].items()} == {"n": "12.5", "b": "true"}


def test_a_batch_reads_its_entries_so_too(json_sqs: Sqs, queue_name: str) -> None:
    entries = [{"Id": 1, "MessageBody": False, "DelaySeconds": "900"}, {"Id": "2", "MessageBody": "x"}]
    found = json_sqs.call("SendMessageBatch", QueueUrl=json_sqs.queue(queue_name), Entries=entries)
    assert [one["Id"] for one in found["Successful"]] == ["1", "2"]
    assert found["Successful"][0]["MD5OfMessageBody"] == md5("false")


@pytest.mark.parametrize(
    ("operation", "members"),
    [
        ("ReceiveMessage", {"MaxNumberOfMessages": "many"}),
        ("ReceiveMessage", {"MaxNumberOfMessages": ""}),
        ("ReceiveMessage", {"MaxNumberOfMessages": "1_0"}),
        ("ReceiveMessage", {"MaxNumberOfMessages": True}),
        ("ReceiveMessage", {"WaitTimeSeconds": 1.5}),
        ("ReceiveMessage", {"AttributeNames": "All"}),
        ("SendMessage", {"MessageBody": {}}),
        ("SendMessage", {"MessageBody": ["x"]}),
        ("SetQueueAttributes", {"Attributes": {"DelaySeconds": {}}}),
    ],
)
def test_what_is_no_such_scalar_is_refused(
    json_sqs: Sqs, queue_name: str, operation: str, members: dict[str, Any]
) -> None:
    failure = json_sqs.error(operation, QueueUrl=json_sqs.queue(queue_name), **members)
    assert failure[:2] == ("SerializationException", 400)


def test_a_number_keeps_the_digits_it_was_written_with(json_sqs: Sqs, queue_name: str) -> None:
    url = json_sqs.queue(queue_name)
    headers = {**json_sqs.headers, "X-Amz-Target": "AmazonSQS.SendMessage"}
    body = json.dumps({"QueueUrl": url, "MessageBody": "$"}).replace('"$"', "12345678901234567890.10")
    requests.post(json_sqs.url, body, headers=headers, timeout=10).raise_for_status()
    [found] = json_sqs.receive(url)
    assert found["Body"] == "12345678901234567890.10"
