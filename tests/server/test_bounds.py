"""What bounds the work of a server: turns, bytes, deadlines, connections."""

from __future__ import annotations

import contextlib
import os
import resource
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from tests.patience import PATIENCE_SECONDS, until
from tests.server.conftest import BODY_LIMIT, Echo, Running, everything
from zaqar_core.web.server import limits

Start = Callable[..., Running]
GET = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
HELD = b"GET /held HTTP/1.1\r\nHost: x\r\n\r\n"
#: A deadline that a test waits for.
SOON = 0.1


def post(size: int, path: bytes = b"/a") -> bytes:
    return b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (path, size)


@pytest.fixture
def clients() -> Iterator[contextlib.ExitStack]:
    with contextlib.ExitStack() as stack:
        yield stack


# -- Requests in flight ------------------------------------------------------------------------------------------------


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


def end_turn(http: Running) -> None:
    """Wait until the loop has ended its present turn."""
    is_over = threading.Event()
    http.server.loop.call_soon_threadsafe(is_over.set)
    assert is_over.wait(PATIENCE_SECONDS)


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


# -- Bodies ------------------------------------------------------------------------------------------------------------


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


# -- Deadlines ---------------------------------------------------------------------------------------------------------


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


# -- Responses that are not read ---------------------------------------------------------------------------------------

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


# -- Connections -------------------------------------------------------------------------------------------------------


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


# -- The loop, and the end ---------------------------------------------------------------------------------------------


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
