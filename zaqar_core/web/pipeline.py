"""From a WSGI environ to a face and back, in this order: caller, head, declared length, whole body, face."""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from time import monotonic
from typing import TYPE_CHECKING, Any

from zaqar_core.configuration.settings import Settings
from zaqar_core.core.process import Core
from zaqar_core.logs.request_ids import set_request_id
from zaqar_core.web.bodies import Bodies
from zaqar_core.web.callers import Callers
from zaqar_core.web.envelope import CLIENT, HEAD_ONLY, QUEUED, REFUSAL, Face, Refusal, Reply, Request
from zaqar_core.web.observers import Observers, note_session
from zaqar_core.web.server.limits import Limits

if TYPE_CHECKING:
    from zaqar_core.web.request_traces import RequestTraces

STATUS_LINES = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}


class Pipeline:
    """Reads requests and runs faces. One instance serves all threads of a process."""

    def __init__(
        self, core: Core, settings: Settings, observers: Observers | None = None, traces: RequestTraces | None = None
    ) -> None:
        """Without ``traces``, requests are not traced."""
        self._traces = traces
        observers = observers or Observers()
        self._finished, self._observe_on_loop = observers.finished, observers.observe_on_loop
        self._session = core.session
        self._callers = Callers(settings)
        self._bodies = Bodies(settings.max_waits, Limits.of(settings))

    def run(self, environ: dict[str, Any], face: Face) -> Reply:
        """Return the face's reply or refusal. Never raises."""
        request = self._request(environ)
        reply = self._run(request, environ, face)
        if not (HEAD_ONLY in environ and reply.status == 204):
            self._finished(request, reply)
        set_request_id("")  # this thread may log about something else
        self._bodies.limit_response(environ, len(reply.body))
        return reply

    def _run(self, request: Request, environ: dict[str, Any], face: Face) -> Reply:
        if REFUSAL in environ:
            return face.refuse(request, environ[REFUSAL])
        why = self._callers.refusal(environ, verifies_callers=face.verifies_callers)
        if why is not None:
            return face.refuse(request, why)
        is_head_only = HEAD_ONLY in environ
        if face.admit is not None and (is_head_only or _has_body(environ)):
            refusal = face.admit(request)
            if refusal is not None:
                return refusal
        if is_head_only:
            return Reply(204, [], b"")
        body = self._bodies.read(environ, face.body_limit(environ))
        if isinstance(body, Refusal):
            return face.refuse(request, body)
        request.body = body
        return self._answer(request, face)

    def admit(self, environ: dict[str, Any], face: Face) -> Reply | None:
        """Return the face's refusal of a request by its head alone, None to read its body. Never raises."""
        request = self._request(environ)
        why = self._callers.refusal(environ, verifies_callers=face.verifies_callers)
        if why is not None:
            return self._finished(request, face.refuse(request, why))
        refusal = face.admit(request) if face.admit is not None else None
        return None if refusal is None else self._finished(request, refusal)

    def respond(self, environ: dict[str, Any], face: Face, body: bytes) -> Reply:
        """Return the face's reply or refusal for a request with its whole body. Never raises.

        Only for the thread of the event loop.
        """
        request = self._request(environ, body)
        refusal = self._callers.refusal(environ, verifies_callers=face.verifies_callers)
        reply = self._answer(request, face) if refusal is None else face.refuse(request, refusal)
        if self._observe_on_loop is not None:
            request.note.seconds = monotonic() - request.began
            self._observe_on_loop(request, reply)
        return reply

    def refuse(self, environ: dict[str, Any], face: Face, why: Refusal) -> Reply:
        """Return the face's refusal of a request whose body cannot be read. Never raises."""
        request = self._request(environ)
        return self._finished(request, face.refuse(request, why))

    def _answer(self, request: Request, face: Face) -> Reply:
        session = self._session()
        session.client = request.environ.get(CLIENT)
        if self._traces is None:
            reply = face.answer(request, session)
        else:
            reply = self._traces.answer(request, session, partial(face.answer, request, session))
        if session.guards or session.waited_seconds:
            note_session(request.note, session)
        return reply

    def _request(self, environ: dict[str, Any], body: bytes = b"") -> Request:
        return Request(
            environ["REQUEST_METHOD"],
            environ["PATH_INFO"],
            environ.get("QUERY_STRING", ""),
            body,
            environ,
            began=environ.get(QUEUED) or monotonic(),
        )


def _has_body(environ: dict[str, Any]) -> bool:
    return environ.get("CONTENT_LENGTH", "0") not in ("", "0") or "HTTP_TRANSFER_ENCODING" in environ
