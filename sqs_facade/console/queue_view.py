"""What the console shows of one queue, and of its messages."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import msgspec
import orjson

from sqs_facade import attributes
from sqs_facade.operations.receiving import system_attributes
from zaqar_core.core import claims, messages, queues, subscriptions
from zaqar_core.core.session import Session
from zaqar_core.domain.errors import QueueNotFound, StoreUnavailable
from zaqar_core.domain.model import StoredMessage
from zaqar_core.domain.names import QueueRef
from zaqar_core.rest import metadata

#: Subscriptions and claims that are shown.
_MOST_SHOWN = 100
#: Messages of a page, and bytes of a body that a page shows; the rest is shown on request.
MOST_MESSAGES = 25
_BODY_BYTES = 2_000


class Part(msgspec.Struct, rename="camel", omit_defaults=True):
    """A part of the view that needs a right of its own: its rows, or the right that the caller lacks."""

    rows: list[Any] | None = None
    denied: str | None = None
    #: Whether there are more rows than are shown.
    has_more: bool = False


class QueueView(msgspec.Struct, rename="camel"):
    """One queue. ``attributes`` are those of GetQueueAttributes."""

    name: str
    creator: str
    pool: str
    attributes: dict[str, str]
    sent: int
    oldest_age: float | None
    read_ms: int
    sources: list[str]
    dead_letter_queue: str | None
    zaqar: dict[str, Any]
    tags: Part
    subscriptions: Part
    claims: Part


class MessageView(msgspec.Struct, rename="camel", omit_defaults=True):
    """One message. ``is_cut``: ``body`` is only its beginning. Binary values are in base64."""

    id: str
    body: str
    body_bytes: int
    sent_ms: int
    expires_ms: int
    read_ms: int
    attributes: list[dict[str, str]]
    system: dict[str, str]
    receive_count: int = 0
    first_received_ms: int | None = None
    is_in_flight: bool = False
    is_delayed: bool = False
    is_json: bool = False
    is_cut: bool = False
    claim: str | None = None
    client: str | None = None


class MessagesView(msgspec.Struct, rename="camel"):
    """A page of messages. ``after`` is where the next one begins, None at the end."""

    messages: list[MessageView]
    after: str | None


def queue(session: Session, ref: QueueRef, sources: list[str], may: Callable[[str, str], bool]) -> QueueView:
    """Read a queue, which the request has read under its guard before. Raises QueueNotFound.

    ``may`` decides by an operation and the queue's policy about the parts with rights of their own.
    """
    [found] = queues.figures(session, [ref])
    if found is None:
        raise QueueNotFound
    if isinstance(found, StoreUnavailable):
        raise found
    one = found.queue
    settings = one.settings
    policy = settings.documents.get("policy", b"").decode()

    def part(operation: str, read: Callable[[], list[Any]]) -> Part:
        if not may(operation, policy):
            return Part(denied=f"sqs:{operation}")
        rows = read()
        return Part(rows[:_MOST_SHOWN], has_more=len(rows) > _MOST_SHOWN)

    def tags() -> list[Any]:
        text = settings.documents.get("tags")
        return [] if text is None else sorted(orjson.loads(text).items())

    return QueueView(
        ref.name,
        one.creator,
        session.router.pools_of([ref])[0],
        attributes.shown(one, found.counts),
        found.ever_sent,
        None if found.oldest_sent_ms is None else max(0, found.now_ms - found.oldest_sent_ms) / 1000,
        found.now_ms,
        sources,
        settings.dead_letter_queue,
        metadata.joined(one),
        part("ListQueueTags", tags),
        part("GetQueueAttributes", lambda: _subscriptions(session, ref)),
        part("ReceiveMessage", lambda: _claims(session, ref)),
    )


def _claims(session: Session, ref: QueueRef) -> list[Any]:
    return [
        {
            "id": one.id,
            "createdMs": one.created_ms,
            "ttlSeconds": one.ttl_seconds,
            "endsMs": one.ends_ms,
            "held": one.held,
        }
        for one in claims.in_force(session, ref, limit=_MOST_SHOWN + 1)
    ]


def _subscriptions(session: Session, ref: QueueRef) -> list[Any]:
    """Return the subscriptions, without the options: those may contain secrets of the subscriber."""
    return [
        {
            "id": one.id,
            "subscriber": one.subscriber,
            "ttlSeconds": one.ttl_seconds,
            "ageSeconds": one.age_seconds,
            "isConfirmed": one.is_confirmed,
        }
        for one in subscriptions.list_page(session, ref, after="", limit=_MOST_SHOWN + 1)
    ]


def page(session: Session, ref: QueueRef, *, after: str | None, in_flight: bool, delayed: bool) -> MessagesView:
    """Read a page of messages without receiving them, oldest first."""
    found = messages.list_page(
        session,
        ref,
        marker=after,
        limit=MOST_MESSAGES,
        except_client_id=None,
        include_claimed=in_flight,
        include_delayed=delayed,
    )
    is_last = len(found.messages) < MOST_MESSAGES
    return MessagesView([_shown(one, ref) for one in found.messages], None if is_last else found.marker)


def whole(session: Session, ref: QueueRef, message_id: str) -> MessageView | None:
    """Read one message with its whole body; None if it does not exist any more."""
    found = messages.get_many(session, ref, [message_id])
    return _shown(found[0], ref, longest=None) if found else None


def _shown(one: StoredMessage, ref: QueueRef, *, longest: int | None = _BODY_BYTES) -> MessageView:
    body = one.body if longest is None else one.body[:longest]
    return MessageView(
        one.id,
        body.decode(errors="ignore"),
        len(one.body),
        one.sent_ms,
        one.sent_ms + one.ttl_seconds * 1000,
        one.now_ms,
        [
            {
                "name": a.name,
                "type": a.data_type,
                "value": base64.b64encode(a.value).decode() if a.data_type.startswith("Binary") else a.value.decode(),
            }
            for a in one.attributes
        ],
        system_attributes(one, ref),
        one.receive_count,
        one.first_received_ms,
        one.held,
        one.delayed,
        one.kind == "json",
        len(body) < len(one.body),
        one.claim_id if one.held else None,
        one.client_id.hex() if one.client_id else None,
    )
