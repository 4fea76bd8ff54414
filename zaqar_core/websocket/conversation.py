"""The frames of one connection: from a request to its reply. No I/O except the store's."""

from __future__ import annotations

import contextlib
import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from zaqar_core.core import subscriptions
from zaqar_core.core.process import Core
from zaqar_core.domain.errors import StoreUnavailable
from zaqar_core.domain.identity import Authenticator
from zaqar_core.domain.names import QueueRef
from zaqar_core.logs.request_ids import set_request_id
from zaqar_core.rest import actions, errors, parameters
from zaqar_core.rest.collection import QUEUES
from zaqar_core.rest.errors import Fact, RestError
from zaqar_core.rest.face import ZaqarFace
from zaqar_core.rest.resources.subscriptions import CALLER
from zaqar_core.web.envelope import Refusal, Reply, Request
from zaqar_core.web.observers import Observers, note_session
from zaqar_core.websocket import frames
from zaqar_core.websocket.admission import Admission
from zaqar_core.websocket.frames import Frame

if TYPE_CHECKING:
    from zaqar_core.web.request_traces import RequestTraces

_log = logging.getLogger("sqs_facade.websocket")

AUTHENTICATE = "authenticate"


@dataclass(frozen=True, slots=True)
class Service:
    """The objects that all conversations of a process share."""

    core: Core
    face: ZaqarFace
    authenticator: Authenticator | None = None
    observers: Observers = field(default_factory=Observers)
    traces: RequestTraces | None = None


class Conversation:
    """The state of one connection. It takes one frame at a time, each possibly in another thread."""

    def __init__(self, service: Service, address: str = "", certificate_subject: str | None = None) -> None:
        """``address`` is the client's IP address, if it is known; ``certificate_subject`` that of its certificate."""
        self._service = service
        self._address = {"REMOTE_ADDR": address} if address else {}
        self.admission = Admission(service.core.settings, service.authenticator, certificate_subject)
        #: The connection as a subscriber; None where it cannot be one.
        self.subscriber: str | None = None
        #: The connection's own subscriptions: id -> queue, and whether their notifications are binary frames.
        self._own: dict[str, tuple[QueueRef, bool]] = {}
        self._subscribes_in_binary = False

    def answer(self, data: str | bytes) -> str | bytes:
        """Return the reply frame, in the encoding of the request. Never raises."""
        is_binary = isinstance(data, bytes)
        raw = data if isinstance(data, bytes) else data.encode()
        frame = Frame()
        try:
            value: Any = None
            try:
                value = frames.read(raw, is_binary=is_binary)
                frame = frames.parse(value)
                status, body = self._act(frame, len(raw), is_binary=is_binary)
            except RestError as problem:
                frame = frames.echo(value) if frame.action is None else frame
                reply = errors.of_request(problem)
                self._observe_refusal(frame, problem, reply)
                status, body = _error(reply)
            return frames.reply(frame, status, body, is_binary=is_binary)
        except Exception:
            _log.exception("a frame with action %s failed", (frame.action or "")[:64])
            status, body = _error(errors.unforeseen())
            return frames.reply(Frame(frame.action), status, body, is_binary=is_binary)
        finally:
            set_request_id("")

    @property
    def has_subscriptions(self) -> bool:
        """Whether the connection has subscriptions of its own."""
        return bool(self._own)

    def is_pushed_in_binary(self, subscription_id: str) -> bool:
        """Return whether notifications of a subscription are binary frames: those of the request that created it."""
        found = self._own.get(subscription_id)
        # A notification may arrive before the id of its subscription is known here.
        return self._subscribes_in_binary if found is None else found[1]

    def end(self) -> None:
        """Delete the subscriptions of a closed connection. If the store cannot be reached, they end by their ttl."""
        if self._own:
            with contextlib.suppress(StoreUnavailable):
                session = self._service.core.session()
                for subscription_id, (ref, _) in self._own.items():
                    subscriptions.delete(session, ref, subscription_id)

    def _act(self, frame: Frame, frame_bytes: int, *, is_binary: bool) -> tuple[int, Any]:
        if frame.action == AUTHENTICATE:
            return self._authenticate(frame)
        call = actions.find(frame.action or "", frame.fields)
        route = call.action.route
        request = Request(route.method, call.path, call.query, call.body, {})
        request.environ = {**self.admission.check(frame, call.path, route.method), **self._address}
        request.principal = self.admission.principal(request.environ)
        binds = frame.action == actions.SUBSCRIBE and frame.fields.get("subscriber") is None
        if binds:
            if self.subscriber is None:
                raise RestError(Fact.RULE_BROKEN, '"subscriber" is required: this connection cannot be a subscriber.')
            request.environ = {**request.environ, CALLER: self.subscriber}
            self._subscribes_in_binary = is_binary
        limit = self._service.face.body_limit(request.environ)
        if frame_bytes > limit and frame_bytes - frames.envelope_bytes(frame) > limit:
            return _error(self._service.face.refuse_admitted(Refusal.BODY_TOO_LARGE))
        reply = self._run(request, call)
        if reply.status >= 400:
            refusal = call.action.refusal
            if refusal is not None and refusal[0] == reply.status:
                return reply.status, refusal[1](frame.fields, reply)
            return _error(reply)
        body = call.action.frame_body(frame.fields, reply)
        if binds:
            self._own[body["subscription_id"]] = (self._ref(request, frame), is_binary)
        elif frame.action == actions.UNSUBSCRIBE:
            self._forget(frame.fields["subscription_id"], self._ref(request, frame))
        return reply.status, body

    def _forget(self, subscription_id: str, ref: QueueRef) -> None:
        """Forget a deleted subscription. With the name of another queue nothing was deleted, so it is kept."""
        own = self._own.get(subscription_id)
        if own is not None and own[0] == ref:
            del self._own[subscription_id]

    def _ref(self, request: Request, frame: Frame) -> QueueRef:
        settings = self._service.core.settings
        project = parameters.project(request, settings, needed=True)
        return QueueRef(project, QUEUES.region(settings.region), frame.fields["queue_name"])

    def _run(self, request: Request, call: actions.ActionCall) -> Reply:
        session = self._service.core.session()
        request.began = time.monotonic()
        face, traces = self._service.face, self._service.traces
        if traces is None:
            reply = face.answer_route(request, session, call.action.route, call.names)
        else:
            reply = traces.answer(
                request, session, lambda: face.answer_route(request, session, call.action.route, call.names)
            )
        note_session(request.note, session)
        return self._service.observers.finished(request, reply)

    def _observe_refusal(self, frame: Frame, problem: RestError, reply: Reply) -> None:
        """Show a frame to the observers that was refused before its action ran."""
        request = Request("", "", "", b"", self._address, began=time.monotonic())
        request.note.dialect, request.note.code = "zaqar", problem.fact.name
        if frame.action is not None and frame.action in actions.ACTIONS:
            request.note.operation = frame.action
        self._service.observers.finished(request, reply)

    def _authenticate(self, frame: Frame) -> tuple[int, Any]:
        self.admission.authenticate(frame)
        return 200, {"message": "Authentified."}


def _error(reply: Reply) -> tuple[int, Any]:
    """Return status and body of a frame for an error of the REST face. Clients read either of the two members."""
    description = orjson.loads(reply.body)["description"]
    return reply.status, {"error": description, "exception": description}
