"""The bodies of WebSocket frames, made from the replies of routes. Members and sentences are those of Zaqar.

Frames have no links and no hrefs: a client sends the id or name of the last item as ``marker`` to get the next page.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from zaqar_core.web.envelope import Reply

#: The fields of a request's body.
Fields = Mapping[str, Any]
#: Returns the body of a frame from the fields of its request and the route's reply.
FrameBody = Callable[[Fields, Reply], Any]


def unchanged(_: Fields, reply: Reply) -> Any:
    """Return the body of the reply; ``{}`` where it is empty."""
    return orjson.loads(reply.body) if reply.body else {}


def empty(_: Fields, __: Reply) -> Any:
    """Return ``{}``."""
    return {}


def sentence(text: str) -> FrameBody:
    """Return a frame body that is ``text`` with the values of the fields in braces."""
    return lambda fields, _: text.format_map(fields)


def page(fields: Fields, reply: Reply) -> Any:
    """Return a page without its links."""
    document = unchanged(fields, reply)
    del document["links"]
    return document


def page_of_queues(fields: Fields, reply: Reply) -> Any:
    """Return ``{"queues": [{"name"[, "metadata"]}][, "count"]}``."""
    document = page(fields, reply)
    for row in document["queues"]:
        del row["href"]
    return document


def stats(fields: Fields, reply: Reply) -> Any:
    """Return a queue's stats; ``oldest`` and ``newest`` are ``{"id", "age", "created"}``."""
    document = unchanged(fields, reply)
    for end in ("oldest", "newest"):
        if end in document["messages"]:
            row = document["messages"][end]
            document["messages"][end] = {"id": _id_in(row.pop("href")), **row}
    return document


def empty_stats(_: Fields, __: Reply) -> Any:
    """Return the stats of a queue that does not exist."""
    return {"messages": {"claimed": 0, "free": 0, "total": 0}}


def posted(_: Fields, reply: Reply) -> Any:
    """Return ``{"message_ids": [...]}`` in the order posted."""
    return {"message_ids": [_id_in(href) for href in orjson.loads(reply.body)["resources"]]}


def message(fields: Fields, reply: Reply) -> Any:
    """Return the one message as ``{"messages": {...}}``."""
    return {"messages": _row(unchanged(fields, reply), None)}


def messages(fields: Fields, reply: Reply) -> Any:
    """Return the messages of a page or of a bulk get."""
    return {"messages": [_row(one, None) for one in unchanged(fields, reply)["messages"]]}


def claim(fields: Fields, reply: Reply) -> Any:
    """Return a new claim and its messages; ``{"claim_id": null}`` where there was nothing to claim."""
    if reply.status != 201:
        return {"claim_id": None}
    claim_id = _id_in(dict(reply.headers)["Location"])
    return {"claim_id": claim_id, "messages": [_row(one, claim_id) for one in unchanged(fields, reply)["messages"]]}


def held(fields: Fields, reply: Reply) -> Any:
    """Return ``{"age", "ttl", "messages"}`` of a claim."""
    document = unchanged(fields, reply)
    claim_id = _id_in(document.pop("href"))
    return {**document, "messages": [_row(one, claim_id) for one in document["messages"]]}


def subscribed(fields: Fields, reply: Reply) -> Any:
    """Return ``{"message", "subscription_id"}``."""
    return {"message": f"Subscription {fields['queue_name']} created.", **unchanged(fields, reply)}


def _row(shown: dict[str, Any], claim_id: str | None) -> dict[str, Any]:
    """Return ``{"id", "claim_id", "ttl", "age", "body"[, "checksum"]}``; ``claim_id`` is null outside claims."""
    del shown["href"]
    return {"id": shown.pop("id"), "claim_id": claim_id, **shown}


def _id_in(href: str) -> str:
    return href.rpartition("/")[2]
