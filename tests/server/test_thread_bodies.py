"""The deadlines of bodies and responses under a server with threads."""

from __future__ import annotations

import contextlib
import io
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.patience import PATIENCE_SECONDS
from tests.server.conftest import SOON
from zaqar_core.web.bodies import Bodies
from zaqar_core.web.envelope import Refusal
from zaqar_core.web.server.limits import Limits

MANY_WAITS = 1000


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """The client's and the server's end of a connection."""
    client, server = socket.socketpair()
    with client, server:
        yield client, server


def environ_of(connection: socket.socket, length: int) -> dict[str, Any]:
    return {
        "CONTENT_LENGTH": str(length),
        "gunicorn.socket": connection,
        "wsgi.input": connection.makefile("rb", buffering=0),
    }


def test_a_body_that_stops_arriving_is_refused(ends: tuple[socket.socket, socket.socket]) -> None:
    client, server = ends
    client.sendall(b"abc")
    bodies = Bodies(MANY_WAITS, Limits(body_idle_seconds=SOON))
    assert bodies.read(environ_of(server, 10), 100) is Refusal.BODY_TOO_SLOW


@pytest.mark.parametrize("length", ["+1", "1_0", "\u0661", "-1", " 1", "1" * 5_000], ids=lambda text: text[:3])
def test_a_length_that_is_no_number_is_refused(length: str) -> None:
    environ = {"CONTENT_LENGTH": length, "wsgi.input": io.BytesIO(b"a")}
    assert Bodies(MANY_WAITS, Limits()).read(environ, 100) is Refusal.BODY_LENGTH_INVALID


def test_a_body_that_arrives_byte_by_byte_is_refused_in_the_end(ends: tuple[socket.socket, socket.socket]) -> None:
    client, server = ends
    is_refused = threading.Event()

    def send() -> None:
        with contextlib.suppress(BrokenPipeError):  # the refusal ends the connection
            while not is_refused.wait(0.005):  # being slow is what is tested
                client.sendall(b"x")

    sender = threading.Thread(target=send)
    sender.start()
    try:
        bodies = Bodies(MANY_WAITS, Limits(body_idle_seconds=PATIENCE_SECONDS, body_seconds=SOON))
        assert bodies.read(environ_of(server, 1 << 20), 1 << 20) is Refusal.BODY_TOO_SLOW
    finally:
        is_refused.set()
        sender.join()


def test_a_body_that_is_there_is_read_beside_many_that_stall() -> None:
    bodies = Bodies(MANY_WAITS, Limits(body_idle_seconds=PATIENCE_SECONDS))
    pairs = [socket.socketpair() for _ in range(40)]  # 32 are a crowd
    found: list[Any] = []
    threads = [
        threading.Thread(target=lambda end=server: found.append(bodies.read(environ_of(end, 9), 100)))
        for _, server in pairs
    ]
    for thread in threads:
        thread.start()
    client, server = socket.socketpair()
    with client, server:
        client.sendall(b"abc")
        assert bodies.read(environ_of(server, 3), 100) == b"abc"
    for one, _ in pairs:
        one.shutdown(socket.SHUT_WR)
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    for one, other in pairs:
        one.close()
        other.close()
    assert len(found) == len(pairs)
    assert set(found) <= {Refusal.BODY_TOO_SLOW, Refusal.BODY_CUT_SHORT}


def test_a_client_that_does_not_read_its_response_is_disconnected(ends: tuple[socket.socket, socket.socket]) -> None:
    _, server = ends
    bodies = Bodies(MANY_WAITS, Limits(write_seconds=SOON))
    bodies.limit_response(environ_of(server, 0), 16 << 20)
    with pytest.raises(TimeoutError):
        server.sendall(b"x" * (16 << 20))
