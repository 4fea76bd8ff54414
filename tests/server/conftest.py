"""The HTTP server alone, with a small application, on real sockets."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from tests.patience import PATIENCE_SECONDS
from zaqar_core.eventloop import sleep, tasks
from zaqar_core.web.envelope import CLIENT, Refusal, Reply, Share
from zaqar_core.web.server.limits import Limits
from zaqar_core.web.server.server import Server

BODY_LIMIT = 1 << 20
GET = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
HELD = b"GET /held HTTP/1.1\r\nHost: x\r\n\r\n"
#: A deadline that a test waits for.
SOON = 0.1


def post(size: int, path: bytes = b"/a") -> bytes:
    return b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (path, size)


class CountedParts:
    """Parts of a mebibyte each. ``made`` is their number so far."""

    def __init__(self, count: int, *, breaks_off: bool) -> None:
        self._parts = self._make(count, breaks_off=breaks_off)
        self.made = 0
        self.is_closed = threading.Event()

    def _make(self, count: int, *, breaks_off: bool) -> Iterator[bytes]:
        for _ in range(count):
            self.made += 1
            yield b"x" * (1 << 20)
            yield b""
        if breaks_off:
            raise ZeroDivisionError

    def __iter__(self) -> Iterator[bytes]:
        return self._parts

    def close(self) -> None:
        self.is_closed.set()


class Echo:
    """Answers with the method, the path and the body; or does what the path says."""

    def __init__(self) -> None:
        self.environs: list[dict[str, Any]] = []
        self.running = 0
        self.most_running = 0
        self.gone = threading.Event()
        self.leaving: list[dict[str, Any]] = []
        self.is_held = True
        self.parts: list[CountedParts] = []
        self.checks_heads = False

    def admit(self, environ: dict[str, Any]) -> Reply | None:
        sleep(0)
        return Reply(401, [], b"no token") if "HTTP_X_TOKEN" not in environ else None

    def body_limit(self, environ: Mapping[str, Any]) -> int:
        del environ
        return BODY_LIMIT

    def respond(self, environ: dict[str, Any], body: bytes) -> Reply:
        self.environs.append(environ)
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            return self._reply(environ, body)
        finally:
            self.running -= 1

    def _reply(self, environ: dict[str, Any], body: bytes) -> Reply:
        path = environ["PATH_INFO"]
        if path == "/fail":
            raise ZeroDivisionError
        if path == "/large":
            return Reply(200, [], b"x" * int(environ["QUERY_STRING"]))
        if path == "/parts":
            count, _, how = environ["QUERY_STRING"].partition("&")
            self.parts.append(CountedParts(int(count), breaks_off=bool(how)))
            return Reply(200, [("Content-Type", "text/plain")], b"", self.parts[-1])
        if path == "/split":
            return Reply(200, [("X-A", "b\r\nX-Injected: c")], b"")
        if path == "/waiting":
            environ[CLIENT].on_gone = self.gone.set
        elif path == "/leaving":  # it cannot end its wait at once
            environ[CLIENT].on_gone = lambda: self.leaving.append(environ)
        if path in ("/held", "/waiting", "/leaving"):
            while self.is_held and not self.gone.is_set():
                sleep(0.005)
        if path in ("/waiting", "/leaving"):
            environ[CLIENT].on_gone = None
        if path == "/nothing":
            return Reply(204, [], b"")
        return Reply(200, [("Content-Type", "text/plain")], f"{environ['REQUEST_METHOD']} {path} ".encode() + body)

    def share(self, environ: Mapping[str, Any], body: bytes) -> Share:
        del body
        return Share(environ.get("HTTP_X_ACCOUNT", ""), environ.get("HTTP_X_QUEUE", ""))

    def refuse(self, environ: dict[str, Any], why: Refusal) -> Reply:
        del environ
        status = {Refusal.BODY_TOO_LARGE: 413, Refusal.OVERLOADED: 503}.get(why, 400)
        return Reply(status, [], why.name.encode())


class Running:
    """A server in a thread."""

    def __init__(self, application: Any, bounds: Limits) -> None:
        self.application = application
        self.server = Server(application, bounds)
        listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.address = listener.getsockname()
        is_listening = threading.Event()
        self._thread = threading.Thread(target=self.server.run, args=([listener], is_listening.set))
        self._thread.start()
        assert is_listening.wait(PATIENCE_SECONDS)

    def connect(self) -> socket.socket:
        return socket.create_connection(self.address, PATIENCE_SECONDS)

    def exchange(self, *parts: bytes, ends: bool = False) -> bytes:
        """All that is answered to these parts until the server closes the connection."""
        with self.connect() as client:
            for part in parts:
                client.sendall(part)
            if ends:
                client.shutdown(socket.SHUT_WR)
            return everything(client)

    def status(self, *parts: bytes, ends: bool = False) -> int:
        """The status of the first answer."""
        return int(self.exchange(*parts, ends=ends)[9:12])

    def end(self) -> None:
        if self._thread.is_alive():
            with contextlib.suppress(RuntimeError):
                self.server.stop()
        self._thread.join(PATIENCE_SECONDS)
        assert not self._thread.is_alive()
        # A request that was left at the stop; its process would have ended.
        for task in [one for one in tasks._tasks if one.loop is self.server.loop]:
            tasks._tasks.discard(task)


Start = Callable[..., Running]


def end_turn(http: Running) -> None:
    """Wait until the loop has ended its present turn."""
    is_over = threading.Event()
    http.server.loop.call_soon_threadsafe(is_over.set)
    assert is_over.wait(PATIENCE_SECONDS)


def everything(client: socket.socket) -> bytes:
    """What arrives until the end."""
    found = b""
    while part := client.recv(65536):
        found += part
    return found


def length_of_rest(client: socket.socket) -> int:
    """How many bytes arrive until the end."""
    count = 0
    while part := client.recv(1 << 20):
        count += len(part)
    return count


@pytest.fixture
def echo() -> Echo:
    return Echo()


@pytest.fixture
def start(echo: Echo) -> Iterator[Start]:
    """Starts servers with the given bounds."""
    started: list[Running] = []

    def begin(**bounds: Any) -> Running:
        started.append(Running(echo, Limits(**bounds)))
        return started[-1]

    yield begin
    echo.is_held = False
    for one in started:
        one.end()


@pytest.fixture
def http(start: Start) -> Running:
    return start()


@pytest.fixture
def clients() -> Iterator[contextlib.ExitStack]:
    with contextlib.ExitStack() as stack:
        yield stack
