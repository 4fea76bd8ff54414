"""Subscriptions to a queue's new messages: create, read, change, confirm, delete. Delivery is in ``notifications``."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from zaqar_core.core import deliveries, queues, stored_messages
from zaqar_core.core.later_steps import later_step
from zaqar_core.core.session import Session
from zaqar_core.domain.errors import SubscriberTaken, SubscriptionNotFound
from zaqar_core.domain.model import QueueSettings, Subscription
from zaqar_core.domain.names import QueueRef
from zaqar_core.store import ScriptFailed, script

_SUBSCRIBE = script("subscribe")
_LIST = script("subscription_list")
_GET = script("subscription_get")
_CHANGE = script("subscription_change")
_CONFIRM = script("subscription_confirm")
_UNSUBSCRIBE = script("unsubscribe")


@dataclass(slots=True)
class Subscribed:
    """The subscription of a subscriber, which this call created if ``is_new``."""

    id: str
    is_new: bool
    is_confirmed: bool


def create(
    session: Session,
    ref: QueueRef,
    *,
    subscriber: str,
    options: bytes,
    ttl_seconds: int,
    may_request_confirmation: bool = True,
) -> Subscribed:
    """Create an unconfirmed subscription unless the subscriber has one, which stays unchanged.

    A missing queue is created first. ``options`` is a JSON object as text. With ``may_request_confirmation`` and the
    setting ``require_confirmation`` an unconfirmed subscriber is sent a request to confirm.
    """
    requests_confirmation = int(may_request_confirmation and session.settings.require_confirmation)
    arguments: list[bytes | str | int] = [_end_of_id(), subscriber, options, ttl_seconds, requests_confirmation]
    deliveries.enlist(session, ref)
    while True:
        try:
            found, is_new, is_confirmed = session.run(_SUBSCRIBE, ref, arguments)
            with later_step():
                deliveries.enlist(session, ref)  # a notifier may have removed it before the subscription existed
            return Subscribed(found.decode(), is_new == 1, is_confirmed == 1)
        except ScriptFailed:
            queues.create(session, ref, QueueSettings(), creator="zaqar")


def _end_of_id() -> str:
    """Return the random end of an id: 74 random bits in the form of a UUID of version 8, which allows any content."""
    text = os.urandom(10).hex()
    return f"8{text[:3]}-{'89ab'[int(text[3], 16) % 4]}{text[4:7]}-{text[7:19]}"


def list_page(session: Session, ref: QueueRef, *, after: str, limit: int) -> list[Subscription]:
    """Return subscriptions that have not expired, with ids after ``after``, by creation; none for a missing queue."""
    found: list[Subscription] = []
    while True:
        try:
            now_ms, last, *rows = session.run(_LIST, ref, [after, limit - len(found)])
        except ScriptFailed:
            return found
        found += [
            stored_messages.subscription(one, packed, now_ms=now_ms)
            for one, packed in zip(rows[::2], rows[1::2], strict=True)
        ]
        if len(found) >= limit or not last:
            return found
        after = last.decode()


def get(session: Session, ref: QueueRef, subscription_id: str) -> Subscription:
    """Read one subscription. Raises SubscriptionNotFound."""
    now_ms, packed = _found(lambda: session.run(_GET, ref, [subscription_id]))
    return stored_messages.subscription(subscription_id.encode(), packed, now_ms=now_ms)


def change(
    session: Session,
    ref: QueueRef,
    subscription_id: str,
    *,
    subscriber: str | None = None,
    options: bytes | None = None,
    ttl_seconds: int | None = None,
) -> None:
    """Change what is not None, or nothing on an error. A new ttl begins now; a new subscriber is unconfirmed.

    Raises SubscriptionNotFound, SubscriberTaken.
    """
    requests_confirmation = int(session.settings.require_confirmation)
    arguments: list[bytes | str | int] = [
        subscription_id,
        subscriber or "",
        options or b"",
        ttl_seconds or 0,
        requests_confirmation,
    ]
    _found(lambda: session.run(_CHANGE, ref, arguments))


def confirm(session: Session, ref: QueueRef, subscription_id: str, *, is_confirmed: bool) -> None:
    """Record that the subscriber has confirmed the subscription or cancelled it. Raises SubscriptionNotFound."""
    requests_confirmation = int(session.settings.require_confirmation)
    _found(lambda: session.run(_CONFIRM, ref, [subscription_id, int(is_confirmed), requests_confirmation]))


def delete(session: Session, ref: QueueRef, subscription_id: str) -> None:
    """Delete the subscription. A missing subscription or queue is no error."""
    if subscription_id:
        _unsubscribe(session, ref, subscription_id)


def delete_all(session: Session, ref: QueueRef) -> None:
    """Delete all subscriptions of the queue. A missing queue is no error."""
    _unsubscribe(session, ref, "")


def _unsubscribe(session: Session, ref: QueueRef, subscription_id: str) -> None:
    try:
        session.run(_UNSUBSCRIBE, ref, [subscription_id])
    except ScriptFailed:
        return


def _found(run: Callable[[], Any]) -> Any:
    try:
        return run()
    except ScriptFailed as failed:
        if failed.word == "EXISTS":
            raise SubscriberTaken from None
        raise SubscriptionNotFound from None
