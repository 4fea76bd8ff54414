"""Message move tasks: start, list, cancel."""

from __future__ import annotations

import json
import time
from base64 import b64decode, b64encode
from typing import Any

from ..bench import Bench
from ..scenario import error, scenario


def _pair(bench: Bench, *bodies: str) -> tuple[str, str, str]:
    """Return the URLs of a queue and of its dead-letter queue with these dead letters, and the ARN of the latter."""
    dead = bench.queue("dead")
    url = bench.queue(RedrivePolicy=bench.redrive(dead))
    for body in bodies:
        bench.sqs.send_message(QueueUrl=url, MessageBody=body)
    for _ in range(2 if bodies else 0):
        bench.receive(url, len(bodies), VisibilityTimeout=0)
    return url, dead, bench.arn(dead)


def _ended(bench: Bench, arn: str, within: float = 3.0) -> dict[str, Any]:
    """Wait until the newest task has ended, and return it."""
    deadline = time.monotonic() + within
    while True:
        tasks = bench.sqs.list_message_move_tasks(SourceArn=arn).get("Results", [])
        if (tasks and tasks[0]["Status"] not in ("RUNNING", "CANCELLING")) or time.monotonic() > deadline:
            return dict(tasks[0]) if tasks else {}
        time.sleep(0.05)


@scenario("StartMessageMoveTask", "A103", {"sourceArn": "<arn>:<dead>", "taskId": "<id 1>"})
def task_handle(sqs: Any, bench: Bench) -> Any:
    """A TaskHandle is base64 of a JSON object with the task's id and source."""
    _, _, arn = _pair(bench, "x")
    return json.loads(b64decode(sqs.start_message_move_task(SourceArn=arn)["TaskHandle"]))


@scenario("StartMessageMoveTask", "A105", ["x"], needs_seconds=1)
def back_to_where_it_came_from(sqs: Any, bench: Bench) -> Any:
    """Without a destination a message goes back to the queue it came from."""
    url, _, arn = _pair(bench, "x")
    sqs.start_message_move_task(SourceArn=arn)
    _ended(bench, arn)
    return bench.bodies(url, 1)


@scenario("StartMessageMoveTask", "A105", [["one"], ["two"]], needs_seconds=1)
def back_to_several_sources(sqs: Any, bench: Bench) -> Any:
    """Each message goes back to its own source queue, even with several source queues."""
    dead = bench.queue("dead")
    arn = bench.arn(dead)
    urls = {word: bench.queue(word, RedrivePolicy=bench.redrive(dead)) for word in ("one", "two")}
    for word, url in urls.items():
        sqs.send_message(QueueUrl=url, MessageBody=word)
        for _ in range(2):
            bench.receive(url, VisibilityTimeout=0)
    sqs.start_message_move_task(SourceArn=arn)
    _ended(bench, arn)
    return [bench.bodies(url, 1) for url in urls.values()]


@scenario("StartMessageMoveTask", "R104", [["x"], []], needs_seconds=1)
def to_a_destination(sqs: Any, bench: Bench) -> Any:
    """A task with a destination moves all messages there."""
    url, _, arn = _pair(bench, "x")
    other = bench.queue("other")
    sqs.start_message_move_task(SourceArn=arn, DestinationArn=bench.arn(other))
    _ended(bench, arn)
    return [bench.bodies(other, 1), sqs.receive_message(QueueUrl=url).get("Messages", [])]


@scenario("StartMessageMoveTask", "D108a", "another id", needs_seconds=1)
def redriven_message_is_new(sqs: Any, bench: Bench) -> Any:
    """A message that a task moved has a new id."""
    url, dead, arn = _pair(bench, "x")
    before = bench.receive(dead, VisibilityTimeout=0)[0]["MessageId"]
    sqs.start_message_move_task(SourceArn=arn)
    _ended(bench, arn)
    return "same id" if bench.receive(url)[0]["MessageId"] == before else "another id"


@scenario(
    "StartMessageMoveTask",
    "R102",
    error("InvalidParameterValue", "Source queue must be configured as a Dead Letter Queue."),
)
def source_that_is_no_dead_letter_queue(sqs: Any, bench: Bench) -> Any:
    """The source must be a dead-letter queue."""
    return sqs.start_message_move_task(SourceArn=bench.arn(bench.queue()))


