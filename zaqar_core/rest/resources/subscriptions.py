"""Subscriptions of a queue: make, show, change, confirm, delete, list."""

from __future__ import annotations

from typing import Any

import orjson

from zaqar_core.core import deliveries, subscriptions
from zaqar_core.core.deliveries import Undelivered
from zaqar_core.domain import limits
from zaqar_core.domain.errors import QueueNotFound, SubscriptionNotFound
from zaqar_core.domain.model import Subscription
from zaqar_core.rest import bodies, documents, subscribers, subscription_trusts
from zaqar_core.rest.call import RestCall
from zaqar_core.rest.errors import Fact, RestError
from zaqar_core.web.envelope import Reply

#: In the environ of a connection's request: the connection as a subscriber.
CALLER = "zaqar.caller"


def create(call: RestCall) -> Reply:
    """201 with the id: of a new subscription, or of the subscriber's own that is not confirmed yet; 409 if that is."""
    document = bodies.parse(call.request.body) if call.request.body else {}
    asked = subscribers.parse(document, call.settings)
    if asked.subscriber is None:
        raise RestError(Fact.BODY_INVALID, "Missing parameter subscriber in the body.")
    ttl_seconds = asked.ttl_seconds or call.settings.default_subscription_ttl
    options, trust_id = asked.options or b"{}", None
    if subscription_trusts.needs(asked.subscriber):
        trust_id = subscription_trusts.make(call, ttl_seconds)
        options = subscription_trusts.with_trust(options, trust_id)
    made = subscriptions.create(
        call.session, call.ref, subscriber=asked.subscriber, options=options, ttl_seconds=ttl_seconds
    )
    if not made.is_new:
        subscription_trusts.end(call, trust_id)
    location = _collection(call)
    if made.is_confirmed:
        raise RestError(Fact.SUBSCRIBED_ALREADY, headers=(("Location", location),))
    return documents.reply({"subscription_id": made.id}, 201, location)


def create_for_caller(call: RestCall) -> Reply:
    """201 with the id of a subscription of the connection that asks: it needs no confirmation. 409 if it has one."""
    asked = subscribers.parse(bodies.parse(call.request.body), call.settings)
    made = subscriptions.create(
        call.session,
        call.ref,
        subscriber=call.request.environ[CALLER],
        options=asked.options or b"{}",
        ttl_seconds=asked.ttl_seconds or call.settings.default_subscription_ttl,
        may_request_confirmation=False,
    )
    if not made.is_new:
        raise RestError(Fact.SUBSCRIBED_ALREADY)
    subscriptions.confirm(call.session, call.ref, made.id, is_confirmed=True)
    return documents.reply({"subscription_id": made.id}, 201)


def list_page(call: RestCall) -> Reply:
    """A page of the subscriptions in the order of creation; none for a missing queue."""
    query = call.query
    limit = query.integer("limit", limits.DEFAULT_PAGE, most=call.settings.max_subscriptions_per_page)
    found = subscriptions.list_page(call.session, call.ref, after=query.text("marker") or "", limit=limit)
    given = {"limit": limit if query.text("limit") else None}
    return documents.reply(
        {
            "subscriptions": [_document(call, one) for one in found],
            "links": documents.next_links(_collection(call), given, found[-1].id if found else None),
        }
    )


def get(call: RestCall) -> Reply:
    """200 with the subscription, or 404."""
    return documents.reply(_document(call, subscriptions.get(call.session, call.ref, _id(call))))


def update(call: RestCall) -> Reply:
    """204: what is given of ``subscriber``, ``ttl`` and ``options`` is changed; 404, or 409 if the subscriber is taken.

    A new ttl begins now. A new subscriber with trust, or a new ttl of one, makes a new trust, of who calls.
    """
    asked = subscribers.parse(bodies.parse(call.request.body), call.settings)
    if asked.subscriber is None and asked.ttl_seconds is None and asked.options is None:
        raise RestError(Fact.BODY_INVALID, 'At least one of "subscriber", "ttl" and "options" must be given.')
    outlived = None
    if call.trusts is not None:
        outlived = subscription_trusts.settle(call, asked, subscriptions.get(call.session, call.ref, _id(call)))
    subscriptions.change(
        call.session,
        call.ref,
        _id(call),
        subscriber=asked.subscriber,
        options=asked.options,
        ttl_seconds=asked.ttl_seconds,
    )
    subscription_trusts.end(call, outlived)
    return documents.empty(204, documents.relative(call.request))


def confirm(call: RestCall) -> Reply:
    """204: the subscription is confirmed, or with false is not any more; 404."""
    is_confirmed = bodies.parse_object(call.request.body).get("confirmed")
    if type(is_confirmed) is not bool:
        raise RestError(Fact.BODY_INVALID, "The 'confirmed' should be boolean.")
    subscriptions.confirm(call.session, call.ref, _id(call), is_confirmed=is_confirmed)
    return documents.empty(204, documents.relative(call.request))


def delete(call: RestCall) -> Reply:
    """204, also when there is no such subscription."""
    trust_id = None
    try:
        if call.trusts is not None:
            trust_id = subscription_trusts.of(subscriptions.get(call.session, call.ref, _id(call)))
        subscriptions.delete(call.session, call.ref, _id(call))
    except SubscriptionNotFound:
        return documents.empty()
    subscription_trusts.end(call, trust_id)
    return documents.empty()


def undelivered(call: RestCall) -> Reply:
    """200 with notifications that failed for good, newest first, why, and how many there ever were; the newest thousand
    are kept.

    ``marker`` is the number of those to pass over. Those of confirmations have no ``message``.
    """
    query = call.query
    limit = query.integer("limit", limits.DEFAULT_PAGE, most=call.settings.max_subscriptions_per_page)
    after = query.integer("marker", 0, least=0, most=limits.UNDELIVERED)
    try:
        total, found = deliveries.undelivered(call.session, call.ref, after=after, limit=limit)
    except QueueNotFound:
        total, found = 0, []
    given = {"limit": limit if query.text("limit") else None}
    marker = str(after + len(found)) if found else None
    return documents.reply(
        {
            "undelivered": [_failure(one) for one in found],
            "total": total,
            "links": documents.next_links(f"{call.queue_href}/undelivered", given, marker),
        }
    )


def _failure(failed: Undelivered) -> dict[str, Any]:
    document: dict[str, Any] = {
        "subscription_id": failed.subscription_id,
        "subscriber": failed.subscriber,
        "tries": failed.tries,
        "age": failed.age_seconds,
        "error": failed.reason,
    }
    if failed.outbox_message is not None:
        message = failed.outbox_message.message
        body = documents.message_body(message)
        document["message"] = {"id": message.id, "ttl": failed.outbox_message.ttl_seconds, "body": body}
    return document


def _id(call: RestCall) -> str:
    """The id in the path. Raises SubscriptionNotFound for what cannot be one."""
    text = call.values[0]
    if not text or not text.isascii():
        raise SubscriptionNotFound
    return text


def _collection(call: RestCall) -> str:
    return f"{call.queue_href}/subscriptions"


def _document(call: RestCall, found: Subscription) -> dict[str, Any]:
    """``source`` is the queue's name."""
    return {
        "id": found.id,
        "source": call.ref.name,
        "subscriber": found.subscriber,
        "ttl": found.ttl_seconds,
        "age": found.age_seconds,
        "options": orjson.Fragment(found.options),
        "confirmed": found.is_confirmed,
    }
