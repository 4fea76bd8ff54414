"""Messages: send, receive, extend, delete, list, look up, pop."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Sequence
from dataclasses import replace
from struct import Struct
from typing import NamedTuple
from uuid import UUID

from zaqar_core import dead_letters, limits, queues, reading
from zaqar_core.core import Session
from zaqar_core.errors import (
    ClaimedByAnother,
    ClaimNotFound,
    CoreError,
    DeduplicationIdMissing,
    InFlightLimitReached,
    LeaseExpired,
    MessageClaimed,
    MessageNotClaimed,
    MessageTooLong,
    NotInFlight,
    PostTooLong,
    QueueNotFound,
    ReceiptInvalid,
    VisibilityTooLong,
)
from zaqar_core.model import NewMessage, Page, QueueSettings, Receipt, Sent, StoredMessage
from zaqar_core.names import QueueRef
from zaqar_core.store import ScriptFailed, records, script

_SEND = script("send")
_RECEIVE = script("receive")
_CHANGE_VISIBILITY = script("change_visibility")
_DELETE_RECEIVED = script("delete_received")
_LIST = script("list")
_LOOKUP = script("lookup", writes=False)
_DELETE_BY_ID = script("delete_by_id")
_POP = script("pop")

_OWN_TTL_OF_THE_QUEUE = -1
#: The receive script's reply: incarnation (16 hex digits), now ms, retention s, intents; then for each message its seq,
#: the lengths of state and record, and both.
_RECEIVED = Struct(">16sQIH")
_RECEIVED_ROW = Struct(">QII")


def send(session: Session, ref: QueueRef, messages: Sequence[NewMessage]) -> list[Sent | MessageTooLong]:
    """Each message is in the queue, in this order, or has its own MessageTooLong. One round trip. SQS's way.

    In a FIFO queue every message must have a group; one that was sent within five minutes under the same deduplication
    id (or, in a content-based queue, with the same body and no id) is that first message, and nothing is added.
    Raises QueueNotFound, DeduplicationIdMissing (nothing was sent).
    """
    arguments: list[bytes | str | int] = ["s", 0, limits.MESSAGE_BYTES]
    randoms, has_groups = _add_records(session, ref, arguments, messages, zaqar=False)
    try:
        reply = session.run(_SEND, ref, arguments, has_groups=has_groups)
    except ScriptFailed as failed:
        raise (DeduplicationIdMissing if failed.word == "NODEDUP" else QueueNotFound) from None
    return [_sent(session, one, random) for one, random in zip(reply, randoms, strict=True)]


def _sent(session: Session, reply: int | tuple[int, bytes], random: bytes) -> Sent | MessageTooLong:
    """What the script says of one message: its seq, the first message's seq and random bytes, or the limit."""
    if isinstance(reply, int):
        if reply < 0:
            return MessageTooLong(-reply)
        return Sent(session.ids.encode(reply, random), reply)
    seq, first_random = reply
    return Sent(session.ids.encode(seq, first_random), seq)


def post(
    session: Session, ref: QueueRef, messages: Sequence[NewMessage], *, post_bytes: int, creates: bool = True
) -> list[Sent]:
    """All messages are in the queue, or none. A missing queue is made first, unless told otherwise. Zaqar's way.

    Messages must carry their own ttl where the client gave one; where it is None the queue's default at this moment
    is fixed to the message. ``delay_seconds`` of a message is ignored on a queue whose own delay is 0 or unset.
    ``post_bytes`` is the length of the whole HTTP body. In a FIFO queue the Client-ID is the group, and only a
    content-based queue deduplicates. Raises PostTooLong; QueueNotFound where it must not be made.
    """
    arguments: list[bytes | str | int] = ["z", post_bytes, session.settings.max_messages_post_size]
    randoms, _ = _add_records(session, ref, arguments, messages, zaqar=True)
    while True:
        try:
            reply = session.run(_SEND, ref, arguments)
            break
        except ScriptFailed as failed:
            if failed.word == "POSTTOOLONG":
                raise PostTooLong(int(failed.detail)) from None
            if not creates:
                raise QueueNotFound from None
            queues.create(session, ref, QueueSettings(), creator="zaqar")
    sent = [_sent(session, one, random) for one, random in zip(reply, randoms, strict=True)]
    return [one for one in sent if isinstance(one, Sent)]


