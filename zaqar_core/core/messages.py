"""Messages: send, post, list, read by id, delete by id, pop. Receives and their leases are in ``leases``.

FIFO deduplication begins in ``_in_fifo``, which computes a message's deduplication key; the function ``send`` and
``store/lua/fifo/dedup.lua`` remember the keys. Retention is a setting of the queue (see ``queues``) or a message's own
ttl; ``background.housekeeping`` removes expired messages.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from zaqar_core.core import claims, dead_letters, joinings, queues, stored_messages
from zaqar_core.core.session import Session
from zaqar_core.core.traffic import Event, received, sent_bytes
from zaqar_core.domain import limits
from zaqar_core.domain.digits import whole_number
from zaqar_core.domain.errors import (
    ClaimedByAnother,
    ClaimNotFound,
    CoreError,
    DeduplicationIdMissing,
    MessageClaimed,
    MessageNotClaimed,
    MessageTooLong,
    MessageUnreadable,
    PostTooLong,
    QueueNotFound,
    SettingsChanged,
    StoreUnavailable,
)
from zaqar_core.domain.model import NewMessage, Page, QueueSettings, Sent, StoredMessage
from zaqar_core.domain.names import QueueRef
from zaqar_core.domain.randomness import random_bytes
from zaqar_core.eventloop import hexdigest
from zaqar_core.store import ScriptFailed, keys, records, script

_SEND = script("send", joining=joinings.SENDS)
_LIST = script("list", returns_messages=True)
_LOOKUP = script("lookup", returns_messages=True)
_DELETE_BY_ID = script("delete_by_id", joining=joinings.DELETIONS_BY_ID)
_POP = script("pop", returns_messages=True)

_OWN_TTL_OF_THE_QUEUE = -1
_log = logging.getLogger("sqs_facade.messages")
#: Tries of a send while the queue's encryption is being turned on or off.
_MOST_CHANGES = 8
#: Lease of messages that are popped from a queue with encryption, until they are deleted.
_POP_SECONDS = 60


def send(session: Session, ref: QueueRef, messages: Sequence[NewMessage]) -> list[Sent | MessageTooLong]:
    """Send messages in this order, as SQS does; return MessageTooLong for each that is too long. One round trip.

    In a FIFO queue every message must have a group. If a message with the same deduplication id (or, in a content-based
    queue, with the same body and no id) was sent within ``limits.DEDUPLICATION_SECONDS``, nothing is stored, and that
    first message is returned.
    Raises QueueNotFound, DeduplicationIdMissing, EncryptionKeyMissing, AccountFull (nothing was sent).
    """
    try:
        reply, randoms = _run_send(session, ref, "s", 0, limits.MESSAGE_BYTES, messages)
    except ScriptFailed as failed:
        raise (DeduplicationIdMissing if failed.word == "NODEDUP" else QueueNotFound) from None
    found = _sent(session, reply, randoms)
    stored = messages
    if reply.__class__ is not int:  # not all of them are stored, perhaps
        stored = [one for one, sent in zip(messages, found, strict=True) if isinstance(sent, Sent)]
    if stored:
        session.traffic.count(ref, Event.SENT, len(stored), sent_bytes(stored))
    return found


def _run_send(
    session: Session, ref: QueueRef, mode: str, post_bytes: int, limit: int, messages: Sequence[NewMessage]
) -> tuple[Any, list[bytes]]:
    """Run the send function; return its reply and each message's random bytes.

    One round trip, or more if this process has not noticed a change of the queue's encryption. Raises ScriptFailed,
    EncryptionKeyMissing, AccountFull.
    """
    if session.quotas is not None:
        session.quotas.require_room(ref.project)
    encrypted, key = session.encrypted, keys.queue(ref)
    for _ in range(_MOST_CHANGES):
        seal = session.keyring.seal if encrypted and key in encrypted else None
        arguments: list[bytes | str | int] = [mode if seal is None else mode.upper(), post_bytes, limit]
        randoms, has_groups = _add_records(session, ref, arguments, messages, zaqar=mode == "z", seal=seal)
        try:
            return session.run(_SEND, ref, arguments, has_groups=has_groups), randoms
        except ScriptFailed as failed:
            if failed.word not in ("ENCRYPTED", "PLAIN"):
                raise
            session.remember_encryption(ref, is_encrypted=failed.word == "ENCRYPTED")
    raise SettingsChanged


def outcomes(reply: int | list[Any], count: int) -> Sequence[Any]:
    """Return the outcome of each of ``count`` messages in the reply of the send function.

    It is the message's seq; minus the limit that it is longer than; or seq and random bytes of its first copy.
    """
    return reply if isinstance(reply, list) else range(reply - count + 1, reply + 1)


def _sent(session: Session, reply: int | list[Any], randoms: Sequence[bytes]) -> list[Sent | MessageTooLong]:
    """Decode the reply of the send function; ``randoms`` are the random bytes of the messages."""
    encode = session.ids.encode
    if isinstance(reply, int):  # all are stored
        return [Sent(encode(number, one), number) for number, one in enumerate(randoms, reply - len(randoms) + 1)]
    found: list[Sent | MessageTooLong] = []
    for outcome, random in zip(reply, randoms, strict=True):
        if outcome.__class__ is not int:
            sequence, first_random = outcome
            found.append(Sent(encode(sequence, first_random), sequence))
        elif outcome < 0:
            found.append(MessageTooLong(-outcome))
        else:
            found.append(Sent(encode(outcome, random), outcome))
    return found


def post(
    session: Session, ref: QueueRef, messages: Sequence[NewMessage], *, post_bytes: int, creates: bool = True
) -> list[Sent]:
    """Post all messages or none, as Zaqar does. With ``creates`` a missing queue is created first.

    A message without a ttl keeps the present default ttl of the queue. ``delay_seconds`` of a message is ignored on a
    queue whose own delay is 0 or unset. ``post_bytes`` is the length of the whole HTTP body. In a FIFO queue the
    Client-ID is the group, and only a content-based queue deduplicates. Raises PostTooLong, EncryptionKeyMissing,
    AccountFull, and QueueNotFound without ``creates``.
    """
    limit = session.settings.max_messages_post_size
    while True:
        try:
            reply, randoms = _run_send(session, ref, "z", post_bytes, limit, messages)
            break
        except ScriptFailed as failed:
            if failed.word == "POSTTOOLONG":
                raise PostTooLong(int(failed.detail)) from None
            if not creates:
                raise QueueNotFound from None
            queues.create(session, ref, QueueSettings(), creator="zaqar")
    session.traffic.count(ref, Event.SENT, len(messages), sent_bytes(messages))
    return [one for one in _sent(session, reply, randoms) if isinstance(one, Sent)]


def _add_records(
    session: Session,
    ref: QueueRef,
    arguments: list[bytes | str | int],
    messages: Sequence[NewMessage],
    *,
    zaqar: bool,
    seal: Callable[[bytes, bytes], bytes] | None,
) -> tuple[list[bytes], bool]:
    """Append each message's arguments; return the random bytes of each id, and whether any message has a group."""
    if session.trace is not None:
        messages = session.trace.carried(messages)
    randoms = [random_bytes() for _ in messages]
    is_fifo, has_groups, project = ref.is_fifo, False, ref.project
    for message, random in zip(messages, randoms, strict=True):
        key: tuple[bytes | str | int, ...] = ()
        if is_fifo:
            message, key = _in_fifo(session, message)
        gid = b""
        if message.group is not None:
            gid, has_groups = session.ids.group(message.group), True
        ttl = message.ttl_seconds or (_OWN_TTL_OF_THE_QUEUE if zaqar else 0)
        arguments += (
            records.pack(message, random=random, own_ttl=ttl != 0, gid=gid, seal=seal, project=project),
            _numbers(message.size_bytes, message.delay_seconds, ttl),
            *key,
        )
    return randoms, has_groups


