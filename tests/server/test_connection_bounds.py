"""What bounds connections: their number, what they hold, and descriptors."""

from __future__ import annotations

import contextlib
import os
import resource
import socket
import time

import pytest

from tests.patience import until
from tests.server.conftest import GET, HELD, SOON, Start
from zaqar_core.web.server import limits


def test_accepting_pauses_at_the_bound_and_goes_on(start: Start, clients: contextlib.ExitStack) -> None:
    http = start(connections=3)
    several = [clients.enter_context(http.connect()) for _ in range(5)]
    for client in several:
        client.sendall(GET)
    for client in several[:3]:
        assert client.recv(4096).startswith(b"HTTP/1.1 200")
    until(lambda: http.server.counters.accepting_paused == 1, "it pauses")
    assert http.server.open_connections == 3
    for closed, waiting in ((0, 3), (1, 4)):
        several[closed].close()
        assert several[waiting].recv(4096).startswith(b"HTTP/1.1 200")


def test_idle_connections_make_room_for_new_ones(
    start: Start, clients: contextlib.ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that have sent nothing, and those that have been served."""
    monkeypatch.setattr(limits, "SHED_IDLE_SECONDS", SOON)
    http = start(connections=3)
    silent, served, busy = (clients.enter_context(http.connect()) for _ in range(3))
    busy.sendall(HELD)
    served.sendall(GET)
    assert served.recv(4096).startswith(b"HTTP/1.1 200")
    for _ in range(2):
        late = clients.enter_context(http.connect())
        late.sendall(HELD)
    until(lambda: http.server.counters.in_flight == 3, "the new ones are served")
    assert http.server.counters.shed == {"idle": 2}
    assert silent.recv(4096) == served.recv(4096) == b""


def test_connections_with_the_most_unfinished_requests_are_closed(start: Start, clients: contextlib.ExitStack) -> None:
    http = start(held_bytes=1 << 20)
    small = clients.enter_context(http.connect())
    small.sendall(GET[:10])
    head = b"GET / HTTP/1.1\r\nX-Long: " + b"x" * 60_000
    for at in range(40):
        ahead = HELD + GET if at % 2 else b""  # the second request has to wait
        clients.enter_context(http.connect()).sendall(ahead + head)
    until(lambda: http.server.counters.shed["held bytes"] > 20, "the greatest are closed")
    small.sendall(GET[10:])
    assert small.recv(4096).startswith(b"HTTP/1.1 200")


def test_accepting_pauses_without_descriptors_and_goes_on(start: Start, clients: contextlib.ExitStack) -> None:
    http = start()
    with http.connect() as first:
        first.sendall(GET)
        assert first.recv(4096)
        late = clients.enter_context(socket.socket())
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        spare: list[int] = []
        began = time.monotonic()
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (late.fileno() + 20, hard))
            with pytest.raises(OSError, match="Too many open files"):
                _use_up_descriptors(spare)
            late.connect(http.address)
            late.sendall(GET)
            until(lambda: http.server.counters.accepting_paused > 0, "it pauses")
            first.sendall(GET)
            assert first.recv(4096).startswith(b"HTTP/1.1 200")
        finally:
            for descriptor in spare:
                os.close(descriptor)
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        late.settimeout(30)
        assert late.recv(4096).startswith(b"HTTP/1.1 200")
        # It tries again four times a second.
        assert http.server.counters.accepting_paused <= 4 * (time.monotonic() - began) + 2


def _use_up_descriptors(into: list[int]) -> None:
    while True:
        into.append(os.dup(0))
