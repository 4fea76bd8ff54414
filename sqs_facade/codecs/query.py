"""The query protocol: parameters to inputs, results to XML (or to JSON of the same shape).

Lists and maps are flattened: ``AttributeName.1``, ``Attribute.1.Name`` / ``.Value``. The name before the number stands
in the input's annotation, ``Listed`` or ``Mapped``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

import msgspec
import orjson
from msgspec import inspect

NAMESPACE = "http://queue.amazonaws.com/doc/2012-11-05/"
#: Parameters of one request; SQS's largest call has a few hundred.
MOST_PARAMETERS = 10_000

Tree = dict[str, Any]
Convert = Callable[[Any], Any]


def listed(query_name: str) -> msgspec.Meta:
    """The annotation of a list: its parameters are ``<query_name>.N``."""
    return msgspec.Meta(extra={"query": (query_name,)})


def mapped(key: str, value: str, *query_names: str) -> msgspec.Meta:
    """The annotation of a map: its parameters are ``<query_name>.N.<key>`` and ``.<value>``."""
    return msgspec.Meta(extra={"query": query_names, "key": key, "value": value})


def tree(encoded: bytes | str) -> Tree:
    """Form or query string as a tree: ``a.1.b=c`` is ``{"a": {"1": {"b": "c"}}}``. Raises ValueError."""
    text = encoded.decode("ascii") if isinstance(encoded, bytes) else encoded
    root: Tree = {}
    pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MOST_PARAMETERS)
    for name, value in pairs:
        node = root
        *path, last = name.split(".")
        if len(path) > 8:
            raise ValueError(f"{name[:80]} is no parameter")
        for part in path:
            node = node.setdefault(part, {})
            if not isinstance(node, dict):
                raise ValueError(f"{name[:80]} is given twice, in different ways")
        if isinstance(node.get(last), dict):
            raise ValueError(f"{name[:80]} is given twice, in different ways")
        node[last] = value
    return root


def reader(shape: Any) -> Callable[[Tree], Any]:
    """Compile the reader of an input: flattened names become the schema's own, texts become numbers and flags."""
    convert = _of_type(inspect.type_info(shape))

    def read(parameters: Tree) -> Any:
        return msgspec.convert(convert(parameters) if convert else parameters, shape, strict=False)

    return read


def _of_type(info: inspect.Type) -> Convert | None:
    match info:
        case inspect.UnionType(types):
            inner = [one for one in types if not isinstance(one, inspect.NoneType)]
            return _of_type(inner[0])
        case inspect.Metadata(type=inner_type):
            return _of_type(inner_type)
        case inspect.StructType():
            return _of_struct(info)
    return None


def _of_struct(info: inspect.StructType) -> Convert | None:
    lists: list[tuple[tuple[str, ...], str, Convert]] = []
    for field in info.fields:
        extra, inner = _annotation(field.type)
        if extra is None:
            continue
        if isinstance(inner, inspect.ListType):
            convert = _list(_of_type(inner.item_type))
        else:
            assert isinstance(inner, inspect.DictType)
            convert = _map(extra["key"], extra["value"], _of_type(inner.value_type))
        lists.append((extra["query"], field.encode_name, convert))
    if not lists:
        return None

    def of_struct(node: Any) -> Any:
        if not isinstance(node, dict):
            return node
        flat = dict(node)
        for names, field, convert in lists:
            for name in names:
                if name in node:
                    flat[field] = convert(flat.pop(name))
        return flat

    return of_struct


def _annotation(info: inspect.Type) -> tuple[dict[str, Any] | None, inspect.Type]:
    if isinstance(info, inspect.UnionType):
        info = next(one for one in info.types if not isinstance(one, inspect.NoneType))
    if isinstance(info, inspect.Metadata) and info.extra and "query" in info.extra:
        return info.extra, info.type
    return None, info


def _numbered(node: Any) -> list[Any]:
    if not isinstance(node, dict):
        return [node]
    try:
        return [node[number] for number in sorted(node, key=int)]
    except ValueError:
        raise msgspec.ValidationError("A list's parameters are numbered from 1") from None


