"""Run a service for tests, with all messages in memory."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode, urlsplit

from .launching import ServiceProcess

#: Makes the service stop when this process ends, even if it is killed.
_STOPS_WITH = "SQS_FACADE_STOPS_WITH"
#: Longer than the longest poll.
CALL_SECONDS = 60.0


class HookFailed(Exception):
    """The service refused a request to a test hook. The text is the reason."""


class Facade:
    """A running service. ``url`` is the endpoint of SQS, and of Zaqar."""

    def __init__(self, url: str) -> None:
        self.url = url

    def hook(self, name: str, **members: Any) -> dict[str, Any]:
        """Send ``POST /_test/<name>`` and return the response. Raises HookFailed."""
        return self._json("POST", name, members)

    def read_hook(self, name: str, **parameters: str) -> dict[str, Any]:
        """Send ``GET /_test/<name>`` and return the response. Raises HookFailed."""
        return self._json("GET", name, parameters)

    def _json(self, method: str, name: str, members: Mapping[str, Any]) -> dict[str, Any]:
        # A new connection for each request: threads and forked processes share nothing, and no proxy is used.
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=CALL_SECONDS)
        try:
            if method == "POST":
                body = json.dumps(members).encode()
                connection.request(method, f"/_test/{name}", body, {"Content-Type": "application/json"})
            else:
                connection.request(method, f"/_test/{name}?{urlencode(members)}")
            response = connection.getresponse()
            document: dict[str, Any] = json.loads(response.read())
        finally:
            connection.close()
        if response.status != 200:
            raise HookFailed(document.get("error", response.status))
        return document


class Server(ServiceProcess):
    """The process of a service in memory. It ends with this process, even if this process is killed."""

    def __init__(self) -> None:
        # Forwarded requests keep the hosts of AWS that they were sent to, which open_bind accepts. It still listens on
        # loopback only.
        environment = {_STOPS_WITH: str(os.getpid()), "SQS_FACADE_OPEN_BIND": "true"}
        # Ctrl-C must not reach it: the tests still delete their queues.
        super().__init__("serve", "--ephemeral", environment=environment, is_detached=True, keeps_errors=True)
        self.facade = Facade(self.url)


@contextmanager
def facade() -> Iterator[str]:
    """Run an empty service during the block: ``with sqs_facade.compat.facade() as endpoint_url:``."""
    server = Server()
    try:
        yield server.facade.url
    finally:
        server.stop()
