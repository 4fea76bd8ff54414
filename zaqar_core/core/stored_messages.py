"""Conversion of the store's rows into messages and subscriptions of the model."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from struct import Struct
from typing import Any
from uuid import UUID

import msgspec

from zaqar_core.core.session import Session
from zaqar_core.domain.errors import MessageUnreadable
from zaqar_core.domain.model import Receipt, StoredMessage, Subscription
from zaqar_core.domain.names import QueueRef
from zaqar_core.eventloop import hexdigest
from zaqar_core.store import keys, records

_log = logging.getLogger("sqs_facade.encryption")

#: Errors that a damaged record can raise when it is unpacked.
_DAMAGED = (ValueError, IndexError, msgspec.MsgspecError)

#: Reply of receive and claim: incarnation (16 hex digits), now ms, received ms, retention s, intents; then for each
#: message its seq, the lengths of state and record, and both. Written by lua/shared/receive_reply.
_TAKEN = Struct(">16sQQIH")
_TAKEN_ROW = Struct(">QII")
#: The same without the seq.
_TAKEN_LENGTHS = Struct(">8xII")
#: The last part of the head, where there are none.
_NO_INTENTS = bytes(2)


def claim_text(claim_hex: str) -> str:
    """Format a claim id for clients."""
    return f"{claim_hex[:8]}-{claim_hex[8:12]}-{claim_hex[12:16]}-{claim_hex[16:20]}-{claim_hex[20:]}"


def claim_hex(text: str) -> str | None:
    """Convert a client's claim id to the form of the store; None when it is not a UUID."""
    try:
        return UUID(text).hex
    except ValueError:
        return None


def message(session: Session, ref: QueueRef, row: Sequence[Any], *, now_ms: int, keep_seconds: int) -> StoredMessage:
    """Convert a row of the queue: seq, record, state and, where present, the ends of its lease and its delay.

    Raises MessageUnreadable.
    """
    try:
        return _message(session, row, _readable(session, ref, row[1]), records.state(row[2]), now_ms, keep_seconds)
    except _DAMAGED:
        raise MessageUnreadable("", is_key_missing=False) from None


def _readable(session: Session, ref: QueueRef, packed: bytes) -> records.Record:
    """Unpack a record and decrypt it. Raises MessageUnreadable, and _DAMAGED if its body is no text."""
    record = records.unpack(packed)
    if record.flags & records.ENCRYPTED:
        record = records.opened(record, ref.project, session.keyring.open)
    if not record.body.isascii():
        # Fails for cipher text that changed flags make look like a body; no face could return it.
        record.body.decode()
    return record


def messages(
    session: Session, ref: QueueRef, rows: Sequence[Sequence[Any]], *, now_ms: int, keep_seconds: int
) -> list[StoredMessage]:
    """Convert many rows. Log and leave out messages that cannot be decrypted.

    In a FIFO queue the later messages of the same group are left out too. Raises MessageUnreadable if none is left.
    """
    found: list[StoredMessage] = []
    problem: MessageUnreadable | None = None
    stopped: set[bytes | None] = set()
    for row in rows:
        if stopped and ref.is_fifo and _group(row[1]) in stopped:
            continue
        try:
            found.append(message(session, ref, row, now_ms=now_ms, keep_seconds=keep_seconds))
        except MessageUnreadable as unreadable:
            _log_unreadable(ref, row[0], unreadable)
            problem = unreadable
            stopped.add(_group(row[1]))
    if problem is not None and not found:
        raise problem
    return found


def without_content(session: Session, row: Sequence[Any], *, now_ms: int, keep_seconds: int) -> StoredMessage:
    """Convert a row without decrypting it. The content of an encrypted message is then meaningless."""
    return _message(session, row, records.unpack(row[1]), records.state(row[2]), now_ms, keep_seconds)


def opened(session: Session, ref: QueueRef, sequence: bytes | int, record: bytes) -> records.Record:
    """Unpack and decrypt a record. Logs and raises MessageUnreadable."""
    try:
        return records.opened(records.unpack(record), ref.project, session.keyring.open)
    except MessageUnreadable as unreadable:
        _log_unreadable(ref, sequence, unreadable)
        raise
    except _DAMAGED:
        damaged = MessageUnreadable("", is_key_missing=False)
        _log_unreadable(ref, sequence, damaged)
        raise damaged from None


