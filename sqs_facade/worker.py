"""What one worker process does: build the application, then serve it."""

from __future__ import annotations

import gc
import signal
import socket
from typing import Any

from sqs_facade.wsgi import create_app
from zaqar_core.web.server import Application, Limits, Server, WsgiApplication

#: The largest body of requests whose application does not say it.
_BODY_BYTES = 16 << 20
#: Requests in flight besides those that wait for messages.
_BESIDE_WAITS = 2_048


def main(listener: socket.socket, connections: int, waits: int) -> None:
    """Serve on a listening socket until a signal stops the process. Settings come from the environment."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)  # until the server handles them
    app = create_app()
    application = app.extensions.get("sqs_facade.application") or _adapted(app)
    # What exists now stays until the end: leave it out of every later collection.
    gc.collect()
    gc.freeze()
    Server(application, Limits(connections=connections, requests_in_flight=waits + _BESIDE_WAITS)).run([listener])


def _adapted(app: Any) -> Application:
    return WsgiApplication(app.wsgi_app, _BODY_BYTES)
