"""From a WSGI environ to a face and back, in this order: caller, declared length, whole body, face."""

from __future__ import annotations

from http import HTTPStatus
from queue import SimpleQueue
from typing import Any

from zaqar_core.configuration.settings import Settings
from zaqar_core.core.process import Core
from zaqar_core.web.callers import Callers
from zaqar_core.web.envelope import CLIENT, Face, Refusal, Reply, Request
from zaqar_core.web.server.limits import DRAIN_BYTES

#: Size of one read, so that a false Content-Length reserves no memory.
_CHUNK_BYTES = 1 << 20

STATUS_LINES = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}


class Pipeline:
    """Reads requests and runs faces. One instance serves all threads of a process."""

    def __init__(self, core: Core, settings: Settings) -> None:
        self._session = core.session
        self._callers = Callers(settings)
        #: One token for each body that may be read at the same time, for at most about a quarter of the threads. A
        #: queue of tokens takes a fifth of a semaphore's time.
        self._may_read: SimpleQueue[None] = SimpleQueue()
        for _ in range(max(64, (settings.max_waits + 256) // 4)):
            self._may_read.put(None)

    def run(self, environ: dict[str, Any], face: Face) -> Reply:
        """Return the face's reply or refusal. Never raises."""
        request = _request(environ)
        refusal = self._callers.refusal(environ, verifies_callers=face.verifies_callers)
        if refusal is not None:
            return face.refuse(request, refusal)
        body = self._body(environ, face.body_limit(environ))
        if isinstance(body, Refusal):
            return face.refuse(request, body)
        request.body = body
        return self._answer(request, face)

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

    def _body(self, environ: dict[str, Any], limit: int) -> bytes | Refusal:
        declared = environ.get("CONTENT_LENGTH")
        if declared:
            if not (declared.isascii() and declared.isdigit()):
                return Refusal.BODY_LENGTH_INVALID
            length = int(declared)
            if length == 0:
                return b""
        elif "HTTP_TRANSFER_ENCODING" in environ:
            length = -1
        else:
            return b""
        stream = environ["wsgi.input"]
        self._may_read.get()
        try:
            if length > limit:
                _drain(stream, min(length, DRAIN_BYTES))
                return Refusal.BODY_TOO_LARGE
            return _read_declared(stream, length) if length > 0 else _read_chunked(stream, limit)
        except OSError:
            return Refusal.BODY_CUT_SHORT
        finally:
            self._may_read.put(None)


def _request(environ: dict[str, Any], body: bytes = b"") -> Request:
    return Request(environ["REQUEST_METHOD"], environ["PATH_INFO"], environ.get("QUERY_STRING", ""), body, environ)


def _read_declared(stream: Any, length: int) -> bytes | Refusal:
    body: bytes = stream.read(length)
    while len(body) < length:
        more = stream.read(min(length - len(body), _CHUNK_BYTES))
        if not more:
            return Refusal.BODY_CUT_SHORT
        body += more
    return body


def _read_chunked(stream: Any, limit: int) -> bytes | Refusal:
    parts: list[bytes] = []
    total = 0
    while part := stream.read(_CHUNK_BYTES):
        total += len(part)
        if total > limit:
            _drain(stream, DRAIN_BYTES)
            return Refusal.BODY_TOO_LARGE
        parts.append(part)
    return b"".join(parts)


def _drain(stream: Any, most: int) -> None:
    while most > 0 and (part := stream.read(min(most, _CHUNK_BYTES))):
        most -= len(part)