def _list(convert: Convert | None) -> Convert:
    def of_list(node: Any) -> Any:
        return [convert(item) if convert else item for item in _numbered(node)]

    return of_list


def _map(key: str, value: str, convert: Convert | None) -> Convert:
    def of_map(node: Any) -> Any:
        found = {}
        for item in _numbered(node):
            if not isinstance(item, dict) or not isinstance(item.get(key), str):
                raise msgspec.ValidationError(f"An entry lacks its {key}")
            inner = item.get(value, "")
            found[item[key]] = convert(inner) if convert else inner
        return found

    return of_map


#: Elements of lists and maps in answers: member -> element, or element with its key and value elements.
_LISTS = {"Messages": "Message", "QueueUrls": "QueueUrl", "queueUrls": "QueueUrl", "Failed": "BatchResultErrorEntry"}
_MAPS = {
    "Attributes": ("Attribute", "Name", "Value"),
    "MessageAttributes": ("MessageAttribute", "Name", "Value"),
    "Tags": ("Tag", "Key", "Value"),
}
_ESCAPES = {"\r": "&#xD;", '"': "&quot;"}


def _elements(operation: str, result: dict[str, Any]) -> list[tuple[str, Any]]:
    """The result as (element, content) pairs, content being text or pairs again; lists and maps flattened."""
    pairs: list[tuple[str, Any]] = []
    for member, value in result.items():
        if member in _MAPS and isinstance(value, dict):
            element, key, content = _MAPS[member]
            for name, one in value.items():
                inner = _elements(operation, one) if isinstance(one, dict) else one
                pairs.append((element, [(key, name), (content, inner)]))
        elif isinstance(value, list):
            element = _LISTS.get(member) or f"{operation}ResultEntry"
            pairs += [(element, _elements(operation, one) if isinstance(one, dict) else one) for one in value]
        elif isinstance(value, bool):
            pairs.append((member, "true" if value else "false"))
        else:
            pairs.append((member, value))
    return pairs


def _xml(pairs: list[tuple[str, Any]]) -> str:
    return "".join(
        f"<{name}>{_xml(content) if isinstance(content, list) else escape(str(content), _ESCAPES)}</{name}>"
        for name, content in pairs
    )


def _json(pairs: list[tuple[str, Any]]) -> Any:
    found: dict[str, Any] = {}
    for name, content in pairs:
        value = _json(content) if isinstance(content, list) else content
        if name not in found:
            found[name] = value
        elif isinstance(found[name], list):
            found[name].append(value)
        else:
            found[name] = [found[name], value]
    return found


_UNSAFE_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write(operation: str, result: dict[str, Any] | None, request_id: str, *, as_json: bool) -> bytes:
    """The answer of an operation; ``result`` None for operations without output."""
    pairs = _elements(operation, result) if result is not None else None
    if as_json:
        answer: dict[str, Any] = {"ResponseMetadata": {"RequestId": request_id}}
        if pairs is not None:
            answer[f"{operation}Result"] = _json(pairs)
        return orjson.dumps({f"{operation}Response": answer})
    body = ""
    if pairs is not None:
        inner = _xml(pairs)
        body = f"<{operation}Result>{inner}</{operation}Result>" if inner else f"<{operation}Result/>"
    return (
        f'<?xml version="1.0"?><{operation}Response xmlns="{NAMESPACE}">{body}'
        f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{operation}Response>"
    ).encode()


def write_error(code: str, message: str, request_id: str, *, is_sender: bool, as_json: bool) -> bytes:
    """An error's answer."""
    if as_json:
        return orjson.dumps({"Error": {"Code": code, "Message": message}, "RequestId": request_id})
    kind = "Sender" if is_sender else "Receiver"
    text = escape(_UNSAFE_XML.sub("?", message), _ESCAPES)
    return (
        f'<?xml version="1.0"?><ErrorResponse xmlns="{NAMESPACE}"><Error><Type>{kind}</Type><Code>{code}</Code>'
        f"<Message>{text}</Message><Detail/></Error><RequestId>{request_id}</RequestId></ErrorResponse>"
    ).encode()
