"""The table of operations: name, function, and the readers of its input in both protocols.

The annotated input and result of an operation are its schema. Readers are compiled once, when its module is imported.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, get_type_hints

import msgspec

from sqs_facade import addresses, bounds, queue_urls
from sqs_facade.codecs import json10, query
from sqs_facade.errors import ERROR_TABLE
from zaqar_core.core.authorization import Authorizer
from zaqar_core.core.session import Session
from zaqar_core.domain.names import QueueRef
from zaqar_core.web.envelope import Request


class Shape(msgspec.Struct, rename="pascal", omit_defaults=True, gc=False):
    """Base of inputs and results: snake_case here, PascalCase on the wire. None and empty members are left out.

    They are trees, so the garbage collector need not track them.
    """


QueueUrl = Annotated[str, bounds.QUEUE_URL]


class SqsCall(msgspec.Struct):
    """One request, with the core's session and the caller, as an operation receives it."""

    session: Session
    request: Request
    caller: addresses.Caller
    #: None while policies are not enforced.
    authorizer: Authorizer | None = None

    #: The address and the queue of the last call of :meth:`queue`: rights and operation ask for the same one.
    found: tuple[str | None, QueueRef] | None = None

    def queue(self, queue_url: str | None) -> QueueRef:
        """Return the queue of the QueueUrl, or without one that of the request's path."""
        found = self.found
        if found is not None and found[0] is queue_url:
            return found[1]
        request = self.request
        ref = addresses.queue(queue_url, request.path, self.caller, self.session.settings, request.prefix)
        self.found = (queue_url, ref)
        return ref

    def url(self, ref: QueueRef) -> str:
        """Return the URL of a queue for this caller."""
        request = self.request
        return queue_urls.of(ref, self.session.settings, request.scheme, request.host, request.prefix)


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation.

    ``read_json`` takes the bytes of a body, ``read_query`` a tree of texts; both return an object of the type
    ``parameters`` or raise Unreadable. ``raises`` are errors of ERROR_TABLE that it may return in addition to
    EVERY_OPERATION. ``on_queue_path``: the query protocol may call it on a queue's own path. ``has_queue``: one
    parameter names a queue; if that queue does not exist, no other error is reported.
    """

    name: str
    run: Callable[[SqsCall, Any], Shape | None]
    read_json: Callable[[bytes], Any]
    read_query: Callable[[dict[str, Any]], Any]
    parameters: type[Shape]
    result: type[Shape] | None
    raises: tuple[str, ...]
    on_queue_path: bool
    has_queue: bool

    @property
    def is_reading(self) -> bool:
        """Whether the operation changes nothing, as those that get or list; ReceiveMessage leases messages."""
        return self.name.startswith(("Get", "List"))


OPERATIONS: dict[str, Operation] = {}

#: Errors of every operation: unreadable input (JSON, query), and throttling if it is enabled.
EVERY_OPERATION = ("SerializationException", "InvalidParameterValue", "RequestThrottled")
#: Errors of every operation of a service with credentials.
WITH_CREDENTIALS = ("AccessDenied", "UnrecognizedClient", "InvalidSignature", "IncompleteSignature", "ExpiredToken")
#: Errors of every operation on a queue.
OF_A_QUEUE = ("InvalidAddress", "QueueDoesNotExist")


def operation(
    *, raises: tuple[str, ...] = (), on_queue_path: bool = True
) -> Callable[[Callable[[SqsCall, Any], Any]], Callable[[SqsCall, Any], Any]]:
    """Register ``send_message(call, parameters: SendMessage) -> Result | None`` as the operation SendMessage."""

    def enter(function: Callable[[SqsCall, Any], Any]) -> Callable[[SqsCall, Any], Any]:
        hints = get_type_hints(function)
        parameters, result = hints["parameters"], hints["return"]
        name = "".join(part.capitalize() for part in function.__name__.split("_"))
        assert ERROR_TABLE.keys() >= {*raises}, f"{name}: an error of raises is not in ERROR_TABLE"
        OPERATIONS[name] = Operation(
            name,
            function,
            json10.reader(parameters),
            query.reader(parameters),
            parameters,
            None if result is type(None) else result,
            raises,
            on_queue_path,
            hasattr(parameters, "queue_url"),
        )
        return function

    return enter
