"""From the store's rows to the model's messages."""

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
from zaqar_core.store import keys, records

_log = logging.getLogger("sqs_facade.encryption")

#: What taking a record apart may raise that is not one.
_GARBLED = (ValueError, IndexError, msgspec.MsgspecError)

#: lua/shared/receive_reply: incarnation (16 hex digits), now ms, received ms, retention s, intents; then for each
#: message its seq, the lengths of state and record, and both.
_TAKEN = Struct(">16sQQIH")
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
    and delayed. Raises MessageUnreadable."""
    try:
        record = records.unpack(row[1])
        if record.flags & records.ENCRYPTED:
            record = records.opened(record, ref.project, session.keyring.open)
        if not record.body.isascii():
            record.body.decode()  # no face can show another text: of a record whose flags were changed, cipher text
        return _message(session, row, record, now_ms, keep_seconds)
    except _GARBLED:
        raise MessageUnreadable("", is_key_missing=False) from None


def messages(
    session: Session, ref: QueueRef, rows: Sequence[Sequence[Any]], *, now_ms: int, keep_seconds: int
) -> list[StoredMessage]:
    """As :func:`message`, for many. One that cannot be read is logged and left out, and in a FIFO queue what follows it
    in its group; where then none is left, raises MessageUnreadable."""
    found: list[StoredMessage] = []
    problem: MessageUnreadable | None = None
    stopped: set[bytes | None] = set()
    for row in rows:
        if stopped and ref.is_fifo and _group(row[1]) in stopped:
            continue
        try:
            found.append(message(session, ref, row, now_ms=now_ms, keep_seconds=keep_seconds))
        except MessageUnreadable as unreadable:
            _note(ref, row[0], unreadable)
            problem = unreadable
            stopped.add(_group(row[1]))
    if problem is not None and not found:
        raise problem
    return found


def without_content(session: Session, row: Sequence[Any], *, now_ms: int, keep_seconds: int) -> StoredMessage:
    """As :func:`message`, but nothing is decrypted: of an encrypted message no content counts."""
    return _message(session, row, records.unpack(row[1]), now_ms, keep_seconds)


def opened(session: Session, ref: QueueRef, sequence: bytes | int, record: bytes) -> records.Record:
    """The record's parts in the clear. Raises MessageUnreadable, which is logged."""
    try:
        return records.opened(records.unpack(record), ref.project, session.keyring.open)
    except MessageUnreadable as unreadable:
        _note(ref, sequence, unreadable)
        raise
    except _GARBLED:
        garbled = MessageUnreadable("", is_key_missing=False)
        _note(ref, sequence, garbled)
        raise garbled from None


def _note(ref: QueueRef, sequence: bytes | int, unreadable: MessageUnreadable) -> None:
    _log.warning(
        "message %d of queue %s cannot be decrypted with key %s: %s",
        int(sequence),
        keys.address(ref),
        unreadable.key_name or "(unknown)",
        "this process has no such key" if unreadable.is_key_missing else "it is not as it was written",
    )


def _group(record: bytes) -> bytes | None:
    try:
        return records.unpack(record).gid
    except _GARBLED:
        return None


def _message(
    session: Session, row: Sequence[Any], record: records.Record, now_ms: int, keep_seconds: int
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
    incarnation, now_ms, received_ms, keep, _ = _TAKEN.unpack_from(reply)
    life = bytes.fromhex(incarnation.decode())
    found, at = [], _TAKEN.size
    rows: list[tuple[int, bytes, bytes]] = []
    problem = False
    while at < len(reply):
        sequence, state_bytes, record_bytes = _TAKEN_ROW.unpack_from(reply, at)
        state_at = at + _TAKEN_ROW.size
        record_at = state_at + state_bytes
        at = record_at + record_bytes
        row = (sequence, reply[record_at:at], reply[state_at:record_at])
        rows.append(row)
        try:
            one = message(session, ref, row, now_ms=now_ms, keep_seconds=keep)
        except MessageUnreadable:
            problem = True
            continue
        one.held = True
        one.receipt = Receipt(life, 0, sequence, bytes.fromhex(records.state(row[2]).nonce), received_ms)
        found.append(one)
    if problem:
        readable = {one.sequence for one in messages(session, ref, rows, now_ms=now_ms, keep_seconds=keep)}
        found = [one for one in found if one.sequence in readable]
    return found


def moves_begun(reply: bytes) -> int:
    """How many moves of dead letters that receive or claim began."""
    intents: int = _TAKEN.unpack_from(reply)[4]
    return intents


def subscription(subscription_id: bytes, packed: bytes, *, now_ms: int) -> Subscription:
    """From its record in the store."""
    record = records.subscription(packed)
    return Subscription(
        subscription_id.decode(),
        record.subscriber,
        record.options.encode(),
        record.ttl_seconds,
        max(0, (now_ms - record.created_ms) // 1000),
        record.is_confirmed == 1,
    )
