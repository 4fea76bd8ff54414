"""What a request may say of a subscription."""

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

#: The last moment that a date with a year of four digits can name, in seconds since 1970.
_END_OF_TIME = 253_402_300_799
_KNOWN = frozenset(("subscriber", "ttl", "options"))


@dataclass(slots=True)
class Asked:
    """The checked members of a body; None where one is not given. ``options`` is JSON text."""

    subscriber: str | None
    ttl_seconds: int | None
    options: bytes | None


def parse(document: Any, settings: Settings) -> Asked:
    """Raises RestError when a member has a wrong type or is out of bounds. Null is as absent."""
    if type(document) is not dict:
        raise RestError(Fact.BODY_INVALID, "Subscriptions must be a dict.")
    given = {name: value for name, value in document.items() if name in _KNOWN and value is not None}
    if "subscriber" in given:
        check_subscriber(given["subscriber"], settings)
    ttl = options = None
    if "ttl" in given:
        ttl = bounded("ttl", given["ttl"], least=limits.LEAST_TTL_SECONDS, most=_END_OF_TIME - int(time.time()))
    if "options" in given:
        check_options(given["options"])
        options = bodies.compact(given["options"])
    return Asked(given.get("subscriber"), ttl, options)


def check_subscriber(subscriber: Any, settings: Settings) -> None:
    """Raises RestError for what nobody can deliver to."""
    if type(subscriber) is not str:
        raise RestError(Fact.BODY_INVALID, '"subscriber" must be a string.')
    try:
        targets.check(subscriber, settings)
    except targets.TargetRefused as refused:
        raise RestError(Fact.RULE_BROKEN, refused.reason) from None


def check_options(options: Any) -> None:
    """Raises RestError for options that a delivery could not follow. Those without a meaning here are kept."""
    if type(options) is not dict:
        raise RestError(Fact.BODY_INVALID, '"options" must be a dict.')
    for name in ("post_data", "from", "subject"):
        if options.get(name) is not None and type(options[name]) is not str:
            raise RestError(Fact.BODY_INVALID, f'Option "{name}" must be a string.')
    if OPTION in options:
        raise RestError(Fact.RULE_BROKEN, f'Option "{OPTION}" is given by the service: trusts are made, not named.')
    headers = options.get("post_headers")
    if headers is not None and not targets.are_headers(headers):
        raise RestError(Fact.BODY_INVALID, 'Option "post_headers" must be a dict of header names and texts.')
    if any(targets.has_line_break(options[name]) for name in ("from", "subject") if options.get(name)):
        raise RestError(Fact.RULE_BROKEN, "Header fields of mails have no line breaks.")
    if options.get("_retry_policy") is not None:
        retries.check(options["_retry_policy"])
