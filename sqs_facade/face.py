"""The SQS face: choose protocol and operation, run it, and convert every error to a response."""

from __future__ import annotations

import itertools
import logging
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec
import orjson

from sqs_facade import addresses, browser_marks, errors, request_notes, rights
from sqs_facade.callers import Callers, is_verified, refuse_anonymous
from sqs_facade.codecs import query, query_json
from sqs_facade.codecs.unreadable import Unreadable
from sqs_facade.errors import SqsError
from sqs_facade.operations import load_all
from sqs_facade.registry import OPERATIONS, Operation, SqsCall
from zaqar_core.configuration.settings import Settings
from zaqar_core.core import queues
from zaqar_core.core.authorization import Authorizer
from zaqar_core.core.rate_limits import RateLimits
from zaqar_core.core.session import Session
from zaqar_core.domain import limits
from zaqar_core.domain.errors import CoreError, QueueNotFound
from zaqar_core.logs.request_ids import set_request_id
from zaqar_core.web import allowed_hosts
from zaqar_core.web.envelope import Refusal, Reply, Request, Share

if TYPE_CHECKING:
    from sqs_facade.auto_creation import AutoCreation
    from sqs_facade.cloudwatch.face import CloudWatch
    from sqs_facade.sts import SecurityTokenService

load_all()

_TARGET = "AmazonSQS."
JSON_TYPE = "application/x-amz-json-1.0"
_JSON_BODY = "application/x-amz-json-"
_FORM_TYPE = "application/x-www-form-urlencoded"

_log = logging.getLogger("sqs_facade.sqs")
_encode = msgspec.json.Encoder().encode
_numbers = itertools.count(int.from_bytes(os.urandom(6)))
_process = f"{os.urandom(4).hex()}-{os.urandom(2).hex()}-4{os.urandom(2).hex()[1:]}-8{os.urandom(2).hex()[1:]}-"


def is_sqs(environ: Mapping[str, Any]) -> bool:
    """Return whether a request certainly belongs to SQS: JSON by its target header, query by its form or its Action."""
    if environ["REQUEST_METHOD"] == "POST":
        path = environ["PATH_INFO"]
        if "HTTP_X_AMZ_TARGET" in environ:
            return not path.startswith("/_")
        return environ.get("CONTENT_TYPE", "").startswith(_FORM_TYPE) and not path.startswith(("/v1", "/v2", "/_"))
    if environ["REQUEST_METHOD"] != "GET" or environ["PATH_INFO"] != "/":
        return False
    parameters = environ.get("QUERY_STRING", "")
    return parameters.startswith("Action=") or "&Action=" in parameters


def new_request_id() -> str:
    """Return a request id in the form of a UUID: unique, but not secret."""
    return _process + f"{next(_numbers) & 0xFFFFFFFFFFFF:012x}"


class SqsFace:
    """Serve SQS requests. One instance serves all threads."""

    #: A signature covers the body, so it is checked with the body.
    admit = None

    def __init__(
        self,
        settings: Settings,
        *,
        callers: Callers | None = None,
        sts: SecurityTokenService | None = None,
        cloudwatch: CloudWatch | None = None,
        authorizer: Authorizer | None = None,
        rates: RateLimits | None = None,
        auto_creation: AutoCreation | None = None,
    ) -> None:
        """With ``sts`` and ``cloudwatch``, requests to these are served beside those to SQS.

        ``authorizer`` enforces policies. With ``auto_creation``, requests create queues that do not exist.
        """
        self._callers = callers or Callers(settings)
        self._sts = sts
        self._cloudwatch = cloudwatch
        self._authorizer = authorizer
        self._auto_creation = auto_creation
        self.verifies_callers = self._callers.verifies
        self._rates = rates

    def body_limit(self, environ: Mapping[str, Any]) -> int:
        """Return the largest body to accept, in bytes."""
        return limits.JSON_BODY_BYTES if "HTTP_X_AMZ_TARGET" in environ else limits.FORM_BODY_BYTES

    def share(self, environ: Mapping[str, Any], body: bytes) -> Share:
        """Return the account of the caller, and the name of the queue as far as it is easily found."""
        return Share(self._callers.account_at_a_glance(environ), addresses.name_at_a_glance(environ, body))

    def answer(self, request: Request, session: Session) -> Reply:
        """Run the requested operation. Never raises."""
        request_id = new_request_id()
        set_request_id(request_id)
        environ = request.environ
        note = request.note
        target = environ.get("HTTP_X_AMZ_TARGET")
        note.dialect = "sqs-query" if target is None else "sqs-json"
        if target is None or not target.startswith(_TARGET):
            if target is None and self._sts is not None and self._sts.is_asked(request):
                return self._sts.answer(request, request_id, session)
            if self._cloudwatch is not None and self._cloudwatch.is_asked(request, target):
                return self._cloudwatch.answer(request, session)
        try:
            call = SqsCall(session, request, self._callers.identify(request), self._authorizer, self._auto_creation)
            if self._rates is not None:
                self._rates.require_of(session, call.caller.account, request.principal)
            if target is not None:
                return _answer_json(call, target, request_id)
            return _answer_query(call, request_id)
        except SqsError as error:
            return error_reply(error, request, request_id)
        except CoreError as fact:
            request_notes.of_denial(note, fact)
            return error_reply(errors.of_fact(fact), request, request_id)
        except Exception as problem:
            return error_reply(unforeseen(problem, request_id, target), request, request_id)

    def refuse(self, request: Request, why: Refusal) -> Reply:
        """Return the SQS error for a request that was not run."""
        request.note.dialect = dialect(request)
        return error_reply(refusal(why, request), request, new_request_id())


