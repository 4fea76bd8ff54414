"""The peek endpoint ``/_aws/sqs/messages`` shows the messages of a queue without receiving them.

Other emulators have the same endpoint: ``GET`` or ``POST /_aws/sqs/messages?QueueUrl=...``, or
``/_aws/sqs/messages/<region>/<account>/<queue>``. ``ShowInvisible=true`` includes messages in flight,
``ShowDelayed=true`` delayed ones. This service alone has ``After=<position>``, which continues behind a message and
adds to each its ``Position`` (``After=0`` begins with the first), and ``Limit=<number>``, which ends the list.

The response is that of ReceiveMessage with every attribute and without usable receipt handles, as XML, or as JSON if
the Accept header prefers it. An SDK can call the endpoint with ReceiveMessage in both protocols; the requested number
of messages is ignored. A long response is sent while it is read from the store.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

import orjson
from msgspec import field

from sqs_facade import addresses, content, digests, errors, face, peek_forms, peek_pages, request_notes, rights
from sqs_facade.callers import Callers, refuse_anonymous
from sqs_facade.errors import SqsError, invalid
from sqs_facade.looks import Look
from sqs_facade.operations.receiving import system_attributes
from sqs_facade.registry import OPERATIONS, Shape, SqsCall
from zaqar_core.configuration.settings import Settings
from zaqar_core.core import queues
from zaqar_core.core.authorization import Authorizer
from zaqar_core.core.rate_limits import RateLimits
from zaqar_core.core.session import Session, place_left
from zaqar_core.domain.digits import whole_number
from zaqar_core.domain.errors import CoreError, QueueNotFound
from zaqar_core.domain.model import StoredMessage
from zaqar_core.domain.names import QueueRef
from zaqar_core.eventloop import Semaphore
from zaqar_core.logs import remedies
from zaqar_core.logs.remedies import note_refusal
from zaqar_core.logs.request_ids import set_request_id
from zaqar_core.web.allowed_hosts import AllowedHosts
from zaqar_core.web.envelope import Refusal, Reply, Request

PATH = "/_aws/sqs/messages"

_ACTION = "ReceiveMessage"
_METHODS = ("GET", "HEAD", "POST", "OPTIONS")
_READ_ONLY = (
    "This endpoint only shows messages. PurgeQueue deletes those of a queue; POST /_test/reset deletes all queues, if "
    "the test hooks are on."
)
_BODY_BYTES = 64 << 10
_REQUEST_ID = "x-amzn-RequestId"
#: Responses of a process at the same time, each with some pages of 1 MiB in memory; others wait.
_MOST_LOOKS = 4
_WAIT_SECONDS = 60.0
#: What a message takes in memory besides its body, about.
_MESSAGE_BYTES = 2_000
#: Digits of the numbers that are read. A position has 15 at most.
_DIGITS = 15


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
    #: Position in the queue behind which the list begins; None begins with the first message.
    after: int | None = None
    limit: int | None = None


class PeekFace:
    """Serve the peek endpoint. Without credentials, on every bind at the hosts of AllowedHosts only.

    One instance serves all threads.
    """

    admit = None

    def __init__(
        self,
        settings: Settings,
        *,
        callers: Callers | None = None,
        authorizer: Authorizer | None = None,
        rates: RateLimits | None = None,
    ) -> None:
        """Without ``authorizer``, policies are not enforced."""
        self._settings = settings
        self._hosts = AllowedHosts(settings)
        self._callers = callers or Callers(settings)
        self._authorizer = authorizer
        self._rates = rates
        self.verifies_callers = self._callers.verifies
        self._looks = Semaphore(_MOST_LOOKS)

    def body_limit(self, environ: Mapping[str, Any]) -> int:
        """Return the largest body to accept, in bytes."""
        del environ
        return _BODY_BYTES

    def answer(self, request: Request, session: Session) -> Reply:
        """Return the messages of a queue. Never raises."""
        request_id = face.new_request_id()
        set_request_id(request_id)
        request.note.dialect, request.note.operation = face.dialect(request), "peek"
        if request.method not in _METHODS:
            reply = _error(SqsError("UnsupportedOperation", _READ_ONLY), request, request_id)
            return Reply(405, [*reply.headers, ("Allow", ", ".join(_METHODS))], reply.body)
        try:
            if not self.verifies_callers and request.host not in self._hosts:
                note_refusal(remedies.HOST, request.host)
                raise face.host_not_allowed(request.host)
            return self._answer(request, session, request_id)
        except SqsError as error:
            return _error(error, request, request_id)
        except CoreError as fact:
            request_notes.of_denial(request.note, fact)
            return _error(errors.of_fact(fact), request, request_id)
        except Exception as problem:
            return _error(face.unforeseen(problem, request_id, _ACTION), request, request_id)

    def refuse(self, request: Request, why: Refusal) -> Reply:
        """Return the SQS error for a request that was not run."""
        request.note.dialect, request.note.operation = face.dialect(request), "peek"
        return _error(face.refusal(why, request), request, face.new_request_id())

    def _answer(self, request: Request, session: Session, request_id: str) -> Reply:
        caller = self._callers.identify(request)
        if self._rates is not None:
            self._rates.require_of(session, caller.account, request.principal)
        if self._authorizer is None:
            refuse_anonymous(request)
        wanted = _parameters(request)
        if not wanted.queue_url:
            raise QueueNotFound
        ref = request.note.queue = addresses.queue(wanted.queue_url, "/", caller, self._settings, request.prefix)
        if self._authorizer is not None:
            rights.require_on_queue(self._authorizer, SqsCall(session, request, caller), ref, _ACTION)
        try:
            queues.get(session, ref)
        except QueueNotFound:
            if "://" in wanted.queue_url and not addresses.names_account(wanted.queue_url):
                raise addresses.bad(wanted.queue_url) from None
            raise
        if face.is_json_protocol(request):
            form = peek_forms.aws_json(face.JSON_TYPE)
        else:
            form = (peek_forms.elements if face.wants_json(request) else peek_forms.xml)(_ACTION, request_id)
        return self._reply(session, ref, wanted, form, [("Content-Type", form.media_type), (_REQUEST_ID, request_id)])

    def _reply(
        self,
        session: Session,
        ref: QueueRef,
        wanted: PeekRequest,
        form: peek_forms.Form,
        headers: list[tuple[str, str]],
    ) -> Reply:
        """Return the response: whole if it is short, else in parts. Raises SqsError RequestThrottled."""
        if not self._begin(session):
            raise SqsError("RequestThrottled", "Too many requests to this endpoint are running.")
        look = Look(self._looks)
        try:
            found = peek_pages.pages(
                session,
                ref,
                invisible=wanted.invisible,
                delayed=wanted.delayed,
                after=wanted.after or 0,
                limit=wanted.limit,
            )
            results = (PeekResult([_shown(one, ref, wanted) for one in page]) for page in found if page)
            first, size = PeekResult(), 0
            for result in results:
                first.messages += result.messages
                size += sum(_MESSAGE_BYTES + len(one.body) for one in result.messages)
                if len(first.messages) > 1 and size >= peek_pages.PAGE_BYTES:
                    look.parts = form.parts(chain([first], results))
                    return Reply(200, headers, b"", look)
            reply = Reply(200, headers, form.write(first))
        except BaseException:
            look.close()
            raise
        look.close()
        return reply

    def _begin(self, session: Session) -> bool:
        """Wait for a turn; meanwhile the request leaves its place to others."""
        with place_left(session.client):
            return self._looks.acquire(_WAIT_SECONDS)


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
    numbers = [_number(parameters, name) for name in ("After", "Limit")]
    queue = given if isinstance(given, str) else request.path.removeprefix(PATH).strip("/")
    return PeekRequest(queue, flags[0], flags[1], *numbers)


def _number(parameters: Mapping[str, Any], name: str) -> int | None:
    """Return a parameter that is a whole number; None if it is absent. Raises SqsError InvalidParameterValue."""
    text = parameters.get(name)
    if text is None:
        return None
    number = whole_number(text, most=_DIGITS) if isinstance(text, str) else None
    if number is None:
        reason = f"Must be a number of at most {_DIGITS} digits."
        raise invalid(str(text)[:_DIGITS], name, reason)
    return number


def _shown(found: StoredMessage, ref: QueueRef, wanted: PeekRequest) -> Peeked:
    attributes = system_attributes(found, ref)
    if wanted.invisible:
        attributes["IsVisible"] = "false" if found.held else "true"
    if wanted.delayed:
        attributes["IsDelayed"] = "true" if found.delayed else "false"
    if wanted.after is not None:
        attributes["Position"] = str(found.sequence)
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
    request.note.code = error.row.code
    body = orjson.dumps({"ErrorResponse": {"Error": fault, "RequestId": request_id}})
    headers = [("Content-Type", "application/json"), ("x-amzn-RequestId", request_id)]
    return Reply(error.row.status, headers, body)
