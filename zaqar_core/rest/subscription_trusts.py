"""Trusts of subscriptions: made when a subscriber with trust is named, kept with it, ended when it goes."""

from __future__ import annotations

from typing import Any

import orjson

from zaqar_core.domain.model import Subscription
from zaqar_core.keystone import trusts
from zaqar_core.keystone.trusts import KeystoneUnavailable, TrustRefused
from zaqar_core.notifications.trust_webhooks import OPTION, PREFIX
from zaqar_core.rest import identity
from zaqar_core.rest.call import RestCall
from zaqar_core.rest.errors import Fact, RestError
from zaqar_core.rest.subscribers import Asked


def needs(subscriber: str | None) -> bool:
    """Whether that subscriber is told with a token."""
    return subscriber is not None and subscriber.lower().startswith(PREFIX)


def make(call: RestCall, ttl_seconds: int) -> str:
    """The id of a new trust of who calls. Raises RestError: nobody's token was shown, or Keystone does not make it."""
    environ = call.request.environ
    user, token = environ.get("HTTP_X_USER_ID"), environ.get("HTTP_X_AUTH_TOKEN")
    if call.trusts is None or not user or not token:
        raise RestError(Fact.RULE_BROKEN, "A subscriber with trust needs a request over HTTP with a user's token.")
    trustor = trusts.Trustor(token, user, environ["HTTP_X_PROJECT_ID"], identity.roles(environ))
    try:
        with call.session.asleep():  # others work while Keystone is asked
            return call.trusts.create(trustor, ttl_seconds)
    except TrustRefused as refused:
        raise RestError(Fact.RULE_BROKEN, f"The subscriber is not trusted: {refused.reason}.") from None
    except KeystoneUnavailable:
        raise RestError(Fact.IDENTITY_UNAVAILABLE) from None


def end(call: RestCall, trust_id: str | None) -> None:
    """The trust is gone if that is possible; else it ends with its time."""
    if trust_id is not None and call.trusts is not None:
        with call.session.asleep():
            call.trusts.delete(trust_id)


def of(found: Subscription) -> str | None:
    """The id of the subscription's trust, None where it has none."""
    if not needs(found.subscriber):
        return None
    trust_id = orjson.loads(found.options).get(OPTION)
    return trust_id if type(trust_id) is str else None


def with_trust(options: bytes, trust_id: str | None) -> bytes:
    """The options with that trust and no other."""
    document: dict[str, Any] = orjson.loads(options)
    document.pop(OPTION, None)
    return orjson.dumps(document if trust_id is None else {**document, OPTION: trust_id})


def settle(call: RestCall, asked: Asked, found: Subscription) -> str | None:
    """Makes what was asked of a subscription whole: a subscriber and its trust are only ever written together.

    Written apart, of two changes at a time one could bring a user's trust to another's subscriber. A new subscriber or
    ttl makes a new trust, of who calls. The id of the trust that is not needed any more, if there is one. Raises
    RestError.
    """
    old = of(found)
    subscriber = asked.subscriber or found.subscriber
    if old is None and not needs(subscriber):
        return None
    options = found.options if asked.options is None else asked.options
    asked.subscriber = subscriber
    if old is not None and subscriber == found.subscriber and asked.ttl_seconds is None:
        asked.options = with_trust(options, old)
        return None
    trust_id = make(call, asked.ttl_seconds or found.ttl_seconds) if needs(subscriber) else None
    asked.options = with_trust(options, trust_id)
    return old
