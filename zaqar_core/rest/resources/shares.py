"""Pre-signed URLs of a queue."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from zaqar_core.rest import bodies, documents, signatures
from zaqar_core.rest.call import RestCall
from zaqar_core.rest.errors import Fact, RestError
from zaqar_core.rest.signatures import Grant
from zaqar_core.web.envelope import Reply

#: Paths below a queue that can be shared.
PATHS = ("messages", "subscriptions", "claims")
_KEYS = frozenset(("paths", "methods", "expires"))
#: Validity where the request names no expiry.
_VALIDITY = timedelta(days=1)


def create(call: RestCall) -> Reply:
    """Sign a URL and return 200 with its fields. Any client may use the signature until it expires."""
    document = bodies.parse_object(call.request.body)
    key = call.settings.signed_url_key
    if key is None:
        raise RestError(Fact.RULE_BROKEN, "URLs cannot be signed: the setting signed_url_key is not set.")
    if not document.keys() <= _KEYS:
        raise RestError(Fact.BODY_INVALID, 'Only "paths", "methods" and "expires" are allowed.')
    project = call.request.environ.get("HTTP_X_PROJECT_ID", "")  # as users of the URL must send it
    if "\\" in project:
        raise RestError(Fact.RULE_BROKEN, "URLs cannot be signed for a project whose id contains a backslash.")
    grant = Grant(
        sorted(f"{call.queue_href}/{path}" for path in _choices(document, "paths", PATHS, PATHS[:1])),
        sorted(_choices(document, "methods", signatures.METHODS, ("GET",))),
        project,
        _expiry(document),
    )
    return documents.reply(
        {
            "paths": grant.paths,
            "methods": grant.methods,
            "project": grant.project,
            "expires": grant.expires,
            "signature": grant.signature(key),
        }
    )


def _choices(document: dict[str, Any], name: str, allowed: Any, default: tuple[str, ...]) -> set[str]:
    given = document.get(name, list(default))
    if type(given) is not list or not given or not all(type(one) is str and one in allowed for one in given):
        raise RestError(
            Fact.BODY_INVALID, f'"{name}" must be an array of at least one of {", ".join(sorted(allowed))}.'
        )
    return set(given)


def _expiry(document: dict[str, Any]) -> str:
    now = datetime.now(UTC)
    if "expires" not in document:
        return signatures.expiry_text(now + _VALIDITY)
    try:
        expires = datetime.fromisoformat(document["expires"])
        if expires.tzinfo is None:
            expires = expires.replace(tzinfo=UTC)
        moment = expires.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        raise RestError(Fact.BODY_INVALID, '"expires" must be an ISO 8601 date and time.') from None
    if moment <= now:
        raise RestError(Fact.RULE_BROKEN, '"expires" must be in the future.')
    return signatures.expiry_text(moment)