def _add_records(
    session: Session,
    ref: QueueRef,
    arguments: list[bytes | str | int],
    messages: Sequence[NewMessage],
    *,
    zaqar: bool,
) -> tuple[list[bytes], bool]:
    """Append each message's arguments; the random bytes that will be part of each id, and whether any has a group."""
    pool = os.urandom(8 * len(messages))
    randoms = [pool[at : at + 8] for at in range(0, len(pool), 8)]
    is_fifo, has_groups = ref.is_fifo, False
    for message, random in zip(messages, randoms, strict=True):
        key: tuple[bytes | str | int, ...] = ()
        if is_fifo:
            message, key = _in_fifo(session, message)
        gid = b""
        if message.group is not None:
            gid, has_groups = session.ids.group(message.group), True
        ttl = message.ttl_seconds or (_OWN_TTL_OF_THE_QUEUE if zaqar else 0)
        arguments += (
            records.pack(message, random=random, own_ttl=ttl != 0, gid=gid),
            -1 if message.size_bytes is None else message.size_bytes,
            -1 if message.delay_seconds is None else message.delay_seconds,
            ttl,
            *key,
        )
    return randoms, has_groups


def _in_fifo(session: Session, message: NewMessage) -> tuple[NewMessage, tuple[bytes, int]]:
    """The message with its group, which is its client where it has none, and its key for deduplication."""
    given, group = message.dedup_id, message.group
    key = given if given is not None else hashlib.sha256(message.body).hexdigest()
    if group is None:
        group = str(UUID(bytes=message.client_id)) if message.client_id else ""
    complete = replace(message, group=group, dedup_id=records.NOT_GIVEN if given is None else given)
    return complete, (session.ids.key(key.encode()), int(given is not None))


def receive(
    session: Session,
    ref: QueueRef,
    *,
    max_messages: int,
    visibility_seconds: int | None = None,
    wait_seconds: int | None = None,
    attempt_id: str | None = None,
) -> list[StoredMessage]:
    """Lease up to ``max_messages`` and count a receive for each. Every message carries a receipt.

    None for visibility or wait means the queue's own. An empty queue is waited on, without the execution slot. In a
    FIFO queue a receive under the ``attempt_id`` of one less than five minutes ago gives the same messages again.
    Raises QueueNotFound (also when the queue is deleted meanwhile), InFlightLimitReached.
    """
    # A queue has rarely a wait of its own: where nobody asked for one, a waiter is made only when it shows to have.
    waiter = session.waiting.enter() if wait_seconds else None
    try:
        visibility_ms = -1 if visibility_seconds is None else visibility_seconds * 1000
        wait_ms = -1 if wait_seconds is None else wait_seconds * 1000 if waiter else 0
        fixed = (max_messages, visibility_ms, os.urandom(8).hex(), session.settings.max_in_flight)
        attempt = () if attempt_id is None else (session.ids.key(attempt_id.encode()),)
        began, leaving, deadline = b"", 0, 0.0
        while True:
            arguments: list[bytes | str | int] = [*fixed, wait_ms]
            if waiter is not None or attempt:
                arguments += (waiter.member if waiter else "", began, leaving, *attempt)
            found = _look(session, ref, arguments)
            if not isinstance(found, _Empty):
                return found
            if found.again:
                continue
            if leaving or found.wait_ms == 0:
                return []
            if waiter is None:
                waiter = session.waiting.enter() if wait_seconds is None else None
                if waiter is None:
                    return []
                continue
            if not began:
                began, deadline = found.incarnation, time.monotonic() + found.wait_ms / 1000
            left = deadline - time.monotonic()
            with session.asleep():
                session.waiting.nap(waiter, min(left, found.due_ms / 1000 + 0.001) if found.due_ms >= 0 else left)
            left = deadline - time.monotonic()
            leaving = int(left <= 0 or session.waiting.is_released)
            wait_ms = max(int(left * 1000), 1)
    finally:
        if waiter is not None:
            session.waiting.leave(waiter)


class _Empty(NamedTuple):
    """A receive that found nothing: the wait in force, when the next message is due (-1: not known), and whether more
    would be found by looking again at once."""

    incarnation: bytes
    wait_ms: int
    due_ms: int
    again: int


