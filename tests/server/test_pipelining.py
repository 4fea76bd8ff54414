"""Several requests on one connection, in any division into packets."""

from __future__ import annotations

import contextlib
import re
import socket
import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.patience import until
from tests.server.conftest import Echo, Running, everything
from zaqar_core.web.server import limits

REQUESTS = (
    b"GET /1?a=b HTTP/1.1\r\nHost: x\r\n\r\n",
    b"POST /2 HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\nhello\r\n\r\nab",
    b"POST /3 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5;e=f\r\nab\r\nc\r\n3\r\ndef\r\n0\r\nT: u\r\n\r\n",
    b"BREW /4 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"\r\nHEAD /5 HTTP/1.1\r\nHost: x\r\nX-A:  b \r\n\r\n",
    b"POST /6 HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 3\r\n\r\nabc",
    b"PUT http://y/7 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
    b"OPTIONS * HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    b"DELETE /nothing HTTP/1.1\r\nHost: x\r\n\r\n",
)
LAST = (
    b"GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    b"GET /bad HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n",
    b"POST /bad HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
    b"POST /bad HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    b"GET / HTTP/3.0\r\n\r\n",
)
_DATE = re.compile(rb"Date: [^\r]*\r\n")


def test_pipelined_requests_are_answered_in_order(http: Running) -> None:
    answer = http.exchange(b"".join(REQUESTS) + LAST[0])
    assert [found.split()[1] for found in re.findall(rb"(?:[A-Z]+) /\w+ ", answer)] == [
        b"/1", b"/2", b"/3", b"/4", b"/6", b"/7", b"/last",
    ]  # fmt: skip


def test_one_request_of_a_connection_runs_at_a_time(http: Running, echo: Echo) -> None:
    with http.connect() as client:
        client.sendall(b"GET /held HTTP/1.1\r\nHost: x\r\n\r\n" * 3)
        until(lambda: echo.running == 1, "the first runs")
        echo.is_held = False
        found = b""
        while found.count(b"GET /held ") < 3:
            found += client.recv(4096)
    assert echo.most_running == 1


def test_a_client_that_sends_far_ahead_is_not_read(http: Running, echo: Echo) -> None:
    """The rest stays with the client, and nothing of it is lost."""
    request = b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n" + b"x" * 1000
    count = 20_000
    with http.connect() as client:
        client.sendall(b"GET /held HTTP/1.1\r\nHost: x\r\n\r\n")
        until(lambda: echo.running == 1, "the first runs")
        client.setblocking(False)
        with pytest.raises(BlockingIOError):
            _send_without_end(client, memoryview(request * count))
        assert http.server.counters.bytes_in < 16 * limits.PIPELINE_BYTES
        echo.is_held = False


def test_a_client_that_goes_on_sending_ahead_is_read_as_its_requests_run(http: Running, echo: Echo) -> None:
    request = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
    ahead, rest = 300, 100_000
    with http.connect() as client:
        first = request * ahead + request.replace(b"/a", b"/held")
        sender = threading.Thread(target=_send, args=(client, first + request * rest))
        sender.start()
        until(lambda: echo.running == 1 and len(echo.environs) == ahead + 1, "those before it have run")
        _expect_pause(http)
        assert http.server.counters.bytes_in < 16 * limits.PIPELINE_BYTES < rest * len(request)
        client.shutdown(socket.SHUT_RDWR)
        sender.join()
        echo.is_held = False


@pytest.mark.parametrize("checks_heads", [False, True])
def test_a_connection_is_read_on_after_a_large_body_that_was_sent_ahead(
    http: Running, echo: Echo, checks_heads: bool
) -> None:
    size = 3 * limits.PIPELINE_BYTES
    with http.connect() as client:
        client.sendall(b"GET /held HTTP/1.1\r\nHost: x\r\n\r\n")
        until(lambda: echo.running == 1, "the first runs")
        echo.checks_heads = checks_heads
        client.sendall(b"POST /a HTTP/1.1\r\nHost: x\r\nX-Token: a\r\nContent-Length: %d\r\n\r\n" % size)
        client.sendall(b"x" * size)
        until(lambda: http.server.counters.bytes_in > limits.PIPELINE_BYTES, "much has arrived")
        _expect_pause(http)
        echo.is_held = False
        until(lambda: len(echo.environs) == 2, "the second runs")
        client.sendall(LAST[0])
        assert everything(client).endswith(b"GET /last ")


def _send(client: socket.socket, data: bytes) -> None:
    with contextlib.suppress(OSError):
        client.sendall(data)


def _expect_pause(http: Running) -> None:
    """Wait until nothing more is read."""
    before = -1
    while before != http.server.counters.bytes_in:
        before = http.server.counters.bytes_in
        turned = threading.Event()
        for _ in range(3):
            turned.clear()
            http.server.loop.call_soon_threadsafe(turned.set)
            turned.wait()


def _send_without_end(client: socket.socket, rest: memoryview) -> None:
    while rest:
        rest = rest[client.send(rest) :]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(REQUESTS), max_size=4), st.sampled_from(LAST), st.data())
def test_any_division_into_packets_gives_the_same_answers(
    http: Running, requests: list[bytes], last: bytes, data: st.DataObject
) -> None:
    whole = b"".join(requests) + last
    cuts = sorted(data.draw(st.sets(st.integers(1, len(whole) - 1), max_size=6)))
    parts = [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    expected = _DATE.sub(b"", http.exchange(whole))
    with http.connect() as client:
        for part in parts:
            before = http.server.counters.bytes_in
            try:
                client.sendall(part)
            except OSError:
                break  # refused before its end
            until(lambda: http.server.counters.bytes_in > before, "it arrives alone")  # noqa: B023
        assert _DATE.sub(b"", everything(client)) == expected


def test_every_single_byte_may_come_alone(http: Running) -> None:
    whole = b"".join(REQUESTS) + LAST[0]
    expected = _DATE.sub(b"", http.exchange(whole))
    assert _DATE.sub(b"", http.exchange(*(whole[at : at + 1] for at in range(len(whole))))) == expected
