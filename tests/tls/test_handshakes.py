"""Connections that have not finished their handshake: their deadline, their room, and the end of the server."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.patience import PATIENCE_SECONDS, until
from tests.server.conftest import Echo
from tests.tls.conftest import Certificates
from zaqar_core.configuration.settings import Settings
from zaqar_core.web.server import limits
from zaqar_core.web.server.limits import Limits
from zaqar_core.web.server.server import Server
from zaqar_core.web.tls import Tls

GET = b"GET /now HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


class _Running:
    """A server in a thread, with a plain port and one for TLS."""

    def __init__(self, certificates: Certificates, bounds: Limits) -> None:
        self.certificates = certificates
        self.server = Server(Echo(), bounds)
        self.plain, self.tls = (socket.create_server(("127.0.0.1", 0)) for _ in range(2))
        self.plain_address, self.tls_address = self.plain.getsockname(), self.tls.getsockname()
        settings = Settings(tls_certificate=certificates.certificate, tls_key=certificates.key)
        listening = threading.Event()
        options = {"tls_listeners": [self.tls], "tls": Tls(settings)}
        self.thread = threading.Thread(target=self.server.run, args=([self.plain], listening.set), kwargs=options)
        self.thread.start()
        assert listening.wait(PATIENCE_SECONDS)

    def get(self) -> bytes:
        """The answer to a request over TLS."""
        with socket.create_connection(self.tls_address, PATIENCE_SECONDS) as client:
            context = self.certificates.client_context()
            with context.wrap_socket(client, server_hostname="localhost") as secured:
                secured.sendall(GET)
                return b"".join(iter(lambda: secured.recv(65536), b""))

    def end(self) -> None:
        with contextlib.suppress(RuntimeError):
            self.server.stop()
        self.thread.join(PATIENCE_SECONDS)
        assert not self.thread.is_alive()


@pytest.fixture
def start(certificates: Certificates) -> Iterator[Callable[..., _Running]]:
    started: list[_Running] = []

    def begin(**bounds: Any) -> _Running:
        started.append(_Running(certificates, Limits(**bounds)))
        return started[-1]

    yield begin
    for one in started:
        one.end()


def _silent(running: _Running) -> socket.socket:
    """A client that connects and sends nothing."""
    return socket.create_connection(running.tls_address, PATIENCE_SECONDS)


def test_a_handshake_that_does_not_end_is_closed_at_its_deadline(start: Callable[..., _Running]) -> None:
    running = start(head_seconds=0.2)
    with _silent(running) as client:
        assert client.recv(1) == b""
    until(lambda: running.server.connecting == 0, "the connection is forgotten")


def test_unfinished_handshakes_make_room_for_others(
    start: Callable[..., _Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SHED_IDLE_SECONDS", 0.2)
    running = start(connections=2)
    with _silent(running) as one, _silent(running) as two:
        assert b" 200 OK" in running.get()
        assert (one.recv(1), two.recv(1)) == (b"", b"")
    assert running.server.counters.shed["handshake"] == 2


def test_unfinished_handshakes_do_not_delay_the_end(start: Callable[..., _Running]) -> None:
    running = start()
    with _silent(running) as client:
        until(lambda: running.server.connecting == 1, "the connection is accepted")
        running.end()
        assert client.recv(1) == b""


def test_an_abandoned_handshake_is_forgotten(start: Callable[..., _Running]) -> None:
    running = start()
    with _silent(running) as client:
        client.sendall(b"\x16\x03\x01\x02\x00\x01")
    until(lambda: running.server.counters.accepted == 1 and running.server.connecting == 0, "it is forgotten")
    assert b" 200 OK" in running.get()


def test_plain_and_tls_are_served_side_by_side(start: Callable[..., _Running]) -> None:
    running = start()
    with socket.create_connection(running.plain_address, PATIENCE_SECONDS) as client:
        client.sendall(GET)
        assert b" 200 OK" in client.recv(65536)
    assert b" 200 OK" in running.get()
