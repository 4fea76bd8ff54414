"""The grammar of WebSocket frames: actions with their fields, in JSON and MessagePack."""

from __future__ import annotations

import random
from typing import Any

import msgspec

from tests.fuzz import values, zaqar
from tests.fuzz.case import QUEUES, Case, Memory
from zaqar_core.rest.actions import ACTIONS
from zaqar_core.websocket.conversation import AUTHENTICATE

#: The methods of cases that are frames.
TEXT, BINARY = "TEXT FRAME", "BINARY FRAME"
_CLIENT = "3381af92-2b9e-11e3-b191-71861300734c"
_NAMES = (*ACTIONS, AUTHENTICATE)
_HEADERS = (
    "Client-ID", "X-Project-ID", "x-project-id", "X-Auth-Token", "URL-Signature", "URL-Expires", "URL-Methods",
    "URL-Paths", "X-Roles",
)  # fmt: skip
_PACK_PIECES = (
    b"\xc1", b"\xc7\xff\xff", b"\xd4\xff\x00", b"\xd6\xff\x00\x00\x00\x00", b"\xdd\xff\xff\xff\xff", b"\x91" * 400,
    b"\xdf\xff\xff\xff\xff", b"\xdb\xff\xff\xff\xff", b"\xcf" + b"\xff" * 8, b"\xd3\x80" + bytes(7), b"\xa1\xff",
    b"\xcb\x7f\xf0" + bytes(6), b"\xcb\x7f\xf8" + bytes(6), b"\xc4\x01\xff", b"\x81\x01\x02", b"\x81\xc0\xc0", b"\x80",
)  # fmt: skip


def frame(source: random.Random, memory: Memory) -> Case:
    """Return a frame as a case, whose body it is."""
    name = source.choice(_NAMES) if source.random() < 0.97 else values.text(source)
    headers: dict[str, Any] = {"Client-ID": _CLIENT, "X-Project-ID": "p"}
    for _ in range(source.choice((0, 0, 0, 1, 2))):
        headers[source.choice(_HEADERS)] = source.choice((values.text(source), ["x", "y"], values.anything(source)))
    document: Any = {"action": name, "headers": headers, "body": _fields(source, memory, name)}
    if source.random() < 0.03:
        document[source.choice(("action", "headers", "body"))] = values.anything(source)
    if source.random() < 0.02:
        document = values.anything(source)
    if source.random() < 0.5:
        return Case(TEXT, b"", body=values.written(source, document))
    packed = _packed(document)
    for _ in range(source.choice((0, 0, 0, 1, 2))):
        packed = values.damaged(source, packed, _PACK_PIECES)
    return Case(BINARY, b"", body=packed)


def _fields(source: random.Random, memory: Memory, name: str) -> Any:
    if source.random() < 0.04:
        return values.anything(source)
    found: dict[str, Any] = {}
    action = ACTIONS.get(name)
    for field in action.fields if action is not None else ("queue_name",):
        is_needed = action is None or field in action.names or field in action.needed or field == action.document
        if source.random() > (0.97 if is_needed or field == "messages" else 0.5):
            continue
        found[field] = values.anything(source) if source.random() < 0.07 else _field(source, memory, field)
    return found


def _field(source: random.Random, memory: Memory, field: str) -> Any:
    match field:
        case "queue_name":
            return source.choice(QUEUES)
        case "message_id" | "claim_id" | "subscription_id" | "marker":
            return memory.id(source)
        case "message_ids" | "claim_ids":
            return [memory.id(source) for _ in range(source.choice((0, 1, 2, 30)))]
        case "messages":
            return [zaqar.message(source) for _ in range(source.choice((0, 1, 1, 2, 30)))]
        case "limit" | "pop":
            return source.choice((1, 10, 0, -1, 1 << 40))
        case "ttl" | "grace":
            return source.choice((60, 300, values.number(source)))
        case "subscriber":
            return source.choice(("http://127.0.0.1:1/", "mailto:a@127.0.0.1", values.text(source)))
        case "resource_types":
            return source.choice((["messages"], ["subscriptions"], [], ["x"]))
    if field in ("detailed", "with_count", "echo", "include_claimed", "include_delayed"):
        return source.random() < 0.5
    return zaqar.members(source)


def _packed(document: Any) -> bytes:
    try:
        return msgspec.msgpack.encode(document)
    except (OverflowError, ValueError, TypeError, msgspec.MsgspecError):  # an integer or text that it does not have
        return b"\x80"
