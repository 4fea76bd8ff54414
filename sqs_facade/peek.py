"""The peek endpoint ``/_aws/sqs/messages`` shows the messages of a queue without receiving them.

Other emulators have the same endpoint: ``GET`` or ``POST /_aws/sqs/messages?QueueUrl=...``, or
``/_aws/sqs/messages/<region>/<account>/<queue>``. ``ShowInvisible=true`` includes messages in flight,
``ShowDelayed=true`` delayed ones. The response is that of ReceiveMessage with every attribute and without usable
receipt handles, as XML, or as JSON if the Accept header prefers it. An SDK can call the endpoint with ReceiveMessage
in both protocols; the requested number of messages is ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import orjson
from msgspec import field

from sqs_facade import addresses, content, digests, errors, face, rights
from sqs_facade.callers import Callers, refuse_anonymous
from sqs_facade.codecs import query, query_json
from sqs_facade.errors import SqsError
from sqs_facade.operations.receiving import system_attributes
from sqs_facade.registry import OPERATIONS, Shape, SqsCall
from zaqar_core.configuration.settings import Settings
from zaqar_core.core import messages, queues
from zaqar_core.core.authorization import Authorizer
from zaqar_core.core.session import Session
from zaqar_core.domain.errors import CoreError, QueueNotFound
from zaqar_core.domain.model import StoredMessage
from zaqar_core.domain.names import QueueRef
from zaqar_core.web.allowed_hosts import AllowedHosts
from zaqar_core.web.envelope import Refusal, Reply, Request

PATH = "/_aws/sqs/messages"
TRUNCATED = "x-sqs-facade-truncated"

_ACTION = "ReceiveMessage"
_BODY_BYTES = 64 << 10
_PAGE = 100
#: Bytes of bodies in one response. A response that reaches the limit ends there and has the header TRUNCATED.
_MOST_BYTES = 64 << 20


class Peeked(Shape):
    """A message in the form of ReceiveMessage. It is not leased, and no operation accepts its receipt handle."""

    message_id: str
    md5_of_body: str = field(name="MD5OfBody")
    body: str
    attributes: dict[str, str]
    md5_of_attributes: str | None = field(default=None, name="MD5OfMessageAttributes")
    message_attributes: dict[str, content.AttributeValue] | None = None
    #: The same constant as in other emulators, for programs that expect the member.
    receipt_handle: str | None = None


class PeekResult(Shape):
    messages: list[Peeked] = []


@dataclass(slots=True)
class PeekRequest:
    """The parameters of one request."""

    queue_url: str
    invisible: bool
    delayed: bool


class PeekFace:
    """Serve the peek endpoint, on every bind at the hosts of AllowedHosts only. One instance serves all threads."""

    verifies_callers = False

    def __init__(
        self, settings: Settings, *, callers: Callers | None = None, authorizer: Authorizer | None = None
    ) -> None:
        """Without ``authorizer``, policies are not enforced."""
        self._settings = settings
        self._hosts = AllowedHosts(settings)
        self._callers = callers or Callers(settings)
        self._authorizer = authorizer

    def body_limit(self, environ: Mapping[str, Any]) -> int:
        """Return the largest body to accept, in bytes."""
        del environ
        return _BODY_BYTES

    def answer(self, request: Request, session: Session) -> Reply:
        """Return the messages of a queue. Never raises."""
        request_id = face.new_request_id()
        try:
            if request.host not in self._hosts:
                raise face.host_not_allowed(request.host)
            return self._answer(request, session, request_id)
        except SqsError as error:
            return _error(error, request, request_id)
        except CoreError as fact:
            return _error(errors.of_fact(fact), request, request_id)
        except Exception as problem:
            return _error(face.unforeseen(problem, request_id, _ACTION), request, request_id)

    def refuse(self, request: Request, why: Refusal) -> Reply:
        """Return the SQS error for a request that was not run."""
        return _error(face.refusal(why, request), request, face.new_request_id())

    def _answer(self, request: Request, session: Session, request_id: str) -> Reply:
        caller = self._callers.identify(request)
        if self._authorizer is None:
            refuse_anonymous(request)
        wanted = _parameters(request)
        if not wanted.queue_url:
            raise QueueNotFound
        ref = addresses.queue(wanted.queue_url, "/", caller, self._settings)
        if self._authorizer is not None:
            rights.require_receive(self._authorizer, SqsCall(session, request, caller), ref)
        try:
            queues.get(session, ref)
        except QueueNotFound:
            if "://" in wanted.queue_url and not addresses.names_account(wanted.queue_url):
                raise addresses.bad(wanted.queue_url) from None
            raise
        found, is_whole = _collect(session, ref, wanted)
        result = PeekResult([_shown(one, ref, wanted) for one in found])
        headers = [("x-amzn-RequestId", request_id)] + ([] if is_whole else [(TRUNCATED, "true")])
        if face.is_json_protocol(request):
            return Reply(200, [("Content-Type", face.JSON_TYPE), *headers], msgspec.json.encode(result))
        as_json = face.wants_json(request)
        write = query_json.write_as_elements if as_json else query.write
        body = write(_ACTION, msgspec.to_builtins(result), request_id)
        return Reply(200, [("Content-Type", "application/json" if as_json else "text/xml"), *headers], body)


def _parameters(request: Request) -> PeekRequest:
    parameters = face.read_parameters(request)
    if face.is_json_protocol(request):
        action = (request.header("X_AMZ_TARGET") or "").rpartition(".")[2]
        given = face.read_json(OPERATIONS[_ACTION], request.body).queue_url if action == _ACTION else None
    else:
        action = parameters.get("Action", _ACTION)
        given = parameters.get("QueueUrl")
    if action != _ACTION:
        raise SqsError("InvalidRequest", f"This endpoint only accepts {_ACTION} calls")
    flags = [str(parameters.get(name, "")).lower() in ("true", "1") for name in ("ShowInvisible", "ShowDelayed")]
    return PeekRequest(given if isinstance(given, str) else request.path.removeprefix(PATH).strip("/"), *flags)


def _collect(session: Session, ref: QueueRef, wanted: PeekRequest) -> tuple[list[StoredMessage], bool]:
    """Return the messages in order, and whether the list is complete."""
    found: list[StoredMessage] = []
    size, marker = 0, None
    while True:
        page = messages.list_page(
            session,
            ref,
            marker=marker,
            limit=_PAGE,
            except_client_id=None,
            # Messages in flight lock their groups of a FIFO queue, so they are read even if they are not shown.
            include_claimed=wanted.invisible or ref.is_fifo,
            include_delayed=wanted.delayed,
        )
        found += page.messages
        size += sum(len(one.body) for one in page.messages)
        marker = page.marker
        is_last = len(page.messages) < _PAGE
        if is_last or size > _MOST_BYTES:
            break
    if ref.is_fifo and not wanted.invisible:
        locked = {one.group for one in found if one.held}
        found = [one for one in found if one.group not in locked]
    return found, is_last


def _shown(found: StoredMessage, ref: QueueRef, wanted: PeekRequest) -> Peeked:
    attributes = system_attributes(found, ref)
    if wanted.invisible:
        attributes["IsVisible"] = "false" if found.held else "true"
    if wanted.delayed:
        attributes["IsDelayed"] = "true" if found.delayed else "false"
    return Peeked(
        found.id,
        digests.of_body(found.body),
        found.body.decode(),
        attributes,
        digests.of_attributes(found.attributes),
        content.shown(found.attributes) or None,
        "SQS/BACKDOOR/ACCESS",
    )


def _error(error: SqsError, request: Request, request_id: str) -> Reply:
    if face.is_json_protocol(request) or not face.wants_json(request):
        return face.error_reply(error, request, request_id)
    fault = {
        "Type": "Sender" if error.row.is_sender else "Receiver",
        "Code": error.row.code,
        "Message": error.message,
    }
    body = orjson.dumps({"ErrorResponse": {"Error": fault, "RequestId": request_id}})
    headers = [("Content-Type", "application/json"), ("x-amzn-RequestId", request_id)]
    return Reply(error.row.status, headers, body)
