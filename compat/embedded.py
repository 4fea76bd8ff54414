"""A service of its own for tests, in memory, gone afterwards."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode, urlsplit

from .launching import ServiceProcess

#: The service goes with this process, also where it is killed.
_STOPS_WITH = "SQS_FACADE_STOPS_WITH"
#: Longer than the longest poll.
CALL_SECONDS = 60.0


class HookFailed(Exception):
    """The service refused a test hook. The text says why."""


class Facade:
    """A running service. ``url`` is the endpoint of SQS, and of Zaqar."""

    def __init__(self, url: str) -> None:
        self.url = url

    def hook(self, name: str, **members: Any) -> dict[str, Any]:
        """``POST /_test/<name>``: what it answers. Raises HookFailed."""
        return self._json("POST", name, members)

    def look(self, name: str, **parameters: str) -> dict[str, Any]:
        """``GET /_test/<name>``: what it answers. Raises HookFailed."""
        return self._json("GET", name, parameters)

    def _json(self, method: str, name: str, members: Mapping[str, Any]) -> dict[str, Any]:
        # A connection for each call: threads and forked processes share nothing, and no proxy is asked.
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=CALL_SECONDS)
        try:
            if method == "POST":
                body = json.dumps(members).encode()
                connection.request(method, f"/_test/{name}", body, {"Content-Type": "application/json"})
            else:
                connection.request(method, f"/_test/{name}?{urlencode(members)}")
            answer = connection.getresponse()
            document: dict[str, Any] = json.loads(answer.read())
        finally:
            connection.close()
        if answer.status != 200:
            raise HookFailed(document.get("error", answer.status))
        return document


class Server(ServiceProcess):
    """The process of a service in memory. It ends with this process, also if this process is killed."""

    def __init__(self) -> None:
        stops_with = {_STOPS_WITH: str(os.getpid())}
        # Ctrl-C is for the tests, which still empty their accounts after it.
        super().__init__("serve", "--ephemeral", environment=stops_with, is_detached=True, keeps_errors=True)
        self.facade = Facade(self.url)


@contextmanager
def facade() -> Iterator[str]:
    """``with sqs_facade.compat.facade() as endpoint_url:`` a service that is empty, and gone after the block."""
    server = Server()
    try:
        yield server.facade.url
    finally:
        server.stop()
