"""Messages: send, receive, extend, delete, list, look up, pop."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence

from zaqar_core import dead_letters, limits, queues, reading
from zaqar_core.core import Session
from zaqar_core.errors import (
    ClaimedByAnother,
    ClaimNotFound,
    CoreError,
    InFlightLimitReached,
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
from zaqar_core.store import ScriptFailed, keys, records, script

_SEND = script("send")
_RECEIVE = script("receive")
_CHANGE_VISIBILITY = script("change_visibility")
_DELETE_RECEIVED = script("delete_received")
_LIST = script("list")
_LOOKUP = script("lookup", writes=False)
_DELETE_BY_ID = script("delete_by_id")
_POP = script("pop")

_OWN_TTL_OF_THE_QUEUE = -1


def send(session: Session, ref: QueueRef, messages: Sequence[NewMessage]) -> list[Sent | MessageTooLong]:
    """Each message is in the queue, in this order, or has its own MessageTooLong. One round trip. SQS's way.

    Raises QueueNotFound.
    """
    arguments: list[bytes | str | int] = ["s", 0, limits.MESSAGE_BYTES]
    randoms = _add_records(arguments, messages, zaqar=False)
    try:
        reply = session.store.run(_SEND, keys.queue(ref), arguments)
    except ScriptFailed:
        raise QueueNotFound from None
    encode = session.ids.encode
    return [
        Sent(encode(seq, random), seq) if seq > 0 else MessageTooLong(-seq)
        for seq, random in zip(reply, randoms, strict=True)
    ]


def post(session: Session, ref: QueueRef, messages: Sequence[NewMessage], *, post_bytes: int) -> list[Sent]:
    """All messages are in the queue, or none. A missing queue is made first. Zaqar's way.

    Messages must carry their own ttl where the client gave one; where it is None the queue's default at this moment
    is fixed to the message. ``delay_seconds`` of a message is ignored on a queue whose own delay is 0 or unset.
    ``post_bytes`` is the length of the whole HTTP body. Raises PostTooLong.
    """
    arguments: list[bytes | str | int] = ["z", post_bytes, session.settings.max_messages_post_size]
    randoms = _add_records(arguments, messages, zaqar=True)
    while True:
        try:
            reply = session.store.run(_SEND, keys.queue(ref), arguments)
            break
        except ScriptFailed as failed:
            if failed.word == "POSTTOOLONG":
                raise PostTooLong(int(failed.detail)) from None
            queues.create(session, ref, QueueSettings(), creator="zaqar")
    encode = session.ids.encode
    return [Sent(encode(seq, random), seq) for seq, random in zip(reply, randoms, strict=True)]


def _add_records(arguments: list[bytes | str | int], messages: Sequence[NewMessage], *, zaqar: bool) -> list[bytes]:
    """Append each message's four arguments; the random bytes that will be part of each id."""
    pool = os.urandom(8 * len(messages))
    randoms = [pool[at : at + 8] for at in range(0, len(pool), 8)]
    for message, random in zip(messages, randoms, strict=True):
        ttl = message.ttl_seconds or (_OWN_TTL_OF_THE_QUEUE if zaqar else 0)
        arguments += (
            records.pack(message, random=random, own_ttl=ttl != 0),
            -1 if message.size_bytes is None else message.size_bytes,
            -1 if message.delay_seconds is None else message.delay_seconds,
            ttl,
        )
    return randoms


