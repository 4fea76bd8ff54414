"""Moves of messages to dead-letter queues and by move tasks, in four steps that can each be repeated.

The two queues may be on different nodes, so no function can change both.

1. The source removes the message and writes an intent (in the receive, claim, pop or move task function).
2. The destination inserts the message and records the move in one function; it does nothing if the record exists.
3. The source deletes the intent.
4. The destination deletes the record.

One process at a time does steps 2 to 4 for a source. Reading the intents gives it a lease. The destination refuses step
2 after the deadline of the lease, and the source refuses step 3 once another process has the lease. So a delayed
process cannot repeat step 2 after its record was deleted.
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
from zaqar_core.core.traffic import Event
from zaqar_core.domain.errors import EncryptionKeyMissing, MessageUnreadable, StoreUnavailable, TooManyQueues
from zaqar_core.domain.model import QueueSettings
from zaqar_core.domain.names import QueueRef
from zaqar_core.logs import cause
from zaqar_core.store import ScriptFailed, keys, records, script

_MOVE_INTENTS = script("move_intents").plain
_MOVE_IN = script("move_in")
_MOVE_DONE = script("move_done").plain
_MOVE_FORGET = script("move_forget").plain
_MOVE_BACK = script("move_back")
_MOVE_RECORDS = script("move_records", returns_messages=True).plain
_MOVE_PENDING = script("move_pending").plain
_FIELDS = 9
_log = logging.getLogger("sqs_facade.moves")

#: Duration of a lease on the moves of a source, and the part of it in which step 2 is accepted. The clocks of two
#: servers must differ by less than the rest of the lease.
LEASE_MS = 6_000
DEADLINE_MS = 3_000
#: Moves of one page, which take four round trips together, and the bytes of their records.
PAGE = 100
PAGE_BYTES = 1 << 20
#: A move record older than this was left behind by a crashed process. Housekeeping checks it against the source.
STALE_RECORD_MS = 60_000
#: Queues read in one round trip.
_QUEUES_AT_ONCE = 200

#: FailureReason of a move task whose destination, or the source queue of a message, does not exist. Recorded from SQS.
NO_DESTINATION = "AWS.SimpleQueueService.NonExistentQueue"
#: FailureReason of a move task that cannot decrypt a message. A moved message is a new one, so it is encrypted anew.
UNREADABLE = "CouldNotDecryptMessage"


@dataclass(slots=True)
class _Intent:
    """One row of the intents function. ``task`` is empty for dead letters.

    ``left_ms`` is the rest of the message's own ttl, -1 if it has none; ``ttl_seconds`` is the ttl that clients see.
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
    """This process's lease on the moves of a source. ``deadline_ms`` is real time of the source's server.

    ``is_lazy``: a missing destination is created.
    """

    token: str
    source: QueueRef
    incarnation: str
    is_lazy: bool
    deadline_ms: int


def finish_moves(session: Session, source: QueueRef) -> int:
    """Finish or revert every intended move of the source; return how many this call did. Safe to call at any time.

    Does nothing while another process has the lease: that process continues until no intent is left. What the store
    refuses is logged and tried again later: the operation of the source that found the intents has succeeded, and may
    have taken messages that only its caller has now.
    """
    token, finished = os.urandom(8).hex(), 0
    while True:
        try:
            page = session.call(_MOVE_INTENTS, source, [token, LEASE_MS, PAGE, PAGE_BYTES])
        except ScriptFailed:
            return finished
        except StoreUnavailable as problem:
            _log_delay(source, "their dead-letter queues", problem)
            return finished
        if not page:
            return finished
        incarnation, creator, now_ms, *flat = page
        # The dead-letter queue of a Zaqar queue is created on demand; with SQS it must exist.
        lease = _Lease(token, source, incarnation.decode(), creator == b"zaqar", now_ms + DEADLINE_MS)
        is_held_up = False
        for (destination, task), intents in _grouped(source, flat).items():
            try:
                if not _finish(session, lease, destination, task, intents):
                    return finished
            except StoreUnavailable as problem:
                # The destination may be in a pool that is down, or there is no room to create it.
                _log_delay(source, destination.name, problem)
                is_held_up = True
                continue
            finished += len(intents)
        if is_held_up:
            return finished


def _log_delay(source: QueueRef, destination: str, problem: StoreUnavailable) -> None:
    if not problem.is_logged:
        _log.warning(
            "cannot move messages from queue %s to %s, will retry: %s",
            source.name,
            destination,
            problem.reason,
            extra=cause("move", problem.reason),
        )


