"""The table of operations: name -> function, with its input read and its result written in both protocols.

An operation's annotated input and result are its schema. Readers are compiled once, when its module is imported.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, get_type_hints

import msgspec

from sqs_facade import addresses
from sqs_facade.codecs import query
from zaqar_core.core import Session
from zaqar_core.names import QueueRef
from zaqar_core.web.call import Request


class Shape(msgspec.Struct, rename="pascal", omit_defaults=True):
    """Base of inputs and results: snake_case here, PascalCase on the wire; what is None or empty is left out."""


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
        return addresses.url(ref, self.request.scheme, self.request.host)


@dataclass(frozen=True, slots=True)
class Operation:
    """``read_json`` takes body bytes, ``read_query`` a tree of parameters; both give the input or raise
    ``msgspec.MsgspecError``. ``on_queue_path`` tells whether it may be called on a queue's own address."""

    name: str
    run: Callable[[Call, Any], Shape | None]
    read_json: Callable[[bytes], Any]
    read_query: Callable[[dict[str, Any]], Any]
    has_result: bool
    on_queue_path: bool


OPERATIONS: dict[str, Operation] = {}


def _json_reader(shape: Any) -> Callable[[bytes], Any]:
    """Reads an input. A member that is null counts as absent, as everywhere in AWS JSON."""
    read_strictly = msgspec.json.Decoder(shape).decode

    def read(body: bytes) -> Any:
        try:
            return read_strictly(body)
        except msgspec.ValidationError:
            if b"null" not in body:
                raise
            return msgspec.convert(_without_nulls(msgspec.json.decode(body)), shape)

    return read


def _without_nulls(node: Any) -> Any:
    if isinstance(node, dict):
        return {name: _without_nulls(value) for name, value in node.items() if value is not None}
    if isinstance(node, list):
        return [_without_nulls(value) for value in node]
    return node


def operation(*, on_queue_path: bool = True) -> Callable[[Callable[[Call, Any], Any]], Callable[[Call, Any], Any]]:
    """Enter a function ``send_message(call, asked: SendMessage) -> Result | None`` as operation SendMessage."""

    def enter(function: Callable[[Call, Any], Any]) -> Callable[[Call, Any], Any]:
        hints = get_type_hints(function)
        asked = hints["asked"]
        name = "".join(part.capitalize() for part in function.__name__.split("_"))
        OPERATIONS[name] = Operation(
            name,
            function,
            _json_reader(asked),
            query.reader(asked),
            hints["return"] is not type(None),
            on_queue_path,
        )
        return function

    return enter
