"""A service of its own for tests, in memory, gone afterwards."""

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

#: A start takes about a second; machines that run tests may be busy.
START_SECONDS = 30.0
_STOP_SECONDS = 10.0
#: The service goes with this process, also where it is killed.
_STOPS_WITH = "SQS_FACADE_STOPS_WITH"
#: Longer than the longest poll.
CALL_SECONDS = 60.0


def _program() -> list[str]:
    """The command line of this installation, started by its path so that the working directory is not searched."""
    package = find_spec("sqs_facade")
    assert package is not None
    assert package.origin is not None
    return [sys.executable, "-P", str(Path(package.origin).with_name("__main__.py"))]


def real_seconds() -> float:
    """Time that passes also while a test has stopped or moved the clocks of its process, as freezegun does."""
    return time.clock_gettime(time.CLOCK_MONOTONIC)


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


class Server:
    """The process of a service. Started when made. Raises RuntimeError with its own words where it does not start."""

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
                start_new_session=True,  # Ctrl-C is for the tests, which still empty their accounts after it
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
        """The service and all its messages are gone. In a forked process it is the parent's, and goes on."""
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
    """``with sqs_facade.compat.facade() as endpoint_url:`` a service that is empty, and gone after the block."""
    server = Server()
    try:
        yield server.facade.url
    finally:
        server.stop()
