"""Subscriptions of a queue or topic: create, get, change, confirm, delete, list."""

from __future__ import annotations

from typing import Any

import orjson

from zaqar_core.core import deliveries, subscriptions
from zaqar_core.core.deliveries import Undelivered
from zaqar_core.core.later_steps import later_step
from zaqar_core.domain import limits
from zaqar_core.domain.errors import QueueNotFound, SubscriptionNotFound
from zaqar_core.domain.model import Subscription
from zaqar_core.rest import bodies, documents, subscribers, subscription_trusts
from zaqar_core.rest.call import RestCall
from zaqar_core.rest.errors import Fact, RestError
from zaqar_core.web.envelope import Reply

#: Key in the environ of a WebSocket request: the connection as a subscriber.
CALLER = "zaqar.caller"


def create(call: RestCall) -> Reply:
    """Subscribe and return 201 with the id. A subscriber that has an unconfirmed subscription gets the id of that one;
    409 when its subscription is confirmed."""
    document = bodies.parse(call.request.body) if call.request.body else {}
    fields = subscribers.parse(document, call.settings)
    if fields.subscriber is None:
        raise RestError(Fact.BODY_INVALID, "Missing parameter subscriber in the body.")
    ttl_seconds = fields.ttl_seconds or call.settings.default_subscription_ttl
    options, trust_id = fields.options or b"{}", None
    if subscription_trusts.is_needed(fields.subscriber):
        trust_id = subscription_trusts.create(call, ttl_seconds)
        options = subscription_trusts.with_trust(options, trust_id)
    created = subscriptions.create(
        call.session, call.ref, subscriber=fields.subscriber, options=options, ttl_seconds=ttl_seconds
    )
    if not created.is_new:
        subscription_trusts.delete(call, trust_id)
    location = _collection(call)
    if created.is_confirmed:
        raise RestError(Fact.SUBSCRIBED_ALREADY, headers=(("Location", location),))
    return documents.reply({"subscription_id": created.id}, 201, location)


def create_for_caller(call: RestCall) -> Reply:
    """Subscribe the calling WebSocket connection and return 201 with the id, or 409 when it has subscribed already.
    The subscription needs no confirmation."""
    fields = subscribers.parse(bodies.parse(call.request.body), call.settings)
    created = subscriptions.create(
        call.session,
        call.ref,
        subscriber=call.request.environ[CALLER],
        options=fields.options or b"{}",
        ttl_seconds=fields.ttl_seconds or call.settings.default_subscription_ttl,
        may_request_confirmation=False,
    )
    if not created.is_new:
        raise RestError(Fact.SUBSCRIBED_ALREADY)
    with later_step():
        subscriptions.confirm(call.session, call.ref, created.id, is_confirmed=True)
    return documents.reply({"subscription_id": created.id}, 201)


def list_page(call: RestCall) -> Reply:
    """Return 200 with a page of subscriptions in the order of their creation; a missing queue has none."""
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
    """Return 200 with the subscription, or 404."""
    return documents.reply(_document(call, subscriptions.get(call.session, call.ref, _id(call))))


def update(call: RestCall) -> Reply:
    """Change the given ones of ``subscriber``, ``ttl`` and ``options`` and return 204; 404, or 409 when another
    subscription has the subscriber.

    A new ttl starts now. A new subscriber with trust, or a new ttl of one, creates a new trust of the caller.
    """
    fields = subscribers.parse(bodies.parse(call.request.body), call.settings)
    if fields.subscriber is None and fields.ttl_seconds is None and fields.options is None:
        raise RestError(Fact.BODY_INVALID, 'At least one of "subscriber", "ttl" and "options" must be given.')
    old_trust = None
    if call.trusts is not None:
        found = subscriptions.get(call.session, call.ref, _id(call))
        fields, old_trust = subscription_trusts.changed(call, fields, found)
    subscriptions.change(
        call.session,
        call.ref,
        _id(call),
        subscriber=fields.subscriber,
        options=fields.options,
        ttl_seconds=fields.ttl_seconds,
    )
    subscription_trusts.delete(call, old_trust)
    return documents.empty(204, documents.relative(call.request))


def confirm(call: RestCall) -> Reply:
    """Confirm the subscription, or with ``false`` cancel its confirmation, and return 204, or 404."""
    is_confirmed = bodies.parse_object(call.request.body).get("confirmed")
    if type(is_confirmed) is not bool:
        raise RestError(Fact.BODY_INVALID, "The 'confirmed' should be boolean.")
    subscriptions.confirm(call.session, call.ref, _id(call), is_confirmed=is_confirmed)
    return documents.empty(204, documents.relative(call.request))


def delete(call: RestCall) -> Reply:
    """Delete the subscription and return 204, also when it does not exist."""
    trust_id = None
    try:
        if call.trusts is not None:
            trust_id = subscription_trusts.of(subscriptions.get(call.session, call.ref, _id(call)))
        subscriptions.delete(call.session, call.ref, _id(call))
    except SubscriptionNotFound:
        return documents.empty()
    subscription_trusts.delete(call, trust_id)
    return documents.empty()


def undelivered(call: RestCall) -> Reply:
    """Return 200 with notifications that failed for good, newest first, each with its error, and with the number of
    all that ever failed. The newest thousand are kept.

    ``marker`` is the number of notifications to skip. Confirmations have no ``message``.
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
    """Return the id in the path. Raises SubscriptionNotFound for a text that cannot be an id."""
    text = call.values[0]
    if not text or not text.isascii():
        raise SubscriptionNotFound
    return text


def _collection(call: RestCall) -> str:
    return f"{call.queue_href}/subscriptions"


def _document(call: RestCall, found: Subscription) -> dict[str, Any]:
    """Return the document of a subscription; ``source`` is the queue's name."""
    return {
        "id": found.id,
        "source": call.ref.name,
        "subscriber": found.subscriber,
        "ttl": found.ttl_seconds,
        "age": found.age_seconds,
        "options": orjson.Fragment(found.options),
        "confirmed": found.is_confirmed,
    }
