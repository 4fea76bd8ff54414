"""Connections with the PROXY protocol, plain and with TLS behind it."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.patience import PATIENCE_SECONDS
from tests.server.conftest import Echo, everything
from tests.tls.conftest import (
    Certificates,
    certificates,  # noqa: F401 - a fixture
)
from zaqar_core.configuration.settings import Settings
from zaqar_core.web.proxies import TrustedProxies
from zaqar_core.web.server.limits import Limits
from zaqar_core.web.server.server import Server
from zaqar_core.web.tls import Tls

GET = b"GET /now HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
PREAMBLE = b"PROXY TCP4 192.0.2.1 10.0.0.1 4711 443\r\n"


class _Running:
    """A server whose proxies are those of a network."""

    def __init__(self, network: str, tls: Tls | None, bounds: Limits) -> None:
        self.echo = Echo()
        proxies = TrustedProxies(Settings(trusted_proxies=(network,)))
        self.server = Server(self.echo, bounds, proxies=proxies, has_preambles=True)
        listener = socket.create_server(("127.0.0.1", 0))
        self.address = listener.getsockname()
        listening = threading.Event()
        ports: dict[str, Any] = {"tls_listeners": [listener], "tls": tls} if tls is not None else {}
        plain = [] if tls is not None else [listener]
        self.thread = threading.Thread(target=self.server.run, args=(plain, listening.set), kwargs=ports)
        self.thread.start()
        assert listening.wait(PATIENCE_SECONDS)

    def exchange(self, *parts: bytes) -> bytes:
        with self.connect() as client:
            for part in parts:
                client.sendall(part)
            return everything(client)

    def connect(self) -> socket.socket:
        client = socket.create_connection(self.address, PATIENCE_SECONDS)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return client

    @property
    def client(self) -> tuple[str, str]:
        """The client of the last request."""
        return self.echo.environs[-1]["REMOTE_ADDR"], self.echo.environs[-1]["REMOTE_PORT"]

    def end(self) -> None:
        self.server.stop()
        self.thread.join(PATIENCE_SECONDS)
        assert not self.thread.is_alive()


@pytest.fixture
def start() -> Iterator[Callable[..., _Running]]:
    started: list[_Running] = []

    def begin(network: str = "127.0.0.0/8", tls: Tls | None = None, **bounds: Any) -> _Running:
        started.append(_Running(network, tls, Limits(**bounds)))
        return started[-1]

    yield begin
    for one in started:
        one.end()


def test_a_preamble_names_the_client_of_all_requests(start: Callable[..., _Running]) -> None:
    running = start()
    assert b" 200 OK" in running.exchange(PREAMBLE + GET)
    assert running.client == ("192.0.2.1", "4711")


def test_a_preamble_may_arrive_in_parts(start: Callable[..., _Running]) -> None:
    running = start()
    assert b" 200 OK" in running.exchange(*(PREAMBLE[at : at + 1] for at in range(len(PREAMBLE))), GET)
    assert running.client == ("192.0.2.1", "4711")


def test_a_proxy_may_speak_for_itself(start: Callable[..., _Running]) -> None:
    running = start()
    assert b" 200 OK" in running.exchange(b"PROXY UNKNOWN\r\n" + GET)
    assert running.client[0] == "127.0.0.1"


@pytest.mark.parametrize(
    "data", [GET, b"PROXY TCP4 nobody nobody 1 2\r\n" + GET, b"\r\n\r\n\x00\r\nQUIT\n\x99" + bytes(9)]
)
def test_a_malformed_preamble_closes_the_connection(start: Callable[..., _Running], data: bytes) -> None:
    running = start()
    with running.connect() as client:
        client.sendall(data)
        with contextlib.suppress(ConnectionResetError):  # some of it was not read
            assert client.recv(100) == b""
    assert running.server.counters.refused["preamble"] == 1


def test_a_preamble_that_does_not_end_is_closed_at_its_deadline(start: Callable[..., _Running]) -> None:
    running = start(head_seconds=0.2)
    with running.connect() as client:
        client.sendall(b"PROXY TCP4 ")
        assert client.recv(1) == b""


def test_others_have_no_preamble(start: Callable[..., _Running]) -> None:
    running = start("10.0.0.0/8")
    assert b" 200 OK" in running.exchange(GET)
    assert b" 400 " in running.exchange(PREAMBLE + GET)


def test_tls_begins_after_the_preamble(start: Callable[..., _Running], certificates: Certificates) -> None:  # noqa: F811
    files = Settings(tls_certificate=certificates.certificate, tls_key=certificates.key)
    running = start(tls=Tls(files))
    with running.connect() as client:
        client.sendall(PREAMBLE)
        with certificates.client_context().wrap_socket(client, server_hostname="localhost") as secured:
            secured.sendall(GET)
            assert b" 200 OK" in secured.recv(65536)
    assert running.client == ("192.0.2.1", "4711")
    assert running.echo.environs[-1]["wsgi.url_scheme"] == "https"
