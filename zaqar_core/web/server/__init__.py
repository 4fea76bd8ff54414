"""The HTTP/1 server of ``sqs-facade serve``: one event loop in each worker process, one task for each request."""

from zaqar_core.web.server.application import Application, Client
from zaqar_core.web.server.limits import Limits
from zaqar_core.web.server.server import Server, new_event_loop
from zaqar_core.web.server.wsgi_application import WsgiApplication

__all__ = ["Application", "Client", "Limits", "Server", "WsgiApplication", "new_event_loop"]
