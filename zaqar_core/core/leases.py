"""Leases of single messages as in SQS: receive, change visibility, delete by receipt.

To extend visibility, or to end it early, use ``change_visibility``. A receive that waits (long poll) is woken through
``store.wakeups``. Zaqar's claims are in ``claims``.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from typing import NamedTuple

from zaqar_core.core import dead_letters, joinings, queues, stored_messages
from zaqar_core.core.session import Session
from zaqar_core.core.traffic import Event, received
from zaqar_core.domain.errors import (
    AccessDenied,
    CoreError,
    InFlightLimitReached,
    LeaseExpired,
    NotInFlight,
    QueueNotFound,
    ReceiptInvalid,
    ReceiveNotRetryable,
    StoreUnavailable,
    VisibilityTooLong,
)
from zaqar_core.domain.model import Receipt, StoredMessage
from zaqar_core.domain.names import QueueRef
from zaqar_core.domain.randomness import random_bytes
from zaqar_core.logs import remedies
from zaqar_core.logs.remedies import note_refusal
from zaqar_core.store import ScriptFailed, keys, script
from zaqar_core.store.wakeups import Waiter

#: Interval at which a waiting receive retries while the store is unavailable.
_STORE_AWAY_MS = 1000
#: What a waiting receive says to the store in its last call: that it still takes messages, or that it takes none, since
#: its client has gone.
_LEAVE, _LEAVE_EMPTY = 1, 2
#: The index of that argument.
_LEAVING = 5

_RECEIVE = script("receive", returns_messages=True, joining=joinings.RECEIVES)
_CHANGE_VISIBILITY = script("change_visibility")
_DELETE_RECEIVED = script("delete_received", joining=joinings.DELETIONS)


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

    None for visibility or wait means the queue's setting. While the queue is empty, wait; when the client goes
    meanwhile, return nothing. In a FIFO queue a second receive with the same ``attempt_id`` within
    ``limits.RECEIVE_ATTEMPT_SECONDS`` returns the same messages with the same receipts, as long as they are in flight;
    a standard queue ignores it.
    Raises QueueNotFound (also when the queue is deleted during the wait), InFlightLimitReached,
    AccountInFlightLimitReached, ReceiveNotRetryable (a message of the attempt was deleted, was received by another
    attempt or has another timeout), MessageUnreadable (no leased message can be decrypted; they become visible after
    their visibility timeout).
    """
    if session.quotas is not None:
        session.quotas.require_few_in_flight(ref.project)
    # Few queues have a wait of their own, so without ``wait_seconds`` a waiter is created only if the queue has one.
    waiter = session.waiters.register(keys.queue(ref)) if wait_seconds else None
    try:
        visibility_ms = -1 if visibility_seconds is None else visibility_seconds * 1000
        wait_ms = -1 if wait_seconds is None else wait_seconds * 1000 if waiter else 0
        fixed = (b"%d %d %d" % (max_messages, visibility_ms, session.settings.max_in_flight), random_bytes().hex())
        attempt = (session.ids.key(attempt_id.encode()),) if attempt_id is not None and ref.is_fifo else ()
        began, leaving, deadline = b"", 0, 0.0
        while True:
            arguments: list[bytes | str | int] = [*fixed, wait_ms]
            if waiter is not None or attempt:
                arguments += (waiter.member if waiter else "", began, leaving, *attempt)
            try:
                found = _receive_once(session, ref, arguments, attempt_id)
            except StoreUnavailable:
                if not began or leaving:
                    raise
                found = _Empty(began, wait_ms, _STORE_AWAY_MS, 0)  # a waiting receive outlasts a fail-over
            if not isinstance(found, _Empty):
                if waiter is not None:
                    session.waiters.served(waiter)
                received(session.traffic, ref, found)
                return found
            if found.has_more:
                continue
            if waiter is None and found.wait_ms and wait_seconds is None:
                waiter = session.waiters.register(keys.queue(ref))
                if waiter is not None:
                    continue
            if leaving or waiter is None or found.wait_ms == 0:
                return _found_none(session, ref, is_gone=leaving == _LEAVE_EMPTY)
            if not began:
                began, deadline = found.incarnation, time.monotonic() + found.wait_ms / 1000
            left = deadline - time.monotonic()
            is_gone = _wait(session, waiter, left, found.due_ms / 1000 + 0.001 if found.due_ms >= 0 else None)
            left = deadline - time.monotonic()
            leaving = _LEAVE_EMPTY if is_gone else _LEAVE * (left <= 0 or session.waiters.is_released)
            wait_ms = max(int(left * 1000), 1)
    finally:
        if waiter is not None:
            session.waiters.unregister(waiter)


def _found_none(session: Session, ref: QueueRef, *, is_gone: bool) -> list[StoredMessage]:
    """Count a receive that ends without messages, unless its client has gone."""
    if not is_gone:
        session.traffic.count(ref, Event.EMPTY_RECEIVE, 1)
    return []


def _leave(session: Session, ref: QueueRef, arguments: list[bytes | str | int]) -> None:
    """Take the waiter out of the store after a policy has ended its wait, so that another one gets its wake-up."""
    guards, session.guards = session.guards, None
    arguments[_LEAVING] = _LEAVE_EMPTY
    with contextlib.suppress(ScriptFailed, StoreUnavailable):
        session.run(_RECEIVE, ref, arguments)
    session.guards = guards