def _look(session: Session, ref: QueueRef, arguments: list[bytes | str | int]) -> list[StoredMessage] | _Empty:
    """One run of the receive script. Raises QueueNotFound, InFlightLimitReached."""
    try:
        reply = session.run(_RECEIVE, ref, arguments)
    except ScriptFailed as failed:
        if failed.word == "OVERLIMIT":
            raise InFlightLimitReached(session.settings.max_in_flight) from None
        raise QueueNotFound from None
    if not isinstance(reply, bytes):
        incarnation, intents, *rest = reply
        if intents:
            dead_letters.finish_moves(session, ref)
        return _Empty(incarnation, *rest)
    found, intents = read_received(session, reply)
    if intents:
        dead_letters.finish_moves(session, ref)
    return found


def read_received(session: Session, reply: bytes) -> tuple[list[StoredMessage], int]:
    """The messages in the receive script's reply, and how many moves it began."""
    incarnation, now_ms, keep, intents = _RECEIVED.unpack_from(reply)
    life = bytes.fromhex(incarnation.decode())
    found, at = [], _RECEIVED.size
    while at < len(reply):
        sequence, state_bytes, record_bytes = _RECEIVED_ROW.unpack_from(reply, at)
        state_at = at + _RECEIVED_ROW.size
        record_at = state_at + state_bytes
        at = record_at + record_bytes
        row = (sequence, reply[record_at:at], reply[state_at:record_at])
        found.append(reading.received(session, row, now_ms=now_ms, keep_seconds=keep, incarnation=life))
    return found, intents


def change_visibility(
    session: Session, ref: QueueRef, changes: Sequence[tuple[Receipt, int]]
) -> list[CoreError | None]:
    """Each lease ends so many seconds from now (0: at once), or has its own error. One round trip.

    Outcomes: None, NotInFlight, LeaseExpired, VisibilityTooLong, ReceiptInvalid. Raises QueueNotFound.
    """
    outcomes: dict[bytes, CoreError | None] = {
        b"OK": None,
        b"NOTINFLIGHT": NotInFlight(),
        b"EXPIRED": LeaseExpired(),
    }
    found: list[CoreError | None] = [ReceiptInvalid()] * len(changes)
    for incarnation, places in _by_incarnation([receipt for receipt, _ in changes]).items():
        arguments: list[bytes | str | int] = [incarnation.hex()]
        for place in places:
            receipt, seconds = changes[place]
            arguments += (receipt.sequence, receipt.nonce.hex(), seconds * 1000, receipt.received_ms)
        try:
            words = session.run(_CHANGE_VISIBILITY, ref, arguments)
        except ScriptFailed as failed:
            if failed.word == "NOQUEUE":
                raise QueueNotFound from None
            continue
        for place, word in zip(places, words, strict=True):
            found[place] = VisibilityTooLong(changes[place][1]) if word == b"TOOLONG" else outcomes[word]
    return found


def delete_received(session: Session, ref: QueueRef, receipts: Sequence[Receipt]) -> list[CoreError | None]:
    """Each message is gone, or was already (None), or has its own error. One round trip.

    Outcomes: None, LeaseExpired (FIFO), ReceiptInvalid. Raises QueueNotFound.
    """
    found: list[CoreError | None] = [None] * len(receipts)
    for incarnation, places in _by_incarnation(receipts).items():
        arguments: list[bytes | str | int] = [incarnation.hex()]
        for place in places:
            arguments.append(receipts[place].sequence)
            if ref.is_fifo:
                arguments.append(receipts[place].nonce.hex())
        try:
            reply = session.run(_DELETE_RECEIVED, ref, arguments)
        except ScriptFailed as failed:
            if failed.word == "NOQUEUE":
                raise QueueNotFound from None
            for place in places:
                found[place] = ReceiptInvalid()
            continue
        if ref.is_fifo:
            for place, word in zip(places, reply, strict=True):
                found[place] = LeaseExpired() if word == b"EXPIRED" else None
    return found


def _by_incarnation(receipts: Sequence[Receipt]) -> dict[bytes, list[int]]:
    """Positions of the receipts by the life of the queue they speak of: nearly always one."""
    found: dict[bytes, list[int]] = {}
    for place, receipt in enumerate(receipts):
        found.setdefault(receipt.incarnation, []).append(place)
    return found


