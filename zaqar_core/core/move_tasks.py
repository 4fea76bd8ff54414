"""Move tasks: messages of a dead-letter queue go back to work, as many a second as asked for.

A task's state lies beside its source queue, so that any process can go on with it. A step takes a few messages out and
leaves intents; ``dead_letters`` finishes those. A message moved by a task is a new message where it arrives: new id,
new age, never received; what its sender gave it stays.
"""

from __future__ import annotations

from uuid import uuid4

import msgspec

from zaqar_core.core import dead_letters
from zaqar_core.core.session import Session
from zaqar_core.domain.errors import MoveTaskNotFound, MoveTaskNotRunning, MoveTaskRunning, QueueNotFound
from zaqar_core.domain.model import MoveTask, MoveTaskStatus
from zaqar_core.domain.names import QueueRef
from zaqar_core.store import ScriptFailed, keys, script

_START = script("move_task_start")
_STEP = script("move_task_step")
_CANCEL = script("move_task_cancel").plain
_LIST = script("move_task_list", writes=False).plain

#: How long a task is left to the process that did its last step, before another takes over.
RUNNER_LEASE_MS = 5_000
#: Between two looks while another process finishes this source's moves, or is dead and its lease not over.
_ANOTHER_MOVES_SECONDS = 0.1


class _Stored(msgspec.Struct):
    """A task as the store keeps it, without what only the scripts need."""

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
    """A task runs that moves what is now receivable in the source. None: each message back to where it came from, and
    as fast as it goes. This process's runner begins at once. Raises QueueNotFound (the source), MoveTaskRunning.
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
    enlist(session, source)  # a runner may have struck it off before the task was there
    session.started_tasks.put(source)
    return _task(source, task_id, _decode(packed))


def listed(session: Session, source: QueueRef, *, limit: int) -> list[MoveTask]:
    """The newest tasks first; at least the last ten are known. Raises QueueNotFound."""
    try:
        flat = session.call(_LIST, source, [])
    except ScriptFailed:
        raise QueueNotFound from None
    rows = [(task_id.decode(), _decode(packed)) for task_id, packed in zip(flat[::2], flat[1::2], strict=True)]
    rows.sort(key=lambda row: row[1].number, reverse=True)
    return [_task(source, task_id, stored) for task_id, stored in rows[:limit]]


def cancel(session: Session, source: QueueRef, task_id: str) -> int:
    """Nothing more leaves the source for this task; how many messages it had moved. What is moved stays moved.

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
    """The source's running task is one step further. Seconds until the next step is worth while; None when no task
    runs. ``runner`` names the asking process: a task that another one works on is left to it.
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
    """Every process's runner will look at this queue."""
    session.store.command("SADD", keys.MOVE_TASKS, keys.address(source))


def enlisted(session: Session) -> list[QueueRef]:
    """Queues that may have a running task."""
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
