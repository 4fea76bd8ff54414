"""The query protocol: convert parameters to inputs, and results to XML. ``query_json`` writes responses as JSON.

Lists and maps are flattened: ``AttributeName.1``, ``Attribute.1.Name`` / ``.Value``. The annotation of the input's
member, ``listed`` or ``mapped``, contains the name before the number.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

import msgspec
from msgspec import inspect

from sqs_facade.codecs import binary
from sqs_facade.codecs.unreadable import Unreadable, reason
from zaqar_core.domain.limits import FORM_PARAMETERS

NAMESPACE = "http://queue.amazonaws.com/doc/2012-11-05/"
#: Escaped texts up to this number of characters are cached.
_SHORT = 256

Tree = dict[str, Any]
Convert = Callable[[Any], Any]
#: Reads a list or a map from what stands under each of its names.
Read = Callable[[list[Any]], Any]
#: The number of an entry. Ten digits are more than any client sends.
_INDEX = re.compile(r"[0-9]{1,10}", re.ASCII)


def listed(query_name: str, limits: str | None = None) -> msgspec.Meta:
    """Return the annotation of a list: its parameters are ``<query_name>.N``. ``limits`` is text for the reference."""
    return msgspec.Meta(description=limits, extra={"query": (query_name,)})


def mapped(key: str, value: str, *query_names: str, limits: str | None = None) -> msgspec.Meta:
    """Return the annotation of a map: its parameters are ``<query_name>.N.<key>`` and ``.<value>``."""
    return msgspec.Meta(description=limits, extra={"query": query_names, "key": key, "value": value})


def tree(encoded: bytes | str) -> Tree:
    """Parse a form or query string into a tree: ``a.1.b=c`` is ``{"a": {"1": {"b": "c"}}}``. Raises Unreadable.

    Bytes outside ASCII are UTF-8, escaped or not; a query string is text decoded as latin-1, as WSGI passes it.
    """
    try:
        return _tree(encoded)
    except UnicodeError:
        raise Unreadable("they are not UTF-8") from None


def _tree(encoded: bytes | str) -> Tree:
    text = (encoded if isinstance(encoded, bytes) else encoded.encode("latin-1")).decode()
    root: Tree = {}
    if text.count("&") >= FORM_PARAMETERS:
        raise Unreadable(f"there are more than {FORM_PARAMETERS}")
    for pair in text.split("&"):
        if not pair:
            continue
        raw_name, _, raw_value = pair.partition("=")
        name, value = _unescaped(raw_name), _unescaped(raw_value)
        if "." not in name:
            if isinstance(root.get(name), dict):
                raise _both(name)
            root[name] = value
            continue
        node = root
        *path, last = name.split(".")
        if len(path) > 8:
            raise Unreadable(f"{name[:80]} is not a parameter")
        for number, part in enumerate(path, 1):
            node = node.setdefault(part, {})
            if not isinstance(node, dict):
                raise _both(".".join(path[:number]))
        if isinstance(node.get(last), dict):
            raise _both(name)
        node[last] = value
    return root


def _both(name: str) -> Unreadable:
    return Unreadable(f"{name[:80]} cannot be both a value and a structure")


def _unescaped(text: str) -> str:
    plain = text.replace("+", " ") if "+" in text else text
    if "%" not in plain:
        return plain
    return _unquoted(plain) if len(plain) <= _SHORT else unquote(plain, errors="strict")


@lru_cache(maxsize=4096)
def _unquoted(text: str) -> str:
    """Decode a short text, with a cache: every request repeats the URL of its queue."""
    return unquote(text, errors="strict")


def reader(shape: Any) -> Callable[[Tree], Any]:
    """Compile a function that reads the input of an operation from a tree. The function raises Unreadable.

    It replaces flattened names by those of the schema, and converts text to numbers and booleans.
    """
    convert = _of_type(inspect.type_info(shape))

    def read(parameters: Tree) -> Any:
        try:
            return msgspec.convert(convert(parameters) if convert else parameters, shape, strict=False)
        except msgspec.ValidationError as problem:
            raise Unreadable(reason(problem)) from None

    return read


def _of_type(info: inspect.Type) -> Convert | None:
    match info:
        case inspect.UnionType(types):
            inner = [one for one in types if not isinstance(one, inspect.NoneType)]
            return _of_type(inner[0])
        case inspect.Metadata(type=inner_type):
            return _of_type(inner_type)
        case inspect.BytesType():
            return binary.decode
        case inspect.StructType():
            return _of_struct(info)
    return None


def _of_struct(info: inspect.StructType) -> Convert | None:
    lists: list[tuple[tuple[str, ...], str, Read]] = []
    plain: list[tuple[str, Convert]] = []
    for field in info.fields:
        extra, inner = _annotation(field.type)
        if extra is None:
            if (found := _of_type(field.type) or _of_number(field)) is not None:
                plain.append((field.encode_name, found))
            continue
        if isinstance(inner, inspect.ListType):
            read = _list(_of_type(inner.item_type))
        else:
            assert isinstance(inner, inspect.DictType)
            read = _map(extra["key"], extra["value"], _of_type(inner.value_type))
        lists.append((extra["query"], field.encode_name, read))
    if not lists and not plain:
        return None

    def of_struct(node: Any) -> Any:
        if not isinstance(node, dict):
            return node
        flat = dict(node)
        for names, field, read in lists:
            # Clients send an empty list under the schema's own name. That name with numbers has no meaning.
            if field not in names and (flat.get(field) == "" or isinstance(flat.get(field), dict)):
                del flat[field]
            given = [flat.pop(name) for name in names if name in flat]
            if given:
                flat[field] = read(given)
        for field, convert in plain:
            if field in flat:
                flat[field] = convert(flat[field])
        return flat

    return of_struct


def _annotation(info: inspect.Type) -> tuple[dict[str, Any] | None, inspect.Type]:
    if isinstance(info, inspect.UnionType):
        info = next(one for one in info.types if not isinstance(one, inspect.NoneType))
    if isinstance(info, inspect.Metadata) and info.extra and "query" in info.extra:
        return info.extra, info.type
    return None, info


def _of_number(field: inspect.Field) -> Convert | None:
    """Return a function for a number that may be absent: msgspec would read the text ``null`` as absent."""
    if not isinstance(field.type, inspect.UnionType) or any(
        isinstance(one, inspect.StrType) for one in field.type.types
    ):
        return None

    def of_number(node: Any) -> Any:
        if isinstance(node, str) and node.lower() == "null":
            raise Unreadable(f"{field.encode_name} must be an integer")
        return node

    return of_number


def _entries(node: Any) -> list[Any]:
    """Return the entries of a list in the order of their numbers. Text is the only entry, unless it is empty."""
    if not isinstance(node, dict):
        return [node] if node else []
    numbers = {int(text): text for text in node if _INDEX.fullmatch(text)}
    if len(numbers) < len(node):  # not numbers, or equal ones like 1 and 01
        raise Unreadable("the parameters of a list must be numbered from 1")
    return [node[numbers[number]] for number in sorted(numbers)]


def _list(convert: Convert | None) -> Read:
    def of_list(given: list[Any]) -> list[Any]:
        return [convert(item) if convert else item for node in given for item in _entries(node)]

    return of_list


def _map(key: str, value: str, convert: Convert | None) -> Read:
    def entries(node: Any) -> list[Any]:
        # Old clients omit the number: Attribute.Name, Attribute.Value.
        return [node] if isinstance(node, dict) and node.keys() <= {key, value} else _entries(node)

    def of_map(given: list[Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for item in (item for node in given for item in entries(node)):
            if not isinstance(item, dict) or not isinstance(item.get(key), str):
                raise Unreadable(f"an entry lacks its {key}")
            if item[key] in found:
                raise Unreadable(f"'{item[key][:80]}' is given twice")
            inner = item.get(value, {} if convert else "")
            found[item[key]] = convert(inner) if convert else inner
        return found

    return of_map


#: XML elements of lists and maps in responses: member -> element, or (element, key element, value element).
LISTS = {"Messages": "Message", "QueueUrls": "QueueUrl", "queueUrls": "QueueUrl", "Failed": "BatchResultErrorEntry"}
MAPS = {
    "Attributes": ("Attribute", "Name", "Value"),
    "MessageAttributes": ("MessageAttribute", "Name", "Value"),
    "Tags": ("Tag", "Key", "Value"),
}
#: Characters that must not stand unescaped in the text of an XML 1.0 element: markup, the carriage return (a parser
#: reads it as a line feed), and forbidden characters. Quotes need no escape, and bodies contain many.
_SPECIAL = re.compile("[^\t\n\x20-%'-;=?-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def escaped(value: str) -> str:
    """Escape the text of an element; replace each character that XML forbids by a question mark."""
    if _SPECIAL.search(value) is None:
        return value
    escaped = value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#xD;")
    return _FORBIDDEN.sub("?", escaped)


def _xml(operation: str, result: dict[str, Any]) -> str:
    """Return the elements of a result, with lists and maps flattened."""
    parts: list[str] = []
    for member, value in result.items():
        if isinstance(value, str):
            parts.append(f"<{member}>{escaped(value)}</{member}>")
        elif isinstance(value, dict):
            element, key, content = MAPS[member]
            for name, one in value.items():
                inner = _xml(operation, one) if isinstance(one, dict) else escaped(one)
                parts.append(f"<{element}><{key}>{escaped(name)}</{key}><{content}>{inner}</{content}></{element}>")
        elif isinstance(value, list):
            element = LISTS.get(member) or f"{operation}ResultEntry"
            for one in value:
                inner = _xml(operation, one) if isinstance(one, dict) else escaped(one)
                parts.append(f"<{element}>{inner}</{element}>")
        elif isinstance(value, bool):
            parts.append(f"<{member}>{'true' if value else 'false'}</{member}>")
        else:
            parts.append(f"<{member}>{value}</{member}>")
    return "".join(parts)


def write(operation: str, result: dict[str, Any] | None, request_id: str) -> bytes:
    """Write the response of an operation; ``result`` is None for operations without output."""
    body = ""
    if result is not None:
        inner = _xml(operation, result)
        body = f"<{operation}Result>{inner}</{operation}Result>" if inner else f"<{operation}Result/>"
    return (
        f'<?xml version="1.0"?><{operation}Response xmlns="{NAMESPACE}">{body}'
        f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{operation}Response>"
    ).encode()


def write_error(code: str, message: str, request_id: str, *, is_sender: bool) -> bytes:
    """Write an error response."""
    kind = "Sender" if is_sender else "Receiver"
    return (
        f'<?xml version="1.0"?><ErrorResponse xmlns="{NAMESPACE}"><Error><Type>{kind}</Type><Code>{code}</Code>'
        f"<Message>{escaped(message)}</Message><Detail/></Error><RequestId>{request_id}</RequestId></ErrorResponse>"
    ).encode()