def list_page(
    session: Session,
    ref: QueueRef,
    *,
    marker: str | None,
    limit: int,
    except_client_id: bytes | None,
    include_claimed: bool,
    include_delayed: bool,
) -> Page:
    """The next messages in order, oldest first; nothing is changed. The page is full if enough match.

    ``marker`` is a Page's marker or a message id; it goes on working after that message is gone. A marker of another
    form, and a missing queue, give an empty page.
    """
    after = _sequence_after(session, ref, marker)
    if after is None:
        return Page([], None)
    found: list[StoredMessage] = []
    while True:
        arguments: list[bytes | str | int] = [
            after, limit - len(found), int(include_claimed), int(include_delayed), except_client_id or b"",
        ]  # fmt: skip
        try:
            now_ms, keep, after, more, *rows = session.run(_LIST, ref, arguments)
        except ScriptFailed:
            return Page([], None)
        found += [reading.message(session, row, now_ms=now_ms, keep_seconds=keep) for row in rows]
        if len(found) >= limit or not more:
            return Page(found, str(found[-1].sequence) if found else None)


def _sequence_after(session: Session, ref: QueueRef, marker: str | None) -> int | None:
    if marker is None:
        return 0
    if marker.isascii() and marker.isdigit() and len(marker) <= 15:
        return int(marker)
    place = session.ids.decode(marker)
    if place is None:
        return None
    here = get_many(session, ref, [marker])
    return here[0].sequence if here else place.sequence


def get_many(session: Session, ref: QueueRef, ids: Sequence[str]) -> list[StoredMessage]:
    """Those of the ids that are in the queue, in the order asked for; held and delayed ones too. One round trip."""
    arguments = _places(session, ids)
    if not arguments:
        return []
    try:
        now_ms, keep, *rows = session.run(_LOOKUP, ref, arguments)
    except ScriptFailed:
        return []
    return [reading.message(session, row, now_ms=now_ms, keep_seconds=keep) for row in rows if row]


def delete_by_id(session: Session, ref: QueueRef, message_id: str, *, claim_id: str | None) -> None:
    """The message is gone, or was already; a missing queue is no error.

    Raises MessageClaimed (held, no claim named), ClaimNotFound (no such live claim, or not an id), MessageNotClaimed,
    ClaimedByAnother.
    """
    _delete(session, ref, "one", [message_id], [claim_id] if claim_id is not None else [])


def delete_many(session: Session, ref: QueueRef, ids: Sequence[str], *, claim_ids: Sequence[str] | None = None) -> None:
    """All those messages are gone, also held ones. With ``claim_ids`` all or nothing: each held message must be held
    by one of them. Unknown ids are passed over. Raises ClaimNotFound, ClaimedByAnother."""
    _delete(session, ref, "many", ids, claim_ids or [])


_DELETION_FAILURES: dict[str, type[CoreError]] = {
    "CLAIMED": MessageClaimed,
    "NOCLAIM": ClaimNotFound,
    "NOTCLAIMED": MessageNotClaimed,
    "OTHERCLAIM": ClaimedByAnother,
}


def _delete(session: Session, ref: QueueRef, mode: str, ids: Sequence[str], claim_ids: Sequence[str]) -> None:
    named = [reading.claim_hex(text) for text in claim_ids]
    if None in named:
        raise ClaimNotFound
    places = _places(session, ids)
    if not places and not named:
        return
    arguments = [mode, ",".join(text for text in named if text), *places]
    try:
        session.run(_DELETE_BY_ID, ref, arguments)
    except ScriptFailed as failed:
        if failed.word in _DELETION_FAILURES:
            raise _DELETION_FAILURES[failed.word] from None


def _places(session: Session, ids: Sequence[str]) -> list[bytes | str | int]:
    """Three arguments for each id of our form; others name no message."""
    arguments: list[bytes | str | int] = []
    for text in ids:
        place = session.ids.decode(text)
        if place is not None:
            arguments += (place.sequence, place.random, place.id)
    return arguments


def pop(session: Session, ref: QueueRef, *, limit: int) -> list[StoredMessage]:
    """The oldest free messages, deleted in the same step. Each counts as a receive for the dead-letter rule.

    A missing queue gives an empty list.
    """
    while True:
        try:
            now_ms, keep, intents, again, *rows = session.run(_POP, ref, [limit])
        except ScriptFailed:
            return []
        if intents:
            dead_letters.finish_moves(session, ref)
        if rows or not again:
            return [reading.message(session, row, now_ms=now_ms, keep_seconds=keep) for row in rows]
