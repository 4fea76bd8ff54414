"""From the store's rows to the model's messages."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from struct import Struct
from typing import Any
from uuid import UUID

import msgspec

from zaqar_core.core import Session
from zaqar_core.errors import MessageUnreadable
from zaqar_core.model import Receipt, StoredMessage
from zaqar_core.names import QueueRef
from zaqar_core.store import keys, records

_log = logging.getLogger("sqs_facade.encryption")

#: lua/shared/answer: incarnation (16 hex digits), now ms, retention s, intents; then for each message its seq, the
#: lengths of state and record, and both.
_TAKEN = Struct(">16sQIH")
_TAKEN_ROW = Struct(">QII")


def claim_text(claim_hex: str) -> str:
    """A claim id as clients see it."""
    return f"{claim_hex[:8]}-{claim_hex[8:12]}-{claim_hex[12:16]}-{claim_hex[16:20]}-{claim_hex[20:]}"


def claim_hex(text: str) -> str | None:
    """A client's spelling of a claim id as the store keeps it; None when it is no UUID."""
    try:
        return UUID(text).hex
    except ValueError:
        return None


def message(session: Session, ref: QueueRef, row: Sequence[Any], *, now_ms: int, keep_seconds: int) -> StoredMessage:
    """A message of that queue. ``row`` is seq, record, state and, where the script gives them, until when it is held
    and delayed. Raises MessageUnreadable, which is logged."""
    try:
        record = records.unpack(row[1])
        if record.flags & records.ENCRYPTED:
            record = _opened(session, ref, row[0], record)
        return _message(session, row, record, now_ms=now_ms, keep_seconds=keep_seconds)
    except (ValueError, IndexError, msgspec.MsgspecError):
        _log.warning("message %d of queue %s is not as it was written", int(row[0]), keys.address(ref))
        raise MessageUnreadable("", is_key_missing=False) from None


def messages(
    session: Session, ref: QueueRef, rows: Sequence[Sequence[Any]], *, now_ms: int, keep_seconds: int
) -> list[StoredMessage]:
    """As :func:`message`, for many. One that cannot be read is left out, and in a FIFO queue what follows it in its
    group; where then none is left, raises MessageUnreadable."""
    found: list[StoredMessage] = []
    problem: MessageUnreadable | None = None
    stopped: set[bytes] = set()
    for row in rows:
        if stopped and ref.is_fifo and records.unpack(row[1]).gid in stopped:
            continue
        try:
            found.append(message(session, ref, row, now_ms=now_ms, keep_seconds=keep_seconds))
        except MessageUnreadable as unreadable:
            problem = unreadable
            stopped.add(records.unpack(row[1]).gid or b"")
    if problem is not None and not found:
        raise problem
    return found


def without_content(session: Session, row: Sequence[Any], *, now_ms: int, keep_seconds: int) -> StoredMessage:
    """As :func:`message`, but nothing is decrypted: of an encrypted message no content counts."""
    return _message(session, row, records.unpack(row[1]), now_ms=now_ms, keep_seconds=keep_seconds)


def opened(session: Session, ref: QueueRef, sequence: bytes | int, record: bytes) -> records.Record:
    """The record's parts in the clear. Raises MessageUnreadable, which is logged."""
    return _opened(session, ref, sequence, records.unpack(record))


def _opened(session: Session, ref: QueueRef, sequence: bytes | int, record: records.Record) -> records.Record:
    try:
        return records.opened(record, ref.project, session.keyring.open)
    except MessageUnreadable as unreadable:
        why = "this process has no such key" if unreadable.is_key_missing else "it was changed since"
        _log.warning(
            "message %d of queue %s cannot be decrypted with key %s: %s",
            int(sequence), keys.address(ref), unreadable.key_name or "(unknown)", why,
        )  # fmt: skip
        raise


def _message(
    session: Session, row: Sequence[Any], record: records.Record, *, now_ms: int, keep_seconds: int
) -> StoredMessage:
    sequence = int(row[0])
    state = records.state(row[2])
    extras = record.extras
    if extras.origin_id is None:
        text = session.ids.encode(sequence, record.random)
    else:
        text = claim_text(extras.origin_id.hex())
    dedup_id = extras.dedup_id
    if dedup_id == records.NOT_GIVEN:
        dedup_id = hashlib.sha256(record.body).hexdigest() if record.client_id is None else text
    return StoredMessage(
        id=text,
        sequence=sequence,
        body=record.body,
        kind="json" if record.flags & records.JSON else "text",
        attributes=records.attributes(extras.attributes),
        system_attributes=records.attributes(extras.system_attributes),
        sent_ms=record.sent_ms,
        now_ms=now_ms,
        ttl_seconds=state.ttl_seconds or record.ttl_seconds or keep_seconds,
        receive_count=state.count,
        first_received_ms=state.first_ms or None,
        claim_id=claim_text(state.claim) if state.claim else None,
        held=len(row) > 3 and row[3] > 0,
        delayed=len(row) > 4 and row[4] > 0,
        client_id=record.client_id,
        sender=extras.sender,
        group=extras.group,
        dedup_id=dedup_id,
        source_queue=QueueRef(*extras.source) if extras.source else None,
    )


def taken(session: Session, ref: QueueRef, reply: bytes) -> list[StoredMessage]:
    """The messages that a receive or a claim leased, as its function answers them. Each has a receipt. See
    :func:`messages`."""
    incarnation, now_ms, keep, _ = _TAKEN.unpack_from(reply)
    life = bytes.fromhex(incarnation.decode())
    rows, at = [], _TAKEN.size
    while at < len(reply):
        sequence, state_bytes, record_bytes = _TAKEN_ROW.unpack_from(reply, at)
        state_at = at + _TAKEN_ROW.size
        record_at = state_at + state_bytes
        at = record_at + record_bytes
        rows.append((sequence, reply[record_at:at], reply[state_at:record_at]))
    found = messages(session, ref, rows, now_ms=now_ms, keep_seconds=keep)
    if len(found) < len(rows):
        readable = {one.sequence for one in found}
        rows = [row for row in rows if row[0] in readable]
    for one, row in zip(found, rows, strict=True):
        one.held = True
        one.receipt = Receipt(life, 0, one.sequence, bytes.fromhex(records.state(row[2]).nonce), now_ms)
    return found


def moves_begun(reply: bytes) -> int:
    """How many moves of dead letters that receive or claim began."""
    intents: int = _TAKEN.unpack_from(reply)[3]
    return intents
