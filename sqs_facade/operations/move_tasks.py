"""StartMessageMoveTask, ListMessageMoveTasks, CancelMessageMoveTask."""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import Annotated

import msgspec
import orjson

from sqs_facade import addresses, bounds
from sqs_facade.errors import SqsError, missing
from sqs_facade.registry import Shape, SqsCall, operation
from zaqar_core.core import dead_letters, move_tasks, queues
from zaqar_core.domain import limits
from zaqar_core.domain.errors import MoveTaskNotFound, MoveTaskNotRunning, MoveTaskRunning, QueueNotFound
from zaqar_core.domain.model import MoveTask
from zaqar_core.domain.names import QueueRef

_RATES, _TASKS = limits.MOVES_PER_SECOND, limits.MOVE_TASKS
_OF_AN_ARN = ("MissingParameter", "ResourceNotFoundException")

Arn = Annotated[str, bounds.described("ARN of a queue that exists")]
Handle = Annotated[str, bounds.described("TaskHandle of a running task")]
Rate = Annotated[int, bounds.described(f"{_RATES.least} to {_RATES.most} messages per second")]
Results = Annotated[int, bounds.described(f"{_TASKS.least} to {_TASKS.most}; default {_TASKS.least}")]


class StartMessageMoveTask(Shape):
    source_arn: Arn | None = None
    destination_arn: Arn | None = None
    per_second: Rate | None = msgspec.field(default=None, name="MaxNumberOfMessagesPerSecond")


class TaskStarted(Shape):
    task_handle: str


@operation(raises=_OF_AN_ARN)
def start_message_move_task(call: SqsCall, parameters: StartMessageMoveTask) -> TaskStarted:
    """Start a task that moves the messages of a dead-letter queue to one destination or back to their source queues.

    Raises SqsError ResourceNotFoundException, InvalidParameterValue; the order of the checks is AWS's.
    """
    source = _existing(call, parameters.source_arn, "SourceArn")
    if next(dead_letters.sources(call.session, source), None) is None:
        raise _refused("Source queue must be configured as a Dead Letter Queue.")
    destination = None
    if parameters.destination_arn is not None:
        destination = _of_arn(call, parameters.destination_arn, "DestinationArn")
        if destination == source:
            raise _refused("Source queue arn and destination queue arn cannot be the same.")
        _require(call, destination, "DestinationArn")
        if destination.is_fifo != source.is_fifo:
            raise _refused("The source queue and destination queue must be of the same queue type.")
    if parameters.per_second is not None and not _RATES.least <= parameters.per_second <= _RATES.most:
        raise _refused(
            "Value for parameter MaxNumberOfMessagesPerSecond is invalid. "
            f"Reason: You must enter a number that's between {_RATES.least} and {_RATES.most}."
        )
    try:
        task = move_tasks.start(
            call.session, source, destination=destination, messages_per_second=parameters.per_second
        )
    except MoveTaskRunning:
        raise _refused(
            "There is already a task running. Only one active task is allowed for a source queue arn at a given time."
        ) from None
    except QueueNotFound:
        raise _absent("SourceArn") from None
    return TaskStarted(_handle(task))


class ListMessageMoveTasks(Shape):
    source_arn: Arn | None = None
    max_results: Results | None = None


class MoveTaskEntry(Shape):
    """A move task in a list. ``started_timestamp`` is in milliseconds; only a running task has a ``task_handle``."""

    status: str
    source_arn: str
    moved: int = msgspec.field(name="ApproximateNumberOfMessagesMoved")
    to_move: int = msgspec.field(name="ApproximateNumberOfMessagesToMove")
    started_timestamp: int
    task_handle: str | None = None
    destination_arn: str | None = None
    per_second: int | None = msgspec.field(default=None, name="MaxNumberOfMessagesPerSecond")
    failure_reason: str | None = None


class MoveTasks(Shape):
    results: list[MoveTaskEntry]


@operation(raises=_OF_AN_ARN)
def list_message_move_tasks(call: SqsCall, parameters: ListMessageMoveTasks) -> MoveTasks:
    """List the newest tasks of a source, newest first; by default one."""
    source = _existing(call, parameters.source_arn, "SourceArn")
    most = 1 if parameters.max_results is None else parameters.max_results
    if not _TASKS.least <= most <= _TASKS.most:
        raise _refused(
            "Value for parameter MaxResults is invalid. "
            f"Reason: You must enter a number that's between {_TASKS.least} and {_TASKS.most}."
        )
    try:
        tasks = move_tasks.listed(call.session, source, limit=most)
    except QueueNotFound:
        raise _absent("SourceArn") from None
    return MoveTasks([_entry(task) for task in tasks])


def _entry(task: MoveTask) -> MoveTaskEntry:
    return MoveTaskEntry(
        task.status,
        addresses.arn(task.source),
        task.moved,
        task.to_move,
        task.started_ms,
        task_handle=_handle(task) if task.status == "RUNNING" else None,
        destination_arn=addresses.arn(task.destination) if task.destination else None,
        per_second=task.messages_per_second,
        failure_reason=task.failure,
    )


class CancelMessageMoveTask(Shape):
    task_handle: Handle | None = None


class TaskCancelled(Shape):
    moved: int = msgspec.field(name="ApproximateNumberOfMessagesMoved")


@operation(raises=_OF_AN_ARN)
def cancel_message_move_task(call: SqsCall, parameters: CancelMessageMoveTask) -> TaskCancelled:
    """Stop a running task. Messages that it has already moved stay at the destination."""
    if parameters.task_handle is None:
        raise missing("TaskHandle")
    try:
        content = orjson.loads(b64decode(parameters.task_handle, validate=True))
        task_id, source_arn = content["taskId"], content["sourceArn"]
    except (ValueError, KeyError, TypeError):
        raise _refused("Value for parameter TaskHandle is invalid.") from None
    if not isinstance(task_id, str) or not isinstance(source_arn, str):
        raise _refused("Value for parameter TaskHandle is invalid.")
    source = _of_arn(call, source_arn, "SourceArn")
    try:
        return TaskCancelled(move_tasks.cancel(call.session, source, task_id))
    except QueueNotFound:
        raise _absent("SourceArn") from None
    except MoveTaskNotFound:
        raise SqsError("ResourceNotFoundException", "Task does not exist.") from None
    except MoveTaskNotRunning:
        raise _refused("Only active tasks can be cancelled.") from None


def _handle(task: MoveTask) -> str:
    """Return the task handle: base64 of a JSON object, as on AWS, because clients decode it."""
    return b64encode(orjson.dumps({"taskId": task.id, "sourceArn": addresses.arn(task.source)})).decode()


def _refused(message: str) -> SqsError:
    return SqsError("InvalidParameterValue", message)


def _absent(parameter: str) -> SqsError:
    message = f"The resource that you specified for the {parameter} parameter doesn't exist."
    return SqsError("ResourceNotFoundException", message)


def _of_arn(call: SqsCall, arn: str, parameter: str) -> QueueRef:
    found = addresses.of_arn(arn, call.session.settings)
    if found is None:
        shape = "arn:<partition>:<service>:<region>:<account-id>:<resource-id>"
        raise _refused(f"You must use this format to specify the {parameter}: {shape}")
    return found


def _require(call: SqsCall, ref: QueueRef, parameter: str) -> None:
    try:
        queues.get(call.session, ref)
    except QueueNotFound:
        raise _absent(parameter) from None


def _existing(call: SqsCall, arn: str | None, parameter: str) -> QueueRef:
    if arn is None:
        raise missing(parameter)
    ref = _of_arn(call, arn, parameter)
    _require(call, ref, parameter)
    return ref
