"""From a WSGI environ to a face and back, in this order: caller, head, declared length, whole body, face."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from zaqar_core.configuration.settings import Settings
from zaqar_core.core.process import Core
from zaqar_core.web.bodies import Bodies
from zaqar_core.web.callers import Callers
from zaqar_core.web.envelope import CLIENT, HEAD_ONLY, REFUSAL, Face, Refusal, Reply, Request
from zaqar_core.web.server.limits import Limits

STATUS_LINES = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}


class Pipeline:
    """Reads requests and runs faces. One instance serves all threads of a process."""

    def __init__(self, core: Core, settings: Settings) -> None:
        self._session = core.session
        self._callers = Callers(settings)
        self._bodies = Bodies(settings.max_waits, Limits.of(settings))

    def run(self, environ: dict[str, Any], face: Face) -> Reply:
        """Return the face's reply or refusal. Never raises."""
        reply = self._run(environ, face)
        self._bodies.limit_response(environ, len(reply.body))
        return reply

    def _run(self, environ: dict[str, Any], face: Face) -> Reply:
        request = _request(environ)
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
        request = _request(environ)
        why = self._callers.refusal(environ, verifies_callers=face.verifies_callers)
        if why is not None:
            return face.refuse(request, why)
        return face.admit(request) if face.admit is not None else None

    def respond(self, environ: dict[str, Any], face: Face, body: bytes) -> Reply:
        """Return the face's reply or refusal for a request with its whole body. Never raises."""
        request = _request(environ, body)
        refusal = self._callers.refusal(environ, verifies_callers=face.verifies_callers)
        if refusal is not None:
            return face.refuse(request, refusal)
        return self._answer(request, face)

    def refuse(self, environ: dict[str, Any], face: Face, why: Refusal) -> Reply:
        """Return the face's refusal of a request whose body cannot be read. Never raises."""
        return face.refuse(_request(environ), why)

    def _answer(self, request: Request, face: Face) -> Reply:
        session = self._session()
        session.client = request.environ.get(CLIENT)
        return face.answer(request, session)


def _has_body(environ: dict[str, Any]) -> bool:
    return environ.get("CONTENT_LENGTH", "0") not in ("", "0") or "HTTP_TRANSFER_ENCODING" in environ


def _request(environ: dict[str, Any], body: bytes = b"") -> Request:
    return Request(environ["REQUEST_METHOD"], environ["PATH_INFO"], environ.get("QUERY_STRING", ""), body, environ)
