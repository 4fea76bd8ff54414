"""Leases of single messages, SQS's way: receive, extend, give back, delete by receipt. Claims are in ``claims``."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import NamedTuple

from zaqar_core.core import dead_letters, queues, stored_messages
from zaqar_core.core.session import Session
from zaqar_core.domain.errors import (
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
from zaqar_core.store import ScriptFailed, script

#: A waiting receive looks again after so long when the store was away.
_STORE_AWAY_MS = 1000

_RECEIVE = script("receive")
_CHANGE_VISIBILITY = script("change_visibility")
_DELETE_RECEIVED = script("delete_received")


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
    FIFO queue a receive under the ``attempt_id`` of one within ``limits.RECEIVE_ATTEMPT_SECONDS`` gives the same
    messages under the same receipts, as long as they are held; a standard queue ignores it.
    Raises QueueNotFound (also when the queue is deleted meanwhile), InFlightLimitReached, ReceiveNotRetryable (one of
    the attempt's messages is gone, was received again or has another timeout), MessageUnreadable (nothing of what was
    leased can be decrypted; it comes back after its visibility timeout).
    """
    # A queue has rarely a wait of its own: where nobody asked for one, a waiter is made only when it shows to have.
    waiter = session.waiting.enter() if wait_seconds else None
    try:
        visibility_ms = -1 if visibility_seconds is None else visibility_seconds * 1000
        wait_ms = -1 if wait_seconds is None else wait_seconds * 1000 if waiter else 0
        fixed = (max_messages, visibility_ms, os.urandom(8).hex(), session.settings.max_in_flight)
        attempt = (session.ids.key(attempt_id.encode()),) if attempt_id is not None and ref.is_fifo else ()
        began, leaving, deadline = b"", 0, 0.0
        while True:
            arguments: list[bytes | str | int] = [*fixed, wait_ms]
            if waiter is not None or attempt:
                arguments += (waiter.member if waiter else "", began, leaving, *attempt)
            try:
                found = _look(session, ref, arguments, attempt_id)
            except StoreUnavailable:
                if not began or leaving:
                    raise
                found = _Empty(began, wait_ms, _STORE_AWAY_MS, 0)  # one that sleeps anyway sleeps through a fail-over
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


def _look(
    session: Session, ref: QueueRef, arguments: list[bytes | str | int], attempt_id: str | None
) -> list[StoredMessage] | _Empty:
    """One run of the receive script. Raises QueueNotFound, InFlightLimitReached, ReceiveNotRetryable."""
    try:
        reply = session.run(_RECEIVE, ref, arguments)
    except ScriptFailed as failed:
        if failed.word == "OVERLIMIT":
            raise InFlightLimitReached(session.settings.max_in_flight) from None
        if failed.word == "NOTRETRYABLE":
            raise ReceiveNotRetryable(attempt_id or "") from None
        raise QueueNotFound from None
    if not isinstance(reply, bytes):
        incarnation, intents, *rest = reply
        if intents:
            dead_letters.finish_moves(session, ref)
        return _Empty(incarnation, *rest)
    if stored_messages.moves_begun(reply):
        dead_letters.finish_moves(session, ref)
    return stored_messages.taken(session, ref, reply)


def change_visibility(
    session: Session, ref: QueueRef, changes: Sequence[tuple[Receipt, int]]
) -> list[CoreError | None]:
    """Each lease ends so many seconds from now (0: at once), or has its own error. One round trip.

    Outcomes: None, NotInFlight, LeaseExpired, VisibilityTooLong, ReceiptInvalid. Raises QueueNotFound, also where there
    is nothing to change.
    """
    if not changes:
        queues.get(session, ref)
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

    Outcomes: None, LeaseExpired (FIFO), ReceiptInvalid. Raises QueueNotFound, also where there is nothing to delete.
    """
    if not receipts:
        queues.get(session, ref)
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