_REFUSALS = {
    Refusal.BODY_TOO_LARGE: SqsError("RequestEntityTooLarge", "The request body is too large."),
    Refusal.BODY_CUT_SHORT: SqsError("IncompleteBody", "The request body ended before its declared length."),
    Refusal.BODY_LENGTH_INVALID: SqsError("IncompleteBody", "The Content-Length header is not a number."),
    Refusal.BODY_TOO_SLOW: SqsError("RequestTimeout", "The request body did not arrive in time."),
    Refusal.LENGTH_REQUIRED: SqsError(
        "LengthRequired", "The request must have a Content-Length header. This server does not accept chunked bodies."
    ),
    Refusal.OVERLOADED: SqsError("RequestThrottled", "Rate exceeded"),
    Refusal.CROSS_SITE: SqsError("AccessDenied", "Web pages of other origins are not allowed to call this service."),
    Refusal.HOST_INVALID: SqsError("InvalidRequest", "The header Host of the request is not a host."),
}


def refusal(why: Refusal, request: Request) -> SqsError:
    """Return the error for a request that is not run."""
    if why is Refusal.HOST_NOT_ALLOWED:
        return host_not_allowed(request.host)
    return _REFUSALS[why]


def host_not_allowed(host: str) -> SqsError:
    """Build the error for a valid Host header that the service does not accept."""
    return SqsError("AccessDenied", allowed_hosts.refusal(host))


def unforeseen(problem: Exception, request_id: str, operation: str | None) -> SqsError:
    """Log an unexpected exception with the request id and no content; return an error without details."""
    set_request_id(request_id)
    _log.error("an unexpected exception in operation %s", (operation or "")[:64], exc_info=problem)
    return SqsError("InternalFailure", "An internal error occurred.")


def dialect(request: Request) -> str:
    """Return the dialect of a request as observers name it."""
    return "sqs-json" if is_json_protocol(request) else "sqs-query"


def is_json_protocol(request: Request) -> bool:
    """Return whether a request uses AWS JSON 1.0."""
    return "HTTP_X_AMZ_TARGET" in request.environ


def _lacks_target(request: Request) -> bool:
    """Return whether a request uses the JSON protocol but lacks the header that names the operation."""
    return (request.header("CONTENT_TYPE") or "").startswith(_JSON_BODY) and not is_json_protocol(request)


def read_json(operation: Operation, body: bytes) -> Any:
    """Read the input of the operation. Raises SqsError SerializationException."""
    try:
        return operation.read_json(body or b"{}")
    except Unreadable as problem:
        raise SqsError("SerializationException", str(problem)) from None


def read_parameters(request: Request) -> dict[str, Any]:
    """Read the parameters of the query string and of the form, which takes precedence.

    Raises SqsError SerializationException.
    """
    try:
        parameters = query.tree(request.query) if request.query else {}
        if request.method == "POST" and not is_json_protocol(request) and not _lacks_target(request):
            parameters.update(query.tree(request.body))
    except Unreadable as problem:
        raise SqsError("SerializationException", f"The parameters of the request are not valid: {problem}.") from None
    return parameters


def _answer_json(call: SqsCall, target: str, request_id: str) -> Reply:
    found = OPERATIONS.get(target[len(_TARGET) :]) if target.startswith(_TARGET) else None
    if found is None:
        raise SqsError("InvalidAction", f"This service has no operation {target[:200]}.")
    result = run(found, call, read_json(found, call.request.body))
    # Recorded: an operation without output returns an empty body, a result without members "{}".
    body = b"" if found.result is None else _encode(result)
    return Reply(200, [("Content-Type", JSON_TYPE), ("x-amzn-RequestId", request_id)], body)


