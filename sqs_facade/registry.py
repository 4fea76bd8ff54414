"""The table of operations: name -> function, with its input read and its result written in both protocols.

An operation's annotated input and result are its schema. Readers are compiled once, when its module is imported.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, get_type_hints

import msgspec

from sqs_facade import addresses, bounds, queue_urls
from sqs_facade.codecs import json10, query
from sqs_facade.errors import ERROR_TABLE
from zaqar_core.core.session import Session
from zaqar_core.domain.names import QueueRef
from zaqar_core.web.envelope import Request


class Shape(msgspec.Struct, rename="pascal", omit_defaults=True):
    """Base of inputs and results: snake_case here, PascalCase on the wire; what is None or empty is left out."""


QueueUrl = Annotated[str, bounds.QUEUE_URL]


@dataclass(slots=True)
class SqsCall:
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
    ``Unreadable``. ``raises`` names the errors of KINDS that it may give beside EVERY_OPERATION.
    ``on_queue_path`` tells whether the query protocol may call it on a queue's own address. ``has_queue``: its input
    names a queue, which must exist before anything else is said of the request."""

    name: str
    run: Callable[[SqsCall, Any], Shape | None]
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
OF_A_QUEUE = ("InvalidAddress", "QueueDoesNotExist")


def operation(
    *, raises: tuple[str, ...] = (), on_queue_path: bool = True
) -> Callable[[Callable[[SqsCall, Any], Any]], Callable[[SqsCall, Any], Any]]:
    """Enter a function ``send_message(call, asked: SendMessage) -> Result | None`` as operation SendMessage."""

    def enter(function: Callable[[SqsCall, Any], Any]) -> Callable[[SqsCall, Any], Any]:
        hints = get_type_hints(function)
        asked, result = hints["asked"], hints["return"]
        name = "".join(part.capitalize() for part in function.__name__.split("_"))
        assert ERROR_TABLE.keys() >= {*raises}, f"{name} raises what KINDS does not know"
        OPERATIONS[name] = Operation(
            name,
            function,
            json10.reader(asked),
            query.reader(asked),
            asked,
            None if result is type(None) else result,
            raises,
            on_queue_path,
            hasattr(asked, "queue_url"),
        )
        return function

    return enter
