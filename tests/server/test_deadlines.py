"""Deadlines of heads, bodies and idle connections."""

from __future__ import annotations

import contextlib
import time

import pytest

from tests.patience import until
from tests.server.conftest import BODY_LIMIT, GET, HELD, SOON, Echo, Running, Start, end_turn, everything, post


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost"])
def test_a_head_that_does_not_arrive_ends_the_connection(start: Start, sent: bytes) -> None:
    answer = start(head_seconds=SOON).exchange(sent)
    assert answer == b"" if not sent else answer.startswith(b"HTTP/1.1 408 ")


def test_a_head_that_arrives_byte_by_byte_has_the_same_deadline(start: Start) -> None:
    http = start(head_seconds=SOON)
    with http.connect() as client, contextlib.suppress(OSError):
        while not http.server.counters.shed["slow head"]:
            client.sendall(b"G")
            time.sleep(0.001)  # being slow is what is tested
    until(lambda: http.server.counters.shed == {"slow head": 1}, "it is refused")


def test_a_second_head_has_a_deadline_of_its_own(start: Start) -> None:
    http = start(head_seconds=SOON)
    with http.connect() as client:
        client.sendall(GET)
        assert client.recv(4096).startswith(b"HTTP/1.1 200")
        client.sendall(GET[:10])
        assert everything(client).startswith(b"HTTP/1.1 408 ")


def test_an_idle_connection_is_closed(start: Start) -> None:
    with start(idle_seconds=SOON).connect() as client:
        client.sendall(GET)
        assert everything(client).startswith(b"HTTP/1.1 200")


def test_an_idle_connection_stays_open_for_as_long_as_clients_keep_theirs(start: Start) -> None:
    """SDKs and load balancers use a connection again after 60 s, and the next request must not meet its end."""
    http = start()
    with http.connect() as client:
        for _ in range(2):
            client.sendall(GET)
            assert client.recv(4096).startswith(b"HTTP/1.1 200")
            sweep_later(http, 75)
            assert http.server.open_connections == 1
        sweep_later(http, 300)
        assert everything(client) == b""


def sweep_later(http: Running, seconds: float) -> None:
    """Let the server check all deadlines as if the time were later."""
    http.server.loop.call_soon_threadsafe(lambda: http.server._sweep(http.server.loop.time() + seconds))
    end_turn(http)
    end_turn(http)  # in which the connections that were closed are gone


@pytest.mark.parametrize("bound", ["body_idle_seconds", "body_seconds"])
def test_a_body_that_does_not_arrive_is_refused(start: Start, echo: Echo, bound: str) -> None:
    http = start(**{bound: SOON})
    assert http.status(post(10) + b"abc") == 408
    assert echo.environs == []
    assert http.server.counters.bodies_being_read == http.server.counters.buffered_bytes == 0


def test_a_too_large_body_that_does_not_arrive_is_refused(start: Start) -> None:
    assert start(body_idle_seconds=SOON).status(post(BODY_LIMIT + 1)) == 413


def test_a_running_request_has_no_deadline(start: Start, echo: Echo) -> None:
    http = start(head_seconds=SOON, idle_seconds=SOON, body_seconds=SOON, body_idle_seconds=SOON)
    with http.connect() as client:
        client.sendall(HELD)
        until(lambda: echo.running == 1, "it runs")
        began = http.server.now
        until(lambda: http.server.now > began + 10 * SOON, "the deadlines of others are over")
        echo.is_held = False
        assert client.recv(4096).startswith(b"HTTP/1.1 200")
