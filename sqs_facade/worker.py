"""What one worker process does: build the application, then serve it."""

from __future__ import annotations

import signal
import socket
from collections.abc import Sequence
from pathlib import Path

from sqs_facade import startup
from sqs_facade.wsgi import APPLICATION, METRICS, create_app
from zaqar_core.eventloop import garbage
from zaqar_core.web import proxies, tls
from zaqar_core.web.server.limits import Limits
from zaqar_core.web.server.server import Server


def main(
    listeners: Sequence[socket.socket], tls_listeners: Sequence[socket.socket], declared: Path | None = None
) -> None:
    """Serve on listening sockets until a signal stops the process. The settings come from the environment.

    ``declared`` is the file of the main process with the declared queues.
    """
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # it is for the main process; a terminal sends it to all
    found = startup.configuration({})
    startup.set_up_logs(found.settings, "worker")
    with startup.refusals(found):
        app = create_app(found.settings, declared)
        secured = tls.configured(found.settings)
    if secured is not None:
        secured.watch()
    settings = found.settings
    metrics = app.extensions[METRICS]
    if metrics is not None and secured is not None:
        metrics.certificate_expiry = lambda: secured.expires
    server = Server(
        app.extensions[APPLICATION],
        Limits.of(settings),
        proxies=proxies.configured(settings),
        has_preambles=settings.proxy_protocol,
        on_sweep=None if metrics is None else metrics.publish,
    )
    garbage.collect_rarely(server.loop)
    server.run(listeners, tls_listeners=tls_listeners, tls=secured)
