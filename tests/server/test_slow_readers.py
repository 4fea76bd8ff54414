"""Clients that do not read their responses."""

from __future__ import annotations

import contextlib
import socket

import pytest

from tests.patience import until
from tests.server.conftest import GET, SOON, Echo, Start, everything

LARGE = b"GET /large?%d HTTP/1.1\r\nHost: x\r\n\r\n" % (16 << 20)


def test_a_client_that_reads_nothing_is_not_read_and_then_disconnected(start: Start) -> None:
    http = start(write_idle_seconds=SOON)
    with http.connect() as client:
        client.sendall(LARGE + GET * 10)
        until(lambda: http.server.counters.shed == {"slow reader": 1}, "it is disconnected")
        until(lambda: http.server.open_connections == 0, "it is gone")
    assert http.server.counters.requests == 1
    assert http.server.counters.unsent_bytes == 0


@pytest.mark.skipif(not hasattr(socket, "TCP_NOTSENT_LOWAT"), reason="the kernel takes what fits into its buffers")
def test_one_large_response_that_is_not_read_keeps_the_next_request_from_running(start: Start) -> None:
    http = start()
    with http.connect() as client:
        client.sendall(b"GET /large?1000000 HTTP/1.1\r\nHost: x\r\n\r\n" * 16)
        until(lambda: http.server.counters.unsent_bytes > 0, "it does not read")
        assert http.server.counters.requests == 1


def test_a_client_that_reads_slowly_gets_everything(start: Start, echo: Echo) -> None:
    http = start(write_idle_seconds=0.5)
    with http.connect() as client:
        client.sendall(LARGE + GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        until(lambda: http.server.counters.unsent_bytes > 0, "it does not read")
        assert everything(client).endswith(b"GET /a ")
    assert http.server.counters.unsent_bytes == 0


def test_beyond_the_bound_of_unsent_bytes_the_first_that_did_not_read_is_disconnected(
    start: Start, clients: contextlib.ExitStack
) -> None:
    http = start(unsent_bytes=20 << 20)
    for number in range(3):
        clients.enter_context(http.connect()).sendall(LARGE)
        until(lambda: http.server.counters.requests == number + 1, "it is answered")  # noqa: B023
    until(lambda: http.server.counters.shed == {"slow reader": 2}, "two are disconnected")
    until(lambda: 0 < http.server.counters.unsent_bytes <= 20 << 20, "the last one is kept")
