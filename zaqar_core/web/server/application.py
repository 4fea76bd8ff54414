"""What the server runs: the application, and what the application knows of the client of a request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from zaqar_core.web.envelope import Refusal, Reply

#: The key of the environ under which a request finds its :class:`Client`.
CLIENT = "sqs_facade.client"


class Application(Protocol):
    """An application. One instance serves all connections of a worker.

    ``environ`` is a WSGI environ without ``wsgi.input``: PATH_INFO holds percent-decoded bytes as latin-1 text.
    """

    def body_limit(self, environ: Mapping[str, Any]) -> int:
        """Return the largest body that this request may have, in bytes. Runs on the event loop and must not block."""

    def respond(self, environ: dict[str, Any], body: bytes) -> Reply:
        """Run the request and return its response, without Content-Length and Date. Runs in a task; never raises."""

    def refuse(self, environ: dict[str, Any], why: Refusal) -> Reply:
        """Return the response to a request that is not run. Runs on the event loop and must not block."""


class Client(Protocol):
    """The client of a running request, found in the environ under ``CLIENT``."""

    #: Whether the client has disconnected, or has closed its side of the connection.
    is_gone: bool
    #: Called once, on the event loop, when the client disconnects while the request runs. Removed at its end.
    on_gone: Callable[[], object] | None