def receive(
    session: Session,
    ref: QueueRef,
    *,
    max_messages: int,
    visibility_seconds: int | None = None,
    wait_seconds: int | None = None,
) -> list[StoredMessage]:
    """Lease up to ``max_messages`` and count a receive for each. Every message carries a receipt.

    None for visibility or wait means the queue's own. An empty queue is waited on, without the execution slot.
    Raises QueueNotFound (also when the queue is deleted meanwhile), InFlightLimitReached.
    """
    waiter = session.waiting.enter() if wait_seconds != 0 else None
    try:
        nonce = os.urandom(8)
        visibility_ms = -1 if visibility_seconds is None else visibility_seconds * 1000
        wait_ms = (-1 if wait_seconds is None else wait_seconds * 1000) if waiter else 0
        began, leaving, deadline = b"", False, 0.0
        while True:
            arguments: list[bytes | str | int] = [
                max_messages, visibility_ms, nonce.hex(), waiter.member if waiter else "", wait_ms,
                session.settings.max_in_flight, began, int(leaving),
            ]  # fmt: skip
            try:
                reply = session.store.run(_RECEIVE, keys.queue(ref), arguments)
            except ScriptFailed as failed:
                if failed.word == "OVERLIMIT":
                    raise InFlightLimitReached(session.settings.max_in_flight) from None
                raise QueueNotFound from None
            if reply[0] == 1:
                _, incarnation, now_ms, keep, intents, *rows = reply
                if intents:
                    dead_letters.finish_moves(session, ref)
                life = bytes.fromhex(incarnation.decode())
                return [
                    reading.received(session, row, now_ms=now_ms, keep_seconds=keep, incarnation=life, nonce=nonce)
                    for row in rows
                ]
            _, incarnation, intents, wait_in_force_ms, due_ms, again = reply
            if intents:
                dead_letters.finish_moves(session, ref)
            if again:
                continue
            if waiter is None or leaving or wait_in_force_ms == 0:
                return []
            if not began:
                began, deadline = incarnation, time.monotonic() + wait_in_force_ms / 1000
            left = deadline - time.monotonic()
            with session.asleep():
                session.waiting.nap(waiter, min(left, due_ms / 1000 + 0.001) if due_ms >= 0 else left)
            left = deadline - time.monotonic()
            leaving = left <= 0 or session.waiting.is_released
            wait_ms = max(int(left * 1000), 1)
    finally:
        if waiter is not None:
            session.waiting.leave(waiter)


def change_visibility(
    session: Session, ref: QueueRef, changes: Sequence[tuple[Receipt, int]]
) -> list[CoreError | None]:
    """Each lease ends so many seconds from now (0: at once), or has its own error. One round trip.

    Outcomes: None, NotInFlight, LeaseExpired, VisibilityTooLong, ReceiptInvalid. Raises QueueNotFound.
    """
    outcomes: dict[bytes, CoreError | None] = {
        b"OK": None,
        b"NOTINFLIGHT": NotInFlight(),
        b"TOOLONG": VisibilityTooLong(),
    }
    found: list[CoreError | None] = [ReceiptInvalid()] * len(changes)
    for incarnation, places in _by_incarnation([receipt for receipt, _ in changes]).items():
        arguments: list[bytes | str | int] = [incarnation.hex()]
        for place in places:
            receipt, seconds = changes[place]
            arguments += (receipt.sequence, receipt.nonce.hex(), seconds * 1000, receipt.received_ms)
        try:
            words = session.store.run(_CHANGE_VISIBILITY, keys.queue(ref), arguments)
        except ScriptFailed as failed:
            if failed.word == "NOQUEUE":
                raise QueueNotFound from None
            continue
        for place, word in zip(places, words, strict=True):
            found[place] = outcomes[word]
    return found


def delete_received(session: Session, ref: QueueRef, receipts: Sequence[Receipt]) -> list[CoreError | None]:
    """Each message is gone, or was already (None), or has its own error. One round trip.

    Outcomes: None, LeaseExpired (FIFO), ReceiptInvalid. Raises QueueNotFound.
    """
    found: list[CoreError | None] = [None] * len(receipts)
    for incarnation, places in _by_incarnation(receipts).items():
        arguments: list[bytes | str | int] = [incarnation.hex(), *(receipts[place].sequence for place in places)]
        try:
            session.store.run(_DELETE_RECEIVED, keys.queue(ref), arguments)
        except ScriptFailed as failed:
            if failed.word == "NOQUEUE":
                raise QueueNotFound from None
            for place in places:
                found[place] = ReceiptInvalid()
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
            now_ms, keep, after, more, *rows = session.store.run(_LIST, keys.queue(ref), arguments)
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
        now_ms, keep, *rows = session.store.run(_LOOKUP, keys.queue(ref), arguments)
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
        session.store.run(_DELETE_BY_ID, keys.queue(ref), arguments)
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
            now_ms, keep, intents, again, *rows = session.store.run(_POP, keys.queue(ref), [limit])
        except ScriptFailed:
            return []
        if intents:
            dead_letters.finish_moves(session, ref)
        if rows or not again:
            return [reading.message(session, row, now_ms=now_ms, keep_seconds=keep) for row in rows]
