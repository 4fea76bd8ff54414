"""The body of a WebSocket frame from a route's answer: members and sentences are those of Zaqar's own transport.

Links and hrefs are for paths. A frame names the next page by the last one's id or name, as ``marker``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from zaqar_core.web.envelope import Reply

#: What the request's body gave.
Fields = Mapping[str, Any]
#: A frame's body from the fields of its request and the route's answer.
Words = Callable[[Fields, Reply], Any]


def as_it_is(_: Fields, reply: Reply) -> Any:
    return orjson.loads(reply.body) if reply.body else {}


def nothing(_: Fields, __: Reply) -> Any:
    """``{}``"""
    return {}


def sentence(text: str) -> Words:
    """``text`` with the fields that it names."""
    return lambda fields, _: text.format_map(fields)


def page(fields: Fields, reply: Reply) -> Any:
    """A page without its links."""
    document = as_it_is(fields, reply)
    del document["links"]
    return document


def page_of_queues(fields: Fields, reply: Reply) -> Any:
    """``{"queues": [{"name"[, "metadata"]}][, "count"]}``"""
    document = page(fields, reply)
    for row in document["queues"]:
        del row["href"]
    return document


def numbers(fields: Fields, reply: Reply) -> Any:
    """A queue's stats; ``oldest`` and ``newest`` are ``{"id", "age", "created"}``."""
    document = as_it_is(fields, reply)
    for end in ("oldest", "newest"):
        if end in document["messages"]:
            row = document["messages"][end]
            document["messages"][end] = {"id": _id_in(row.pop("href")), **row}
    return document


def no_numbers(_: Fields, __: Reply) -> Any:
    """The stats of a queue that does not exist."""
    return {"messages": {"claimed": 0, "free": 0, "total": 0}}


def posted(_: Fields, reply: Reply) -> Any:
    """``{"message_ids": [...]}`` in the order posted."""
    return {"message_ids": [_id_in(href) for href in orjson.loads(reply.body)["resources"]]}


def message(fields: Fields, reply: Reply) -> Any:
    """One message, under ``messages``."""
    return {"messages": _row(as_it_is(fields, reply), None)}


def messages(fields: Fields, reply: Reply) -> Any:
    """The messages of a page or of a bulk get."""
    return {"messages": [_row(one, None) for one in as_it_is(fields, reply)["messages"]]}


def claim(fields: Fields, reply: Reply) -> Any:
    """A new claim and its messages; ``{"claim_id": null}`` where there was nothing to claim."""
    if reply.status != 201:
        return {"claim_id": None}
    claim_id = _id_in(dict(reply.headers)["Location"])
    return {"claim_id": claim_id, "messages": [_row(one, claim_id) for one in as_it_is(fields, reply)["messages"]]}


def held(fields: Fields, reply: Reply) -> Any:
    """``{"age", "ttl", "messages"}`` of a claim."""
    document = as_it_is(fields, reply)
    claim_id = _id_in(document.pop("href"))
    return {**document, "messages": [_row(one, claim_id) for one in document["messages"]]}


def subscribed(fields: Fields, reply: Reply) -> Any:
    """``{"message", "subscription_id"}``"""
    return {"message": f"Subscription {fields['queue_name']} created.", **as_it_is(fields, reply)}


def _row(shown: dict[str, Any], claim_id: str | None) -> dict[str, Any]:
    """``{"id", "claim_id", "ttl", "age", "body"[, "checksum"]}``: the claim is named where the action is about one."""
    del shown["href"]
    return {"id": shown.pop("id"), "claim_id": claim_id, **shown}


def _id_in(href: str) -> str:
    return href.rpartition("/")[2]