def _log_unreadable(ref: QueueRef, sequence: bytes | int, unreadable: MessageUnreadable) -> None:
    _log.warning(
        "message %d of queue %s cannot be decrypted with key %s: %s",
        int(sequence),
        keys.address(ref),
        unreadable.key_name or "(unknown)",
        "add the key to encryption_keys" if unreadable.is_key_missing else "its record is damaged",
    )


def _group(record: bytes) -> bytes | None:
    try:
        return records.unpack(record).gid
    except _DAMAGED:
        return None


def _message(
    session: Session,
    row: Sequence[Any],
    record: records.Record,
    state: records.State,
    now_ms: int,
    keep_seconds: int,
) -> StoredMessage:
    sequence = int(row[0])
    extras = record.extras
    if extras.origin_id is None:
        text = session.ids.encode(sequence, record.random)
    else:
        text = claim_text(extras.origin_id.hex())
    dedup_id = extras.dedup_id
    if dedup_id == records.NOT_GIVEN:
        dedup_id = hexdigest(hashlib.sha256, record.body) if record.client_id is None else text
    return StoredMessage(  # by position: so many keywords take 1.2 µs
        text,
        sequence,
        record.body,
        "json" if record.flags & records.JSON else "text",
        records.attributes(extras.attributes),
        records.attributes(extras.system_attributes),
        record.sent_ms,
        now_ms,
        state.ttl_seconds or record.ttl_seconds or keep_seconds,
        state.count,
        state.first_ms or None,
        claim_text(state.claim) if state.claim else None,
        len(row) > 3 and row[3] > 0,  # held
        len(row) > 4 and row[4] > 0,  # delayed
        record.client_id,
        extras.sender,
        extras.group,
        dedup_id,
        QueueRef(*extras.source) if extras.source else None,
    )


def taken(session: Session, ref: QueueRef, reply: bytes) -> list[StoredMessage]:
    """Convert the reply of a receive or claim to messages with receipts. Unreadable ones as in :func:`messages`."""
    incarnation, now_ms, received_ms, keep, _ = _TAKEN.unpack_from(reply)
    incarnation_bytes = bytes.fromhex(incarnation.decode())
    found, offset = [], _TAKEN.size
    rows: list[tuple[int, bytes, bytes]] = []
    problem = False
    while offset < len(reply):
        sequence, state_bytes, record_bytes = _TAKEN_ROW.unpack_from(reply, offset)
        state_at = offset + _TAKEN_ROW.size
        record_at = state_at + state_bytes
        offset = record_at + record_bytes
        row = (sequence, reply[record_at:offset], reply[state_at:record_at])
        rows.append(row)
        try:
            state = records.state(row[2])
            one = _message(session, row, _readable(session, ref, row[1]), state, now_ms, keep)
        except (MessageUnreadable, *_DAMAGED):
            problem = True
            continue
        one.held = True
        one.receipt = Receipt(incarnation_bytes, 0, sequence, bytes.fromhex(state.nonce), received_ms)
        found.append(one)
    if problem:
        readable = {one.sequence for one in messages(session, ref, rows, now_ms=now_ms, keep_seconds=keep)}
        found = [one for one in found if one.sequence in readable]
    if session.trace is not None:
        session.trace.received(found)
    return found


def moves_begun(reply: bytes) -> int:
    """Return how many moves of dead letters this receive or claim began."""
    intents: int = _TAKEN.unpack_from(reply)[4]
    return intents


def divided(reply: bytes, maxima: Sequence[int]) -> list[bytes | None]:
    """Divide the reply of a receive among callers of so many messages at most; the earlier ones get theirs first.

    None for those who get nothing. The first one learns of the moves that were begun.
    """
    found: list[bytes | None] = []
    begin = at = _TAKEN.size
    head, end, lengths, row_bytes = reply[:begin], len(reply), _TAKEN_LENGTHS.unpack_from, _TAKEN_LENGTHS.size
    for maximum in maxima:
        while maximum and at < end:
            state_bytes, record_bytes = lengths(reply, at)
            at += row_bytes + state_bytes + record_bytes
            maximum -= 1
        found.append(head + reply[begin:at] if at > begin else None)
        if begin == len(head):
            head = head[: -len(_NO_INTENTS)] + _NO_INTENTS
        begin = at
    return found


def subscription(subscription_id: bytes, packed: bytes, *, now_ms: int) -> Subscription:
    """Convert a subscription's record."""
    record = records.subscription(packed)
    return Subscription(
        subscription_id.decode(),
        record.subscriber,
        record.options.encode(),
        record.ttl_seconds,
        max(0, (now_ms - record.created_ms) // 1000),
        record.is_confirmed == 1,
    )
