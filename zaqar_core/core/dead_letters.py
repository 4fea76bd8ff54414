"""Moves of messages between queues, which may live on different nodes: four steps, each of which may be repeated.

1. The source takes the message out and writes an intent (the receive, claim, pop or move task script does).
2. The destination inserts it and records the move, in one script; nothing if the record is there.
3. The source drops the intent.
4. The destination drops the record.

One process at a time does steps 2 to 4 for a source. Its lease is given by step "read the intents"; step 2 is refused
after the lease's deadline and step 3 once another process has the lease. So a process that was held up can never repeat
a step 2 whose record is already dropped.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from zaqar_core.core import queues, stored_messages
from zaqar_core.core.session import Session
from zaqar_core.domain.errors import EncryptionKeyMissing, MessageUnreadable, StoreUnavailable
from zaqar_core.domain.model import QueueSettings
from zaqar_core.domain.names import QueueRef
from zaqar_core.store import ScriptFailed, keys, records, script

_MOVE_INTENTS = script("move_intents").plain
_MOVE_IN = script("move_in")
_MOVE_DONE = script("move_done").plain
_MOVE_FORGET = script("move_forget").plain
_MOVE_BACK = script("move_back")
_MOVE_RECORDS = script("move_records", writes=False).plain
_MOVE_PENDING = script("move_pending", writes=False).plain
_FIELDS = 9
_log = logging.getLogger("sqs_facade.moves")

#: Of the lease on a source's moves. The difference to the deadline is what two servers' clocks may differ by.
LEASE_MS = 6_000
DEADLINE_MS = 3_000
#: Moves of one page: four round trips for all of them. Bytes are those of their records.
PAGE = 100
PAGE_BYTES = 1 << 20
#: A record older than this was left by a process that died: upkeep asks its source.
STALE_RECORD_MS = 60_000
#: Queues looked at in one round trip.
_QUEUES_AT_ONCE = 200

#: Why a move task fails whose destination, or a message's own source, is gone. SQS's word.
NO_DESTINATION = "AWS.SimpleQueueService.NonExistentQueue"
#: Why a move task fails that meets a message which cannot be decrypted. A new message needs a new encryption.
UNREADABLE = "CouldNotDecryptMessage"


@dataclass(slots=True)
class _Intent:
    """One row of the intents script; ``task`` is empty for dead letters, ``left_ms`` -1 without an own life.

    ``ttl_seconds`` is what the message shows of its own life.
    """

    seq: bytes
    to: bytes
    record: bytes
    count: int
    first_ms: int
    age_ms: int
    left_ms: int
    ttl_seconds: int
    task: bytes


@dataclass(slots=True)
class _Lease:
    """What this process may do until ``deadline_ms`` (real time of the source's server)."""

    token: str
    source: QueueRef
    incarnation: str
    is_lazy: bool
    deadline_ms: int


def finish_moves(session: Session, source: QueueRef) -> int:
    """Every move that the source intends is done or taken back; how many this call did. Safe to call at any time.

    While another process finishes them, nothing is done here: that one goes on until none is left.
    """
    token, finished = os.urandom(8).hex(), 0
    while True:
        try:
            page = session.call(_MOVE_INTENTS, source, [token, LEASE_MS, PAGE, PAGE_BYTES])
        except ScriptFailed:
            return finished
        if not page:
            return finished
        incarnation, creator, now_ms, *flat = page
        # A Zaqar queue's dead-letter queue is made when it is needed; SQS's must have been there.
        lease = _Lease(token, source, incarnation.decode(), creator == b"zaqar", now_ms + DEADLINE_MS)
        is_held_up = False
        for (destination, task), intents in _grouped(source, flat).items():
            try:
                if not _finish(session, lease, destination, task, intents):
                    return finished
            except StoreUnavailable as problem:
                # The destination may be in a pool that is down: what the source gave is not the worse for it.
                _log.warning("moves from queue %s to %s wait: %s", source.name, destination.name, problem.reason)
                is_held_up = True
                continue
            finished += len(intents)
        if is_held_up:
            return finished


def _grouped(source: QueueRef, flat: list[Any]) -> dict[tuple[QueueRef, str], list[_Intent]]:
    """Intents by destination and move task, each group in the order of the source."""
    found: dict[tuple[QueueRef, str], list[_Intent]] = {}
    for at in range(0, len(flat), _FIELDS):
        intent = _Intent(*flat[at : at + _FIELDS])
        found.setdefault((_destination(source, intent), intent.task.decode()), []).append(intent)
    return found


def _destination(source: QueueRef, intent: _Intent) -> QueueRef:
    if not intent.task:
        return source.sibling(intent.to.decode())
    if intent.to:
        return keys.of_address(intent.to.decode())
    came_from = records.unpack(intent.record).extras.source
    assert came_from is not None  # the step script takes no others
    return QueueRef(*came_from)


def _finish(session: Session, lease: _Lease, destination: QueueRef, task: str, intents: list[_Intent]) -> bool:
    """Steps 2 to 4 for messages of one destination, or their way back. False when the lease is lost."""
    source, origin = lease.source, f"{keys.address(lease.source)}|{lease.incarnation}"
    seqs = [intent.seq for intent in intents]
    arguments: list[bytes | str | int] = [lease.deadline_ms, origin]
    has_groups = False
    for intent in intents:
        parts = records.unpack(intent.record)
        gid = parts.gid or (session.ids.group("") if destination.is_fifo else b"")
        has_groups = has_groups or gid != b""
        if task:
            try:
                renewed = _renewed(session, source, destination, intent, gid)
            except (MessageUnreadable, EncryptionKeyMissing):
                return _take_back(session, lease, task, UNREADABLE, seqs)
            arguments += (intent.seq, renewed, -1, 0, 0, -1, 0, b"")
        else:
            arguments += _dead_letter(session, source, destination, intent, parts, gid)
    try:
        while True:
            try:
                session.run(_MOVE_IN, destination, arguments, has_groups=has_groups)
                break
            except ScriptFailed as failed:
                if failed.word != "NOQUEUE":
                    return False
                if task or not lease.is_lazy:
                    return _take_back(session, lease, task, NO_DESTINATION, seqs)
                queues.create(session, destination, QueueSettings(), creator="zaqar")
        session.call(_MOVE_DONE, source, [lease.token, task, *seqs])
    except ScriptFailed:  # the lease is another's, or the source is gone, and its messages with it
        return False
    session.call(_MOVE_FORGET, destination, [f"{origin}|{seq.decode()}" for seq in seqs])
    return True


def _take_back(session: Session, lease: _Lease, task: str, why: str, seqs: list[bytes]) -> bool:
    """The messages are in their places again. False when the lease is lost."""
    try:
        session.run(_MOVE_BACK, lease.source, [lease.token, task, why, *seqs])
    except ScriptFailed:
        return False
    return True


def _renewed(session: Session, source: QueueRef, destination: QueueRef, intent: _Intent, gid: bytes) -> bytes:
    """The record of a move task's new message; encrypted if it was, under the key of today.

    Raises MessageUnreadable, EncryptionKeyMissing.
    """
    parts = stored_messages.opened(session, source, intent.seq, intent.record)
    seal = session.keyring.seal if intent.record[records.FLAGS_AT] & records.ENCRYPTED else None
    return records.renewed(parts, gid=gid, seal=seal, project=destination.project)


def _dead_letter(
    session: Session, source: QueueRef, destination: QueueRef, intent: _Intent, parts: records.Record, gid: bytes
) -> tuple[bytes | str | int, ...]:
    """Arguments of move_in for a message that keeps its id and its count.

    It keeps its age, and the time it was sent where the clocks agree, so that the first send counts; from a FIFO queue
    it begins anew. In a FIFO queue its deduplication id is its own id: two messages that shared one are two dead
    letters.
    """
    origin = parts.extras.origin_id or UUID(session.ids.encode(int(intent.seq), parts.random)).bytes
    moved = records.moved(
        intent.record,
        origin_id=origin,
        source=(source.project, source.region, source.name),
        own_ttl=intent.left_ms >= 0,
        gid=gid,
        dedup_id=str(UUID(bytes=origin)) if destination.is_fifo else None,
    )
    age, ttl_seconds = f"{intent.age_ms}:{parts.sent_ms}", intent.ttl_seconds
    if source.is_fifo:
        age, ttl_seconds = "0", -(-intent.left_ms // 1000)
    return (intent.seq, moved, age, intent.count, intent.first_ms, intent.left_ms, ttl_seconds, origin)


def forget_stale_records(session: Session, destination: QueueRef) -> int:
    """Records of moves whose process died before step 4 are gone; how many. Those whose intent is still there stay.

    Nothing can repeat such a move: its intent is dropped only by the process that has the lease.
    """
    rows: list[bytes] = session.call(_MOVE_RECORDS, destination, [STALE_RECORD_MS])
    by_source: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        address, incarnation, seq = row.decode().split("|")
        by_source.setdefault((address, incarnation), []).append(seq)
    gone = 0
    for (address, incarnation), seqs in by_source.items():
        asked = [incarnation, *seqs]
        try:
            left = {seq.decode() for seq in session.call(_MOVE_PENDING, keys.of_address(address), asked)}
        except ScriptFailed:  # the source is gone, and its intents with it
            left = set()
        stale = [f"{address}|{incarnation}|{seq}" for seq in seqs if seq not in left]
        if stale:
            gone += session.call(_MOVE_FORGET, destination, stale)
    return gone


def sources(session: Session, target: QueueRef, *, after: str = "") -> Iterator[QueueRef]:
    """Queues whose dead-letter queue this is and that have a receive limit, in the order of names after ``after``.

    Raises StoreUnavailable at the end where there may be more, in a pool that does not answer.
    """
    unread: list[StoreUnavailable] = []
    while True:
        names = queues.names(session, target.project, target.region, after=after, limit=_QUEUES_AT_ONCE)
        for queue in queues.get_many(session, [target.sibling(name) for name in names], unread=unread):
            settings = queue and queue.settings
            if queue and settings and settings.dead_letter_queue == target.name and settings.max_receive_count:
                yield queue.ref
        if len(names) < _QUEUES_AT_ONCE:
            break
        after = names[-1]
    if unread:
        raise unread[0]
