"""The face of CloudWatch: choose protocol and operation, check the caller, run it, and convert errors to responses.

Requests of RPC v2 come to a path of their own. Those of the other protocols come to the path of SQS, whose face passes
them on: see ``CloudWatch.is_asked``.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqs_facade import rights
from sqs_facade.addresses import Caller
from sqs_facade.callers import Callers
from sqs_facade.cloudwatch import errors, protocols, shapes
from sqs_facade.cloudwatch.calls import Call
from sqs_facade.cloudwatch.errors import CloudWatchError, Kind
from sqs_facade.cloudwatch.metric_data import get_metric_data
from sqs_facade.cloudwatch.metric_list import list_metrics
from sqs_facade.cloudwatch.metric_statistics import get_metric_statistics
from sqs_facade.cloudwatch.protocols import Tree, WireProtocol
from sqs_facade.codecs.unreadable import Unreadable
from sqs_facade.errors import SqsError
from sqs_facade.face import new_request_id
from sqs_facade.query_versions import QueryVersion
from zaqar_core.access.refusals import SignatureRefused
from zaqar_core.core.authorization import Authorizer
from zaqar_core.core.rate_limits import RateLimits
from zaqar_core.core.session import Session
from zaqar_core.domain import limits
from zaqar_core.domain.errors import AccessDenied, RequestsThrottled, StoreUnavailable
from zaqar_core.logs.request_ids import set_request_id
from zaqar_core.web.envelope import Refusal, Reply, Request

#: Path of the requests of RPC v2.
PATH = protocols.PATH
#: The name of CloudWatch in the scope of a signature.
SERVICE = "monitoring"

_log = logging.getLogger("sqs_facade.cloudwatch")
_QUERY, _JSON, _CBOR = protocols.Query(), protocols.Json(), protocols.Cbor()
_VERSION = QueryVersion(protocols.VERSION)


@dataclass(frozen=True, slots=True)
class _Operation:
    """One operation, and the reader of its input."""

    name: str
    read: Callable[[Tree, bool], Any]
    run: Callable[[Call, Any], Tree]

    @property
    def action(self) -> str:
        """The action as policies name it, in lower case."""
        return f"cloudwatch:{self.name.lower()}"


OPERATIONS: Mapping[str, _Operation] = {
    one.name: one
    for one in (
        _Operation("GetMetricData", shapes.reader(shapes.GetMetricData), get_metric_data),
        _Operation("GetMetricStatistics", shapes.reader(shapes.GetMetricStatistics), get_metric_statistics),
        _Operation("ListMetrics", shapes.reader(shapes.ListMetrics), list_metrics),
    )
}


class CloudWatch:
    """Serve requests to CloudWatch. One instance serves all threads."""

    #: A signature covers the body, so it is checked with the body.
    admit = None

    def __init__(
        self, callers: Callers, *, authorizer: Authorizer | None = None, rates: RateLimits | None = None
    ) -> None:
        """``authorizer`` enforces policies."""
        self._callers = callers
        self._authorizer = authorizer
        self._rates = rates
        self.verifies_callers = callers.verifies

    @staticmethod
    def is_asked(request: Request, target: str | None) -> bool:
        """Return whether a request to the path of SQS is for CloudWatch. ``target`` is its header X-Amz-Target."""
        return _VERSION.is_asked(request) if target is None else target.startswith(protocols.TARGET)

    def body_limit(self, environ: Mapping[str, Any]) -> int:
        """Return the limit in bytes."""
        del environ
        return limits.CBOR_BODY_BYTES

    def answer(self, request: Request, session: Session) -> Reply:
        """Run the requested operation. Never raises."""
        protocol, request_id, note = _protocol(request), new_request_id(), request.note
        set_request_id(request_id)
        note.dialect = "cloudwatch"
        try:
            return protocol.result(*self._run(protocol, request, session), request_id)
        except CloudWatchError as problem:
            error = problem
        except AccessDenied as fact:
            note.resource, note.rule = fact.resource, fact.rule
            error = errors.of_fact(fact)
        except (RequestsThrottled, StoreUnavailable) as fact:
            error = errors.of_fact(fact)
        except Exception:
            _log.exception("an unexpected exception in operation %s", note.operation)
            error = errors.internal()
        note.code = error.kind.value.code
        return protocol.error(error, request_id)

    def refuse(self, request: Request, why: Refusal) -> Reply:
        """Return the error for a request that was not run."""
        error = errors.of_refusal(why)
        request.note.dialect, request.note.code = "cloudwatch", error.kind.value.code
        return _protocol(request).error(error, new_request_id())

    def _run(self, protocol: WireProtocol, request: Request, session: Session) -> tuple[str, Tree]:
        """Return the name of the operation and its result. Raises CloudWatchError, and facts of the core."""
        name = protocol.operation(request)
        operation = OPERATIONS.get(name)
        if operation is None:
            served = ", ".join(OPERATIONS)
            raise CloudWatchError(
                Kind.UNKNOWN_OPERATION, f"This service has no operation {name[:64]}; it has {served}."
            )
        request.note.operation = name
        call = Call(session, self._caller(request))
        request.note.account = call.caller.account
        if self._rates is not None:
            self._rates.require_of(session, call.caller.account, request.principal)
        if self._authorizer is not None:
            self._require(self._authorizer, operation, request, call.caller)
        try:
            parameters = operation.read(protocol.parameters(request), protocol.is_textual)
        except Unreadable as problem:
            raise CloudWatchError(Kind.UNREADABLE, f"The request is not valid: {problem}.") from None
        return name, operation.run(call, parameters)

    def _caller(self, request: Request) -> Caller:
        try:
            caller = self._callers.found(request, SERVICE)
        except SignatureRefused as refused:
            raise errors.of_signature(refused) from None
        except SqsError as problem:
            raise CloudWatchError(Kind.INVALID_VALUE, problem.message) from None
        if request.principal is not None and request.principal.is_anonymous:
            raise CloudWatchError(Kind.NO_CREDENTIALS, "Request is missing Authentication Token")
        return caller

    @staticmethod
    def _require(authorizer: Authorizer, operation: _Operation, request: Request, caller: Caller) -> None:
        """Require the right to the operation. It is for all resources, as CloudWatch has none. Raises AccessDenied."""
        principal = rights.principal(request, caller)
        request.note.rule = authorizer.require_on_account(
            principal, (operation.action,), "*", caller.account, caller.region, request.environ
        )


def _protocol(request: Request) -> WireProtocol:
    if request.path.startswith(PATH):
        return _CBOR
    return _QUERY if request.header("X_AMZ_TARGET") is None else _JSON