@lru_cache(maxsize=4096)
def _numbers(size: int | None, delay: int | None, ttl: int) -> bytes:
    """Return size, delay and ttl as one argument. The same numbers return often; to format them takes 0.4 µs."""
    return b"%d %d %d" % (-1 if size is None else size, -1 if delay is None else delay, ttl)


def _in_fifo(session: Session, message: NewMessage) -> tuple[NewMessage, tuple[bytes, int]]:
    """Return the message with its group, by default its Client-ID, and the arguments for FIFO deduplication."""
    given, group = message.dedup_id, message.group
    key = given if given is not None else hexdigest(hashlib.sha256, message.body)
    if group is None:
        group = str(UUID(bytes=message.client_id)) if message.client_id else ""
    complete = replace(message, group=group, dedup_id=records.NOT_GIVEN if given is None else given)
    return complete, (session.ids.key(key.encode()), int(given is not None))


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
    """Return the next messages, oldest first, without changing them. The page is full if enough messages match.

    ``marker`` is a Page's marker or a message id; it stays valid after that message is deleted. A malformed marker or a
    missing queue gives an empty page. Messages that cannot be decrypted are left out; raises MessageUnreadable if no
    other message is found.
    """
    after = _sequence_after(session, ref, marker)
    if after is None:
        return Page([], None)
    found: list[StoredMessage] = []
    problem: MessageUnreadable | None = None
    while True:
        arguments: list[bytes | str | int] = [
            after, limit - len(found), int(include_claimed), int(include_delayed), except_client_id or b"",
        ]  # fmt: skip
        try:
            now_ms, keep, after, has_more, *rows = session.run(_LIST, ref, arguments)
        except ScriptFailed:
            return Page([], None)
        try:
            found += stored_messages.messages(session, ref, rows, now_ms=now_ms, keep_seconds=keep)
        except MessageUnreadable as unreadable:
            problem = unreadable
        if len(found) >= limit or not has_more:
            if problem is not None and not found:
                raise problem
            return Page(found, str(found[-1].sequence) if found else None)


def _sequence_after(session: Session, ref: QueueRef, marker: str | None) -> int | None:
    if marker is None:
        return 0
    sequence = whole_number(marker, most=15)
    if sequence is not None:
        return sequence
    position = session.ids.decode(marker)
    if position is None:
        return None
    *_, rows = _look_up(session, ref, [marker])
    return int(rows[0][0]) if rows else position.sequence