def _wait(session: Session, waiter: Waiter, seconds: float, due_seconds: float | None) -> bool:
    """Wait for a wake-up, until a message is due, or until the end; return whether the client has gone."""
    client, began = session.client, time.monotonic()
    if client is None:
        session.waiters.wait(waiter, seconds, due_seconds=due_seconds)
    else:
        client.on_gone = waiter.leave
        if not client.is_gone:
            session.waiters.wait(waiter, seconds, due_seconds=due_seconds)
        client.on_gone = None
    session.waited_seconds += time.monotonic() - began
    return client is not None and client.is_gone


class _Empty(NamedTuple):
    """The result of a receive without messages. ``wait_ms`` is the wait in force.

    ``due_ms`` is the time until the next message becomes visible, -1 if unknown. ``has_more``: another receive may find
    messages at once, since this one reached its limit of steps.
    """

    incarnation: bytes
    wait_ms: int
    due_ms: int
    has_more: int


def _receive_once(
    session: Session, ref: QueueRef, arguments: list[bytes | str | int], attempt_id: str | None
) -> list[StoredMessage] | _Empty:
    """Run the receive function once. Raises QueueNotFound, InFlightLimitReached, ReceiveNotRetryable, AccessDenied."""
    try:
        reply = session.run(_RECEIVE, ref, arguments)
    except AccessDenied:
        if _has_begun(arguments):
            _leave(session, ref, arguments)
        raise
    except ScriptFailed as failed:
        if failed.word == "OVERLIMIT":
            note_refusal(remedies.IN_FLIGHT, ref.name)
            raise InFlightLimitReached(session.settings.max_in_flight) from None
        if failed.word == "NOTRETRYABLE":
            raise ReceiveNotRetryable(attempt_id or "") from None
        missing = QueueNotFound()
        missing.was_deleted = _has_begun(arguments)
        raise missing from None
    if not isinstance(reply, bytes):
        incarnation, intents, *rest = reply
        if intents:
            dead_letters.finish_moves(session, ref)
        return _Empty(incarnation, *rest)
    if stored_messages.moves_begun(reply):
        dead_letters.finish_moves(session, ref)
    return stored_messages.taken(session, ref, reply)


def _has_begun(arguments: list[bytes | str | int]) -> bool:
    """Return whether a receive has begun to wait: only then it names the incarnation that it waits on."""
    return len(arguments) > _LEAVING and bool(arguments[_LEAVING - 1])


def change_visibility(
    session: Session, ref: QueueRef, changes: Sequence[tuple[Receipt, int]]
) -> list[CoreError | None]:
    """Set the end of each lease to a number of seconds from now; 0 makes the message visible at once. One round trip.

    Return one outcome for each: None, NotInFlight, LeaseExpired, VisibilityTooLong or ReceiptInvalid. Raises
    QueueNotFound, also without changes.
    """
    if not changes:
        queues.get(session, ref)
    outcomes: dict[bytes, CoreError | None] = {
        b"OK": None,
        b"NOTINFLIGHT": NotInFlight(),
        b"EXPIRED": LeaseExpired(),
    }
    found: list[CoreError | None] = [ReceiptInvalid()] * len(changes)
    for incarnation, indexes in _by_incarnation([receipt for receipt, _ in changes]).items():
        arguments: list[bytes | str | int] = [incarnation.hex()]
        for index in indexes:
            receipt, seconds = changes[index]
            arguments += (receipt.sequence, receipt.nonce.hex(), seconds * 1000, receipt.received_ms)
        try:
            words = session.run(_CHANGE_VISIBILITY, ref, arguments)
        except ScriptFailed as failed:
            if failed.word == "NOQUEUE":
                raise QueueNotFound from None
            continue
        for index, word in zip(indexes, words, strict=True):
            found[index] = VisibilityTooLong(changes[index][1]) if word == b"TOOLONG" else outcomes[word]
    return found


def delete_received(session: Session, ref: QueueRef, receipts: Sequence[Receipt]) -> list[CoreError | None]:
    """Delete the messages of the receipts; a message already deleted is no error. One round trip.

    Return one outcome for each: None, LeaseExpired (FIFO) or ReceiptInvalid. Raises QueueNotFound, also without
    receipts.
    """
    if not receipts:
        queues.get(session, ref)
    found: list[CoreError | None] = [None] * len(receipts)
    is_fifo, deleted = ref.is_fifo, 0
    for incarnation, indexes in _by_incarnation(receipts).items():
        arguments: list[bytes | str | int] = [incarnation.hex()]
        for index in indexes:
            arguments.append(receipts[index].sequence)
            if is_fifo:
                arguments.append(receipts[index].nonce.hex())
        try:
            reply = session.run(_DELETE_RECEIVED, ref, arguments)
        except ScriptFailed as failed:
            if failed.word == "NOQUEUE":
                raise QueueNotFound from None
            for index in indexes:
                found[index] = ReceiptInvalid()
            continue
        deleted += len(indexes)
        if is_fifo:
            for index, word in zip(indexes, reply, strict=True):
                if word == b"EXPIRED":
                    found[index] = LeaseExpired()
                    deleted -= 1
    if deleted:
        session.traffic.count(ref, Event.DELETED, deleted)
    return found


def _by_incarnation(receipts: Sequence[Receipt]) -> dict[bytes, list[int]]:
    """Group the indexes of the receipts by the incarnation of their queue: nearly always one."""
    found: dict[bytes, list[int]] = {}
    for index, receipt in enumerate(receipts):
        found.setdefault(receipt.incarnation, []).append(index)
    return found
