"""Messages: post, list, get, delete, pop."""

from __future__ import annotations

from typing import Any

from zaqar_core.core import messages
from zaqar_core.domain import limits
from zaqar_core.domain.errors import ClaimNotFound
from zaqar_core.domain.model import NewMessage, StoredMessage
from zaqar_core.rest import bodies, documents, errors
from zaqar_core.rest.call import RestCall
from zaqar_core.rest.errors import Fact, RestError
from zaqar_core.rest.parameters import Query, bounded
from zaqar_core.web.envelope import Reply


def post(call: RestCall) -> Reply:
    """Post all messages or none, and return 201 with their hrefs in the order posted. A missing queue is created;
    in v1 it is 404.

    Location names the messages; after a long post it is the path of the queue's messages.
    """
    wanted = _new_messages(call)
    lazy = call.dialect.is_lazy
    sent = messages.post(call.session, call.ref, wanted, post_bytes=len(call.request.body), creates=lazy)
    queue = call.queue_href
    ids = [message.id for message in sent]
    document: dict[str, Any] = {"resources": [documents.message_href(queue, text) for text in ids]}
    if not lazy:
        document["partial"] = False
    location = f"{queue}/messages"
    if len(ids) <= limits.LOCATED_IDS:
        location = f"{location}?ids={','.join(ids)}"
    return documents.reply(document, 201, location)


def _new_messages(call: RestCall) -> list[NewMessage]:
    dialect, client = call.dialect, _client(call)
    given: Any = bodies.parse(call.request.body)
    if dialect.shows_ids:
        given = given.get("messages") if type(given) is dict else None
    if type(given) is not list or not given:
        raise RestError(Fact.BODY_INVALID, "The messages must be an array of at least one message.")
    most_ttl, most_delay = call.settings.max_message_ttl, call.settings.max_message_delay
    found = []
    for item in given:
        if type(item) is not dict or "body" not in item:
            raise RestError(Fact.BODY_INVALID, 'Each message must be an object with a "body".')
        body, kind = bodies.stored(item["body"])
        ttl = delay = None
        if "ttl" in item or not dialect.has_defaults:
            ttl = bounded("ttl", item.get("ttl"), least=limits.LEAST_TTL_SECONDS, most=most_ttl)
        if "delay" in item and dialect.has_delays:
            delay = bounded("delay", item["delay"], least=0, most=most_delay)
        found.append(NewMessage(body, kind, ttl_seconds=ttl, delay_seconds=delay, client_id=client))
    return found


def _client(call: RestCall) -> bytes:
    """Return the Client-ID, which posting and listing require in every version. Raises RestError."""
    if call.client_id is None:
        raise RestError(Fact.CLIENT_ID_MISSING)
    return call.client_id


def get(call: RestCall) -> Reply:
    """Return 200 with a page of messages, or with ``ids`` those messages."""
    query = call.query
    ids = query.items("ids", call.settings.max_messages_per_page)
    return _bulk_get(call, query, ids) if ids else _list(call, query)


def _list(call: RestCall, query: Query) -> Reply:
    client, has_delays = _client(call), call.dialect.has_delays
    limit = query.integer("limit", limits.DEFAULT_PAGE, most=call.settings.max_messages_per_page)
    echo, attributes = query.boolean("echo"), query.boolean("attributes")
    include_claimed, include_delayed = query.boolean("include_claimed"), has_delays and query.boolean("include_delayed")
    page = messages.list_page(
        call.session,
        call.ref,
        marker=query.text("marker"),
        limit=limit,
        except_client_id=None if echo else client,
        include_claimed=include_claimed,
        include_delayed=include_delayed,
    )
    if not (page.messages or call.dialect.shows_empty):
        return documents.empty()
    given: dict[str, str | int | bool | None] = {
        "limit": limit if query.text("limit") else None,
        "echo": echo if query.text("echo") else None,
        "include_claimed": include_claimed if query.text("include_claimed") else None,
        "include_delayed": include_delayed if has_delays and query.text("include_delayed") else None,
        "attributes": attributes or None,
    }
    return documents.reply(
        {
            "messages": shown(call, page.messages, attributes),
            "links": documents.next_links(f"{call.queue_href}/messages", given, page.marker),
        }
    )


