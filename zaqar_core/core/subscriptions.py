"""Subscriptions: who is told of a queue's new messages, and until when. How they are told is in ``notifications``."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from zaqar_core.core import deliveries, queues, stored_messages
from zaqar_core.core.session import Session
from zaqar_core.domain.errors import SubscriberTaken, SubscriptionNotFound
from zaqar_core.domain.model import QueueSettings, Subscription
from zaqar_core.domain.names import QueueRef
from zaqar_core.store import ScriptFailed, script

_SUBSCRIBE = script("subscribe")
_LIST = script("subscription_list", writes=False)
_GET = script("subscription_get", writes=False)
_CHANGE = script("subscription_change")
_CONFIRM = script("subscription_confirm")
_UNSUBSCRIBE = script("unsubscribe")


@dataclass(slots=True)
class Subscribed:
    """The subscriber's subscription; ``is_new`` says whether this call made it. One that was there is not changed."""

    id: str
    is_new: bool
    is_confirmed: bool


def create(
    session: Session, ref: QueueRef, *, subscriber: str, options: bytes, ttl_seconds: int, may_ask: bool = True
) -> Subscribed:
    """The subscriber has a subscription, unconfirmed if it is new. A missing queue is made first.

    ``options`` is a JSON object as text. With ``require_confirmation`` an unconfirmed subscriber is asked for it, where
    it ``may_ask``.
    """
    asks = int(may_ask and session.settings.require_confirmation)
    arguments: list[bytes | str | int] = [_end_of_id(), subscriber, options, ttl_seconds, asks]
    deliveries.enlist(session, ref)
    while True:
        try:
            found, is_new, is_confirmed = session.run(_SUBSCRIBE, ref, arguments)
            deliveries.enlist(session, ref)  # a runner may have struck it off before the subscription was there
            return Subscribed(found.decode(), is_new == 1, is_confirmed == 1)
        except ScriptFailed:
            queues.create(session, ref, QueueSettings(), creator="zaqar")


def _end_of_id() -> str:
    """What follows the number in an id: 74 random bits in a UUID of version 8, whose content is its maker's."""
    text = os.urandom(10).hex()
    return f"8{text[:3]}-{'89ab'[int(text[3], 16) % 4]}{text[4:7]}-{text[7:19]}"


def list_page(session: Session, ref: QueueRef, *, after: str, limit: int) -> list[Subscription]:
    """Live ones whose ids come after that text, in the order of creation. None in a missing queue."""
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
    """Raises SubscriptionNotFound."""
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
    """All that is given is changed, or nothing. A new ttl begins now; a new subscriber has not confirmed.

    Raises SubscriptionNotFound, SubscriberTaken.
    """
    asks = int(session.settings.require_confirmation)
    arguments: list[bytes | str | int] = [subscription_id, subscriber or "", options or b"", ttl_seconds or 0, asks]
    _found(lambda: session.run(_CHANGE, ref, arguments))


def confirm(session: Session, ref: QueueRef, subscription_id: str, *, is_confirmed: bool) -> None:
    """The subscriber wants the messages, or does not any more. Raises SubscriptionNotFound."""
    asks = int(session.settings.require_confirmation)
    _found(lambda: session.run(_CONFIRM, ref, [subscription_id, int(is_confirmed), asks]))


def delete(session: Session, ref: QueueRef, subscription_id: str) -> None:
    """The subscription is gone, or was already; a missing queue is no error."""
    if subscription_id:
        _unsubscribe(session, ref, subscription_id)


def delete_all(session: Session, ref: QueueRef) -> None:
    """The queue has no subscriptions. A missing queue is no error."""
    _unsubscribe(session, ref, "")


def _unsubscribe(session: Session, ref: QueueRef, what: str) -> None:
    try:
        session.run(_UNSUBSCRIBE, ref, [what])
    except ScriptFailed:
        return


def _found(run: Callable[[], Any]) -> Any:
    try:
        return run()
    except ScriptFailed as failed:
        if failed.word == "EXISTS":
            raise SubscriberTaken from None
        raise SubscriptionNotFound from None