def _answer_query(call: SqsCall, request_id: str) -> Reply:
    request = call.request
    tree = read_parameters(request)
    action = tree.get("Action")
    on_queue_path = request.path not in ("", "/")
    if not isinstance(action, str):  # absent, or the name of others: Action.1
        if on_queue_path and request.method in ("GET", "HEAD"):
            return Reply(
                404, [("Content-Type", "text/xml"), ("x-amzn-RequestId", request_id)], b"<UnknownOperationException/>"
            )
        if _lacks_target(request):
            raise SqsError("InvalidAction", "The request has no X-Amz-Target header.")
        raise errors.missing("Action")
    found = _operation(action, on_queue_path=on_queue_path)
    is_read = request.method == "POST" or found.is_reading
    if not (is_read or is_verified(request)) and browser_marks.is_marked(request.environ):
        raise SqsError("AccessDenied", f"A web browser must not call {found.name} by a URL: use POST.")
    try:
        parameters = found.read_query(tree)
    except Unreadable as problem:
        raise SqsError("InvalidParameterValue", f"One or more parameters are invalid. Reason: {problem}.") from None
    result = run(found, call, parameters)
    if wants_json(request):
        body, media_type = query_json.write(found.name, result, request_id), "application/json"
    else:
        # Operations without output have no Result element; an empty result is <XResult/>.
        members = msgspec.to_builtins(result) if result is not None else ({} if found.result else None)
        body, media_type = query.write(found.name, members, request_id), "text/xml"
    return Reply(200, [("Content-Type", media_type), ("x-amzn-RequestId", request_id)], body)


def run(operation: Operation, call: SqsCall, parameters: Any) -> Any:
    """Run the operation. If it fails and its queue does not exist, report that instead, as AWS does.

    The queue is looked up only after an error, so that a good request needs no look-up. If the service may create the
    missing queue, it does so, and the operation runs once more.
    """
    note = call.request.note
    # Written out: this is the way of every request. A queue that a URL names is noted where the URL is resolved.
    note.operation, note.account = operation.name, call.caller.account
    if operation.is_administrative or not operation.has_queue:
        request_notes.of_call(operation, call, parameters)
    if call.authorizer is None:
        refuse_anonymous(call.request)
    try:
        if call.authorizer is None:
            return operation.run(call, parameters)
        rights.require(call.authorizer, operation, call, parameters)
        return queues.confirmed(call.session, operation.run, call, parameters)
    except SqsError:
        if operation.has_queue:
            try:
                queues.get(call.session, call.queue(parameters.queue_url))
            except QueueNotFound as missing:
                if not _is_created(operation, call, parameters, missing):
                    raise
        raise
    except QueueNotFound as missing:
        if not _is_created(operation, call, parameters, missing):
            raise
        return run(operation, call, parameters)


def _is_created(operation: Operation, call: SqsCall, parameters: Any, missing: QueueNotFound) -> bool:
    """Create the missing queue of the request if the service may do so, once; return whether it exists now."""
    creation, call.auto_creation = call.auto_creation, None
    return creation is not None and not missing.was_deleted and creation.creates(operation, call, parameters)


def _operation(action: str, *, on_queue_path: bool) -> Operation:
    found = OPERATIONS.get(action)
    if found is None or (on_queue_path and not found.on_queue_path):
        raise SqsError("InvalidAction", f"The action {action[:200]} is not valid for this endpoint.")
    return found


def wants_json(request: Request) -> bool:
    """Return whether a client of the query protocol prefers a JSON response."""
    return query_json.is_preferred(request.header("ACCEPT") or "")


def error_reply(error: SqsError, request: Request, request_id: str) -> Reply:
    """Write the error in the protocol of the request."""
    row = error.row
    request.note.code = row.code
    if not request.note.operation:
        request_notes.of_unread(request)
    if is_json_protocol(request) or _lacks_target(request):
        fault = "Sender" if row.is_sender else "Receiver"
        headers = [
            ("Content-Type", JSON_TYPE),
            ("x-amzn-RequestId", request_id),
            ("x-amzn-query-error", f"{row.code};{fault}"),
        ]
        body = orjson.dumps({"__type": row.type, "message": error.message})
        return Reply(row.status, headers, body)
    as_json = wants_json(request)
    write = query_json.write_error if as_json else query.write_error
    body = write(row.code, error.query_message, request_id, is_sender=row.is_sender)
    content_type = "application/json" if as_json else "text/xml"
    return Reply(row.status, [("Content-Type", content_type), ("x-amzn-RequestId", request_id)], body)
