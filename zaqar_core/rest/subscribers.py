"""The fields of a subscription that a request may give, each checked."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from zaqar_core.configuration.settings import Settings
from zaqar_core.domain import limits
from zaqar_core.notifications import targets
from zaqar_core.notifications.trust_webhooks import OPTION
from zaqar_core.rest import bodies, retries
from zaqar_core.rest.errors import Fact, RestError
from zaqar_core.rest.parameters import bounded

#: The end of the year 9999 in seconds since 1970: later times do not fit into a date with a four-digit year.
_LAST_SECOND = 253_402_300_799
_KNOWN = frozenset(("subscriber", "ttl", "options"))


@dataclass(slots=True)
class SubscriptionFields:
    """The checked fields of a body; None where a field is not given. ``options`` is JSON text."""

    subscriber: str | None
    ttl_seconds: int | None
    options: bytes | None


def parse(document: Any, settings: Settings) -> SubscriptionFields:
    """Check the fields of a body. Null counts as absent. Raises RestError for a wrong type or value."""
    if type(document) is not dict:
        raise RestError(Fact.BODY_INVALID, "Subscriptions must be a dict.")
    given = {name: value for name, value in document.items() if name in _KNOWN and value is not None}
    if "subscriber" in given:
        check_subscriber(given["subscriber"], settings)
    ttl = options = None
    if "ttl" in given:
        ttl = bounded("ttl", given["ttl"], least=limits.LEAST_TTL_SECONDS, most=_LAST_SECOND - int(time.time()))
    if "options" in given:
        check_options(given["options"])
        options = bodies.compact(given["options"])
    return SubscriptionFields(given.get("subscriber"), ttl, options)


def check_subscriber(subscriber: Any, settings: Settings) -> None:
    """Check that notifications can be delivered to the subscriber. Raises RestError."""
    if type(subscriber) is not str:
        raise RestError(Fact.BODY_INVALID, '"subscriber" must be a string.')
    try:
        targets.check(subscriber, settings)
    except targets.TargetRefused as refused:
        raise RestError(Fact.RULE_BROKEN, refused.reason) from None


def check_options(options: Any) -> None:
    """Check the options that deliveries use; unknown ones are kept. Raises RestError."""
    if type(options) is not dict:
        raise RestError(Fact.BODY_INVALID, '"options" must be a dict.')
    for name in ("post_data", "from", "subject"):
        if options.get(name) is not None and type(options[name]) is not str:
            raise RestError(Fact.BODY_INVALID, f'Option "{name}" must be a string.')
    if OPTION in options:
        raise RestError(Fact.RULE_BROKEN, f'Option "{OPTION}" cannot be set: the service creates the trust itself.')
    headers = options.get("post_headers")
    if headers is not None and not targets.are_headers(headers):
        raise RestError(Fact.BODY_INVALID, 'Option "post_headers" must be a dict of valid header names and values.')
    if headers and (refused := targets.refused_header(headers)) is not None:
        raise RestError(Fact.RULE_BROKEN, f'Option "post_headers" must not set the header {refused}.')
    if any(targets.has_line_break(options[name]) for name in ("from", "subject") if options.get(name)):
        raise RestError(Fact.RULE_BROKEN, 'Options "from" and "subject" must not contain line breaks.')
    if options.get("_retry_policy") is not None:
        retries.check(options["_retry_policy"])
