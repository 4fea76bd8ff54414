"""What bounds bodies that are being read: their number and their memory."""

from __future__ import annotations

import contextlib
import socket

import pytest

from tests.patience import until
from tests.server.conftest import BODY_LIMIT, GET, SOON, Start, everything, post
from zaqar_core.web.server import limits


def test_bodies_beyond_the_bound_are_read_and_the_slowest_refused(start: Start, clients: contextlib.ExitStack) -> None:
    http = start(bodies_being_read=4)
    quick = clients.enter_context(http.connect())
    quick.sendall(post(100) + b"x" * 99)
    until(lambda: http.server.counters.bodies_being_read == 1, "it is read")
    stalled = []
    for number in range(6):
        stalled.append(clients.enter_context(http.connect()))
        stalled[-1].sendall(post(100))
        until(lambda: http.server.counters.bodies_being_read == min(4, number + 2), "it is read")  # noqa: B023
    refused = 7 - 4
    until(lambda: http.server.counters.shed == {"slow body": refused}, "the others are refused")
    quick.sendall(b"x")
    assert quick.recv(4096).startswith(b"HTTP/1.1 200")
    assert sum(_has_status(client, 408) for client in stalled) == refused


def _has_status(client: socket.socket, status: int) -> bool:
    client.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        return client.recv(4096).startswith(b"HTTP/1.1 %d" % status)
    return False


def test_thousands_that_announce_a_body_and_send_none_keep_nobody_waiting(
    start: Start, clients: contextlib.ExitStack
) -> None:
    http = start(bodies_being_read=100)
    for _ in range(300):
        clients.enter_context(http.connect()).sendall(post(1000))
    until(lambda: http.server.counters.shed["slow body"] >= 200, "the slowest are refused")
    with http.connect() as client:
        client.sendall(post(3) + b"abc")
        assert client.recv(4096).startswith(b"HTTP/1.1 200")
    with http.connect() as client:
        client.sendall(post(3))
        client.sendall(b"abc")
        assert client.recv(4096).startswith(b"HTTP/1.1 200")


def test_bodies_beyond_the_bound_of_memory_are_read_one_after_the_other(
    start: Start, clients: contextlib.ExitStack
) -> None:
    bound = 4 * BODY_LIMIT
    http = start(buffered_bytes=bound)
    many = [clients.enter_context(http.connect()) for _ in range(16)]
    body = b"x" * BODY_LIMIT
    most = 0
    rest = {client: memoryview(post(BODY_LIMIT) + body) for client in many}
    for client in many:
        client.setblocking(False)
    while rest:
        for client in list(rest):
            with contextlib.suppress(BlockingIOError):
                rest[client] = rest[client][client.send(rest[client]) :]
            if not rest[client]:
                del rest[client]
        most = max(most, http.server.counters.buffered_bytes)
    for client in many:
        client.setblocking(True)
        assert client.recv(64).startswith(b"HTTP/1.1 200")
    # One body may exceed the bound, and each connection by what one read of its socket returns.
    assert most <= bound + BODY_LIMIT + len(many) * (256 << 10)
    until(lambda: http.server.counters.buffered_bytes == 0, "all is released")


def test_small_requests_pass_while_stalled_bodies_fill_the_memory(start: Start, clients: contextlib.ExitStack) -> None:
    http = start(buffered_bytes=2 * BODY_LIMIT)
    for _ in range(3):
        clients.enter_context(http.connect()).sendall(post(BODY_LIMIT) + b"x" * (BODY_LIMIT - 1))
    until(lambda: http.server.counters.buffered_bytes > 2 * BODY_LIMIT, "the memory is full")
    with http.connect() as client:
        client.sendall(GET)
        assert client.recv(4096).startswith(b"HTTP/1.1 200")


def test_stalled_bodies_give_way_to_those_that_wait_for_memory(
    start: Start, clients: contextlib.ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "STALLED_BODY_SECONDS", SOON)
    http = start(buffered_bytes=BODY_LIMIT)
    stalled = clients.enter_context(http.connect())
    stalled.sendall(post(BODY_LIMIT) + b"x" * (BODY_LIMIT - 1))
    until(lambda: http.server.counters.buffered_bytes >= BODY_LIMIT - 1, "the memory is full")
    with http.connect() as client:
        client.sendall(post(BODY_LIMIT) + b"x" * BODY_LIMIT)
        assert client.recv(64).startswith(b"HTTP/1.1 200")
    assert everything(stalled).startswith(b"HTTP/1.1 408")
