"""Long turns of the loop, and its end."""

from __future__ import annotations

import threading
import time

import pytest

from tests.patience import PATIENCE_SECONDS, until
from tests.server.conftest import GET, HELD, SOON, Echo, Running, Start, everything, post


def test_a_long_turn_of_the_loop_is_counted(start: Start) -> None:
    http = start()
    until(lambda: http.server.now > 0 and http.server.date, "it ticks")
    http.server.loop.call_soon_threadsafe(time.sleep, 0.3)
    until(lambda: http.server.counters.long_turns > 0, "it is counted")


def test_stopping_ends_idle_connections_and_lets_requests_end(start: Start, echo: Echo) -> None:
    http = start(stop_seconds=30)
    with http.connect() as idle, http.connect() as unfinished, http.connect() as running:
        idle.sendall(GET)
        assert idle.recv(4096).startswith(b"HTTP/1.1 200")
        unfinished.sendall(post(3) + b"a")
        running.sendall(HELD)
        until(lambda: echo.running == 1, "it runs")
        http.server.stop()
        assert everything(idle) == b""
        assert everything(unfinished) == b""
        with pytest.raises(OSError, match=r"refused|reset|timed out"):
            _request_again(http)
        echo.is_held = False
        answer = everything(running)
        assert answer.startswith(b"HTTP/1.1 200")
        assert b"\r\nConnection: close\r\n" in answer
        http.end()


def test_a_request_that_has_arrived_before_the_stop_is_answered(start: Start) -> None:
    http = start()
    with http.connect() as client:
        client.sendall(GET)
        assert client.recv(4096).startswith(b"HTTP/1.1 200")
        # The loop stands still until the request has arrived; it stops before it reads the request.
        stands, goes_on = threading.Event(), threading.Event()

        def stand() -> None:
            stands.set()
            goes_on.wait(PATIENCE_SECONDS)
            http.server._stop()

        http.server.loop.call_soon_threadsafe(stand)
        assert stands.wait(PATIENCE_SECONDS)
        client.sendall(GET)
        goes_on.set()
        answer = everything(client)
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"\r\nConnection: close\r\n" in answer


def _request_again(http: Running) -> None:
    with http.connect() as client:
        client.settimeout(0.2)
        client.sendall(GET)
        if client.recv(4096) == b"":
            raise ConnectionResetError("reset")


def test_a_request_that_does_not_end_is_left_after_the_time_for_stopping(start: Start, echo: Echo) -> None:
    http = start(stop_seconds=SOON)
    with http.connect() as client:
        client.sendall(HELD)
        until(lambda: echo.running == 1, "it runs")
        http.end()
