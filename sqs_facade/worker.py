"""What one worker process does: build the application, then serve it."""

from __future__ import annotations

import socket

from sqs_facade import startup
from sqs_facade.wsgi import APPLICATION, create_app
from zaqar_core.eventloop import garbage
from zaqar_core.web.server.limits import Limits
from zaqar_core.web.server.server import Server


def main(*listeners: socket.socket) -> None:
    """Serve on listening sockets until a signal stops the process. The settings come from the environment."""
    found = startup.configuration({})
    with startup.refusals(found):
        app = create_app(found.settings)
    server = Server(app.extensions[APPLICATION], Limits.of(found.settings))
    garbage.collect_rarely(server.loop)
    server.run(listeners)
