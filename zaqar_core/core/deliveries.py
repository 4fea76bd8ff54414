"""Deliveries in the store: lease them to processes, and record their outcomes.

A message that is sent to a queue with subscriptions is written to the queue's outbox in the same atomic step. The
functions used here create one delivery of it for each subscription, lease deliveries to processes, and delete them when
they have arrived or failed for good: see lua/shared/deliveries. ``zaqar_core.notifications`` makes the deliveries.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from zaqar_core.core import stored_messages
from zaqar_core.core.session import Session
from zaqar_core.core.traffic import Event
from zaqar_core.domain.errors import QueueNotFound
from zaqar_core.domain.model import StoredMessage, Subscription
from zaqar_core.domain.names import QueueRef
from zaqar_core.store import ScriptFailed, keys, script

_TAKE = script("notify_take")
_DONE = script("notify_done")
_FAILED = script("notify_failed")

#: How long the store keeps a registered wake-up. A process takes deliveries again before that.
WAKEUP_MS = 30_000
_PARTS = 3
#: The name of a line that is the whole queue.
_WHOLE_QUEUE = b"~"

_log = logging.getLogger("sqs_facade.notifications")

#: ``confirm``: a request to confirm the subscription. ``cancelled``: a notification that the subscriber has not
#: confirmed, or has cancelled the confirmation.
DeliveryKind = Literal["message", "confirm", "cancelled"]
_KINDS: dict[bytes, DeliveryKind] = {b"m": "message", b"a": "confirm", b"b": "cancelled"}

#: Outcome of a delivery. ``retry_…``: it failed, and is tried again. ``untried_…``: this process did not try it.
#: ``…_in_line``: it keeps its position in its line. ``…_outside``: it leaves the line, which continues without it.
Word = Literal["done", "failed", "retry_in_line", "retry_outside", "untried_in_line", "untried_outside"]


@dataclass(slots=True)
class OutboxMessage:
    """A message of the outbox, as subscribers receive it. ``delay_seconds`` is None if the sender gave no delay."""

    message: StoredMessage
    ttl_seconds: int
    delay_seconds: int | None


@dataclass(slots=True)
class Delivery:
    """One delivery to one subscriber. ``outbox_message`` is set for kind ``message``. ``tries`` counts failed tries."""

    key: bytes
    ref: QueueRef
    kind: DeliveryKind
    tries: int
    subscription: Subscription
    outbox_message: OutboxMessage | None


@dataclass(slots=True)
class Outcome:
    """The outcome of a delivery. ``delay_ms`` is the time until the next try, ``reason`` the reason of the failure."""

    ref: QueueRef
    key: bytes
    word: Word
    delay_ms: int = 0
    reason: str = ""


@dataclass(slots=True)
class LeasedRun:
    """Leased deliveries of one line, in the order in which they must be made.

    ``is_whole_queue``: the line has all messages of the queue, not only those of one post. ``unreadable`` are keys of
    deliveries that this process cannot read; the reason is logged.
    """

    is_whole_queue: bool
    deliveries: list[Delivery] = field(default_factory=list)
    unreadable: list[bytes] = field(default_factory=list)


@dataclass(slots=True)
class Taken:
    """Leased runs. More may be due in ``wait_seconds``; None: after the registered wake-up."""

    runs: list[LeasedRun]
    wait_seconds: float | None


@dataclass(slots=True)
class Undelivered:
    """A notification that failed for good. ``outbox_message`` is set for kind ``message``."""

    subscription_id: str
    subscriber: str
    kind: DeliveryKind
    tries: int
    age_seconds: int
    reason: str
    outbox_message: OutboxMessage | None


class _Packed(msgspec.Struct, array_like=True):
    at_ms: int
    subscription_id: str
    subscriber: str
    source: str
    tries: int
    reason: str


#: What the outcome of a delivery counts as.
_EVENTS: dict[Word, int] = {
    "done": Event.NOTIFIED,
    "failed": Event.NOTIFICATION_FAILED,
    "retry_in_line": Event.NOTIFICATION_RETRIED,
    "retry_outside": Event.NOTIFICATION_RETRIED,
}
_decode = msgspec.msgpack.Decoder(_Packed).decode
#: Digits of the length that precedes a _Packed.
_LENGTH_BYTES = 8


def take(
    session: Session, ref: QueueRef, *, token: str, wakeup: str, lease_ms: int, most: int, whole_queue: str
) -> Taken | None:
    """Lease up to ``most`` runs of deliveries to this process; None if the queue has no subscriptions or deliveries.

    Where nothing is left to take, the store registers ``wakeup``, the member of a WakeupCallback. Subscribers whose URI
    begins with ``whole_queue`` get all messages of the queue in one line.
    """
    only_confirmed = int(session.settings.require_confirmation)
    try:
        reply = session.run(_TAKE, ref, [token, lease_ms, most, only_confirmed, wakeup, WAKEUP_MS, whole_queue])
    except ScriptFailed:
        reply = [-2, 0]
    wait_ms, now_ms, *runs = reply
    if wait_ms == -2:
        session.store.command("SREM", keys.NOTIFICATIONS, keys.address(ref))
        return None
    leased = [_leased(session, ref, now_ms, *run) for run in runs]
    return Taken(leased, None if wait_ms == -1 else wait_ms / 1000)


def _leased(session: Session, ref: QueueRef, now_ms: int, record: bytes, line: bytes, *flat: Any) -> LeasedRun:
    leased = LeasedRun(line == _WHOLE_QUEUE)
    for index in range(0, len(flat), _PARTS):
        key, tries, entry = flat[index : index + _PARTS]
        try:
            leased.deliveries.append(_delivery(session, ref, now_ms, key, tries, entry, record))
        except Exception:  # an unreadable delivery must not stop the others
            _log.exception("cannot read delivery %r of queue %s", key, ref.name)
            leased.unreadable.append(key)
    return leased


def _delivery(
    session: Session, ref: QueueRef, now_ms: int, key: bytes, tries: int, entry: bytes, record: bytes
) -> Delivery:
    subscription = stored_messages.subscription(key[:36], record, now_ms=now_ms)
    outbox_message = _outbox_message(session, ref, key[37:], entry, now_ms) if entry else None
    return Delivery(key, ref, _KINDS[key[36:37]], tries, subscription, outbox_message)


def _outbox_message(session: Session, ref: QueueRef, seq: bytes, entry: bytes, now_ms: int) -> OutboxMessage:
    delay, ttl, record = entry.split(b"|", 2)
    message = stored_messages.message(session, ref, [seq, record, b""], now_ms=now_ms, keep_seconds=int(ttl))
    return OutboxMessage(message, int(ttl), None if delay == b"-1" else int(delay))


def finish(session: Session, ref: QueueRef, token: str, outcomes: Sequence[Outcome]) -> frozenset[str]:
    """Record outcomes of deliveries that were leased under ``token``. A deleted queue is no error.

    Return those of their subscriptions that have ended.
    """
    arguments: list[bytes | str | int] = [token]
    for outcome in outcomes:
        arguments += (outcome.key, outcome.word, outcome.delay_ms, outcome.reason)
    try:
        ended = frozenset(one.decode() for one in session.run(_DONE, ref, arguments))
    except ScriptFailed:  # the queue was deleted
        return frozenset(outcome.key[:36].decode() for outcome in outcomes)
    for outcome in outcomes:
        event = _EVENTS.get(outcome.word)
        if event is not None:
            session.traffic.count(ref, event, 1)
    return ended


def undelivered(session: Session, ref: QueueRef, *, after: int, limit: int) -> tuple[int, list[Undelivered]]:
    """Return how many notifications of the queue ever failed for good, and a page of those that are kept.

    They come newest first. ``limits.UNDELIVERED`` are kept, or fewer if they exceed ``limits.UNDELIVERED_BYTES``.
    Raises QueueNotFound.
    """
    try:
        now_ms, total, _, *rows = session.run(_FAILED, ref, [after, after + limit - 1])
    except ScriptFailed:
        raise QueueNotFound from None
    return total, [_undelivered(session, ref, row, now_ms) for row in rows]


def _undelivered(session: Session, ref: QueueRef, row: bytes, now_ms: int) -> Undelivered:
    end = _LENGTH_BYTES + int(row[:_LENGTH_BYTES])
    packed, entry = _decode(row[_LENGTH_BYTES:end]), row[end:]
    outbox_message = _outbox_message(session, ref, packed.source[1:].encode(), entry, now_ms) if entry else None
    return Undelivered(
        packed.subscription_id,
        packed.subscriber,
        _KINDS[packed.source[:1].encode()],
        packed.tries,
        max(0, (now_ms - packed.at_ms) // 1000),
        packed.reason,
        outbox_message,
    )


def enlist(session: Session, ref: QueueRef) -> None:
    """Add the queue to the list that the notifiers of all processes read; this process's notifier reads it at once."""
    session.store.command("SADD", keys.NOTIFICATIONS, keys.address(ref))
    session.notifications.put(ref)


def enlisted(session: Session) -> list[QueueRef]:
    """Return the queues that may have subscriptions or deliveries."""
    return [keys.of_address(address.decode()) for address in session.store.command("SMEMBERS", keys.NOTIFICATIONS)]
