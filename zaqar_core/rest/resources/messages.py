"""Messages: post, list, get, delete, pop."""

from __future__ import annotations

from typing import Any

from zaqar_core import messages
from zaqar_core.errors import ClaimNotFound
from zaqar_core.model import NewMessage
from zaqar_core.rest import bodies, documents, errors
from zaqar_core.rest.call import Call
from zaqar_core.rest.errors import Fact, RestError
from zaqar_core.rest.parameters import Query, bounded
from zaqar_core.web.call import Reply

#: Messages of a page or a pop when no limit is given.
DEFAULT_LIMIT = 10
LEAST_TTL_SECONDS = 60


def post(call: Call) -> Reply:
    """201 with the hrefs in the order posted; all messages, or none. A missing queue is made."""
    wanted = _new_messages(call)
    ref = call.ref_to_create()
    sent = messages.post(call.session, ref, wanted, post_bytes=len(call.request.body))
    queue = documents.queue_href(call.dialect.prefix, ref.name)
    ids = [message.id for message in sent]
    return documents.reply(
        {"resources": [documents.message_href(queue, text) for text in ids]},
        201,
        f"{queue}/messages?ids={','.join(ids)}",
    )


def _new_messages(call: Call) -> list[NewMessage]:
    document = bodies.parse_object(call.request.body)
    given = document.get("messages")
    if type(given) is not list or not given:
        raise RestError(Fact.BODY_INVALID, '"messages" must be an array of at least one message.')
    most_ttl, most_delay = call.settings.max_message_ttl, call.settings.max_message_delay
    found = []
    for item in given:
        if type(item) is not dict or "body" not in item:
            raise RestError(Fact.BODY_INVALID, 'Each message must be an object with a "body".')
        body, kind = bodies.stored(item["body"])
        ttl = bounded("ttl", item["ttl"], least=LEAST_TTL_SECONDS, most=most_ttl) if "ttl" in item else None
        delay = bounded("delay", item["delay"], least=0, most=most_delay) if "delay" in item else None
        found.append(NewMessage(body, kind, ttl_seconds=ttl, delay_seconds=delay, client_id=call.client_id))
    return found


def get(call: Call) -> Reply:
    """A page of the queue, or with ``ids`` those messages."""
    query = call.query
    ids = query.items("ids", call.settings.max_messages_per_page)
    return _bulk_get(call, query, ids) if ids else _list(call, query)


def _list(call: Call, query: Query) -> Reply:
    limit = query.integer("limit", DEFAULT_LIMIT, most=call.settings.max_messages_per_page)
    echo, attributes = query.boolean("echo"), query.boolean("attributes")
    include_claimed, include_delayed = query.boolean("include_claimed"), query.boolean("include_delayed")
    ref = call.ref()
    page = messages.list_page(
        call.session,
        ref,
        marker=query.text("marker"),
        limit=limit,
        except_client_id=None if echo else call.client_id,
        include_claimed=include_claimed,
        include_delayed=include_delayed,
    )
    queue = documents.queue_href(call.dialect.prefix, ref.name)
    given: dict[str, str | int | bool | None] = {
        "limit": limit if query.text("limit") else None,
        "echo": echo if query.text("echo") else None,
        "include_claimed": include_claimed if query.text("include_claimed") else None,
        "include_delayed": include_delayed if query.text("include_delayed") else None,
        "attributes": attributes or None,
    }
    checksum = call.settings.enable_checksum
    return documents.reply(
        {
            "messages": [
                documents.message(message, queue, checksum=checksum, attributes=attributes) for message in page.messages
            ],
            "links": documents.next_links(f"{queue}/messages", given, page.marker),
        }
    )


def _bulk_get(call: Call, query: Query, ids: list[str]) -> Reply:
    ref, attributes = call.ref(), query.boolean("attributes")
    found = messages.get_many(call.session, ref, ids)
    if not found:
        raise RestError(Fact.MESSAGES_NOT_FOUND)
    queue, checksum = documents.queue_href(call.dialect.prefix, ref.name), call.settings.enable_checksum
    return documents.reply(
        {"messages": [documents.message(message, queue, checksum=checksum, attributes=attributes) for message in found]}
    )


def get_one(call: Call) -> Reply:
    """200 with the message, claimed and delayed ones too, or 404."""
    ref, attributes = call.ref(), call.query.boolean("attributes")
    found = messages.get_many(call.session, ref, [call.values[1]])
    if not found:
        raise RestError(Fact.MESSAGE_NOT_FOUND)
    queue = documents.queue_href(call.dialect.prefix, ref.name)
    return documents.reply(
        documents.message(found[0], queue, checksum=call.settings.enable_checksum, attributes=attributes)
    )


def delete_one(call: Call) -> Reply:
    """204, also when the message or queue is missing. A claimed message needs its claim's id."""
    claim_id = call.query.text("claim_id") if call.request.query else None
    try:
        messages.delete_by_id(call.session, call.ref(), call.values[1], claim_id=claim_id)
    except ClaimNotFound:
        return errors.of_words(errors.CLAIM_TO_DELETE_UNKNOWN)
    return documents.empty()


def delete_many(call: Call) -> Reply:
    """With ``ids`` those are gone, claimed ones too; with ``pop`` the oldest free ones, which are the answer."""
    query = call.query
    ids = query.items("ids", call.settings.max_messages_per_page)
    pops = query.text("pop") is not None
    if pops == bool(ids):
        raise RestError(Fact.RULE_BROKEN, 'Give either "ids" or "pop".')
    if pops:
        return _pop(call, query)
    claim_ids = query.items("claim_ids", call.settings.max_messages_per_page)
    needs_claims = call.settings.message_delete_with_claim_id
    if needs_claims and not claim_ids:
        raise RestError(Fact.RULE_BROKEN, '"claim_ids" is required with "ids".')
    try:
        messages.delete_many(call.session, call.ref(), ids, claim_ids=claim_ids if needs_claims else None)
    except ClaimNotFound:
        return errors.of_words(errors.CLAIM_TO_DELETE_UNKNOWN)
    return documents.empty()


def _pop(call: Call, query: Query) -> Reply:
    limit = query.integer("pop", DEFAULT_LIMIT, most=call.settings.max_messages_per_claim_or_pop)
    attributes, checksum = query.boolean("attributes"), call.settings.enable_checksum
    found: list[dict[str, Any]] = [
        documents.popped_message(message, checksum=checksum, attributes=attributes)
        for message in messages.pop(call.session, call.ref(), limit=limit)
    ]
    return documents.reply({"messages": found})
