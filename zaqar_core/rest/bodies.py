"""JSON input: the checks of request bodies, and the stored form of a message's body."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

import orjson

from zaqar_core.domain.characters import first_not_in_sqs
from zaqar_core.domain.model import BodyKind
from zaqar_core.rest.errors import Fact, RestError

_SMALLEST, _LARGEST = -(1 << 63), (1 << 63) - 1
#: Characters of the longest signed 64-bit integer, with its sign.
_LONGEST_INTEGER = 20
#: The smallest integer outside 64 bits has 19 digits; few bodies have as many in a row, so the full check is rare.
_MAY_BE_WIDE = re.compile(rb"[0-9]{19}")

#: The only characters of limits.NOT_IN_SQS that compact JSON does not escape, in UTF-8, and their escapes.
_NONCHARACTERS = ((b"\xef\xbf\xbe", b"\\ufffe"), (b"\xef\xbf\xbf", b"\\uffff"))


def parse(body: bytes) -> dict[str, Any] | list[Any]:
    """Parse a body that is a JSON object or array.

    Raises RestError for an empty body, text that is not UTF-8 JSON (such as lone surrogates and NaN), a scalar, an
    integer outside 64 bits, and a number that double precision cannot hold.
    """
    if not body:
        _malformed("The body is empty; it must be a JSON object or array.")
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
    """Parse a body that is a JSON object. Raises RestError, as :func:`parse` does."""
    value = parse(body)
    if not isinstance(value, dict):
        raise RestError(Fact.BODY_INVALID, "The body must be a JSON object.")
    return value


def compact(value: Any) -> bytes:
    """Write a value as compact JSON. Raises RestError when it is nested too deeply to be written."""
    try:
        return orjson.dumps(value)
    except TypeError:
        _malformed("The JSON is nested too deeply.")


def stored(value: Any) -> tuple[bytes, BodyKind]:
    """Return a message's body as it is stored, and its kind. Raises RestError when it is nested too deeply."""
    if type(value) is str and value and first_not_in_sqs(value) is None:
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
    """Return whether a number is, or may be in the text, an integer outside 64 bits: the parser turns most of these
    into floats."""
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
        _malformed("The JSON is nested too deeply.")


def _check_integer(text: str) -> int:
    if len(text) > _LONGEST_INTEGER or not _SMALLEST <= int(text) <= _LARGEST:
        _malformed("An integer is outside the signed 64-bit range.")
    return 0
