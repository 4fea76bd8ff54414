"""The fast lane: WSGI middleware before Flask that serves the most frequent calls itself, with the same bytes.

Flask's dispatch takes about 100 µs of CPU for each request, about as much as everything else in such a call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from zaqar_core.domain import limits
from zaqar_core.web.envelope import Face, Refusal, Reply, Share
from zaqar_core.web.pipeline import STATUS_LINES, Pipeline
from zaqar_core.web.server.wsgi_application import WsgiApp, WsgiApplication

#: The header ``X-SQS-Facade-Lane: flask`` sends a request past the fast lane, if test hooks are on.
_BYPASS_HEADER = "HTTP_X_SQS_FACADE_LANE"
#: The key of the environ with the face that was found for the request; no header has such a key.
_FACE = "sqs_facade.face"


class LaneFace(Face, Protocol):
    """A face of the fast lane."""

    def share(self, environ: Mapping[str, Any], body: bytes) -> Share:
        """Return whose request it is. Called only while requests wait for their turn; never raises."""


class FastLane:
    """The middleware. ``lanes`` are pairs of a cheap test of the environ and the face for requests that pass it."""

    def __init__(
        self,
        app: WsgiApp,
        pipeline: Pipeline,
        lanes: Sequence[tuple[Callable[[Mapping[str, Any]], bool], LaneFace]],
        *,
        may_be_bypassed: bool = False,
        body_limit: int = limits.JSON_BODY_BYTES,
    ) -> None:
        """``body_limit`` is the largest body of all requests that the lane does not take, in bytes."""
        self._app = app
        self._pipeline = pipeline
        self._lanes = tuple(lanes)
        #: Whether a face checks the heads of requests: one of the lanes may serve other requests through Flask too.
        self.checks_heads = any(face.admit is not None for _, face in lanes)
        self._beside = WsgiApplication(app, body_limit)
        self._may_be_bypassed = may_be_bypassed

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        face = self._face(environ)
        if face is None:
            return self._app(environ, start_response)
        reply = self._pipeline.run(environ, face)
        if reply.parts is not None:
            start_response(STATUS_LINES[reply.status], reply.headers)
            return reply.parts
        reply.headers.append(("Content-Length", str(len(reply.body))))
        start_response(STATUS_LINES[reply.status], reply.headers)
        return [reply.body]

    def _face(self, environ: dict[str, Any]) -> LaneFace | None:
        """Return the face of a request for the fast lane, None for a request for Flask.

        The server asks more than once for a request with a body, such as for the limit of the body.
        """
        known: LaneFace | None = environ.get(_FACE)
        if known is None:
            known = self._find(environ)
            if known is not None:
                environ[_FACE] = known
        return known

    def _find(self, environ: Mapping[str, Any]) -> LaneFace | None:
        if self._may_be_bypassed and environ.get(_BYPASS_HEADER) == "flask":
            return None
        for is_mine, face in self._lanes:  # without a generator: it would take 0.5 µs of each request
            if is_mine(environ):
                return face
        return None

    # -- As an application of the event loop's server ------------------------------------------------------------------

    def body_limit(self, environ: dict[str, Any]) -> int:
        """Return the largest body of the request, in bytes."""
        face = self._face(environ)
        return self._beside.body_limit(environ) if face is None else face.body_limit(environ)

    def admit(self, environ: dict[str, Any]) -> Reply | None:
        """Return the refusal of a request that its head alone does not allow, None to read its body."""
        face = self._face(environ)
        if face is None:
            return self._beside.admit(environ)
        return self._pipeline.admit(environ, face)

    def share(self, environ: dict[str, Any], body: bytes) -> Share:
        """Return whose request it is. Where middleware encloses the lane, it may still change the path."""
        return (environ.get(_FACE) or self._find(environ) or self._beside).share(environ, body)

    def respond(self, environ: dict[str, Any], body: bytes) -> Reply:
        """Run the request in its lane."""
        face = environ.get(_FACE) or self._face(environ)
        if face is None:
            return self._beside.respond(environ, body)
        return self._pipeline.respond(environ, face, body)

    def refuse(self, environ: dict[str, Any], why: Refusal) -> Reply:
        """Return the response to a request whose body cannot be read."""
        face = self._face(environ)
        if face is None:
            return self._beside.refuse(environ, why)
        return self._pipeline.refuse(environ, face, why)