def shown(call: RestCall, found: list[StoredMessage], attributes: bool) -> list[dict[str, Any]]:
    """Return the documents of messages, as the version shows them."""
    queue, checksum, shows_id = call.queue_href, call.settings.enable_checksum, call.dialect.shows_ids
    return [
        documents.message(message, queue, checksum=checksum, attributes=attributes, shows_id=shows_id)
        for message in found
    ]


def wrapped(call: RestCall, found: list[StoredMessage], attributes: bool) -> Any:
    """Return messages that are not a page: in an object, or in v1 as a bare array."""
    documents = shown(call, found, attributes)
    return {"messages": documents} if call.dialect.shows_ids else documents


def _bulk_get(call: RestCall, query: Query, ids: list[str]) -> Reply:
    attributes = query.boolean("attributes")
    found = messages.get_many(call.session, call.ref, ids)
    if found:
        return documents.reply(wrapped(call, found, attributes))
    if call.dialect.shows_empty:
        raise RestError(Fact.MESSAGES_NOT_FOUND)
    return documents.empty()


def get_one(call: RestCall) -> Reply:
    """Return 200 with the message, also when it is claimed or delayed, or 404."""
    attributes = call.query.boolean("attributes")
    found = messages.get_many(call.session, call.ref, call.values)
    if not found:
        raise RestError(Fact.MESSAGE_NOT_FOUND)
    return documents.reply(shown(call, found, attributes)[0])


def delete_one(call: RestCall) -> Reply:
    """Delete the message and return 204, also when the message or the queue is missing, whatever ``claim_id`` is. A
    claimed message can be deleted only with the id of its claim."""
    claim_id = call.query.text("claim_id") if call.request.query else None
    try:
        messages.delete_by_id(call.session, call.ref, call.values[0], claim_id=claim_id)
    except ClaimNotFound:
        return errors.of_words(errors.CLAIM_TO_DELETE_UNKNOWN)
    return documents.empty()


def delete_many(call: RestCall) -> Reply:
    """Delete messages: with ``ids`` those, also claimed ones, and return 204; with ``pop`` the oldest free ones, and
    return 200 with them."""
    query = call.query
    pops = query.text("pop") is not None
    if pops == (query.text("ids") is not None):
        raise RestError(Fact.RULE_BROKEN, 'Give either "ids" or "pop".')
    return _pop(call, query) if pops else delete_by_ids(call)


def delete_by_ids(call: RestCall) -> Reply:
    """Delete the messages in ``ids``, also claimed ones, and return 204. With the setting
    ``message_delete_with_claim_id`` the claim of each message that still exists must be among ``claim_ids``."""
    query, most = call.query, call.settings.max_messages_per_page
    ids, claim_ids = query.items("ids", most), query.items("claim_ids", most)
    if not ids:
        raise RestError(Fact.RULE_BROKEN, '"ids" is required.')
    needs_claims = call.settings.message_delete_with_claim_id and call.collection.is_consumed
    if needs_claims and not claim_ids:
        raise RestError(Fact.RULE_BROKEN, '"claim_ids" is required with "ids".')
    try:
        messages.delete_many(call.session, call.ref, ids, claim_ids=claim_ids if needs_claims else None)
    except ClaimNotFound:
        return errors.of_words(errors.CLAIM_TO_DELETE_UNKNOWN)
    return documents.empty()


def _pop(call: RestCall, query: Query) -> Reply:
    limit = query.integer("pop", limits.DEFAULT_PAGE, most=call.settings.max_messages_per_claim_or_pop)
    attributes, checksum = query.boolean("attributes"), call.settings.enable_checksum
    found: list[dict[str, Any]] = [
        documents.popped_message(message, checksum=checksum, attributes=attributes)
        for message in messages.pop(call.session, call.ref, limit=limit)
    ]
    return documents.reply({"messages": found})
