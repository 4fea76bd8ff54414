"""kill -9 of the whole service in the middle of a move task: the next service continues the task."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.patience import until
from tests.serving.conftest import Client, Serve, client_of

pytestmark = pytest.mark.slow

Start = Callable[..., Serve]
MESSAGES = 2000
KILLS = 2
#: Moved between two kills.
BETWEEN = 500
#: The leases of a dead process last six seconds; then the rest must be moved, at the rate asked for.
PATIENCE_SECONDS = 40.0

DEAD_ARN = "arn:aws:sqs:us-east-1:000000000000:dead"


def prepare(client: Client) -> None:
    """Create a queue whose messages are all dead letters: each was received once and then moved."""
    policy = json.dumps({"deadLetterTargetArn": DEAD_ARN, "maxReceiveCount": 1})
    client.call("CreateQueue", QueueName="dead")
    client.call("CreateQueue", QueueName="work", Attributes={"RedrivePolicy": policy, "VisibilityTimeout": "0"})
    for first in range(0, MESSAGES, 10):
        entries = [{"Id": str(at), "MessageBody": str(first + at)} for at in range(10)]
        client.call("SendMessageBatch", QueueUrl="work", Entries=entries)
    for _ in range(2 * MESSAGES):
        client.call("ReceiveMessage", QueueUrl="work", MaxNumberOfMessages=10)
        if visible(client, "work") == 0:
            break
    assert visible(client, "dead") == MESSAGES


def visible(client: Client, queue: str) -> int:
    name = "ApproximateNumberOfMessages"
    return int(client.call("GetQueueAttributes", QueueUrl=queue, AttributeNames=[name])["Attributes"][name])


def task(client: Client) -> dict[str, Any]:
    [newest] = client.call("ListMessageMoveTasks", SourceArn=DEAD_ARN)["Results"]
    return dict(newest)


def bodies(client: Client, queue: str) -> Counter[str]:
    found: Counter[str] = Counter()
    while got := client.call("ReceiveMessage", QueueUrl=queue, MaxNumberOfMessages=10, VisibilityTimeout=600).get(
        "Messages"
    ):
        found.update(message["Body"] for message in got)
    return found


def test_a_move_task_survives_kill_9_and_moves_each_message_once(serve: Start, data: Path) -> None:
    service = serve("--data-dir", data).wait_ready()
    with client_of(service) as client:
        prepare(client)
        client.call("StartMessageMoveTask", SourceArn=DEAD_ARN, MaxNumberOfMessagesPerSecond=500)
    for number in range(1, KILLS + 1):
        with client_of(service) as client:
            wanted = number * BETWEEN
            until(
                lambda: task(client)["ApproximateNumberOfMessagesMoved"] >= wanted,  # noqa: B023
                "the task goes on",
                PATIENCE_SECONDS,
            )
            assert task(client)["Status"] == "RUNNING"
        service.kill()
        service = serve("--data-dir", data).wait_ready()
    with client_of(service) as client:
        until(lambda: task(client)["Status"] == "COMPLETED", "the task is completed", PATIENCE_SECONDS)
        assert task(client)["ApproximateNumberOfMessagesMoved"] == MESSAGES
        assert bodies(client, "work") == Counter(str(number) for number in range(MESSAGES))
        assert bodies(client, "dead") == Counter()
