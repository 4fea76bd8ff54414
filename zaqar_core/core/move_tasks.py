"""Move tasks: redrive messages out of a dead-letter queue, at a limited rate.

The state of a task is stored with its source queue, so any process can continue the task. A step removes a few messages
and writes intents, which ``dead_letters`` finishes. A moved message is a new message at its destination, with a new id,
a new age and no receives; it keeps what its sender gave it.
"""

from __future__ import annotations

from uuid import uuid4

import msgspec

from zaqar_core.core import dead_letters
from zaqar_core.core.later_steps import later_step
from zaqar_core.core.session import Session
from zaqar_core.domain.errors import MoveTaskNotFound, MoveTaskNotRunning, MoveTaskRunning, QueueNotFound
from zaqar_core.domain.model import MoveTask, MoveTaskStatus
from zaqar_core.domain.names import QueueRef
from zaqar_core.store import ScriptFailed, keys, script

_START = script("move_task_start")
_STEP = script("move_task_step")
_CANCEL = script("move_task_cancel").plain
_LIST = script("move_task_list").plain

#: Lease of the process that ran the last step of a task. After it another process takes over.
RUNNER_LEASE_MS = 5_000
#: Interval between two checks while another process, perhaps a crashed one, has the lease on the moves of this source.
_ANOTHER_MOVES_SECONDS = 0.1


class _Stored(msgspec.Struct):
    """A task as the store returns it, without the fields that only the functions there need."""

    number: int
    started_ms: int
    destination: str
    rate: int
    to_move: int
    moved: int
    status: MoveTaskStatus
    failure: str


_decode = msgspec.msgpack.Decoder(_Stored).decode


def start(
    session: Session, source: QueueRef, *, destination: QueueRef | None, messages_per_second: int | None
) -> MoveTask:
    """Start a task that moves the messages that are visible in the source now.

    A destination of None moves each message to its source queue; a rate of None sets no limit. This process's runner
    begins at once. Raises QueueNotFound (the source), MoveTaskRunning.
    """
    task_id = str(uuid4())
    arguments: list[bytes | str | int] = [
        task_id,
        keys.address(destination) if destination else "",
        messages_per_second or 0,
    ]
    enlist(session, source)
    try:
        packed = session.run(_START, source, arguments)
    except ScriptFailed as failed:
        raise (MoveTaskRunning if failed.word == "TASKRUNNING" else QueueNotFound) from None
    with later_step():
        enlist(session, source)  # a runner may have removed it before the task existed
    session.started_tasks.put(source)
    return _task(source, task_id, _decode(packed))


def listed(session: Session, source: QueueRef, *, limit: int) -> list[MoveTask]:
    """Return the tasks of the queue, newest first; it keeps ``limits.MOVE_TASKS.most``. Raises QueueNotFound."""
    try:
        flat = session.call(_LIST, source, [])
    except ScriptFailed:
        raise QueueNotFound from None
    rows = [(task_id.decode(), _decode(packed)) for task_id, packed in zip(flat[::2], flat[1::2], strict=True)]
    rows.sort(key=lambda row: row[1].number, reverse=True)
    return [_task(source, task_id, stored) for task_id, stored in rows[:limit]]


def cancel(session: Session, source: QueueRef, task_id: str) -> int:
    """Cancel the task; return how many messages it has moved. These stay at their destinations.

    Raises QueueNotFound, MoveTaskNotFound, MoveTaskNotRunning.
    """
    failures = {"NOTASK": MoveTaskNotFound, "NOTRUNNING": MoveTaskNotRunning}
    try:
        moved: int = session.call(_CANCEL, source, [task_id])
    except ScriptFailed as failed:
        raise failures.get(failed.word, QueueNotFound) from None
    session.started_tasks.put(source)
    return moved


def step(session: Session, source: QueueRef, runner: str) -> float | None:
    """Run one step of the source's task; return the seconds until the next step is due, None when no task runs.

    ``runner`` identifies this process. While another process has the lease on the task, nothing is moved.
    """
    arguments: list[bytes | str | int] = [runner, RUNNER_LEASE_MS, dead_letters.PAGE, dead_letters.PAGE_BYTES]
    try:
        word, wait_ms = session.run(_STEP, source, arguments)
    except ScriptFailed:
        word, wait_ms = b"IDLE", -1
    if word == b"IDLE":
        session.store.command("SREM", keys.MOVE_TASKS, keys.address(source))
        return None
    wait = float(wait_ms) / 1000
    if word == b"MOVE" and not dead_letters.finish_moves(session, source):
        return max(wait, _ANOTHER_MOVES_SECONDS)
    return wait


def enlist(session: Session, source: QueueRef) -> None:
    """Add the queue to the list that the runners of all processes read."""
    session.store.command("SADD", keys.MOVE_TASKS, keys.address(source))


def enlisted(session: Session) -> list[QueueRef]:
    """Return the queues that may have a running task."""
    return [keys.of_address(address.decode()) for address in session.store.command("SMEMBERS", keys.MOVE_TASKS)]


def _task(source: QueueRef, task_id: str, stored: _Stored) -> MoveTask:
    return MoveTask(
        task_id,
        source,
        keys.of_address(stored.destination) if stored.destination else None,
        stored.started_ms,
        stored.rate or None,
        stored.moved,
        stored.to_move,
        stored.status,
        stored.failure or None,
    )
