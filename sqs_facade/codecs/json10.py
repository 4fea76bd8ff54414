"""AWS JSON 1.0: convert request bodies to the inputs of operations."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import inspect

from sqs_facade.codecs import binary
from sqs_facade.codecs.unreadable import Unreadable, aws_words, reason

Convert = Callable[[Any], Any]

_NO_JSON = "The request body is not valid JSON."
_TOO_DEEP = "The request body is nested too deeply."
_NO_OBJECT = "The request body is not valid: it must be a JSON object."
_HALF_PAIR = re.compile("[\ud800-\udfff]")


def reader(shape: type[msgspec.Struct]) -> Callable[[bytes], Any]:
    """Compile a function that reads the input of an operation from a body. The function raises Unreadable.

    A body that the strict decoder refuses is converted a second time, by the rules of SQS. A null member counts as
    absent, as everywhere in AWS JSON. In a map of strings (a queue's attributes), numbers and booleans are converted
    to strings, because clients of languages without static types send them; elsewhere they are refused, as are strings
    in place of numbers. Half of a surrogate pair (JavaScript's ``slice`` can produce one) is read as U+FFFF: SQS allows
    neither, so the later check of the text reports it, in a batch for that entry alone. Binary values are read as
    leniently as in the query protocol.
    """
    read_strictly = msgspec.json.Decoder(shape).decode
    convert = _of_type(inspect.type_info(shape)) or _as_it_is

    def read(body: bytes) -> Any:
        try:
            return read_strictly(body)
        except RecursionError:
            raise Unreadable(_TOO_DEEP) from None
        except (msgspec.DecodeError, UnicodeDecodeError):
            document = _document(body)
        if not isinstance(document, dict):
            raise Unreadable(_NO_OBJECT)
        try:
            return msgspec.convert(convert(_mended(document)), shape)
        except msgspec.ValidationError as problem:
            raise Unreadable(aws_words(problem) or _refused(reason(problem))) from None
        except Unreadable as problem:
            raise Unreadable(_refused(str(problem))) from None
        except RecursionError:
            raise Unreadable(_TOO_DEEP) from None

    return read


def _refused(why: str) -> str:
    return f"The request body is not valid: {why}."


def _document(body: bytes) -> Any:
    try:
        return json.loads(body.decode(), parse_constant=_refuse_constant)
    except RecursionError:
        raise Unreadable(_TOO_DEEP) from None
    except ValueError:
        raise Unreadable(_NO_JSON) from None


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _mended(node: Any) -> Any:
    """Return the document without null members and without halves of surrogate pairs."""
    if isinstance(node, dict):
        return {_mended(name): _mended(value) for name, value in node.items() if value is not None}
    if isinstance(node, list):
        return [_mended(value) for value in node]
    return _HALF_PAIR.sub("\uffff", node) if isinstance(node, str) else node


def _of_type(info: inspect.Type) -> Convert | None:
    """Return a function that converts lenient values to the type; None if the type needs no conversion."""
    match info:
        case inspect.UnionType(types):
            return _of_type(next(one for one in types if not isinstance(one, inspect.NoneType)))
        case inspect.Metadata(type=inner):
            return _of_type(inner)
        case inspect.BytesType():
            return binary.decode
        case inspect.ListType(item_type=item):
            return _of_list(_of_type(item))
        case inspect.DictType(value_type=inspect.StrType()):
            return _of_values(_as_text)
        case inspect.DictType(value_type=value):
            return _of_values(_of_type(value))
        case inspect.StructType(fields=fields):
            return _of_struct({field.encode_name: _of_type(field.type) for field in fields})
    return None


def _of_list(convert: Convert | None) -> Convert | None:
    if convert is None:
        return None
    return lambda node: [convert(item) for item in node] if isinstance(node, list) else node


def _of_values(convert: Convert | None) -> Convert | None:
    if convert is None:
        return None
    return lambda node: {key: convert(value) for key, value in node.items()} if isinstance(node, dict) else node


def _of_struct(members: dict[str, Convert | None]) -> Convert | None:
    converts = {name: convert for name, convert in members.items() if convert is not None}
    if not converts:
        return None

    def of_struct(node: Any) -> Any:
        if not isinstance(node, dict):
            return node
        return {name: converts[name](value) if name in converts else value for name, value in node.items()}

    return of_struct


def _as_it_is(value: Any) -> Any:
    return value


def _as_text(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value
