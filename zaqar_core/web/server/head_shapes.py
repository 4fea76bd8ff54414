"""Read heads that differ from an earlier one in a few values only: those of clients that sign their requests.

A signed head never comes again, but SDKs repeat all of it but the time, the signature, the length and the id of the
request. From a head that llhttp accepted, a shape is made: its bytes between these values, and what they say. A later
head has this shape if it has the same length, the same bytes between the values, and values of the allowed characters.

Such a head says the same, with other values, because nothing else in it depends on them. Each value was the whole value
of a header that is not repeated, as the parser returned it. Old and new ones consist of visible characters of ASCII and
of spaces between them, which llhttp accepts in every value. It looks into none of these headers but Content-Length,
which has only digits here, few enough for any number.

A head without a known shape is left to llhttp: a shape accepts heads and refuses none. A shape has no credential: a
head with another header than those listed here makes none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

#: Shapes that are remembered, and their longest. All are forgotten when there are more.
_MOST_SHAPES, _SHAPE_BYTES = 512, 2000
#: Shapes of one length. The oldest is forgotten when there are more.
_MOST_OF_A_LENGTH = 8
#: A shape takes as long to make as several heads take to parse. So of this many heads without a known shape, only the
#: first one gets a shape. Clients with more shapes than are remembered then cost little.
_HEADS_OF_A_SHAPE = 8
_LENGTH_DIGITS = 15
_VISIBLE = bytes(range(0x21, 0x7F))
_PRINTABLE = b" " + _VISIBLE

_LINE = re.compile(rb"([!-9;-~]+): ([!-~](?:[ -~]*[!-~])?)")
#: The Authorization header of Signature Version 4: all but the signature names the key and the signed headers.
_AUTHORIZATION = re.compile(rb"AWS4-HMAC-SHA256 Credential=[!-+\--~]+, ?SignedHeaders=[a-z0-9;-]+, ?Signature=")


def _is_visible(value: bytes) -> bool:
    return not value.translate(None, _VISIBLE)


def _is_text(value: bytes) -> bool:
    """Return whether the parser would return the whole value: blanks at its ends are not part of one."""
    return not value.translate(None, _PRINTABLE) and value[:1] != b" " and value[-1:] != b" "


#: Headers whose values change, between requests of one client or between clients behind one proxy, and whether a value
#: is one that needs no parser.
_CHANGING: Mapping[bytes, Callable[[bytes], bool]] = {
    b"amz-sdk-invocation-id": _is_visible,
    b"amz-sdk-request": _is_text,
    b"authorization": bytes.isalnum,  # its signature
    b"client-id": _is_visible,
    b"content-length": bytes.isdigit,
    b"forwarded": _is_text,
    b"traceparent": _is_visible,
    b"x-amz-content-sha256": bytes.isalnum,
    b"x-amz-date": bytes.isalnum,
    b"x-amz-security-token": _is_visible,
    b"x-amzn-trace-id": _is_visible,
    b"x-auth-token": _is_visible,
    b"x-forwarded-for": _is_text,
    b"x-project-id": _is_visible,
    b"x-real-ip": _is_text,
}
#: Other headers that a shape may have. None is a credential, and llhttp and this server look at none but the first two.
_REPEATING = frozenset((
    b"connection", b"host",
    b"accept", b"accept-encoding", b"accept-language", b"amz-sdk-retry", b"content-type", b"user-agent", b"via",
    b"x-amz-target", b"x-amz-user-agent", b"x-amzn-query-mode", b"x-forwarded-host", b"x-forwarded-port",
    b"x-forwarded-proto",
))  # fmt: skip
#: A request line without a query, which may have a signature, and is different each time.
_REQUEST_LINE = re.compile(rb"(?:DELETE|GET|PATCH|POST|PUT) /[!-\"$->@-~]* HTTP/1\.1")


class _Value:
    """The place of a value: the key of its header in the environ, and the text before it there."""

    __slots__ = ("begin", "end", "is_valid", "key", "prefix")

    def __init__(self, key: str, begin: int, end: int, is_valid: Callable[[bytes], bool], prefix: str) -> None:
        self.key, self.begin, self.end, self.is_valid, self.prefix = key, begin, end, is_valid, prefix


class _Shape:
    __slots__ = ("_fields", "_pieces", "_values")

    def __init__(self, head: bytes, fields: Mapping[str, Any], values: list[_Value]) -> None:
        changing = {one.key for one in values}
        self._fields = {key: value for key, value in fields.items() if key not in changing}
        self._values = tuple((one.key, one.begin, one.end, one.is_valid, one.prefix) for one in values)
        begins, ends = [0, *(one.end for one in values)], [*(one.begin for one in values), len(head)]
        self._pieces = tuple((head[begin:end], begin) for begin, end in zip(begins, ends, strict=True))

    def read(self, head: bytes) -> dict[str, Any] | None:
        """Return the fields of a head of the same length, None if it has another shape."""
        for piece, at in self._pieces:
            if not head.startswith(piece, at):
                return None
        fields = self._fields.copy()
        for key, begin, end, is_valid, prefix in self._values:
            value = head[begin:end]
            if not is_valid(value):
                return None
            fields[key] = prefix + value.decode("ascii")
        return fields


class HeadShapes:
    """The shapes of a worker's heads."""

    def __init__(self) -> None:
        #: By the length of the head.
        self._shapes: dict[int, list[_Shape]] = {}
        self._count = 0
        self._without = 0

    def read(self, head: bytes) -> dict[str, Any] | None:
        """Return the fields of a head that has a known shape, None for another one."""
        for shape in self._shapes.get(len(head), ()):
            fields = shape.read(head)
            if fields is not None:
                return fields
        return None

    def learn(self, head: bytes, fields: Mapping[str, Any]) -> None:
        """Remember the shape of a head without a known one, if it can come again. The parser returned ``fields``."""
        number = self._without
        self._without = number + 1
        if len(head) > _SHAPE_BYTES or number % _HEADS_OF_A_SHAPE:
            return
        values = _changing_values(head, fields)
        if values:
            if self._count >= _MOST_SHAPES:
                self._shapes.clear()
                self._count = 0
            known = self._shapes.setdefault(len(head), [])
            known.append(_Shape(head, fields, values))
            self._count += 1
            if len(known) > _MOST_OF_A_LENGTH:
                del known[0]
                self._count -= 1