@scenario(
    "StartMessageMoveTask",
    "R102",
    error(
        "ResourceNotFoundException",
        "The resource that you specified for the DestinationArn parameter doesn't exist.",
        404,
    ),
)
def missing_destination(sqs: Any, bench: Bench) -> Any:
    """The destination must exist."""
    _, _, arn = _pair(bench)
    return sqs.start_message_move_task(SourceArn=arn, DestinationArn=f"{arn}-not")


@scenario(
    "StartMessageMoveTask",
    "R102",
    error(
        "InvalidParameterValue",
        "There is already a task running. Only one active task is allowed for a source queue arn at a given time.",
    ),
)
def second_task(sqs: Any, bench: Bench) -> Any:
    """A source has at most one running task."""
    _, _, arn = _pair(bench, "1", "2", "3", "4")
    sqs.start_message_move_task(SourceArn=arn, MaxNumberOfMessagesPerSecond=1)
    return sqs.start_message_move_task(SourceArn=arn, MaxNumberOfMessagesPerSecond=1)


@scenario(
    "ListMessageMoveTasks",
    "R104",
    {
        "Status": "COMPLETED",
        "SourceArn": "<arn>:<dead>",
        "ApproximateNumberOfMessagesMoved": 2,
        "ApproximateNumberOfMessagesToMove": 2,
        "StartedTimestamp": "<ms, number>",
    },
    needs_seconds=1,
)
def completed_task(sqs: Any, bench: Bench) -> Any:
    """A completed task has its counts, and no member that was not given."""
    _, _, arn = _pair(bench, "1", "2")
    sqs.start_message_move_task(SourceArn=arn)
    return _ended(bench, arn)


@scenario(
    "ListMessageMoveTasks",
    "R104",
    {
        "TaskHandle": "<task 1>",
        "Status": "RUNNING",
        "SourceArn": "<arn>:<dead>",
        "DestinationArn": "<arn>:<other>",
        "MaxNumberOfMessagesPerSecond": 1,
        "ApproximateNumberOfMessagesToMove": 4,
        "StartedTimestamp": "<ms, number>",
    },
)
def running_task(sqs: Any, bench: Bench) -> Any:
    """A running task has its handle, and destination and rate if they were given."""
    _, _, arn = _pair(bench, "1", "2", "3", "4")
    sqs.start_message_move_task(
        SourceArn=arn, DestinationArn=bench.arn(bench.queue("other")), MaxNumberOfMessagesPerSecond=1
    )
    task = dict(sqs.list_message_move_tasks(SourceArn=arn)["Results"][0])
    task.pop("ApproximateNumberOfMessagesMoved")  # depends on the moment
    return task


@scenario("ListMessageMoveTasks", "R104", [])
def no_tasks(sqs: Any, bench: Bench) -> Any:
    """A source without tasks lists none."""
    _, _, arn = _pair(bench)
    return sqs.list_message_move_tasks(SourceArn=arn).get("Results", [])


@scenario("ListMessageMoveTasks", "R104", ["COMPLETED", "COMPLETED", "newest first"], needs_seconds=1)
def newest_first(sqs: Any, bench: Bench) -> Any:
    """Tasks are listed newest first."""
    _, _, arn = _pair(bench, "1")
    for _ in range(2):
        sqs.start_message_move_task(SourceArn=arn)
        _ended(bench, arn)
    tasks = sqs.list_message_move_tasks(SourceArn=arn, MaxResults=10)["Results"]
    times = [task["StartedTimestamp"] for task in tasks]
    order = "newest first" if times == sorted(times, reverse=True) else "oldest first"
    return [*(task["Status"] for task in tasks), order]


@scenario("ListMessageMoveTasks", "P108", error("ResourceNotFoundException", status=404))
def missing_source(sqs: Any, bench: Bench) -> Any:
    """Listing the tasks of a missing queue is an error."""
    return sqs.list_message_move_tasks(SourceArn=f"{bench.arn(bench.queue())}-not")


