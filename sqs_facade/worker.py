"""What one worker process does: build the application, then serve it."""

from __future__ import annotations

import gc
import signal
import socket
from typing import Any

from sqs_facade import startup
from sqs_facade.wsgi import create_app
from zaqar_core.web.server import Application, Limits, Server, WsgiApplication

#: The largest body of requests whose application does not say it.
_BODY_BYTES = 16 << 20


def main(listener: socket.socket) -> None:
    """Serve on a listening socket until a signal stops the process. The settings come from the environment."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)  # until the server handles them
    found = startup.configuration({})
    with startup.refusals(found):
        app = create_app(found.settings)
    application = app.extensions.get("sqs_facade.application") or _adapted(app)
    # What exists now stays until the end: leave it out of every later collection.
    gc.collect()
    gc.freeze()
    Server(application, Limits.of(found.settings)).run([listener])


def _adapted(app: Any) -> Application:
    return WsgiApplication(app.wsgi_app, _BODY_BYTES)
