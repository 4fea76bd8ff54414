"""Deliveries in the store: what is to be told to whom, who works on it, and what became of it.

A message that is sent to a queue with subscriptions goes into the queue's outbox in the same atomic step. The scripts
here make one delivery of it for each subscription, lease deliveries to processes, and forget them once they have
arrived or failed for good. See lua/shared/notices.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from zaqar_core.core import stored_messages
from zaqar_core.core.session import Session
from zaqar_core.domain.errors import QueueNotFound
from zaqar_core.domain.model import StoredMessage, Subscription
from zaqar_core.domain.names import QueueRef
from zaqar_core.store import ScriptFailed, keys, script

_TAKE = script("notify_take")
_DONE = script("notify_done")
_FAILED = script("notify_failed", writes=False)

#: How long a bell hangs in the store: a process looks again before that.
BELL_MS = 30_000
_PARTS = 3
#: The name of a line that is the whole queue.
_WHOLE_QUEUE = b"~"

_log = logging.getLogger("sqs_facade.notifications")

#: ``confirm``: the subscriber is asked to confirm. ``cancelled``: it is told that it did not, or not any more.
DeliveryKind = Literal["message", "confirm", "cancelled"]
_KINDS: dict[bytes, DeliveryKind] = {b"m": "message", b"a": "confirm", b"b": "cancelled"}

#: What became of a delivery. ``again`` and ``at_once``: it failed, and is tried again outside of the order, or at its
#: place; ``back`` and ``skipped``: it was not tried, and will be at its place, or outside of the order.
Word = Literal["done", "failed", "again", "at_once", "back", "skipped"]


@dataclass(slots=True)
class Told:
    """A message as a subscriber is told of it. ``delay_seconds`` None: none was given."""

    message: StoredMessage
    ttl_seconds: int
    delay_seconds: int | None


@dataclass(slots=True)
class Delivery:
    """One thing to tell one subscriber. ``told`` is there for messages. ``tries`` are those that failed."""

    key: bytes
    ref: QueueRef
    kind: DeliveryKind
    tries: int
    subscription: Subscription
    told: Told | None


@dataclass(slots=True)
class Outcome:
    """What became of a delivery of that queue. ``delay_ms``: until it is tried again; ``reason``: why it failed."""

    ref: QueueRef
    key: bytes
    word: Word
    delay_ms: int = 0
    reason: str = ""


@dataclass(slots=True)
class Leased:
    """Deliveries of one line, to be tried one after the other: see lua/shared/lines.

    ``is_whole_queue``: all messages of the queue are one line, not only those of each post. ``unreadable`` are keys of
    deliveries that cannot be read here; the log says why.
    """

    is_whole_queue: bool
    deliveries: list[Delivery] = field(default_factory=list)
    unreadable: list[bytes] = field(default_factory=list)


@dataclass(slots=True)
class Taken:
    """``wait_seconds`` until it is worth while to ask again; None: when the bell rings."""

    runs: list[Leased]
    wait_seconds: float | None


@dataclass(slots=True)
class Undelivered:
    """A notification that failed for good. ``told`` is there for messages."""

    subscription_id: str
    subscriber: str
    kind: DeliveryKind
    tries: int
    age_seconds: int
    reason: str
    told: Told | None


class _Packed(msgspec.Struct, array_like=True):
    at_ms: int
    subscription_id: str
    subscriber: str
    place: str
    tries: int
    reason: str


_decode = msgspec.msgpack.Decoder(_Packed).decode
#: Digits that tell the length of a _Packed.
_LENGTH_BYTES = 8


def take(
    session: Session, ref: QueueRef, *, token: str, bell: str, lease_ms: int, most: int, whole_queue: str
) -> Taken | None:
    """Lease runs of deliveries, ``most`` at most, to this process. None: the queue has neither subscriptions nor
    deliveries. ``bell`` is hung in the store where there is nothing left to take.

    Subscribers whose URI begins with ``whole_queue`` get all messages of the queue in one order.
    """
    only_confirmed = int(session.settings.require_confirmation)
    try:
        reply = session.run(_TAKE, ref, [token, lease_ms, most, only_confirmed, bell, BELL_MS, whole_queue])
    except ScriptFailed:
        reply = [-2, 0]
    wait_ms, now_ms, *runs = reply
    if wait_ms == -2:
        session.store.command("SREM", keys.NOTIFICATIONS, keys.address(ref))
        return None
    leased = [_leased(session, ref, now_ms, *run) for run in runs]
    return Taken(leased, None if wait_ms == -1 else wait_ms / 1000)


def _leased(session: Session, ref: QueueRef, now_ms: int, record: bytes, line: bytes, *flat: Any) -> Leased:
    leased = Leased(line == _WHOLE_QUEUE)
    for at in range(0, len(flat), _PARTS):
        key, tries, entry = flat[at : at + _PARTS]
        try:
            leased.deliveries.append(_delivery(session, ref, now_ms, key, tries, entry, record))
        except Exception:  # one that cannot be read must not stop the others
            _log.exception("a notification of queue %s cannot be read", ref.name)
            leased.unreadable.append(key)
    return leased


def _delivery(
    session: Session, ref: QueueRef, now_ms: int, key: bytes, tries: int, entry: bytes, record: bytes
) -> Delivery:
    subscription = stored_messages.subscription(key[:36], record, now_ms=now_ms)
    told = _told(session, ref, key[37:], entry, now_ms) if entry else None
    return Delivery(key, ref, _KINDS[key[36:37]], tries, subscription, told)


def _told(session: Session, ref: QueueRef, seq: bytes, entry: bytes, now_ms: int) -> Told:
    delay, ttl, record = entry.split(b"|", 2)
    message = stored_messages.message(session, ref, [seq, record, b""], now_ms=now_ms, keep_seconds=int(ttl))
    return Told(message, int(ttl), None if delay == b"-1" else int(delay))


def finish(session: Session, ref: QueueRef, token: str, outcomes: Sequence[Outcome]) -> frozenset[str]:
    """Report to the store what became of deliveries. Return those of their subscriptions that have ended."""
    arguments: list[bytes | str | int] = [token]
    for outcome in outcomes:
        arguments += (outcome.key, outcome.word, outcome.delay_ms, outcome.reason)
    try:
        return frozenset(one.decode() for one in session.run(_DONE, ref, arguments))
    except ScriptFailed:  # the queue was deleted
        return frozenset(outcome.key[:36].decode() for outcome in outcomes)


def undelivered(session: Session, ref: QueueRef, *, after: int, limit: int) -> tuple[int, list[Undelivered]]:
    """How many notifications of the queue ever failed for good, and those of them that are kept, newest first.

    The newest thousand are kept, or fewer where they are large (16 MiB). Raises QueueNotFound.
    """
    try:
        now_ms, total, _, *rows = session.run(_FAILED, ref, [after, after + limit - 1])
    except ScriptFailed:
        raise QueueNotFound from None
    return total, [_undelivered(session, ref, row, now_ms) for row in rows]


def _undelivered(session: Session, ref: QueueRef, row: bytes, now_ms: int) -> Undelivered:
    end = _LENGTH_BYTES + int(row[:_LENGTH_BYTES])
    packed, entry = _decode(row[_LENGTH_BYTES:end]), row[end:]
    told = _told(session, ref, packed.place[1:].encode(), entry, now_ms) if entry else None
    return Undelivered(
        packed.subscription_id,
        packed.subscriber,
        _KINDS[packed.place[:1].encode()],
        packed.tries,
        max(0, (now_ms - packed.at_ms) // 1000),
        packed.reason,
        told,
    )


def enlist(session: Session, ref: QueueRef) -> None:
    """Every process's notifier will look at this queue, this one's at once."""
    session.store.command("SADD", keys.NOTIFICATIONS, keys.address(ref))
    session.notifications.put(ref)


def enlisted(session: Session) -> list[QueueRef]:
    """Queues that may have subscriptions, or something to tell."""
    return [keys.of_address(address.decode()) for address in session.store.command("SMEMBERS", keys.NOTIFICATIONS)]