def get_many(session: Session, ref: QueueRef, ids: Sequence[str]) -> list[StoredMessage]:
    """Return the messages with these ids that exist, in the order of ``ids``, including held and delayed ones.

    One round trip. Messages that cannot be decrypted are left out; raises MessageUnreadable if no other is found.
    """
    now_ms, keep, rows = _look_up(session, ref, ids)
    return stored_messages.messages(session, ref, rows, now_ms=now_ms, keep_seconds=keep)


def _look_up(session: Session, ref: QueueRef, ids: Sequence[str]) -> tuple[int, int, list[Any]]:
    """Return the store's time, the queue's retention, and the row of each message that exists."""
    arguments = _positions(session, ids)
    if not arguments:
        return 0, 0, []
    try:
        now_ms, keep, *rows = session.run(_LOOKUP, ref, arguments)
    except ScriptFailed:
        return 0, 0, []
    return now_ms, keep, [row for row in rows if row]


def delete_by_id(session: Session, ref: QueueRef, message_id: str, *, claim_id: str | None) -> None:
    """Delete the message. A message already deleted or a missing queue is no error, whatever the claim.

    The claim must hold the message, or have been the last one that held it. Raises ClaimNotFound (not a claim id,
    or no such claim), MessageClaimed (held, but no claim named), MessageNotClaimed, ClaimedByAnother.
    """
    _delete(session, ref, "one", [message_id], [claim_id] if claim_id is not None else [])


def delete_many(session: Session, ref: QueueRef, ids: Sequence[str], *, claim_ids: Sequence[str] | None = None) -> None:
    """Delete the messages, including held ones. Messages already deleted are no error.

    With ``claim_ids`` delete all or none: for each message one of these claims must hold it, or have been the last one
    that held it. Raises ClaimNotFound, MessageNotClaimed, ClaimedByAnother.
    """
    _delete(session, ref, "many", ids, claim_ids or [])


_DELETION_FAILURES: dict[str, type[CoreError]] = {
    "CLAIMED": MessageClaimed,
    "NOCLAIM": ClaimNotFound,
    "NOTCLAIMED": MessageNotClaimed,
    "OTHERCLAIM": ClaimedByAnother,
}


def _delete(session: Session, ref: QueueRef, mode: str, ids: Sequence[str], claim_ids: Sequence[str]) -> None:
    named = [stored_messages.claim_hex(text) for text in claim_ids]
    if None in named:
        raise ClaimNotFound
    positions = _positions(session, ids)
    if not positions:
        return
    arguments = [mode, ",".join(text for text in named if text), *positions]
    try:
        deleted = session.run(_DELETE_BY_ID, ref, arguments)
    except ScriptFailed as failed:
        if failed.word in _DELETION_FAILURES:
            raise _DELETION_FAILURES[failed.word] from None
    else:
        session.traffic.count(ref, Event.DELETED, deleted)


def _positions(session: Session, ids: Sequence[str]) -> list[bytes | str | int]:
    """Return three arguments for each valid id. An invalid id matches no message and is left out."""
    arguments: list[bytes | str | int] = []
    for text in ids:
        position = session.ids.decode(text)
        if position is not None:
            arguments += (position.sequence, position.random, position.id)
    return arguments


def pop(session: Session, ref: QueueRef, *, limit: int) -> list[StoredMessage]:
    """Return and delete the oldest visible messages in one step. Each counts as a receive for the dead-letter rule.

    A missing queue returns an empty list. In a queue with encryption the messages are claimed first, and deleted after
    they were decrypted; they are returned even if the store then does not answer, and may be delivered again. Messages
    that cannot be decrypted stay; raises MessageUnreadable if no other message is found.
    """
    while True:
        try:
            now_ms, keep, intents, has_more, *rows = session.run(_POP, ref, [limit])
        except ScriptFailed as failed:
            return _pop_readable(session, ref, limit) if failed.word == "ENCRYPTED" else []
        if intents:
            dead_letters.finish_moves(session, ref)
        if rows:
            found = stored_messages.messages(session, ref, rows, now_ms=now_ms, keep_seconds=keep)
            received(session.traffic, ref, found)
            session.traffic.count(ref, Event.DELETED, len(rows))
            return found
        if not has_more:
            session.traffic.count(ref, Event.EMPTY_RECEIVE, 1)
            return []


def _pop_readable(session: Session, ref: QueueRef, limit: int) -> list[StoredMessage]:
    claim = claims.create(session, ref, ttl_seconds=_POP_SECONDS, grace_seconds=None, limit=limit)
    if claim is None:
        return []
    try:
        delete_many(session, ref, [one.id for one in claim.messages])
    except StoreUnavailable as problem:
        # They may be deleted: then only this call has them. If they are not, they are delivered once more.
        if not problem.is_logged:
            _log.warning("popped messages of queue %s may be delivered again: %s", ref.name, problem.reason)
    for one in claim.messages:
        one.claim_id = None
    return claim.messages
