"""What the server runs."""

from __future__ import annotations

from typing import Any, Protocol

from zaqar_core.web.envelope import Refusal, Reply, Share


class Application(Protocol):
    """An application. One instance serves all connections of a worker.

    ``environ`` is a WSGI environ without ``wsgi.input``: PATH_INFO holds percent-decoded bytes as latin-1 text.
    """

    def body_limit(self, environ: dict[str, Any]) -> int:
        """Return the largest body that this request may have, in bytes. Runs on the event loop and must not block."""

    #: Whether ``admit`` may refuse a request.
    checks_heads: bool

    def admit(self, environ: dict[str, Any]) -> Reply | None:
        """Return the refusal of a request that its head alone does not allow, None to read its body. Runs in a task."""

    def share(self, environ: dict[str, Any], body: bytes) -> Share:
        """Return whose request it is. Called on the event loop, only while requests wait for turns; never raises."""

    def respond(self, environ: dict[str, Any], body: bytes) -> Reply:
        """Run the request and return its response, without Content-Length and Date. Runs in a task; never raises."""

    def refuse(self, environ: dict[str, Any], why: Refusal) -> Reply:
        """Return the response to a request that is not run. Runs in a task; never raises."""
