"""JSON scalars of another kind than the model's: some clients without types write a queue's attributes so."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import Service
from tests.sqs.wire import Sqs

TEXT = "STRING_VALUE can not be converted to an Integer"
NUMBER = "NUMBER_VALUE can not be converted to a String"
MAP = "Start of structure or map found where not expected."
OTHER = "The request body is not valid"


@pytest.fixture
def json_sqs(service: Service, lane: str) -> Sqs:
    return Sqs(service.url, "json", lane)


def test_attributes_of_queues_may_be_numbers_and_flags(json_sqs: Sqs, queue_name: str) -> None:
    given = {"DelaySeconds": 5, "FifoQueue": True, "ContentBasedDeduplication": False}
    url = json_sqs.call("CreateQueue", QueueName=f"{queue_name}.fifo", Attributes=given, tags={"n": 1})["QueueUrl"]
    json_sqs.call("SetQueueAttributes", QueueUrl=url, Attributes={"VisibilityTimeout": 0, "DelaySeconds": None})
    names = ("DelaySeconds", "ContentBasedDeduplication", "VisibilityTimeout")
    assert json_sqs.attributes(url, *names) == {
        "DelaySeconds": "5", "ContentBasedDeduplication": "false", "VisibilityTimeout": "0",
    }  # fmt: skip
    assert json_sqs.call("ListQueueTags", QueueUrl=url)["Tags"] == {"n": "1"}


@pytest.mark.parametrize(
    ("operation", "members", "said"),
    [
        ("ReceiveMessage", {"MaxNumberOfMessages": "10"}, f"{TEXT} (MaxNumberOfMessages)"),
        ("ReceiveMessage", {"MaxNumberOfMessages": True}, OTHER),
        ("ReceiveMessage", {"WaitTimeSeconds": 1.5}, OTHER),
        ("ReceiveMessage", {"AttributeNames": "All"}, OTHER),
        ("SendMessage", {"MessageBody": 1}, f"{NUMBER} (MessageBody)"),
        ("SendMessage", {"MessageBody": 1, "MessageGroupId": None}, f"{NUMBER} (MessageBody)"),
        ("SendMessage", {"MessageBody": {}}, f"{MAP} (MessageBody)"),
        ("SendMessage", {"MessageBody": ["x"]}, OTHER),
        ("SetQueueAttributes", {"Attributes": {"DelaySeconds": {}}}, f"{MAP} (Attributes)"),
    ],
)
def test_another_type_is_refused(
    json_sqs: Sqs, queue_name: str, operation: str, members: dict[str, Any], said: str
) -> None:
    failure = json_sqs.error(operation, QueueUrl=json_sqs.queue(queue_name), **members)
    assert failure[:2] == ("MalformedInput", 400)
    assert failure[2].startswith(said)
