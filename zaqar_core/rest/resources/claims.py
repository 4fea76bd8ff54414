"""Claims: create, get, update, release."""

from __future__ import annotations

from typing import Any

from zaqar_core.core import claims
from zaqar_core.domain import limits
from zaqar_core.rest import bodies, documents
from zaqar_core.rest.call import RestCall
from zaqar_core.rest.parameters import bounded
from zaqar_core.rest.resources import messages
from zaqar_core.web.envelope import Reply


def create(call: RestCall) -> Reply:
    """Claim up to ``limit`` of the oldest free messages and return 201 with them, or 204 when there is none."""
    query, dialect = call.query, call.dialect
    limit = query.integer("limit", limits.DEFAULT_PAGE, most=call.settings.max_messages_per_claim_or_pop)
    attributes = query.boolean("attributes")
    document = bodies.parse_object(call.request.body) if call.request.body or not dialect.has_defaults else {}
    default_grace = call.settings.default_claim_grace if dialect.has_defaults else None
    ttl, grace = _terms(call, document, default_grace, limits.LEAST_GRACE_SECONDS)
    claim = claims.create(call.session, call.ref, ttl_seconds=ttl, grace_seconds=grace, limit=limit)
    if claim is None:
        return documents.empty()
    return documents.reply(
        messages.wrapped(call, claim.messages, attributes), 201, documents.claim_href(call.queue_href, claim.id)
    )


def get(call: RestCall) -> Reply:
    """Return 200 with the claim's age and ttl in seconds and the messages that it still holds, or 404."""
    attributes = call.query.boolean("attributes")
    claim = claims.get(call.session, call.ref, call.values[0])
    return documents.reply(
        {
            "age": claim.age_seconds,
            "ttl": claim.ttl_seconds,
            "messages": messages.shown(call, claim.messages, attributes),
            "href": documents.claim_href(call.queue_href, claim.id),
        }
    )


def update(call: RestCall) -> Reply:
    """Let the claim end ``ttl`` seconds from now and return 204. ``grace`` may be 0 here, as in Zaqar."""
    default_grace = call.settings.default_claim_grace if call.dialect.has_defaults else 0
    ttl, grace = _terms(call, bodies.parse_object(call.request.body), default_grace, 0)
    claims.update(call.session, call.ref, call.values[0], ttl_seconds=ttl, grace_seconds=grace)
    return documents.empty()


def release(call: RestCall) -> Reply:
    """Release the claim and return 204, also when the claim is unknown."""
    claims.release(call.session, call.ref, call.values[0])
    return documents.empty()


def _terms(call: RestCall, document: dict[str, Any], grace: int | None, least_grace: int) -> tuple[int, int]:
    """Return ttl and grace in seconds. The request must contain a grace if the default, ``grace``, is None."""
    settings = call.settings
    ttl = settings.default_claim_ttl
    if "ttl" in document or not call.dialect.has_defaults:
        ttl = bounded("ttl", document.get("ttl"), least=limits.LEAST_TTL_SECONDS, most=settings.max_claim_ttl)
    if "grace" in document or grace is None:
        grace = bounded("grace", document.get("grace"), least=least_grace, most=settings.max_claim_grace)
    return ttl, grace
