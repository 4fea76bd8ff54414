"""Moves of messages between queues, which may live on different nodes: four steps, each of which may be repeated.

1. The source takes the message out and writes an intent (the receive, claim or pop script does).
2. The destination inserts it and records the move, in one script; nothing if the record is there.
3. The source drops the intent.
4. The destination drops the record.
"""

from __future__ import annotations

import contextlib
from typing import Any
from uuid import UUID

from zaqar_core import queues
from zaqar_core.core import Session
from zaqar_core.model import QueueSettings
from zaqar_core.names import QueueRef
from zaqar_core.store import ScriptFailed, keys, records, script

_INTENTS = script("intents", writes=False).plain
_MOVE_IN = script("move_in")
_MOVE_DONE = script("move_done").plain
_MOVE_BACK = script("move_back")
_FIELDS = 7


def finish_moves(session: Session, source: QueueRef) -> int:
    """Every move that the source intends is done or taken back; how many there were. Safe to call at any time."""
    finished = 0
    while True:
        try:
            incarnation, creator, *rows = session.store.run(_INTENTS, keys.queue(source), [])
        except ScriptFailed:
            return finished
        for at in range(0, len(rows), _FIELDS):
            # A Zaqar queue's dead-letter queue is made when it is needed; SQS's must have been there.
            _finish(session, source, incarnation.decode(), rows[at : at + _FIELDS], is_lazy=creator == b"zaqar")
            finished += 1
        if not rows:
            return finished


def _finish(session: Session, source: QueueRef, incarnation: str, row: list[Any], *, is_lazy: bool) -> None:
    seq, name, record, count, first_ms, age_ms, left_ms = row
    parts = records.unpack(record)
    origin = parts.extras.origin_id or UUID(session.ids.encode(int(seq), parts.random)).bytes
    moved = records.moved(
        record, origin_id=origin, source=(source.project, source.region, source.name), own_ttl=left_ms >= 0
    )
    move_id = f"{incarnation}:{seq.decode()}"
    destination = source.sibling(name.decode())
    while True:
        try:
            arguments = [move_id, moved, age_ms, count, first_ms, left_ms, origin]
            session.run(_MOVE_IN, destination, arguments, has_groups=parts.gid is not None)
            break
        except ScriptFailed:
            if not is_lazy:
                with contextlib.suppress(ScriptFailed):  # the source is gone too, and its messages with it
                    session.run(_MOVE_BACK, source, [seq])
                return
            queues.create(session, destination, QueueSettings(), creator="zaqar")
    session.store.run(_MOVE_DONE, keys.queue(source), ["intent", seq])
    session.store.run(_MOVE_DONE, keys.queue(destination), ["record", move_id])
