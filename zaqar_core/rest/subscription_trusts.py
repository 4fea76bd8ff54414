"""Trusts of subscriptions: created for a subscriber with trust, stored with it, and deleted with it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson

from zaqar_core.domain.model import Subscription
from zaqar_core.eventloop import in_thread
from zaqar_core.keystone import trusts
from zaqar_core.keystone.trusts import KeystoneUnavailable, TrustRefused
from zaqar_core.notifications.trust_webhooks import OPTION, PREFIX
from zaqar_core.rest import identity
from zaqar_core.rest.call import RestCall
from zaqar_core.rest.errors import Fact, RestError
from zaqar_core.rest.subscribers import SubscriptionFields


def is_needed(subscriber: str | None) -> bool:
    """Return whether notifications to the subscriber carry a token."""
    return subscriber is not None and subscriber.lower().startswith(PREFIX)


def create(call: RestCall, ttl_seconds: int) -> str:
    """Create a trust of the caller and return its id.

    Raises RestError when the request has no user's token, or when Keystone refuses or cannot be reached.
    """
    environ = call.request.environ
    user, token = environ.get("HTTP_X_USER_ID"), environ.get("HTTP_X_AUTH_TOKEN")
    if call.trusts is None or not user or not token:
        raise RestError(
            Fact.RULE_BROKEN, "A trust+http or trust+https subscriber needs an HTTP request with a user's token."
        )
    trustor = trusts.Trustor(token, user, environ["HTTP_X_PROJECT_ID"], identity.roles(environ))
    try:
        return in_thread(call.trusts.create, trustor, ttl_seconds)
    except TrustRefused as refused:
        raise RestError(
            Fact.RULE_BROKEN, f"The trust for the subscriber cannot be created: {refused.reason}."
        ) from None
    except KeystoneUnavailable:
        raise RestError(Fact.IDENTITY_UNAVAILABLE) from None


def delete(call: RestCall, trust_id: str | None) -> None:
    """Delete the trust if there is one. A trust that cannot be deleted now ends when it expires."""
    if trust_id is not None and call.trusts is not None:
        in_thread(call.trusts.delete, trust_id)


def of(found: Subscription) -> str | None:
    """Return the id of the subscription's trust, None where it has none."""
    if not is_needed(found.subscriber):
        return None
    trust_id = orjson.loads(found.options).get(OPTION)
    return trust_id if type(trust_id) is str else None


def with_trust(options: bytes, trust_id: str | None) -> bytes:
    """Return the options with that trust and no other."""
    document: dict[str, Any] = orjson.loads(options)
    document.pop(OPTION, None)
    return orjson.dumps(document if trust_id is None else {**document, OPTION: trust_id})


def changed(call: RestCall, fields: SubscriptionFields, found: Subscription) -> tuple[SubscriptionFields, str | None]:
    """Return the fields to write in a change of ``found``, and the id of the trust to delete afterwards, if any.

    A subscriber and its trust are always written together: written apart, one of two simultaneous changes could
    combine a user's trust with another user's subscriber. A new subscriber or ttl creates a new trust of the caller.
    Raises RestError.
    """
    old = of(found)
    subscriber = fields.subscriber or found.subscriber
    if old is None and not is_needed(subscriber):
        return fields, None
    options = found.options if fields.options is None else fields.options
    if old is not None and subscriber == found.subscriber and fields.ttl_seconds is None:
        return replace(fields, subscriber=subscriber, options=with_trust(options, old)), None
    trust_id = create(call, fields.ttl_seconds or found.ttl_seconds) if is_needed(subscriber) else None
    return replace(fields, subscriber=subscriber, options=with_trust(options, trust_id)), old
