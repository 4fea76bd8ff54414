"""StartMessageMoveTask, ListMessageMoveTasks, CancelMessageMoveTask."""

from __future__ import annotations

import base64
import json
import time
from typing import Any
from uuid import uuid4

import pytest

from tests.conftest import Service
from tests.patience import PATIENCE_SECONDS
from tests.sqs.wire import Failure, Sqs, text

NO_SOURCE = Failure(
    "ResourceNotFoundException", 404, "The resource that you specified for the SourceArn parameter doesn't exist."
)


#: Messages for a task that moves one a second: it still runs when a busy machine makes the next calls.
SECONDS = tuple("12345678")


class Queues:
    """A source queue and its dead-letter queue, with dead letters."""

    def __init__(self, sqs: Sqs, name: str, *died: str) -> None:
        self.sqs = sqs
        self.dead = sqs.queue(f"{name}-dead")
        self.dead_arn = arn_of(sqs, self.dead)
        policy = json.dumps({"deadLetterTargetArn": self.dead_arn, "maxReceiveCount": 1})
        self.work = sqs.queue(name, RedrivePolicy=policy, VisibilityTimeout="0")
        self.work_arn = arn_of(sqs, self.work)
        self.die(*died)

    def die(self, *bodies: str) -> None:
        for body in bodies:
            self.sqs.send(self.work, body, MessageAttributes={"a": text("v")})
        for _ in range(2):
            self.sqs.receive(self.work, MaxNumberOfMessages=10)

    def start(self, **members: Any) -> str:
        return str(self.sqs.call("StartMessageMoveTask", SourceArn=self.dead_arn, **members)["TaskHandle"])

    def tasks(self, **members: Any) -> list[dict[str, Any]]:
        return list(self.sqs.call("ListMessageMoveTasks", SourceArn=self.dead_arn, **members)["Results"])

    def ended(self) -> dict[str, Any]:
        """Return the newest task when it has ended."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (task := self.tasks()[0])["Status"] in ("RUNNING", "CANCELLING"):
            assert time.monotonic() < deadline, task
            time.sleep(0.01)
        return task


def arn_of(sqs: Sqs, queue_url: str) -> str:
    return sqs.attributes(queue_url, "QueueArn")["QueueArn"]


@pytest.fixture
def queues(sqs: Sqs, queue_name: str) -> Queues:
    return Queues(sqs, queue_name)


def test_messages_return_to_their_source_queues(sqs: Sqs, queue_name: str) -> None:
    queues = Queues(sqs, queue_name, "1", "2")
    queues.start()
    task = queues.ended()
    assert task.pop("StartedTimestamp") == pytest.approx(time.time() * 1000, abs=60_000)
    assert task == {
        "Status": "COMPLETED",
        "SourceArn": queues.dead_arn,
        "ApproximateNumberOfMessagesMoved": 2,
        "ApproximateNumberOfMessagesToMove": 2,
    }
    assert (sqs.counts(queues.work)[0], sqs.counts(queues.dead)[0]) == ("2", "0")


def test_a_redriven_message_is_a_new_one_with_the_old_content(sqs: Sqs, queue_name: str) -> None:
    queues = Queues(sqs, queue_name, "body")
    [dead] = sqs.receive(queues.dead, AttributeNames=["All"], VisibilityTimeout=0)
    assert dead["Attributes"]["DeadLetterQueueSourceArn"] == queues.work_arn
    queues.start()
    queues.ended()
    [found] = sqs.receive(queues.work, AttributeNames=["All"], MessageAttributeNames=["All"])
    assert found["MessageId"] != dead["MessageId"]
    assert (found["Body"], found["MessageAttributes"]) == ("body", {"a": text("v")})
    assert found["Attributes"]["ApproximateReceiveCount"] == "1"
    assert found["Attributes"]["SentTimestamp"] > dead["Attributes"]["SentTimestamp"]
    assert "DeadLetterQueueSourceArn" not in found["Attributes"]


def test_messages_move_to_the_destination_of_the_task(sqs: Sqs, queue_name: str) -> None:
    queues = Queues(sqs, queue_name, "1")
    elsewhere = sqs.queue(f"{queue_name}-else")
    queues.start(DestinationArn=arn_of(sqs, elsewhere), MaxNumberOfMessagesPerSecond=500)
    task = queues.ended()
    assert (task["DestinationArn"], task["MaxNumberOfMessagesPerSecond"]) == (arn_of(sqs, elsewhere), 500)
    assert [message["Body"] for message in sqs.receive(elsewhere)] == ["1"]


def test_a_task_handle_is_listed_only_while_the_task_runs(sqs: Sqs, queue_name: str) -> None:
    queues = Queues(sqs, queue_name, *SECONDS)
    handle = queues.start(MaxNumberOfMessagesPerSecond=1)
    [running] = queues.tasks()
    assert (running["Status"], running["TaskHandle"]) == ("RUNNING", handle)
    content = json.loads(base64.b64decode(handle))
    assert content == {"taskId": content["taskId"], "sourceArn": queues.dead_arn}
    assert len(content["taskId"]) == 36
    sqs.call("CancelMessageMoveTask", TaskHandle=handle)
    assert "TaskHandle" not in queues.ended()


def test_a_second_task_must_wait_for_the_first(sqs: Sqs, queue_name: str) -> None:
    queues = Queues(sqs, queue_name, *SECONDS)
    handle = queues.start(MaxNumberOfMessagesPerSecond=1)
    assert sqs.error("StartMessageMoveTask", SourceArn=queues.dead_arn) == Failure(
        "InvalidParameterValue",
        400,
        "There is already a task running. Only one active task is allowed for a source queue arn at a given time.",
    )
    sqs.call("CancelMessageMoveTask", TaskHandle=handle)
    queues.ended()
    queues.start()
    assert queues.ended()["Status"] == "COMPLETED"


def test_a_cancelled_task_leaves_the_remaining_messages(sqs: Sqs, queue_name: str) -> None:
    queues = Queues(sqs, queue_name, "1", "2", "3")
    handle = queues.start(MaxNumberOfMessagesPerSecond=1)
    moved = sqs.call("CancelMessageMoveTask", TaskHandle=handle)["ApproximateNumberOfMessagesMoved"]
    task = queues.ended()
    assert task["Status"] == "CANCELLED"
    assert moved <= task["ApproximateNumberOfMessagesMoved"] <= 2
    assert int(sqs.counts(queues.dead)[0]) == 3 - task["ApproximateNumberOfMessagesMoved"]
    assert sqs.error("CancelMessageMoveTask", TaskHandle=handle) == Failure(
        "InvalidParameterValue", 400, "Only active tasks can be cancelled."
    )


def test_a_destination_that_is_deleted_meanwhile_fails_the_task(sqs: Sqs, queue_name: str) -> None:
    queues = Queues(sqs, queue_name, "1", "2", "3")
    elsewhere = sqs.queue(f"{queue_name}-else")
    queues.start(DestinationArn=arn_of(sqs, elsewhere), MaxNumberOfMessagesPerSecond=2)
    sqs.call("DeleteQueue", QueueUrl=elsewhere)
    task = queues.ended()
    assert (task["Status"], task["FailureReason"]) == ("FAILED", "AWS.SimpleQueueService.NonExistentQueue")
    assert int(sqs.counts(queues.dead)[0]) == 3 - task["ApproximateNumberOfMessagesMoved"]


def test_a_message_sent_to_the_dead_letter_queue_directly_has_no_source_queue(sqs: Sqs, queues: Queues) -> None:
    sqs.send(queues.dead, "direct")
    queues.start()
    task = queues.ended()
    assert (task["Status"], task["FailureReason"]) == ("FAILED", "CouldNotDetermineMessageSource")
    assert sqs.counts(queues.dead)[0] == "1"


def test_one_task_is_listed_unless_more_are_requested(sqs: Sqs, queues: Queues) -> None:
    for rate in (1, 2, 3):
        queues.start(MaxNumberOfMessagesPerSecond=rate)
        queues.ended()
    assert [task["MaxNumberOfMessagesPerSecond"] for task in queues.tasks()] == [3]
    assert [task["MaxNumberOfMessagesPerSecond"] for task in queues.tasks(MaxResults=10)] == [3, 2, 1]


def test_a_queue_without_tasks_lists_none(sqs: Sqs, queues: Queues) -> None:
    answer = sqs.call("ListMessageMoveTasks", SourceArn=queues.dead_arn)
    assert answer == ({"Results": []} if sqs.protocol == "json" else {})


@pytest.mark.parametrize("operation", ["StartMessageMoveTask", "ListMessageMoveTasks"])
@pytest.mark.parametrize(
    ("source", "failure"),
    [
        ({}, Failure("MissingParameter", 400, "The request must contain the parameter SourceArn.")),
        (
            {"SourceArn": "no-arn"},
            Failure(
                "InvalidParameterValue",
                400,
                "You must use this format to specify the SourceArn: "
                "arn:<partition>:<service>:<region>:<account-id>:<resource-id>",
            ),
        ),
        ({"SourceArn": "arn:aws:sqs:us-east-1:000000000000:missing"}, NO_SOURCE),
    ],
)
def test_a_source_must_be_named_and_exist(sqs: Sqs, operation: str, source: dict[str, str], failure: Failure) -> None:
    assert sqs.error(operation, **source) == failure


def test_a_source_must_be_a_dead_letter_queue(sqs: Sqs, queues: Queues) -> None:
    """The source is checked before the destination."""
    missing = queues.work_arn + "-missing"
    assert sqs.error("StartMessageMoveTask", SourceArn=queues.work_arn, DestinationArn=missing) == Failure(
        "InvalidParameterValue", 400, "Source queue must be configured as a Dead Letter Queue."
    )


def test_a_destination_must_be_another_queue_that_exists(sqs: Sqs, queues: Queues) -> None:
    source = {"SourceArn": queues.dead_arn}
    assert sqs.error("StartMessageMoveTask", **source, DestinationArn=queues.work_arn + "-missing") == Failure(
        "ResourceNotFoundException",
        404,
        "The resource that you specified for the DestinationArn parameter doesn't exist.",
    )
    assert sqs.error("StartMessageMoveTask", **source, DestinationArn=queues.dead_arn) == Failure(
        "InvalidParameterValue", 400, "Source queue arn and destination queue arn cannot be the same."
    )
    assert sqs.error("StartMessageMoveTask", **source, DestinationArn="x").message.startswith(
        "You must use this format to specify the DestinationArn: "
    )


def test_a_destination_must_be_of_the_same_type(sqs: Sqs, queues: Queues, queue_name: str) -> None:
    """AWS documents it: the redrive destination of a FIFO queue is a FIFO queue, and the other way round."""
    fifo = arn_of(sqs, sqs.queue(f"{queue_name}-other.fifo", FifoQueue="true"))
    assert sqs.error("StartMessageMoveTask", SourceArn=queues.dead_arn, DestinationArn=fifo) == Failure(
        "InvalidParameterValue", 400, "The source queue and destination queue must be of the same queue type."
    )


@pytest.mark.parametrize("rate", [0, -1, 501])
def test_a_rate_must_be_from_1_to_500(sqs: Sqs, queues: Queues, rate: int) -> None:
    answer = sqs.error("StartMessageMoveTask", SourceArn=queues.dead_arn, MaxNumberOfMessagesPerSecond=rate)
    assert answer == Failure(
        "InvalidParameterValue",
        400,
        "Value for parameter MaxNumberOfMessagesPerSecond is invalid. "
        "Reason: You must enter a number that's between 1 and 500.",
    )


@pytest.mark.parametrize("most", [0, 11])
def test_max_results_must_be_from_1_to_10(sqs: Sqs, queues: Queues, most: int) -> None:
    answer = sqs.error("ListMessageMoveTasks", SourceArn=queues.dead_arn, MaxResults=most)
    assert (answer.code, answer.status) == ("InvalidParameterValue", 400)


def handle(task_id: object, arn: object) -> str:
    return base64.b64encode(json.dumps({"taskId": task_id, "sourceArn": arn}).encode()).decode()


@pytest.mark.parametrize(
    "unreadable", ["garbage", "é", "", base64.b64encode(b"[1]").decode(), handle(1, "x"), handle("x", None)]
)
def test_a_handle_must_be_readable(sqs: Sqs, unreadable: str) -> None:
    assert sqs.error("CancelMessageMoveTask", TaskHandle=unreadable) == Failure(
        "InvalidParameterValue", 400, "Value for parameter TaskHandle is invalid."
    )


def test_a_handle_must_be_given(sqs: Sqs) -> None:
    assert sqs.error("CancelMessageMoveTask") == Failure(
        "MissingParameter", 400, "The request must contain the parameter TaskHandle."
    )


def test_a_handle_must_name_a_source_and_a_task_that_exist(sqs: Sqs, queues: Queues) -> None:
    there, missing = handle(str(uuid4()), queues.dead_arn), handle(str(uuid4()), queues.dead_arn + "-missing")
    assert sqs.error("CancelMessageMoveTask", TaskHandle=there) == Failure(
        "ResourceNotFoundException", 404, "Task does not exist."
    )
    assert sqs.error("CancelMessageMoveTask", TaskHandle=missing) == NO_SOURCE


def test_at_one_a_second_four_messages_take_three_seconds(service: Service, queue_name: str) -> None:
    """In real time, once: the rate's arithmetic is tested where the clock can be moved."""
    queues = Queues(Sqs(service.url, "json", "fast"), queue_name, "1", "2", "3", "4")
    began = time.monotonic()
    queues.start(MaxNumberOfMessagesPerSecond=1)
    while (arrived := queues.sqs.counts(queues.work)[0]) == "0":
        assert time.monotonic() - began < PATIENCE_SECONDS
        time.sleep(0.01)
    assert arrived == "1"
    assert queues.ended()["ApproximateNumberOfMessagesMoved"] == 4
    assert time.monotonic() - began >= 3
