"""Claims: Zaqar's groups of leases.

Claim grace: a message that would expire before its claim ends is kept until the end of the claim plus the grace. The
functions are ``claim`` and ``claim_held`` in ``store/lua/functions``.
"""

from __future__ import annotations

import uuid
from typing import Any

from zaqar_core.core import dead_letters, joinings, stored_messages
from zaqar_core.core.session import Session
from zaqar_core.core.traffic import Event, received
from zaqar_core.domain.errors import ClaimNotFound, QueueNotFound
from zaqar_core.domain.model import Claim, ClaimInForce
from zaqar_core.domain.names import QueueRef
from zaqar_core.domain.randomness import random_bytes
from zaqar_core.store import ScriptFailed, script

_CLAIM = script("claim", returns_messages=True, joining=joinings.CLAIMS)
_HELD = script("claim_held", returns_messages=True)
_IN_FORCE = script("claims_list").plain  # the same for plain, fair and FIFO queues


def create(session: Session, ref: QueueRef, *, ttl_seconds: int, grace_seconds: int | None, limit: int) -> Claim | None:
    """Lease up to ``limit`` of the oldest visible messages to a new claim; None if there are none, or no queue.

    A message that would expire earlier is kept until the end of the claim plus its grace; with a grace of None its
    expiry does not change. Raises MessageUnreadable if no leased message can be decrypted; the messages become visible
    when the claim ends. Raises AccountInFlightLimitReached.
    """
    if session.quotas is not None:
        session.quotas.require_few_in_flight(ref.project)
    claim = uuid.UUID(bytes=random_bytes() + random_bytes(), version=4)
    grace_ms = -1 if grace_seconds is None else grace_seconds * 1000
    arguments: list[bytes | str | int] = [
        limit, claim.hex, random_bytes().hex(), ttl_seconds * 1000, grace_ms,
    ]  # fmt: skip
    while True:
        try:
            reply = session.run(_CLAIM, ref, arguments)
        except ScriptFailed:
            return None
        intents, has_more = (stored_messages.moves_begun(reply), 0) if isinstance(reply, bytes) else reply
        if intents:
            dead_letters.finish_moves(session, ref)
        if isinstance(reply, bytes):
            taken = stored_messages.taken(session, ref, reply)
            received(session.traffic, ref, taken)
            return Claim(str(claim), ttl_seconds, 0, taken)
        if not has_more:
            session.traffic.count(ref, Event.EMPTY_RECEIVE, 1)
            return None


def get(session: Session, ref: QueueRef, claim_id: str) -> Claim:
    """Return the claim with the messages that it still holds. Raises ClaimNotFound."""
    now_ms, keep, created_ms, ttl, *rows = _on_held(session, ref, claim_id, "get")
    messages = stored_messages.messages(session, ref, rows, now_ms=now_ms, keep_seconds=keep)
    for message in messages:
        message.held = True
    claim_hex = stored_messages.claim_hex(claim_id)
    assert claim_hex is not None
    return Claim(stored_messages.claim_text(claim_hex), ttl, (now_ms - created_ms) // 1000, messages)


def in_force(session: Session, ref: QueueRef, *, limit: int) -> list[ClaimInForce]:
    """Return claims that have not ended, in the order of their ends. One round trip. Raises QueueNotFound."""
    try:
        _, *rows = session.call(_IN_FORCE, ref, [limit])
    except ScriptFailed:
        raise QueueNotFound from None
    return [
        ClaimInForce(stored_messages.claim_text(claim.decode()), created_ms, int(ttl), ends_ms, held)
        for claim, created_ms, ttl, ends_ms, held in rows
    ]


def update(session: Session, ref: QueueRef, claim_id: str, *, ttl_seconds: int, grace_seconds: int) -> None:
    """Let the claim end ``ttl_seconds`` from now and reset its age. Extend the expiry of its messages as ``create``.

    Raises ClaimNotFound.
    """
    _on_held(session, ref, claim_id, "update", ttl_seconds * 1000, grace_seconds * 1000)


def release(session: Session, ref: QueueRef, claim_id: str) -> None:
    """Make the claim's messages visible at once, in their original order. An unknown claim is no error."""
    try:
        _on_held(session, ref, claim_id, "release")
    except ClaimNotFound:
        return


def _on_held(session: Session, ref: QueueRef, claim_id: str, *arguments: str | int) -> Any:
    claim_hex = stored_messages.claim_hex(claim_id)
    if claim_hex is None:
        raise ClaimNotFound
    action, *rest = arguments
    try:
        return session.run(_HELD, ref, [action, claim_hex, *rest])
    except ScriptFailed:
        raise ClaimNotFound from None
