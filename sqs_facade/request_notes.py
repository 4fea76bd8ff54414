"""What observers learn about requests to SQS: operation, queue, and the policy that decided."""

from __future__ import annotations

import contextlib
import re
from typing import Any

from sqs_facade import addresses
from sqs_facade.errors import SqsError
from sqs_facade.registry import OPERATIONS, Operation, SqsCall
from zaqar_core.domain.errors import AccessDenied, CoreError
from zaqar_core.domain.names import QueueRef
from zaqar_core.web.envelope import Note, Request

#: The parameter Action of a request that was refused before it was read.
_ACTION = re.compile(r"(?:^|&)Action=([A-Za-z]+)(?:&|$)")


def of_call(operation: Operation, call: SqsCall, parameters: Any) -> None:
    """Note the operation, and the queue that its parameters name otherwise than by its URL.

    Operations with a URL note the queue when they resolve it, in ``SqsCall.queue``; a request without a caller never
    gets that far.
    """
    request = call.request
    note = request.note
    note.operation = operation.name
    note.account = call.caller.account
    if operation.is_administrative:
        note.is_administrative = True
    if not operation.has_queue:
        note.queue = _named(call, parameters)
    elif request.principal is not None and request.principal.is_anonymous:
        with contextlib.suppress(SqsError, CoreError):
            call.queue(parameters.queue_url)


def _named(call: SqsCall, parameters: Any) -> QueueRef | None:
    name = getattr(parameters, "queue_name", None)
    source = getattr(parameters, "source_arn", None)
    if isinstance(name, str) and addresses.is_addressed(name):
        return QueueRef(*call.caller, name)
    return addresses.of_arn(source, call.session.settings) if isinstance(source, str) else None


def of_denial(note: Note, fact: CoreError) -> None:
    """Note which policy denied the request."""
    if isinstance(fact, AccessDenied):
        note.resource = fact.resource
        note.rule = fact.rule


def of_unread(request: Request) -> None:
    """Note the operation of a request that was refused before its parameters were read, if it is one of SQS."""
    target = request.header("X_AMZ_TARGET")
    if target is None:
        found = _ACTION.search(request.query) or _ACTION.search(request.body[:65536].decode("latin-1"))
        target = found[1] if found is not None else ""
    name = target.rpartition(".")[2]
    if name in OPERATIONS:
        request.note.operation = name
        request.note.is_administrative = OPERATIONS[name].is_administrative