@scenario("CancelMessageMoveTask", "R107", [{"ApproximateNumberOfMessagesMoved": "some"}, "CANCELLED"])
def cancelled_task(sqs: Any, bench: Bench) -> Any:
    """Cancelling returns the number of moved messages, and the task has the status CANCELLED."""
    _, _, arn = _pair(bench, "1", "2", "3", "4")
    handle = sqs.start_message_move_task(SourceArn=arn, MaxNumberOfMessagesPerSecond=1)["TaskHandle"]
    moved = sqs.cancel_message_move_task(TaskHandle=handle)["ApproximateNumberOfMessagesMoved"]
    response = {"ApproximateNumberOfMessagesMoved": "some" if moved in range(4) else moved}
    return [response, _ended(bench, arn)["Status"]]


@scenario("CancelMessageMoveTask", "A103", error("InvalidParameterValue", "Value for parameter TaskHandle is invalid."))
def garbage_handle(sqs: Any, bench: Bench) -> Any:
    """A TaskHandle that cannot be decoded is refused."""
    return sqs.cancel_message_move_task(TaskHandle="garbage")


def _handle(arn: str) -> str:
    document = {"taskId": "0f8fad5b-d9cb-469f-a165-70867728950e", "sourceArn": arn}
    return b64encode(json.dumps(document).encode()).decode()


@scenario("CancelMessageMoveTask", "R103", error("ResourceNotFoundException", "Task does not exist.", 404))
def unknown_task(sqs: Any, bench: Bench) -> Any:
    """A task that does not exist cannot be cancelled."""
    _, _, arn = _pair(bench)
    return sqs.cancel_message_move_task(TaskHandle=_handle(arn))


@scenario(
    "CancelMessageMoveTask",
    "A103",
    error(
        "ResourceNotFoundException",
        "The resource that you specified for the SourceArn parameter doesn't exist.",
        404,
    ),
)
def task_of_a_missing_source(sqs: Any, bench: Bench) -> Any:
    """A task of a queue that does not exist cannot be cancelled."""
    return sqs.cancel_message_move_task(TaskHandle=_handle(f"{bench.arn(bench.queue())}-not"))


@scenario(
    "StartMessageMoveTask",
    "R107",
    ["FAILED", "AWS.SimpleQueueService.NonExistentQueue", "the rest stays"],
    needs_seconds=2,
)
def deleted_destination(sqs: Any, bench: Bench) -> Any:
    """A task whose destination is deleted fails with a reason; the rest stays in the source queue."""
    _, dead, arn = _pair(bench, "1", "2", "3", "4")
    other = bench.queue("other")
    sqs.start_message_move_task(SourceArn=arn, DestinationArn=bench.arn(other), MaxNumberOfMessagesPerSecond=1)
    sqs.delete_queue(QueueUrl=other)
    task = _ended(bench, arn, within=5)
    moved, rest = task.get("ApproximateNumberOfMessagesMoved", 0), int(bench.counts(dead)[0])
    whole = "the rest stays" if moved + rest == 4 else f"{moved} moved, {rest} stay"
    return [task.get("Status"), task.get("FailureReason"), whole]


@scenario("StartMessageMoveTask", "A106", ["1", "2"], needs_seconds=0.5)
def rate_of_one(sqs: Any, bench: Bench) -> Any:
    """At one message per second the first is moved at once, and the second later."""
    _, dead, arn = _pair(bench, "1", "2", "3")
    url = bench.queue("other")
    sqs.start_message_move_task(SourceArn=arn, DestinationArn=bench.arn(url), MaxNumberOfMessagesPerSecond=1)
    time.sleep(0.5)
    return [bench.counts(url)[0], bench.counts(dead)[0]]


@scenario("StartMessageMoveTask", "D108a", ["x"], needs_seconds=120)
def retention_of_a_moved_message(sqs: Any, bench: Bench) -> Any:
    """A task restarts the retention of a message that it moves."""
    dead = bench.queue("dead")
    url = bench.queue(RedrivePolicy=bench.redrive(dead), MessageRetentionPeriod="100")
    sqs.send_message(QueueUrl=url, MessageBody="x")
    for _ in range(2):
        bench.receive(url, VisibilityTimeout=0)
    bench.pass_time(80)
    sqs.start_message_move_task(SourceArn=bench.arn(dead))
    _ended(bench, bench.arn(dead))
    bench.pass_time(40)
    return bench.bodies(url, 1)
