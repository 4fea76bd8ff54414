"""Run a service for tests, with all messages in memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

#: A start takes about a second; allow for busy machines.
START_SECONDS = 30.0
_STOP_SECONDS = 10.0
#: Makes the service stop when this process ends, even if it is killed.
_STOPS_WITH = "SQS_FACADE_STOPS_WITH"
#: Longer than the longest poll.
CALL_SECONDS = 60.0


def _program() -> list[str]:
    """Return the command line of this installation. It names a path, so that the working directory is not searched."""
    package = find_spec("sqs_facade")
    assert package is not None
    assert package.origin is not None
    return [sys.executable, "-P", str(Path(package.origin).with_name("__main__.py"))]


def real_seconds() -> float:
    """Return a time that goes on even if a test stops or moves the clocks of its process, as freezegun does."""
    return time.clock_gettime(time.CLOCK_MONOTONIC)


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


class Server:
    """The process of a service. The constructor starts it, and raises RuntimeError with its error text if it fails."""

    def __init__(self) -> None:
        self._owner = os.getpid()
        self._folder = tempfile.TemporaryDirectory(prefix="sf")
        ready, errors = Path(self._folder.name) / "ready", Path(self._folder.name) / "errors"
        command = [*_program(), "serve", "--ephemeral", "--port", "0", "--ready-file"]
        with errors.open("wb") as stream:
            self._process = subprocess.Popen(  # noqa: S603 - our own command
                [*command, str(ready)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stream,
                start_new_session=True,  # Ctrl-C must not reach it: the tests still delete their queues
                env={**os.environ, _STOPS_WITH: str(os.getpid())},
            )
        deadline = real_seconds() + START_SECONDS
        while not ready.exists():
            if self._process.poll() is not None or real_seconds() > deadline:
                reason = errors.read_text(errors="replace").strip()
                self.stop()
                raise RuntimeError(f"sqs-facade did not start. {reason}")
            time.sleep(0.005)
        self.facade = Facade(ready.read_text().strip())

    def stop(self) -> None:
        """Stop the service and lose its messages. Do nothing in a forked process: the service is the parent's."""
        if os.getpid() != self._owner:
            return
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._folder.cleanup()


@contextmanager
def facade() -> Iterator[str]:
    """Run an empty service during the block: ``with sqs_facade.compat.facade() as endpoint_url:``."""
    server = Server()
    try:
        yield server.facade.url
    finally:
        server.stop()
