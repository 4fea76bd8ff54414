"""What one worker process does: build the application, then serve it."""

from __future__ import annotations

import gc
import signal
import socket

from sqs_facade.wsgi import APPLICATION, create_app
from zaqar_core.web.server.limits import BESIDE_WAITS, Limits
from zaqar_core.web.server.server import Server


def main(listener: socket.socket, connections: int, waits: int) -> None:
    """Serve on a listening socket until a signal stops the process. Settings come from the environment."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)  # until the server handles them
    app = create_app()
    # What exists now stays until the end: leave it out of every later collection.
    gc.collect()
    gc.freeze()
    limits = Limits(connections=connections, requests_in_flight=waits + BESIDE_WAITS)
    Server(app.extensions[APPLICATION], limits).run([listener])
