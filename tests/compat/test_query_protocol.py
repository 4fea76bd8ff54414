"""botocore can use the query protocol."""

from __future__ import annotations

from typing import Any

import pytest

from sqs_facade.compat.targets import Target
from tests.conftest import Service


@pytest.fixture
def sqs(service: Service) -> Any:
    target = Target("facade-query", service.url, "query")
    return target.client(target.shared_account)


def test_requests_are_forms(sqs: Any, queue_name: str) -> None:
    seen: list[Any] = []
    sqs.meta.events.register("before-send.sqs", lambda request, **_: seen.append(request))
    sqs.create_queue(QueueName=queue_name, Attributes={"DelaySeconds": "1"}, tags={"a": "b"})
    form = seen[0].body.decode() if isinstance(seen[0].body, bytes) else seen[0].body
    assert "Action=CreateQueue" in form
    assert "Attribute.1.Name=DelaySeconds&Attribute.1.Value=1" in form
    assert "Tag.1.Key=a&Tag.1.Value=b" in form
    assert "X-Amz-Target" not in seen[0].headers


def test_answers_have_the_json_protocols_form(sqs: Any, queue_name: str) -> None:
    url = sqs.create_queue(QueueName=queue_name)["QueueUrl"]
    attributes = {"n": {"DataType": "Binary", "BinaryValue": b"\0\xff"}}
    entries = [{"Id": "a", "MessageBody": "x", "MessageAttributes": attributes}]
    sent = sqs.send_message_batch(QueueUrl=url, Entries=entries)
    assert [entry["Id"] for entry in sent["Successful"]] == ["a"]
    found = sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"], AttributeNames=["All"])["Messages"][0]
    assert found["MessageAttributes"] == attributes
    assert found["Attributes"]["ApproximateReceiveCount"] == "1"
    assert "Messages" not in sqs.receive_message(QueueUrl=url)


def test_errors_are_the_same_exceptions(sqs: Any, queue_name: str) -> None:
    with pytest.raises(sqs.exceptions.ClientError) as caught:
        sqs.get_queue_url(QueueName=queue_name)
    assert caught.value.response["Error"]["Code"] == "AWS.SimpleQueueService.NonExistentQueue"