def _grouped(source: QueueRef, flat: list[Any]) -> dict[tuple[QueueRef, str], list[_Intent]]:
    """Group intents by destination and move task, each group in the order of the source."""
    found: dict[tuple[QueueRef, str], list[_Intent]] = {}
    for index in range(0, len(flat), _FIELDS):
        intent = _Intent(*flat[index : index + _FIELDS])
        found.setdefault((_destination(source, intent), intent.task.decode()), []).append(intent)
    return found


def _destination(source: QueueRef, intent: _Intent) -> QueueRef:
    if not intent.task:
        return source.sibling(intent.to.decode())
    if intent.to:
        return keys.of_address(intent.to.decode())
    came_from = records.unpack(intent.record).extras.source
    assert came_from is not None  # the step function removes only messages that have a source
    return QueueRef(*came_from)


def _finish(session: Session, lease: _Lease, destination: QueueRef, task: str, intents: list[_Intent]) -> bool:
    """Run steps 2 to 4 for messages of one destination, or revert their moves. False when the lease is lost."""
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
                return _revert(session, lease, task, UNREADABLE, seqs)
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
                    return _revert(session, lease, task, NO_DESTINATION, seqs)
                try:
                    queues.create(session, destination, QueueSettings(), creator="zaqar")
                except TooManyQueues:
                    return _revert(session, lease, task, NO_DESTINATION, seqs)
        session.call(_MOVE_DONE, source, [lease.token, task, *seqs])
    except ScriptFailed:  # another process has the lease, or the source was deleted with its messages
        return False
    session.traffic.count(source, Event.REDRIVEN if task else Event.DEAD_LETTERED, len(seqs))
    session.call(_MOVE_FORGET, destination, [f"{origin}|{seq.decode()}" for seq in seqs])
    return True


def _revert(session: Session, lease: _Lease, task: str, reason: str, seqs: list[bytes]) -> bool:
    """Put the messages back into the source, in their original order. False when the lease is lost."""
    try:
        session.run(_MOVE_BACK, lease.source, [lease.token, task, reason, *seqs])
    except ScriptFailed:
        return False
    return True


def _renewed(session: Session, source: QueueRef, destination: QueueRef, intent: _Intent, gid: bytes) -> bytes:
    """Return the record of a move task's new message, encrypted under the current key if the old one was encrypted.

    Raises MessageUnreadable, EncryptionKeyMissing.
    """
    parts = stored_messages.opened(session, source, intent.seq, intent.record)
    seal = session.keyring.seal if intent.record[records.FLAGS_AT] & records.ENCRYPTED else None
    return records.renewed(parts, gid=gid, seal=seal, project=destination.project)


def _dead_letter(
    session: Session, source: QueueRef, destination: QueueRef, intent: _Intent, parts: records.Record, gid: bytes
) -> tuple[bytes | str | int, ...]:
    """Return the arguments of move_in for a dead letter, which keeps its id and its receive count.

    From a standard queue it keeps its age, and the time of its send where the two clocks agree; from a FIFO queue its
    age restarts. A FIFO dead-letter queue deduplicates it by its own id, so two messages with the same deduplication id
    become two dead letters.
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
    """Delete move records that a crashed process left behind before step 4; return how many.

    A record is kept while its intent exists. Without its intent a move cannot be repeated.
    """
    rows: list[bytes] = session.call(_MOVE_RECORDS, destination, [STALE_RECORD_MS])
    by_source: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        address, incarnation, seq = row.decode().split("|")
        by_source.setdefault((address, incarnation), []).append(seq)
    deleted = 0
    for (address, incarnation), seqs in by_source.items():
        arguments = [incarnation, *seqs]
        try:
            left = {seq.decode() for seq in session.call(_MOVE_PENDING, keys.of_address(address), arguments)}
        except ScriptFailed:  # the source was deleted with its intents
            left = set()
        stale = [f"{address}|{incarnation}|{seq}" for seq in seqs if seq not in left]
        if stale:
            deleted += session.call(_MOVE_FORGET, destination, stale)
    return deleted


def sources(session: Session, target: QueueRef, *, after: str = "") -> Iterator[QueueRef]:
    """Iterate over the queues that have ``target`` as dead-letter queue and a receive limit, by name after ``after``.

    Raises StoreUnavailable at the end if queues in a pool that does not answer may be missing.
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
