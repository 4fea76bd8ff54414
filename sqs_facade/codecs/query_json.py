"""JSON responses of the query protocol, for clients whose Accept header prefers JSON, such as API Gateway and axios.

The form was recorded from AWS for ListQueues, SendMessage, ReceiveMessage, GetQueueAttributes and errors, and is used
for all operations: a result has every member of the service model, sorted by name, null if it is absent or empty. A
list has the name of its member, even with one element; a map is a list of pairs.
"""

from __future__ import annotations

from base64 import b64encode
from functools import lru_cache
from typing import Any

import msgspec
import orjson

from sqs_facade.codecs.query import LISTS, MAPS

#: Members with another spelling in these responses.
_RENAMED = {"Messages": "messages", "QueueUrls": "queueUrls"}
#: Members outside the service model that AWS always returns as null.
_ALWAYS_NULL = {"ListQueues": ("NextExclusiveStartQueueName",)}
_JSON = ("application/json",)
_XML = ("text/xml", "application/xml")


@lru_cache(maxsize=64)
def is_preferred(accept: str) -> bool:
    """Return whether an Accept header prefers JSON to XML, which is the default.

    The type with the higher quality is preferred (RFC 9110, 12.5.1); of two with equal quality the one that is named
    more precisely, then the first.
    """
    ranges = [_media_range(part) for part in accept.split(",")]
    json = _rank(_JSON, ranges)
    return json[0] > 0 and json > _rank(_XML, ranges)


def _media_range(text: str) -> tuple[str, float]:
    """Return the type and its quality; a quality that is not a number from 0 to 1 counts as 1."""
    name, *parameters = (part.strip().lower() for part in text.split(";"))
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                quality = float(parameter[2:])
            except ValueError:
                break
            return name, quality if 0 <= quality <= 1 else 1.0
    return name, 1.0


def _rank(types: tuple[str, ...], ranges: list[tuple[str, float]]) -> tuple[float, int, int]:
    """Return quality, precision and negated index of the best of the media types; the most precise range decides."""
    best = (0.0, 0, -len(ranges))
    for one in types:
        for precision, wanted in ((3, one), (2, f"{one.partition('/')[0]}/*"), (1, "*/*")):
            found = next(((quality, at) for at, (name, quality) in enumerate(ranges) if name == wanted), None)
            if found is not None:
                best = max(best, (found[0], precision, -found[1]))
                break
    return best


def write(operation: str, result: msgspec.Struct | None, request_id: str) -> bytes:
    """Write the response of an operation; ``result`` is None for operations without output."""
    response: dict[str, Any] = {"ResponseMetadata": {"RequestId": request_id}}
    if result is not None:
        response[f"{operation}Result"] = dict.fromkeys(_ALWAYS_NULL.get(operation, ())) | _structure(result)
    return orjson.dumps({f"{operation}Response": response}, option=orjson.OPT_SORT_KEYS)


def write_error(code: str, message: str, request_id: str, *, is_sender: bool) -> bytes:
    """Write an error response."""
    error = {"Code": code, "Message": message, "Type": "Sender" if is_sender else "Receiver"}
    return orjson.dumps({"Error": error, "RequestId": request_id})


def _structure(value: msgspec.Struct) -> dict[str, Any]:
    names = zip(value.__struct_encode_fields__, value.__struct_fields__, strict=True)
    return {_RENAMED.get(name, name): _member(name, getattr(value, field)) for name, field in names}


def _member(name: str, value: Any) -> Any:
    match value:
        case msgspec.Struct():
            return _structure(value)
        case list():
            return [_member(name, one) for one in value] or None
        case dict():
            _, key, content = MAPS[name]
            return [{key: one, content: _member(name, inner)} for one, inner in value.items()] or None
        case bytes():
            return b64encode(value).decode()
    return value


def write_as_elements(operation: str, result: dict[str, Any], request_id: str) -> bytes:
    """Write the XML elements of a result as JSON, as the peek endpoint of other emulators does.

    An element that occurs once becomes an object, one that occurs several times a list; all values are strings.
    """
    response = {"ResponseMetadata": {"RequestId": request_id}, f"{operation}Result": _joined(_elements(result)) or None}
    return orjson.dumps({f"{operation}Response": response})


def _elements(result: dict[str, Any]) -> list[tuple[str, Any]]:
    """Return the result as (element, content) pairs, with lists and maps flattened; content is text or more pairs."""
    pairs: list[tuple[str, Any]] = []
    for member, value in result.items():
        if isinstance(value, dict):
            element, key, content = MAPS[member]
            for name, one in value.items():
                pairs.append((element, [(key, name), (content, _elements(one) if isinstance(one, dict) else one)]))
        elif isinstance(value, list):
            pairs += [(LISTS[member], _elements(one)) for one in value]
        else:
            pairs.append((member, value))
    return pairs


def _joined(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, content in pairs:
        value = _joined(content) if isinstance(content, list) else content
        if name not in found:
            found[name] = value
        elif isinstance(found[name], list):
            found[name].append(value)
        else:
            found[name] = [found[name], value]
    return found
