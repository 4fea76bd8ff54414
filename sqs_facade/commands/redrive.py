"""The command ``sqs-facade redrive``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from time import sleep
from typing import TYPE_CHECKING, Any

import click

from sqs_facade.commands.connecting import PARTLY, as_json, complete_queues, connected, queue_argument
from sqs_facade.commands.output import count, json_document, note, progress, table
from zaqar_core.domain import limits

if TYPE_CHECKING:
    from sqs_facade.remote.service import Service

_LOOK_SECONDS = 0.5
_RUNNING = ("RUNNING", "CANCELLING")
#: A task that the endpoint does not list yet.
_UNLISTED: dict[str, Any] = {"Status": "RUNNING"}
#: Member of SQS -> member of the output.
_MEMBERS = {
    "Status": "status",
    "SourceArn": "source",
    "DestinationArn": "destination",
    "ApproximateNumberOfMessagesMoved": "moved",
    "ApproximateNumberOfMessagesToMove": "to_move",
    "MaxNumberOfMessagesPerSecond": "per_second",
    "FailureReason": "failure",
    "StartedTimestamp": "started_ms",
}


@click.command("redrive")
@queue_argument()
@click.option("--to", "destination", metavar="QUEUE", help="Where they go.  [default: where each came from]",
              shell_complete=complete_queues)  # fmt: skip
@click.option("--rate", type=click.IntRange(*limits.MOVES_PER_SECOND), help="Most messages per second.")
@click.option("--detach", is_flag=True, help="Do not wait for the end.")
@click.option("--status", "only_lists", is_flag=True, help="List the move tasks of the queue.")
@click.option("--cancel", "cancels", is_flag=True, help="Cancel the running move task.")
@as_json
@connected
def command(
    service: Service,
    queue: str,
    destination: str | None,
    rate: int | None,
    *,
    detach: bool,
    only_lists: bool,
    cancels: bool,
    as_json: bool,
) -> None:
    """Move the messages of a dead-letter queue back to work, and show the progress.

    The move task runs in the service: Ctrl-C ends only the display. --json prints an object with status, source,
    destination, moved, to_move, per_second, failure and started_ms; with --status a list of them. The exit code is 1
    if the task failed, and 3 if it was cancelled.
    """
    if detach + only_lists + cancels > 1 or ((only_lists or cancels) and (destination or rate)):
        raise click.UsageError("--status and --cancel stand alone")
    source = _arn(service, queue)
    if only_lists:
        _list(service, source, as_json=as_json)
    elif cancels:
        _cancel(service, queue, source)
    else:
        to = _arn(service, destination) if destination is not None else None
        service.call("StartMessageMoveTask", SourceArn=source, DestinationArn=to, MaxNumberOfMessagesPerSecond=rate)
        if detach:
            note(f"started; sqs-facade redrive {queue} --status shows the progress")
        else:
            _watch(service, queue, source, as_json=as_json)


def _arn(service: Service, queue: str) -> str:
    from sqs_facade.remote import queues

    if queue.startswith("arn:"):
        return queue
    return queues.attributes(service, queues.url(service, queue), "QueueArn")["QueueArn"]


def _tasks(service: Service, source: str) -> list[dict[str, Any]]:
    """Return the move tasks, the newest first."""
    found = service.call("ListMessageMoveTasks", SourceArn=source, MaxResults=limits.MOVE_TASKS.most).get("Results", [])
    return sorted(found, key=lambda task: -int(task.get("StartedTimestamp", 0)))


def _watch(service: Service, queue: str, source: str, *, as_json: bool) -> None:
    """Show the newest task until it ends. Exits with its outcome."""
    try:
        with progress("redrive") as show:
            while True:
                task = next(iter(_tasks(service, source)), _UNLISTED)
                moved = int(task.get("ApproximateNumberOfMessagesMoved", 0))
                show(moved, task.get("ApproximateNumberOfMessagesToMove"))
                if task["Status"] not in _RUNNING:
                    break
                sleep(_LOOK_SECONDS)
    except KeyboardInterrupt:
        note(f"the move task goes on: sqs-facade redrive {queue} --cancel ends it")
        raise
    if as_json:
        json_document(_shown(task))
    else:
        reason = f": {task['FailureReason']}" if task.get("FailureReason") else ""
        click.echo(f"{str(task['Status']).lower()}: {count(moved, 'message')} moved{reason}")
    if task["Status"] != "COMPLETED":
        raise SystemExit(PARTLY if task["Status"] == "CANCELLED" else 1)


def _cancel(service: Service, queue: str, source: str) -> None:
    running = [task["TaskHandle"] for task in _tasks(service, source) if task.get("TaskHandle")]
    if not running:
        raise click.ClickException(f"no move task of {queue} is running")
    result = service.call("CancelMessageMoveTask", TaskHandle=running[0])
    moved = int(result.get("ApproximateNumberOfMessagesMoved", 0))
    click.echo(f"cancelled: {count(moved, 'message')} moved before")


def _list(service: Service, source: str, *, as_json: bool) -> None:
    from sqs_facade.remote import queues

    found = [_shown(task) for task in _tasks(service, source)]
    if as_json:
        json_document(found)
    elif found:
        rows = (
            (
                f"{datetime.fromtimestamp(task['started_ms'] / 1000, UTC):%Y-%m-%d %H:%M:%S}Z",
                task["status"],
                queues.name(task["destination"]) if task.get("destination") else "their sources",
                str(task.get("moved", "")),
                str(task.get("to_move", "")),
                task.get("failure", ""),
            )
            for task in found
        )
        table(("started", "status", "to", "moved", "of", "failure"), rows, numbers=(3, 4))


def _shown(task: Mapping[str, Any]) -> dict[str, Any]:
    return {member: task[name] for name, member in _MEMBERS.items() if name in task}