def _changing_values(head: bytes, fields: Mapping[str, Any]) -> list[_Value] | None:
    """Return the places of the values that change, in order; None for a head without a shape."""
    first, *lines = head[:-4].split(b"\r\n")
    if _REQUEST_LINE.fullmatch(first) is None:
        return None
    found: list[_Value] = []
    begin = len(first) + 2
    for line in lines:
        parts = _LINE.fullmatch(line)
        name = parts[1].lower() if parts is not None else b""
        if parts is None or (name not in _CHANGING and name not in _REPEATING):
            return None
        if name in _CHANGING:
            one = _value(name, parts[2], begin + parts.start(2))
            if one is None or fields.get(one.key) != parts[2].decode("ascii"):
                return None  # the header is repeated
            found.append(one)
        begin += len(line) + 2
    return found


def _value(name: bytes, text: bytes, begin: int) -> _Value | None:
    """Return the part of a header that changes, None if it has another form than that of the SDKs."""
    key, is_valid, end, prefix = environ_key(name), _CHANGING[name], begin + len(text), b""
    if name == b"authorization":
        known = _AUTHORIZATION.match(text)
        if known is None:
            return None
        prefix = known[0]
    changing = text[len(prefix) :]
    if not is_valid(changing) or (name == b"content-length" and len(changing) > _LENGTH_DIGITS):
        return None
    return _Value(key, begin + len(prefix), end, is_valid, prefix.decode("ascii"))


def environ_key(name: bytes) -> str:
    """Return the key of a header in the environ."""
    key = name.decode("latin-1").upper().replace("-", "_")
    return key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
