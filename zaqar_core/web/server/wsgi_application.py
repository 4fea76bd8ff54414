"""Runs a WSGI application on the event loop's tasks, as an :class:`Application` of the server."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from io import BytesIO
from typing import Any

from zaqar_core.web.envelope import HEAD_ONLY, REFUSAL, Refusal, Reply, Share

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
#: The server counts and frames the body itself, and knows whether the connection goes on.
_LEFT_OUT = frozenset(("connection", "date", "keep-alive", "transfer-encoding"))


class WsgiApplication:
    """A WSGI application whose request bodies have at most ``body_limit`` bytes.

    ``share`` returns whose request it is; by default all belong to one account, by their paths.
    """

    def __init__(
        self,
        app: WsgiApp,
        body_limit: int,
        share: Callable[[dict[str, Any], bytes], Share] | None = None,
        *,
        checks_heads: bool = False,
    ) -> None:
        self._app = app
        self._body_limit = body_limit
        self._share = share
        self.checks_heads = checks_heads

    def body_limit(self, environ: Mapping[str, Any]) -> int:
        """Return the largest body of a request, in bytes."""
        del environ
        return self._body_limit

    def admit(self, environ: dict[str, Any]) -> Reply | None:
        """Ask the face that the request is for."""
        reply = self._call({**environ, HEAD_ONLY: True}, b"")
        return reply if reply.status >= 400 else None

    def share(self, environ: dict[str, Any], body: bytes) -> Share:
        """Return whose request it is."""
        return self._share(environ, body) if self._share is not None else Share("", environ["PATH_INFO"])

    def refuse(self, environ: dict[str, Any], why: Refusal) -> Reply:
        """Let the application refuse, in the form of the face that the request is for."""
        environ[REFUSAL] = why
        return self._call(environ, b"")

    def respond(self, environ: dict[str, Any], body: bytes) -> Reply:
        """Call the WSGI application with the whole body and collect its response."""
        return self._call(environ, body)

    def _call(self, environ: dict[str, Any], body: bytes) -> Reply:
        environ.update({
            "CONTENT_LENGTH": str(len(body)),
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
        if started and _is_streamed(*started[0], environ["REQUEST_METHOD"]):
            [(status, headers)] = started
            return Reply(int(status[:3]), self._own(headers, environ), b"", _Streamed(parts))
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


class _Streamed:
    """The iterable of a WSGI application, which need not have ``close``."""

    def __init__(self, parts: Iterable[bytes]) -> None:
        self._parts = parts

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._parts)

    def close(self) -> None:
        """Tell the application that no more parts are taken."""
        if (close := getattr(self._parts, "close", None)) is not None:
            close()


def _is_streamed(status: str, headers: list[tuple[str, str]], method: str) -> bool:
    """Return whether a response has a body that the application makes while it is sent: without a length."""
    return (
        method != "HEAD"
        and status[:3] not in ("204", "304")
        and not any(name.lower() == "content-length" for name, _ in headers)
    )
