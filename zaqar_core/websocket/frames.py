"""Reading and writing of frames: text is JSON, binary is MessagePack. Both hold only values that JSON can hold."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
import orjson

from zaqar_core.rest import bodies
from zaqar_core.rest.errors import Fact, RestError

#: Headers of a frame, by their names in lower case, and their keys in a request's environ. All others are ignored.
HEADERS: Mapping[str, str] = {
    "client-id": "HTTP_CLIENT_ID",
    "x-project-id": "HTTP_X_PROJECT_ID",
    "x-auth-token": "HTTP_X_AUTH_TOKEN",
    "url-signature": "HTTP_URL_SIGNATURE",
    "url-expires": "HTTP_URL_EXPIRES",
    "url-methods": "HTTP_URL_METHODS",
    "url-paths": "HTTP_URL_PATHS",
}
#: Headers whose value may be an array.
_LISTS = frozenset(("HTTP_URL_METHODS", "HTTP_URL_PATHS"))
_NEVER_SHOWN = "x-auth-token"

#: Deeper than a stored message, or metadata, can be.
_MOST_DEPTH = 300

_read_binary = msgspec.msgpack.Decoder().decode
_write_binary = msgspec.msgpack.Encoder().encode


@dataclass(slots=True)
class Frame:
    """One request. ``shown`` are its headers as received, without secrets; ``environ`` has those of ``HEADERS``."""

    action: str | None = None
    fields: dict[str, Any] = field(default_factory=dict)
    shown: dict[str, Any] = field(default_factory=dict)
    environ: dict[str, str] = field(default_factory=dict)


def read(data: bytes, *, is_binary: bool) -> Any:
    """Decode a frame. Raises RestError when it is not JSON, or not MessagePack of values that JSON can hold."""
    value: Any
    if not is_binary:
        value = bodies.parse(data)
        if data.count(b"[") + data.count(b"{") > _MOST_DEPTH:
            _check_plain(value)
        return value
    try:
        value = _read_binary(data)
    except RecursionError:
        raise RestError(Fact.FRAME_MALFORMED, "The frame is nested too deeply.") from None
    except (msgspec.MsgspecError, ValueError, OverflowError):  # ValueError: a string is not UTF-8
        raise RestError(Fact.FRAME_MALFORMED, "The frame is not MessagePack.") from None
    _check_plain(value)
    return value


def parse(value: Any) -> Frame:
    """Read ``{"action", "headers"?, "body"?}``. Raises RestError."""
    if type(value) is not dict or type(value.get("action")) is not str:
        raise RestError(Fact.FRAME_INVALID, 'A frame must be an object with an "action", which is a string.')
    fields, headers = value.get("body"), value.get("headers")
    fields = {} if fields is None else fields
    headers = {} if headers is None else headers
    if type(fields) is not dict:
        raise RestError(Fact.FRAME_INVALID, '"body" must be an object.')
    if type(headers) is not dict:
        raise RestError(Fact.FRAME_INVALID, '"headers" must be an object.')
    return Frame(value["action"], fields, _shown(headers), _environ(headers))


def echo(value: Any) -> Frame:
    """Return the parts of an invalid frame that an error reply can repeat."""
    found = Frame()
    if type(value) is dict:
        if type(value.get("action")) is str:
            found.action = value["action"]
        if type(value.get("body")) is dict:
            found.fields = value["body"]
        if type(value.get("headers")) is dict:
            found.shown = _shown(value["headers"])
    return found


def envelope_bytes(frame: Frame) -> int:
    """Return the length of a frame with an empty body, as text."""
    return len(_text({"action": frame.action, "headers": frame.shown, "body": {}}).encode())


def _shown(headers: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in headers.items() if name.lower() != _NEVER_SHOWN}


def _environ(headers: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in headers.items():
        key = HEADERS.get(name.lower())
        if key is None or value is None:
            continue
        if key in _LISTS and type(value) is list and all(type(one) is str for one in value):
            value = ",".join(value)
        if type(value) is not str or any(ord(character) < 32 or ord(character) == 127 for character in value):
            raise RestError(Fact.FRAME_INVALID, f'Header "{name}" must be a string without control characters.')
        # WSGI decodes UTF-8 headers as latin-1; the same here, so that a project is the same over HTTP and WebSocket.
        found[key] = value.encode().decode("latin-1")
    return found


def _check_plain(value: Any) -> None:
    """Check that a value has only what JSON can hold, and is not nested too deeply. Raises RestError."""
    level = [value]
    for _ in range(_MOST_DEPTH):
        below: list[Any] = []
        for item in level:
            kind = type(item)
            if kind is dict:
                if not all(type(name) is str for name in item):
                    raise RestError(Fact.FRAME_MALFORMED, "The keys of a map must be strings.")
                below += item.values()
            elif kind is list:
                below += item
            elif kind is float:
                if not math.isfinite(item):
                    raise RestError(Fact.FRAME_MALFORMED, "All numbers must be finite.")
            elif kind is int:
                if not -(1 << 63) <= item < 1 << 63:
                    raise RestError(Fact.FRAME_MALFORMED, "An integer is outside the signed 64-bit range.")
            elif not (kind is str or kind is bool or item is None):
                raise RestError(
                    Fact.FRAME_MALFORMED, "A frame may hold only values that JSON can hold: no bin, no extension types."
                )
        if not below:
            return
        level = below
    raise RestError(Fact.FRAME_MALFORMED, "The frame is nested too deeply.")


def reply(frame: Frame, status: int, body: Any, *, is_binary: bool) -> str | bytes:
    """Return the reply to a frame."""
    return write(
        {
            "request": {"action": frame.action, "body": frame.fields, "api": "v2", "headers": frame.shown},
            "headers": {"status": status},
            "body": body,
        },
        is_binary=is_binary,
    )


def write(document: Any, *, is_binary: bool) -> str | bytes:
    """Encode a document as a frame."""
    return _write_binary(document) if is_binary else _text(document)


def _text(document: Any) -> str:
    try:
        return orjson.dumps(document).decode()
    except TypeError:  # orjson's depth limit: a message may be nested that deeply, and the frame adds a few levels
        return json.dumps(document, ensure_ascii=False)
