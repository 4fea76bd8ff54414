"""Turns: requests in flight and those that wait for their turn."""

from __future__ import annotations

import contextlib
import socket
import time

import pytest

from tests.patience import until
from tests.server.conftest import BODY_LIMIT, GET, HELD, Echo, Running, Start, end_turn, post


def test_requests_beyond_the_bound_wait_for_their_turn(start: Start, echo: Echo, clients: contextlib.ExitStack) -> None:
    http = start(requests_in_flight=2)
    waiting = [clients.enter_context(http.connect()) for _ in range(6)]
    for number, client in enumerate(waiting):
        client.sendall(HELD.replace(b"Host", b"X-Number: %d\r\nHost" % number))
        until(lambda: http.server.counters.bytes_in > number * len(HELD), "it has arrived")  # noqa: B023
    until_submitted(http, 6)
    assert (http.server.counters.in_flight, http.server.counters.waiting_for_turn) == (2, 4)
    echo.is_held = False
    for client in waiting:
        assert client.recv(4096).startswith(b"HTTP/1.1 200")
    assert echo.most_running == 2
    assert [environ["HTTP_X_NUMBER"] for environ in echo.environs] == list("012345")


def until_submitted(http: Running, count: int) -> None:
    """Wait until so many requests run, wait for their turn or were refused, whichever they do."""
    counters = http.server.counters
    until(
        lambda: counters.in_flight + counters.waiting_for_turn + sum(counters.refused.values()) == count,
        "all requests were submitted",
    )


def numbered(number: int, account: str = "", queue: str = "", *, path: bytes = b"/held") -> bytes:
    head = f"Host: x\r\nX-Number: {number}\r\nX-Account: {account}\r\nX-Queue: {queue}\r\n\r\n"
    return b"GET %b HTTP/1.1\r\n%b" % (path, head.encode())


def send_in_turn(http: Running, clients: contextlib.ExitStack, requests: list[bytes]) -> list[socket.socket]:
    """Send each request on a connection of its own, after the one before has arrived."""
    found = []
    for request in requests:
        before = http.server.counters.bytes_in
        found.append(clients.enter_context(http.connect()))
        found[-1].sendall(request)
        until(lambda: http.server.counters.bytes_in > before, "it has arrived")  # noqa: B023
    return found


def test_accounts_and_queues_take_turns_while_requests_wait(
    start: Start, echo: Echo, clients: contextlib.ExitStack
) -> None:
    http = start(requests_in_flight=1)
    shares = ["-"] + ["a/1"] * 4 + ["a/2"] * 2 + ["b/1"] * 2 + ["c/1"]
    requests = [numbered(number, *share.split("/")) for number, share in enumerate(shares)]
    waiting = send_in_turn(http, clients, requests)
    until_submitted(http, len(shares))
    assert http.server.counters.waiting_for_turn == len(shares) - 1
    echo.is_held = False
    for client in waiting:
        assert client.recv(4096).startswith(b"HTTP/1.1 200")
    order = [shares[int(environ["HTTP_X_NUMBER"])] for environ in echo.environs]
    assert order == ["-", "a/1", "b/1", "c/1", "a/2", "b/1", "a/1", "a/2", "a/1", "a/1"]
    of_one = [int(environ["HTTP_X_NUMBER"]) for environ in echo.environs if environ["HTTP_X_QUEUE"] == "1"]
    assert [number for number in of_one if number <= 4] == [1, 2, 3, 4]


def test_beyond_the_bound_of_waiting_requests_others_are_refused_at_once(
    start: Start, echo: Echo, clients: contextlib.ExitStack
) -> None:
    http = start(requests_in_flight=1, requests_waiting=2)
    [*waiting, refused] = send_in_turn(http, clients, [numbered(number) for number in range(4)])
    until_submitted(http, 4)
    assert http.server.counters.refused == {"overloaded": 1}
    assert refused.recv(4096).startswith(b"HTTP/1.1 503")
    echo.is_held = False
    for client in waiting:
        assert client.recv(4096).startswith(b"HTTP/1.1 200")
    refused.sendall(GET)
    assert refused.recv(4096).startswith(b"HTTP/1.1 200"), "its connection stays open"
    assert http.server.counters.buffered_bytes == 0


