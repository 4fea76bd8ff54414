"""The table of operations: name -> function, with its input read and its result written in both protocols.

An operation's annotated input and result are its schema. Readers are compiled once, when its module is imported.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, get_type_hints

import msgspec
from msgspec import inspect

from sqs_facade import addresses, bounds, queue_urls
from sqs_facade.codecs import query
from sqs_facade.errors import KINDS
from zaqar_core.names import QueueRef
from zaqar_core.session import Session
from zaqar_core.web.call import Request


class Shape(msgspec.Struct, rename="pascal", omit_defaults=True):
    """Base of inputs and results: snake_case here, PascalCase on the wire; what is None or empty is left out."""


QueueUrl = Annotated[str, bounds.QUEUE_URL]


@dataclass(slots=True)
class Call:
    """One request as an operation sees it."""

    session: Session
    request: Request
    who: addresses.Caller

    def queue(self, queue_url: str | None) -> QueueRef:
        """The queue asked for: QueueUrl, else the request's path."""
        return addresses.queue(queue_url, self.request.path, self.who, self.session.settings)

    def url(self, ref: QueueRef) -> str:
        return queue_urls.of(ref, self.session.settings, self.request.scheme, self.request.host)


@dataclass(frozen=True, slots=True)
class Operation:
    """``read_json`` takes body bytes, ``read_query`` a tree of parameters; both give the input or raise
    ``msgspec.MsgspecError``. ``raises`` names the errors of KINDS that it may give beside EVERY_OPERATION.
    ``on_queue_path`` tells whether the query protocol may call it on a queue's own address. ``has_queue``: its input
    names a queue, which must exist before anything else is said of the request."""

    name: str
    run: Callable[[Call, Any], Shape | None]
    read_json: Callable[[bytes], Any]
    read_query: Callable[[dict[str, Any]], Any]
    asked: type[Shape]
    result: type[Shape] | None
    raises: tuple[str, ...]
    on_queue_path: bool
    has_queue: bool


OPERATIONS: dict[str, Operation] = {}

#: What any operation may answer: input that cannot be read (by JSON and by query), and throttling where it is on.
EVERY_OPERATION = ("SerializationException", "InvalidParameterValue", "RequestThrottled")
#: What an operation on a queue may answer.
OF_A_QUEUE = ("MissingParameter", "InvalidAddress", "QueueDoesNotExist")


def _json_reader(shape: type[Shape]) -> Callable[[bytes], Any]:
    """Reads an input. What the decoder refuses is read a second time, as SQS or its clients have it.

    A member that is null counts as absent, as everywhere in AWS JSON. In a map of texts (a queue's attributes) numbers
    and flags stand for their text, since clients without types write them so; elsewhere they are refused, as are texts
    where a number belongs. Half of a surrogate pair (JavaScript's ``slice`` makes such texts) is read as U+FFFF: no SQS
    text may have either, so whatever checks the text names it, in a batch for its entry alone.
    """
    read_strictly = msgspec.json.Decoder(shape).decode
    maps = [field.encode_name for field in _fields(shape) if _is_map_of_texts(field.type)]

    def read(body: bytes) -> Any:
        try:
            return read_strictly(body)
        except msgspec.ValidationError:
            if b"null" not in body and not maps:
                raise
        except msgspec.DecodeError:
            if b"\\u" not in body:
                raise
        try:
            document = _mended(json.loads(body, parse_constant=_refuse_constant))
        except ValueError as problem:
            raise msgspec.DecodeError(str(problem)) from None
        for name in maps:
            if isinstance(document, dict) and isinstance(document.get(name), dict):
                document[name] = {key: _as_text(value) for key, value in document[name].items()}
        return msgspec.convert(document, shape)

    return read


def _fields(shape: type[Shape]) -> tuple[inspect.Field, ...]:
    info = inspect.type_info(shape)
    assert isinstance(info, inspect.StructType)
    return info.fields


def _is_map_of_texts(kind: inspect.Type) -> bool:
    if isinstance(kind, inspect.UnionType):
        return any(map(_is_map_of_texts, kind.types))
    if isinstance(kind, inspect.Metadata):
        return _is_map_of_texts(kind.type)
    return isinstance(kind, inspect.DictType) and isinstance(kind.value_type, inspect.StrType)


_HALF_PAIR = re.compile("[\ud800-\udfff]")


def _mended(node: Any) -> Any:
    """Without null members, and without halves of surrogate pairs."""
    if isinstance(node, dict):
        return {_mended(name): _mended(value) for name, value in node.items() if value is not None}
    if isinstance(node, list):
        return [_mended(value) for value in node]
    return _HALF_PAIR.sub("\uffff", node) if isinstance(node, str) else node


def _as_text(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def operation(
    *, raises: tuple[str, ...] = (), on_queue_path: bool = True
) -> Callable[[Callable[[Call, Any], Any]], Callable[[Call, Any], Any]]:
    """Enter a function ``send_message(call, asked: SendMessage) -> Result | None`` as operation SendMessage."""

    def enter(function: Callable[[Call, Any], Any]) -> Callable[[Call, Any], Any]:
        hints = get_type_hints(function)
        asked, result = hints["asked"], hints["return"]
        name = "".join(part.capitalize() for part in function.__name__.split("_"))
        assert KINDS.keys() >= {*raises}, f"{name} raises what KINDS does not know"
        OPERATIONS[name] = Operation(
            name,
            function,
            _json_reader(asked),
            query.reader(asked),
            asked,
            None if result is type(None) else result,
            raises,
            on_queue_path,
            hasattr(asked, "queue_url"),
        )
        return function

    return enter
