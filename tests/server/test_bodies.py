"""Bodies: declared, chunked, cut short, too large, awaited."""

from __future__ import annotations

from typing import Any

import pytest

from tests.patience import until
from tests.server.conftest import BODY_LIMIT, Echo, Running, everything
from zaqar_core.eventloop import tasks
from zaqar_core.web.envelope import CLIENT, Refusal, Reply
from zaqar_core.web.server import limits

POST = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"


def chunk(content: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(content), content)


def test_a_body_in_many_parts_is_given_whole(http: Running) -> None:
    with http.connect() as client:
        client.sendall(POST + b"Content-Length: 6\r\n\r\n")
        for part in (b"ab", b"cd", b"ef"):
            client.sendall(part)
        assert everything(client).endswith(b"POST / abcdef")


def test_a_large_body_is_given_whole(http: Running) -> None:
    body = bytes(range(256)) * 4096
    assert len(body) == BODY_LIMIT
    answer = http.exchange(POST + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    assert answer.endswith(b"POST / " + body)


@pytest.mark.parametrize(
    "coded",
    [
        chunk(b"abc") + chunk(b"def") + b"0\r\n\r\n",
        b"03\r\nabc\r\n000003\r\ndef\r\n0000\r\n\r\n",
        b'3;a=b;c="d e"\r\nabc\r\n3 ;x\r\ndef\r\n0;last\r\n\r\n',
        chunk(b"abcdef") + b"0\r\nTrailer: x\r\nContent-Length: 9\r\n\r\n",
    ],
)
def test_a_chunked_body_is_decoded(http: Running, echo: Echo, coded: bytes) -> None:
    answer = http.exchange(CHUNKED.replace(b"chunked", b"Chunked") + coded)
    assert answer.endswith(b"POST / abcdef")
    assert echo.environs[0]["HTTP_TRANSFER_ENCODING"] == "Chunked"
    assert "CONTENT_LENGTH" not in echo.environs[0]


BROKEN = {
    "a size that is not a number": b"x\r\nabc\r\n0\r\n\r\n",
    "a size with a sign": b"+3\r\nabc\r\n0\r\n\r\n",
    "a size with a prefix": b"0x3\r\nabc\r\n0\r\n\r\n",
    "a size after a space": b" 3\r\nabc\r\n0\r\n\r\n",
    "a size before a space": b"3 \r\nabc\r\n0\r\n\r\n",
    "an empty size": b"\r\nabc\r\n0\r\n\r\n",
    "a size of 17 digits": b"10000000000000003\r\nabc\r\n0\r\n\r\n",
    "a chunk that is longer than its size": b"2\r\nabc\r\n0\r\n\r\n",
    "a chunk that is shorter than its size": b"4\r\nabc\r\n0\r\n\r\n",
    "LF after a size": b"3\nabc\r\n0\r\n\r\n",
    "LF after a chunk": b"3\r\nabc\n0\r\n\r\n",
    "CR in an extension": b"3;a\rb\r\nabc\r\n0\r\n\r\n",
    "LF in an extension": b"3;a\nb\r\nabc\r\n0\r\n\r\n",
    "a folded trailer": b"0\r\nA: b\r\n c\r\n\r\n",
    "a trailer without colon": b"0\r\nA\r\n\r\n",
    "LF in a trailer": b"0\r\nA: b\nC: d\r\n\r\n",
    "a long extension": b"3;" + b"a" * limits.CHUNK_LINE_BYTES + b"\r\nabc\r\n0\r\n\r\n",
    "an endless size": b"0" * 2 * limits.CHUNK_LINE_BYTES,
    "many extensions": (b"1;" + b"a" * 200 + b"\r\nb\r\n") * 100 + b"0\r\n\r\n",
    "many trailers": b"0\r\n" + b"A: b\r\n" * limits.TRAILER_BYTES + b"\r\n",
    "an endless trailer": b"0\r\nA: " + b"b" * 2 * limits.TRAILER_BYTES,
}


@pytest.mark.parametrize("coded", BROKEN.values(), ids=BROKEN)
def test_a_broken_chunked_body_is_refused(http: Running, echo: Echo, coded: bytes) -> None:
    assert http.status(CHUNKED + coded) == 400
    assert echo.environs == []
    assert http.server.counters.bodies_being_read == http.server.counters.buffered_bytes == 0


@pytest.mark.parametrize(
    "request_bytes",
    [POST + b"Content-Length: 9\r\n\r\nabc", POST + b"Content-Length: 9\r\n\r\n"]
    + [CHUNKED + part for part in (b"", b"3", b"3\r\nab", b"3\r\nabc", b"3\r\nabc\r\n", b"3\r\nabc\r\n0\r\n")],
)
def test_a_body_that_breaks_off_is_never_run(http: Running, echo: Echo, request_bytes: bytes) -> None:
    answer = http.exchange(request_bytes, ends=True)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.endswith(b"BODY_CUT_SHORT")
    assert echo.environs == []
    assert http.server.counters.bodies_being_read == http.server.counters.buffered_bytes == 0


def test_a_too_large_body_is_refused_after_it_was_sent(http: Running, echo: Echo) -> None:
    size = BODY_LIMIT + 1
    answer = http.exchange(POST + b"Content-Length: %d\r\n\r\n" % size + b"x" * size)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert answer.endswith(b"BODY_TOO_LARGE")
    assert echo.environs == []


def test_a_too_large_chunked_body_is_refused_after_it_was_sent(http: Running, echo: Echo) -> None:
    answer = http.exchange(CHUNKED + chunk(b"x" * BODY_LIMIT) + chunk(b"x" * BODY_LIMIT) + b"0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert echo.environs == []


def test_no_more_of_a_too_large_body_is_awaited_than_the_limit(http: Running) -> None:
    size = 2 * limits.DRAIN_BYTES
    with http.connect() as client:
        client.sendall(POST + b"Content-Length: %d\r\n\r\n" % size + b"x" * limits.DRAIN_BYTES)
        assert client.recv(4096).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("size", [BODY_LIMIT + 1, 1 << 40])
def test_a_client_that_asks_first_is_refused_before_it_sends_too_much(http: Running, size: int) -> None:
    answer = http.exchange(POST + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % size)
    assert answer.startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("framing", [b"Content-Length: 3", b"Transfer-Encoding: chunked"])
def test_a_client_that_asks_first_is_told_to_send_its_body(http: Running, framing: bytes) -> None:
    with http.connect() as client:
        client.sendall(POST + b"Expect: 100-Continue\r\n" + framing + b"\r\n\r\n")
        assert client.recv(4096) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"abc" if b"Length" in framing else chunk(b"abc") + b"0\r\n\r\n")
        assert everything(client).endswith(b"POST / abc")


def test_a_client_that_sends_its_body_without_waiting_is_not_told_to(http: Running) -> None:
    answer = http.exchange(POST + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\nabc")
    assert answer.startswith(b"HTTP/1.1 200 ")


def test_http_1_0_knows_no_expectations(http: Running) -> None:
    with http.connect() as client:
        client.sendall(b"POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        client.sendall(b"abc")
        assert everything(client).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("framing", [b"Content-Length: 3", b"Transfer-Encoding: chunked"])
@pytest.mark.parametrize("more", [b"", b"Expect: 100-continue\r\n"])
def test_a_head_that_is_not_admitted_is_refused_before_its_body(
    http: Running, echo: Echo, framing: bytes, more: bytes
) -> None:
    echo.checks_heads = True
    with http.connect() as client:
        client.sendall(POST + more + framing + b"\r\n\r\n")
        assert everything(client).startswith(b"HTTP/1.1 401 ")
    assert echo.environs == []
    assert http.server.counters.bodies_being_read == 0


@pytest.mark.parametrize("framing", [b"Content-Length: 3", b"Transfer-Encoding: chunked"])
def test_a_head_that_is_admitted_is_followed_by_its_body(http: Running, echo: Echo, framing: bytes) -> None:
    echo.checks_heads = True
    body = b"abc" if b"Length" in framing else chunk(b"abc") + b"0\r\n\r\n"
    head = POST + b"X-Token: t\r\n" + framing + b"\r\n"
    with http.connect() as client:
        client.sendall(head + b"Expect: 100-continue\r\n\r\n")
        assert client.recv(4096) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(body)
        assert everything(client).endswith(b"POST / abc")
    with http.connect() as client:
        for byte in head + b"\r\n" + body:
            client.sendall(bytes([byte]))
        assert everything(client).endswith(b"POST / abc")
    assert http.status(head + b"\r\n" + body[:1], ends=True) == 400
    assert len(echo.environs) == 2
    assert http.server.counters.bodies_being_read == http.server.counters.buffered_bytes == 0


@pytest.mark.parametrize("framing", [b"Content-Length: 3", b"Transfer-Encoding: chunked"])
def test_an_admitted_request_may_wait_and_the_next_ones_are_answered(http: Running, echo: Echo, framing: bytes) -> None:
    echo.checks_heads = True
    body = b"abc" if b"Length" in framing else chunk(b"abc") + b"0\r\n\r\n"
    head = POST.replace(b"/ ", b"/held ", 1) + b"X-Token: t\r\n" + framing + b"\r\n\r\n"
    clients = [http.connect() for _ in range(3)]
    for number, client in enumerate(clients, 1):
        client.sendall(head + body[:1])
        client.sendall(body[1:])
        until(lambda: echo.running == number, "it runs")  # noqa: B023
    echo.is_held = False
    for client in clients:
        assert everything(client).endswith(b"POST /held abc")
        client.close()
    for _ in range(8):  # by the same tasks
        assert http.exchange(head + body[:1], body[1:]).endswith(b"POST /held abc")
    until(lambda: tasks.running() == 0, "all have ended")


def test_a_check_of_a_head_counts_as_a_request_in_flight(http: Running, echo: Echo) -> None:
    found: list[int] = []

    def admit(environ: dict[str, Any]) -> None:
        environ[CLIENT].on_gone = found.append
        found.append(http.server.counters.in_flight)
        environ[CLIENT].on_gone = None
        found.append(http.server.counters.in_flight)

    echo.checks_heads, echo.admit = True, admit  # type: ignore[method-assign]
    with http.connect() as client:
        client.sendall(POST + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        assert client.recv(4096) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"abc")
        assert everything(client).endswith(b"POST / abc")
    assert found == [0, 1]
    assert http.server.counters.in_flight == 0


def test_a_refusal_counts_as_a_request_in_flight(http: Running, echo: Echo) -> None:
    found: list[int] = []

    def refuse(environ: dict[str, Any], why: Refusal) -> Reply:
        environ[CLIENT].on_gone = found.append  # as a face that waits for the identity service
        found.append(http.server.counters.in_flight)
        environ[CLIENT].on_gone = None
        return Reply(400, [], why.name.encode())

    echo.refuse = refuse  # type: ignore[method-assign]
    assert http.status(POST + b"Content-Length: 3\r\n\r\na", ends=True) == 400
    assert found == [0]
    assert http.server.counters.in_flight == 0
