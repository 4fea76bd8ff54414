"""JSON output: documents, hrefs and links, and the replies that contain them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import partial
from hashlib import md5
from typing import Any
from urllib.parse import quote, urlencode

import orjson

from zaqar_core.domain.model import Attribute, StoredMessage
from zaqar_core.domain.names import QueueRef
from zaqar_core.eventloop import hexdigest
from zaqar_core.web.envelope import Reply, Request

_md5 = partial(md5, usedforsecurity=False)
_JSON = ("Content-Type", "application/json")


def reply(document: Any, status: int = 200, location: str | None = None) -> Reply:
    """Return a reply with ``document`` as JSON."""
    headers = [_JSON]
    if location is not None:
        headers.append(("Location", location))
    return Reply(status, headers, orjson.dumps(document))


def empty(status: int = 204, location: str | None = None) -> Reply:
    """Return a reply without a body."""
    return Reply(status, [] if location is None else [("Location", location)], b"")


def relative(request: Request) -> str:
    """Return the path and query of the request as they were sent, beginning with the version."""
    path = quote(request.path, safe="/", encoding="latin-1")
    return f"{path}?{request.query}" if request.query else path


def queue_href(prefix: str, ref: QueueRef) -> str:
    """Return the path of a queue or topic."""
    return f"{prefix}/{'topics' if ref.is_topic else 'queues'}/{ref.name}"


def message_href(queue: str, message_id: str, claim_id: str | None = None) -> str:
    """Return the path of a message; ``queue`` is the queue's href. Clients read the claim id after the last ``=``."""
    href = f"{queue}/messages/{message_id}"
    return href if claim_id is None else f"{href}?claim_id={claim_id}"


def claim_href(queue: str, claim_id: str) -> str:
    """Return the path of a claim; ``queue`` is the queue's href."""
    return f"{queue}/claims/{claim_id}"


def next_links(path: str, given: Mapping[str, str | int | bool | None], marker: str | None) -> list[dict[str, str]]:
    """Return one link to the next page, with the given parameters; none when this page is empty (no marker)."""
    if marker is None:
        return []
    shown = {
        name: str(value).lower() if isinstance(value, bool) else value
        for name, value in given.items()
        if value is not None
    }
    return [{"rel": "next", "href": f"{path}?{urlencode({**shown, 'marker': marker})}"}]


def message_body(message: StoredMessage) -> Any:
    """Return the body as a part of a document. The text of an SQS message is a JSON string."""
    return message.body.decode() if message.kind == "text" else orjson.Fragment(message.body)


def message(
    message: StoredMessage, queue: str, *, checksum: bool, attributes: bool, shows_id: bool = True
) -> dict[str, Any]:
    """Return ``{"id", "href", "ttl", "age", "body"[, "checksum"][, "attributes"]}``; ttl and age are in seconds.

    python-zaqarclient rejects messages with any other member, so attributes are shown only on request. v1 shows
    neither ids nor checksums.
    """
    document: dict[str, Any] = {
        "id": message.id,
        # The claim id is included only while the claim lasts: with the id of an ended claim, a deletion by this href
        # would be refused.
        "href": message_href(queue, message.id, message.claim_id if message.held else None),
        "ttl": message.ttl_seconds,
        "age": age(message),
        "body": message_body(message),
    }
    if not shows_id:
        del document["id"]
    elif checksum:
        _add_checksum(document, message)
    if attributes:
        document["attributes"] = message_attributes(message.attributes)
    return document


def popped_message(message: StoredMessage, *, checksum: bool, attributes: bool) -> dict[str, Any]:
    """Return ``{"id", "age", "ttl", "body", "claim_id", "claim_count"[, "checksum"][, "attributes"]}``: no href."""
    document: dict[str, Any] = {
        "id": message.id,
        "age": age(message),
        "ttl": message.ttl_seconds,
        "body": message_body(message),
        "claim_id": message.claim_id,
        "claim_count": message.receive_count,
    }
    if checksum:
        _add_checksum(document, message)
    if attributes:
        document["attributes"] = message_attributes(message.attributes)
    return document


def age(message: StoredMessage) -> int:
    """Return the whole seconds since the message was posted."""
    return max(0, (message.now_ms - message.sent_ms) // 1000)


def message_attributes(attributes: Iterable[Attribute]) -> dict[str, dict[str, str]]:
    """Return ``{name: {"type", "value"}}``; the value of a Binary type is base64."""
    return {
        attribute.name: {
            "type": attribute.data_type,
            "value": base64.b64encode(attribute.value).decode()
            if attribute.data_type.startswith("Binary")
            else attribute.value.decode(),
        }
        for attribute in attributes
    }


def stats_message(message: StoredMessage, queue: str) -> dict[str, Any]:
    """Return ``{"href", "age", "created"}``, no other members; ``created`` is ISO 8601 in UTC, whole seconds."""
    created = datetime.fromtimestamp(message.sent_ms // 1000, UTC)
    return {
        "href": message_href(queue, message.id),
        "age": age(message),
        "created": created.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def _add_checksum(document: dict[str, Any], message: StoredMessage) -> None:
    """Add the MD5 of the body as Python's ``json.dumps`` writes it; a null body has no checksum."""
    body = message.body.decode() if message.kind == "text" else orjson.loads(message.body)
    if body is not None:
        text = json.dumps(body).encode()
        document["checksum"] = "MD5:" + hexdigest(_md5, text)