@pytest.mark.parametrize(("flood", "quiet"), [("a/1", "b/1"), ("a/1", "a/2")], ids=["accounts", "queues"])
def test_a_full_queue_refuses_the_share_with_the_most(
    start: Start, echo: Echo, clients: contextlib.ExitStack, flood: str, quiet: str
) -> None:
    http = start(requests_in_flight=1, requests_waiting=6)
    shares = ["-"] + [flood] * 6 + [quiet] * 4
    connections = send_in_turn(http, clients, [numbered(at, *share.split("/")) for at, share in enumerate(shares)])
    until_submitted(http, len(shares))
    assert http.server.counters.refused == {"overloaded": 4}
    echo.is_held = False
    answers = [client.recv(4096)[9:12] for client in connections]
    served = [share for share, answer in zip(shares, answers, strict=True) if answer == b"200"]
    assert served == ["-", *[flood] * 3, *[quiet] * 3] or served == ["-", *[flood] * 4, *[quiet] * 2]
    # The oldest of each share keep their places.
    assert answers[1:7] == sorted(answers[1:7])


def test_a_request_that_waits_leaves_its_place_to_others(
    start: Start, echo: Echo, clients: contextlib.ExitStack
) -> None:
    http = start(requests_in_flight=1)
    polls = [clients.enter_context(http.connect()) for _ in range(3)]
    for poll in polls:
        poll.sendall(numbered(0, path=b"/waiting"))
    until(lambda: echo.running + http.server.counters.waiting_for_turn == 3, "all have arrived")
    end_turn(http)
    assert http.server.counters.waits == 3
    with http.connect() as client:
        client.sendall(GET)
        assert client.recv(4096).startswith(b"HTTP/1.1 200")
    echo.is_held = False
    for poll in polls:
        assert poll.recv(4096).startswith(b"HTTP/1.1 200")
    assert http.server.counters.in_flight == http.server.counters.waits == 0


def test_waits_of_clients_that_have_gone_take_no_place_until_they_end(start: Start, echo: Echo) -> None:
    http = start(requests_in_flight=1)
    with contextlib.ExitStack() as polls:
        for _ in range(3):
            polls.enter_context(http.connect()).sendall(numbered(0, path=b"/leaving"))
        until(lambda: http.server.counters.waits == 3, "all wait")
    until(lambda: len(echo.leaving) == 3, "each wait is told that its client has gone")
    assert (http.server.counters.waits, http.server.counters.in_flight) == (3, 0)
    with http.connect() as client:
        client.sendall(GET)
        assert client.recv(4096).startswith(b"HTTP/1.1 200")
    echo.is_held = False
    until(lambda: http.server.counters.waits == http.server.counters.in_flight == 0, "all have ended")
    assert len(echo.leaving) == 3


def test_a_request_whose_client_has_disconnected_before_its_turn_is_not_started(
    start: Start, echo: Echo, clients: contextlib.ExitStack
) -> None:
    http = start(requests_in_flight=1)
    first, second = clients.enter_context(http.connect()), http.connect()
    first.sendall(HELD)
    until(lambda: echo.running == 1, "the first runs")
    second.sendall(post(3, b"/held") + b"abc")
    until_submitted(http, 2)
    assert http.server.counters.waiting_for_turn == 1
    second.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    second.close()
    until(lambda: http.server.open_connections == 1, "it is gone")
    echo.is_held = False
    until(lambda: http.server.counters.abandoned == 1, "its request is dropped")
    assert len(echo.environs) == 1
    assert http.server.counters.buffered_bytes == 0


def test_large_requests_let_small_ones_pass(start: Start, echo: Echo, clients: contextlib.ExitStack) -> None:
    """The first turn takes one large request; what has arrived of small ones runs before the second large one."""
    http = start()
    large, small = [], []
    pause = clients.enter_context(http.connect())
    for _ in range(8):
        large.append(clients.enter_context(http.connect()))
        large[-1].sendall(post(BODY_LIMIT, b"/big") + b"x" * (BODY_LIMIT - 1))
        small.append(clients.enter_context(http.connect()))
        small[-1].sendall(post(1, b"/small"))
    until(lambda: http.server.counters.bodies_being_read == 16, "all bodies are unfinished")
    until(lambda: http.server.counters.buffered_bytes == 8 * (BODY_LIMIT - 1), "and have arrived")
    # The loop stands still while the ends of all bodies arrive.
    http.server.loop.call_soon_threadsafe(time.sleep, 0.2)
    for client in (*large, *small):
        client.sendall(b"x")
    for client in (*large, *small):
        assert client.recv(64).startswith(b"HTTP/1.1 200")
    order = "".join("L" if environ["PATH_INFO"] == "/big" else "s" for environ in echo.environs)
    assert "LL" not in order.rstrip("L")
    del pause
