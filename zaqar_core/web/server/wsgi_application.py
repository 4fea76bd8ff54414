"""Runs a WSGI application on the event loop's tasks, as an :class:`Application` of the server."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from io import BytesIO
from typing import Any

from zaqar_core.web.envelope import Refusal, Reply

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
#: The server counts and frames the body itself, and knows whether the connection goes on.
_LEFT_OUT = frozenset(("connection", "date", "keep-alive", "transfer-encoding"))


class WsgiApplication:
    """A WSGI application whose request bodies have at most ``body_limit`` bytes."""

    def __init__(self, app: WsgiApp, body_limit: int) -> None:
        self._app = app
        self._body_limit = body_limit

    def body_limit(self, environ: Mapping[str, Any]) -> int:
        """Return the largest body of a request, in bytes."""
        del environ
        return self._body_limit

    def refuse(self, environ: dict[str, Any], why: Refusal) -> Reply:
        """Let the application refuse: it sees a length above the limit, or a body that ends before its length."""
        return self._call(environ, b"", self._body_limit + 1 if why is Refusal.BODY_TOO_LARGE else 1)

    def respond(self, environ: dict[str, Any], body: bytes) -> Reply:
        """Call the WSGI application with the whole body and collect its response."""
        return self._call(environ, body, len(body))

    def _call(self, environ: dict[str, Any], body: bytes, length: int) -> Reply:
        environ.update({
            "CONTENT_LENGTH": str(length),
            "wsgi.version": (1, 0),
            "wsgi.input": BytesIO(body),
            "wsgi.input_terminated": True,
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
        })  # fmt: skip
        started: list[tuple[str, list[tuple[str, str]]]] = []
        written: list[bytes] = []

        def start_response(status: str, headers: list[tuple[str, str]], error: Any = None) -> Callable[[bytes], Any]:
            if started and error is None:
                raise AssertionError("start_response was called twice")
            started[:] = [(status, list(headers))]
            return written.append

        parts = self._app(environ, start_response)
        try:
            written.extend(parts)
        finally:
            if (close := getattr(parts, "close", None)) is not None:
                close()
        [(status, headers)] = started
        return Reply(int(status[:3]), self._own(headers, environ), b"".join(written))

    @staticmethod
    def _own(headers: list[tuple[str, str]], environ: dict[str, Any]) -> list[tuple[str, str]]:
        """Return the headers that the server does not write itself. A response to HEAD keeps its length."""
        left_out = _LEFT_OUT if environ["REQUEST_METHOD"] == "HEAD" else _LEFT_OUT | {"content-length"}
        return [(name, value) for name, value in headers if name.lower() not in left_out]
