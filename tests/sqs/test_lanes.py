"""Both lanes return the same response, except the request id and the date."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
import requests

from tests.conftest import Service
from tests.sqs.wire import Sqs, text

_REQUEST_ID = re.compile(rb"<RequestId>[0-9a-f-]+</RequestId>")
CALLS: list[tuple[str, dict[str, Any]]] = [
    ("CreateQueue", {"QueueName": "$name"}),
    ("CreateQueue", {"QueueName": "a b"}),
    ("GetQueueUrl", {"QueueName": "$name"}),
    ("GetQueueUrl", {"QueueName": "no-such-queue"}),
    ("ListQueues", {"QueueNamePrefix": "$name"}),
    ("GetQueueAttributes", {"QueueUrl": "$name", "AttributeNames": ["All"]}),
    ("SetQueueAttributes", {"QueueUrl": "$name", "Attributes": {"DelaySeconds": "0"}}),
    ("SendMessage", {"QueueUrl": "$name"}),
    ("SendMessage", {"QueueUrl": "$name", "MessageBody": "x", "MessageAttributes": {"a": text("")}}),
    ("SendMessageBatch", {"QueueUrl": "$name", "Entries": []}),
    ("SendMessageBatch", {"QueueUrl": "$name", "Entries": [{"Id": "a", "MessageBody": "\0"}]}),
    ("ReceiveMessage", {"QueueUrl": "$name"}),
    ("ReceiveMessage", {"QueueUrl": "$name", "MaxNumberOfMessages": 11}),
    ("DeleteMessage", {"QueueUrl": "$name", "ReceiptHandle": "<ü\r&>"}),
    ("ListQueueTags", {"QueueUrl": "$name"}),
    ("PurgeQueue", {"QueueUrl": "$name"}),
    ("NoSuchOperation", {}),
]


def comparable(answer: requests.Response) -> tuple[int, dict[str, str], bytes]:
    headers = {name.lower(): value for name, value in answer.headers.items()}
    assert headers.pop("x-amzn-requestid")
    headers.pop("date", None)
    return answer.status_code, headers, _REQUEST_ID.sub(b"", answer.content)


@pytest.mark.parametrize("protocol", ["json", "query"])
@pytest.mark.parametrize(("operation", "members"), CALLS)
def test_both_lanes_respond_with_the_same_bytes(
    service: Service, protocol: str, operation: str, members: dict[str, Any]
) -> None:
    names = [f"lanes-{uuid.uuid4().hex[:12]}"] * 2
    if operation == "PurgeQueue":  # of one queue only once a minute
        names[1] += "2"
    answers = []
    for name, lane in zip(names, ("fast", "flask"), strict=True):
        Sqs(service.url, protocol, lane).queue(name)
        mine = {key: name if value == "$name" else value for key, value in members.items()}
        answers.append(comparable(Sqs(service.url, protocol, lane).raw(operation, **mine)))
    fast, flask = answers
    assert fast == flask


@pytest.mark.parametrize("protocol", ["json", "query"])
def test_both_lanes_serve_the_path_of_a_queue(service: Service, protocol: str) -> None:
    name = f"lanes-{uuid.uuid4().hex[:12]}"
    Sqs(service.url, protocol, "fast").queue(name)
    for path in (f"/000000000000/{name}", f"/{name}", f"/queue/{name}", f"/000000000000/{name}/"):
        answers = [Sqs(service.url, protocol, lane).raw("ReceiveMessage", path=path) for lane in ("fast", "flask")]
        assert comparable(answers[0]) == comparable(answers[1])
        assert answers[0].status_code == 200
