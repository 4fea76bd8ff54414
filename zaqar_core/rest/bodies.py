"""JSON in: what a request's body may be, and how a message's body is kept."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

import orjson

from zaqar_core.domain.limits import NOT_IN_SQS
from zaqar_core.domain.model import BodyKind
from zaqar_core.rest.errors import Fact, RestError

_SMALLEST, _LARGEST = -(1 << 63), (1 << 63) - 1
#: Digits of a signed 64 bit integer, with its sign.
_LONGEST_INTEGER = 20
#: The smallest integer beyond 64 bit has 19 digits; nearly no body has so many in a row.
_MAY_BE_WIDE = re.compile(rb"[0-9]{19}")

#: The only characters of limits.NOT_IN_SQS that compact JSON leaves as they are, in UTF-8, and their escapes.
_NONCHARACTERS = ((b"\xef\xbf\xbe", b"\\ufffe"), (b"\xef\xbf\xbf", b"\\uffff"))


def parse(body: bytes) -> dict[str, Any] | list[Any]:
    """The object or array that a body is.

    Raises RestError: empty, not UTF-8 JSON (lone surrogates and NaN are not), a scalar, an integer beyond 64 bit,
    a number that double precision cannot hold.
    """
    if not body:
        _malformed("The body is empty; JSON is needed.")
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as problem:
        if not _is_utf8(body):
            _malformed("The body is not UTF-8.")
        _malformed(f"The body could not be parsed as JSON (line {problem.lineno}, column {problem.colno}).")
    if type(value) is not dict and type(value) is not list:
        _malformed("The body must be a JSON object or array.")
    if _MAY_BE_WIDE.search(body) and _has_wide_number(value):
        _refuse_wide_integers(body)
    return value


def parse_object(body: bytes) -> dict[str, Any]:
    """As :func:`parse`, for an object only."""
    value = parse(body)
    if not isinstance(value, dict):
        raise RestError(Fact.BODY_INVALID, "The body must be a JSON object.")
    return value


def compact(value: Any) -> bytes:
    """Compact JSON text. Raises RestError when it is nested too deep to be written."""
    try:
        return orjson.dumps(value)
    except TypeError:
        _malformed("The JSON is nested too deep.")


def stored(value: Any) -> tuple[bytes, BodyKind]:
    """A message's body as the store keeps it. Raises RestError when it is nested too deep."""
    if type(value) is str and value and NOT_IN_SQS.search(value) is None:
        return value.encode(), "text"
    text = compact(value)
    for raw, escaped in _NONCHARACTERS:
        if raw in text:
            text = text.replace(raw, escaped)
    return text, "json"


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def _malformed(why: str) -> NoReturn:
    raise RestError(Fact.BODY_MALFORMED, why)


def _has_wide_number(value: Any) -> bool:
    """Whether a number is, or may have been written as, an integer beyond 64 bit. The parser turns most into floats."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        kind = type(item)
        if kind is dict:
            waiting.extend(item.values())
        elif kind is list:
            waiting.extend(item)
        elif (kind is int and item > _LARGEST) or (kind is float and abs(item) >= _LARGEST):
            return True
    return False


def _refuse_wide_integers(body: bytes) -> None:
    try:
        json.loads(body, parse_int=_check_integer)
    except RecursionError:
        _malformed("The JSON is nested too deep.")


def _check_integer(text: str) -> int:
    if len(text) > _LONGEST_INTEGER or not _SMALLEST <= int(text) <= _LARGEST:
        _malformed("An integer is outside the signed 64 bit range.")
    return 0
