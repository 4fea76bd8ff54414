"""Claims: create, get, update, release."""

from __future__ import annotations

from typing import Any

from zaqar_core import claims
from zaqar_core.model import StoredMessage
from zaqar_core.rest import bodies, documents
from zaqar_core.rest.call import Call
from zaqar_core.rest.parameters import bounded
from zaqar_core.rest.resources.messages import DEFAULT_LIMIT
from zaqar_core.web.call import Reply

LEAST_TTL_SECONDS = 60
LEAST_GRACE_SECONDS = 60


def create(call: Call) -> Reply:
    """201 with up to ``limit`` of the oldest free messages, or 204 when there is none."""
    query = call.query
    limit = query.integer("limit", DEFAULT_LIMIT, most=call.settings.max_messages_per_claim_or_pop)
    attributes = query.boolean("attributes")
    ttl, grace = _terms(call, bodies.parse_object(call.request.body) if call.request.body else {}, LEAST_GRACE_SECONDS)
    ref = call.ref()
    claim = claims.create(call.session, ref, ttl_seconds=ttl, grace_seconds=grace, limit=limit)
    if claim is None:
        return documents.empty()
    queue = documents.queue_href(call.dialect.prefix, ref.name)
    return documents.reply(
        {"messages": _messages(call, claim.id, claim.messages, queue, attributes)},
        201,
        documents.claim_href(queue, claim.id),
    )


def get(call: Call) -> Reply:
    """200 with age and ttl in seconds and the messages still held, or 404."""
    attributes, ref = call.query.boolean("attributes"), call.ref()
    claim = claims.get(call.session, ref, call.values[1])
    queue = documents.queue_href(call.dialect.prefix, ref.name)
    return documents.reply(
        {
            "age": claim.age_seconds,
            "ttl": claim.ttl_seconds,
            "messages": _messages(call, claim.id, claim.messages, queue, attributes),
            "href": documents.claim_href(queue, claim.id),
        }
    )


def update(call: Call) -> Reply:
    """204: the claim ends ttl seconds from now. Grace has no lower bound here, as in Zaqar."""
    ttl, grace = _terms(call, bodies.parse_object(call.request.body), 0)
    claims.update(call.session, call.ref(), call.values[1], ttl_seconds=ttl, grace_seconds=grace)
    return documents.empty()


def release(call: Call) -> Reply:
    """204, also when the claim is unknown."""
    claims.release(call.session, call.ref(), call.values[1])
    return documents.empty()


def _terms(call: Call, document: dict[str, Any], least_grace: int) -> tuple[int, int]:
    """ttl and grace in seconds."""
    settings = call.settings
    ttl, grace = settings.default_claim_ttl, settings.default_claim_grace
    if "ttl" in document:
        ttl = bounded("ttl", document["ttl"], least=LEAST_TTL_SECONDS, most=settings.max_claim_ttl)
    if "grace" in document:
        grace = bounded("grace", document["grace"], least=least_grace, most=settings.max_claim_grace)
    return ttl, grace


def _messages(
    call: Call, claim_id: str, messages: list[StoredMessage], queue: str, attributes: bool
) -> list[dict[str, Any]]:
    checksum = call.settings.enable_checksum
    found = []
    for message in messages:
        message.claim_id = claim_id
        found.append(documents.message(message, queue, checksum=checksum, attributes=attributes))
    return found
