"""Dead letters and move tasks, as clients see them."""

from __future__ import annotations

import base64
import json
import time
from typing import Any, NamedTuple

import pytest

from tests.clients.driver import Client

MOVE_SECONDS = 60.0


class Pair(NamedTuple):
    """A queue and its dead-letter queue, as URLs and ARNs."""

    source: str
    source_arn: str
    dead: str
    dead_arn: str


@pytest.fixture
def pair(client: Client, queue: str, queue_name: str) -> Pair:
    dead = client.queue(f"{queue_name}-dead")
    dead_arn = client.attributes(dead, "QueueArn")["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 1})
    client.call("SetQueueAttributes", QueueUrl=queue, Attributes={"RedrivePolicy": policy})
    return Pair(queue, client.attributes(queue, "QueueArn")["QueueArn"], dead, dead_arn)


def fail(client: Client, pair: Pair, *bodies: str) -> None:
    """Send the messages and let them move to the dead-letter queue."""
    attributes = {"a": {"DataType": "Binary", "BinaryValue": b"\0\r"}}
    for body in bodies:
        client.send(pair.source, body, MessageAttributes=attributes)
    assert len(client.receive(pair.source, VisibilityTimeout=0)) == len(bodies)
    assert client.receive(pair.source) == []


def tasks(client: Client, source_arn: str, **more: Any) -> list[dict[str, Any]]:
    return list(client.call("ListMessageMoveTasks", SourceArn=source_arn, **more).get("Results") or [])


def finished(client: Client, source_arn: str) -> dict[str, Any]:
    """Return the newest task when it has ended."""
    deadline = time.monotonic() + MOVE_SECONDS
    while (newest := tasks(client, source_arn)[0])["Status"] in ("RUNNING", "CANCELLING"):
        assert time.monotonic() < deadline, newest
        time.sleep(0.05)
    return newest


def test_a_message_received_too_often_goes_to_the_dead_letter_queue(client: Client, pair: Pair) -> None:
    fail(client, pair, "x\r")
    [found] = client.receive(pair.dead, AttributeNames=["All"], MessageAttributeNames=["All"])
    assert found["Body"] == "x\r"
    assert found["MessageAttributes"]["a"]["BinaryValue"] == b"\0\r"
    assert found["Attributes"]["DeadLetterQueueSourceArn"] == pair.source_arn
    assert found["Attributes"]["ApproximateReceiveCount"] == "2"
    assert client.counts(pair.source) == (0, 0, 0)


def test_a_task_moves_all_messages_back_to_their_source(client: Client, pair: Pair) -> None:
    fail(client, pair, "a", "b", "c")
    handle = client.call("StartMessageMoveTask", SourceArn=pair.dead_arn)["TaskHandle"]
    told = json.loads(base64.b64decode(handle))
    assert told["sourceArn"] == pair.dead_arn
    task = finished(client, pair.dead_arn)
    assert (task["Status"], task["SourceArn"]) == ("COMPLETED", pair.dead_arn)
    assert task["ApproximateNumberOfMessagesMoved"] == 3
    assert abs(task["StartedTimestamp"] / 1000 - time.time()) < 60
    assert not {"DestinationArn", "FailureReason", "MaxNumberOfMessagesPerSecond", "TaskHandle"} & _told(task)
    assert sorted(found["Body"] for found in client.receive(pair.source)) == ["a", "b", "c"]
    assert client.counts(pair.dead) == (0, 0, 0)


def _told(task: dict[str, Any]) -> set[str]:
    return {name for name, value in task.items() if value is not None}


def test_a_moved_message_is_a_new_message(client: Client, pair: Pair) -> None:
    fail(client, pair, "x")
    [dead] = client.receive(pair.dead, VisibilityTimeout=0)
    client.call("StartMessageMoveTask", SourceArn=pair.dead_arn)
    finished(client, pair.dead_arn)
    [found] = client.receive(pair.source, AttributeNames=["All"])
    assert found["MessageId"] != dead["MessageId"]
    assert found["Attributes"]["ApproximateReceiveCount"] == "1"


def test_a_task_moves_to_a_destination(client: Client, pair: Pair, queue_name: str) -> None:
    other = client.queue(f"{queue_name}-other")
    other_arn = client.attributes(other, "QueueArn")["QueueArn"]
    fail(client, pair, "a", "b")
    client.call(
        "StartMessageMoveTask", SourceArn=pair.dead_arn, DestinationArn=other_arn, MaxNumberOfMessagesPerSecond=500
    )
    task = finished(client, pair.dead_arn)
    assert (task["DestinationArn"], task["MaxNumberOfMessagesPerSecond"]) == (other_arn, 500)
    assert client.counts(other) == (2, 0, 0)
    assert client.counts(pair.source) == (0, 0, 0)


def test_a_running_task_is_listed_with_its_handle_and_can_be_cancelled(client: Client, pair: Pair) -> None:
    fail(client, pair, "a", "b", "c", "d")
    handle = client.call("StartMessageMoveTask", SourceArn=pair.dead_arn, MaxNumberOfMessagesPerSecond=1)["TaskHandle"]
    [running] = tasks(client, pair.dead_arn)
    assert (running["Status"], running["TaskHandle"]) == ("RUNNING", handle)
    error = client.must_refuse("InvalidParameterValue", "StartMessageMoveTask", SourceArn=pair.dead_arn)
    assert error.message == (
        "There is already a task running. Only one active task is allowed for a source queue arn at a given time."
    )
    moved = client.call("CancelMessageMoveTask", TaskHandle=handle)["ApproximateNumberOfMessagesMoved"]
    assert moved < 4
    task = finished(client, pair.dead_arn)
    assert task["Status"] == "CANCELLED"
    assert client.counts(pair.dead)[0] + client.counts(pair.source)[0] == 4
    assert client.counts(pair.dead)[0] >= 1


def test_the_newest_tasks_are_listed_first(client: Client, pair: Pair) -> None:
    for number in range(2):
        fail(client, pair, str(number))
        client.call("StartMessageMoveTask", SourceArn=pair.dead_arn)
        finished(client, pair.dead_arn)
        client.call(
            "DeleteMessage", QueueUrl=pair.source, ReceiptHandle=client.receive(pair.source)[0]["ReceiptHandle"]
        )
    started = [task["StartedTimestamp"] for task in tasks(client, pair.dead_arn, MaxResults=10)]
    assert started == sorted(started, reverse=True)
    assert len(started) == 2
    assert len(tasks(client, pair.dead_arn)) == 1


def test_a_source_that_is_no_dead_letter_queue_is_refused(client: Client, pair: Pair) -> None:
    error = client.must_refuse("InvalidParameterValue", "StartMessageMoveTask", SourceArn=pair.source_arn)
    assert error.message == "Source queue must be configured as a Dead Letter Queue."


def test_a_missing_destination_raises_an_error_of_the_sdk(client: Client, pair: Pair) -> None:
    error = client.must_refuse(
        "ResourceNotFoundException",
        "StartMessageMoveTask",
        SourceArn=pair.dead_arn,
        DestinationArn=f"{pair.dead_arn}-none",
    )
    assert error.status == 404
    assert error.message == "The resource that you specified for the DestinationArn parameter doesn't exist."


@pytest.mark.parametrize("operation", ["StartMessageMoveTask", "ListMessageMoveTasks"])
def test_a_missing_source_raises_an_error_of_the_sdk(client: Client, pair: Pair, operation: str) -> None:
    error = client.must_refuse("ResourceNotFoundException", operation, SourceArn=f"{pair.dead_arn}-none")
    assert error.message == "The resource that you specified for the SourceArn parameter doesn't exist."


def test_a_task_handle_that_cannot_be_read_is_refused(client: Client) -> None:
    error = client.must_refuse("InvalidParameterValue", "CancelMessageMoveTask", TaskHandle="garbage")
    assert error.message == "Value for parameter TaskHandle is invalid."


@pytest.mark.parametrize(
    ("suffix", "message"),
    [
        ("", "Task does not exist."),
        ("-none", "The resource that you specified for the SourceArn parameter doesn't exist."),
    ],
)
def test_an_unknown_task_raises_an_error_of_the_sdk(client: Client, pair: Pair, suffix: str, message: str) -> None:
    told = {"taskId": "11111111-2222-4333-8444-555555555555", "sourceArn": pair.dead_arn + suffix}
    handle = base64.b64encode(json.dumps(told).encode()).decode()
    error = client.must_refuse("ResourceNotFoundException", "CancelMessageMoveTask", TaskHandle=handle)
    assert (error.status, error.message) == (404, message)
