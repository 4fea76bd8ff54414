"""Requests that are refused: what HTTP does not allow, and what this server does not accept."""

from __future__ import annotations

import pytest

from tests.server.conftest import Echo, Running
from zaqar_core.web.server import limits

HOST = b"Host: x\r\n"
GET = b"GET / HTTP/1.1\r\n"
POST = b"POST / HTTP/1.1\r\n" + HOST
#: A second request, which must never be run: it would be smuggled.
HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n"

MALFORMED = {
    "an obsolete line folding": GET + HOST + b"A: b\r\n c\r\n\r\n",
    "an obsolete line folding by a tab": GET + HOST + b"A: b\r\n\tc\r\n\r\n",
    "a space before the first header": GET + b" A: b\r\n" + HOST + b"\r\n",
    "a space before the colon": GET + HOST + b"Content-Length : 1\r\n\r\n",
    "no colon": GET + HOST + b"Nothing\r\n\r\n",
    "no name": GET + HOST + b": a\r\n\r\n",
    "a name with a space": GET + HOST + b"A b: c\r\n\r\n",
    "a name with a control character": GET + HOST + b"A\x01: c\r\n\r\n",
    "a name that is not ASCII": GET + HOST + b"A\xe9: c\r\n\r\n",
    "a NUL in a value": GET + HOST + b"A: b\0c\r\n\r\n",
    "a control character in a value": GET + HOST + b"A: b\x07c\r\n\r\n",
    "a CR alone": GET + HOST + b"A: b\rc\r\n\r\n",
    "a LF alone": GET + HOST + b"A: b\nContent-Length: 5\r\n\r\n",
    "LF after the request line": b"GET / HTTP/1.1\n" + HOST + b"\r\n",
    "two lengths that differ": POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "two equal lengths": POST + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\na",
    "a list of lengths": POST + b"Content-Length: 1, 1\r\n\r\na",
    "a length with a sign": POST + b"Content-Length: +1\r\n\r\na",
    "a negative length": POST + b"Content-Length: -1\r\n\r\na",
    "a hexadecimal length": POST + b"Content-Length: 0x1\r\n\r\na",
    "an empty length": POST + b"Content-Length:\r\n\r\n",
    "a length of 2 to the power of 64": POST + b"Content-Length: 18446744073709551616\r\n\r\n",
    "a length and a coding": POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a coding and a length": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "a coding in HTTP/1.0": b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "no host": GET + b"\r\n",
    "two hosts": GET + HOST + HOST + b"\r\n",
    "two hosts that differ": GET + HOST + b"Host: y\r\n\r\n",
    "a host with a space": GET + b"Host: x y\r\n\r\n",
    "a host with a path": GET + b"Host: x/y\r\n\r\n",
    "a host with user information": GET + b"Host: u@x\r\n\r\n",
    "no version": b"GET /\r\n" + HOST + b"\r\n",
    "another protocol": b"GET / RTSP/1.0\r\n" + HOST + b"\r\n",
    "a version in lower case": b"GET / http/1.1\r\n" + HOST + b"\r\n",
    "a space after the version": b"GET / HTTP/1.1 \r\n" + HOST + b"\r\n",
    "no method": b" / HTTP/1.1\r\n" + HOST + b"\r\n",
    "a method with a parenthesis": b"GE(T / HTTP/1.1\r\n" + HOST + b"\r\n",
    "no target": b"GET HTTP/1.1\r\n" + HOST + b"\r\n",
    "a target without slash": b"GET a HTTP/1.1\r\n" + HOST + b"\r\n",
    "a target that is not ASCII": b"GET /\xe9 HTTP/1.1\r\n" + HOST + b"\r\n",
    "a target with a control character": b"GET /\x01 HTTP/1.1\r\n" + HOST + b"\r\n",
    "an asterisk for another method": b"GET * HTTP/1.1\r\n" + HOST + b"\r\n",
    "a target with user information": b"GET http://u@x/ HTTP/1.1\r\n" + HOST + b"\r\n",
    "a target of another scheme": b"GET ftp://x/ HTTP/1.1\r\n" + HOST + b"\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "nothing of HTTP": b"hello\r\n\r\n",
}


@pytest.mark.parametrize("request_bytes", MALFORMED.values(), ids=MALFORMED)
def test_what_is_not_http_is_refused_and_ends_the_connection(http: Running, echo: Echo, request_bytes: bytes) -> None:
    answer = http.exchange(request_bytes + HIDDEN)
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert answer.count(b"HTTP/1.1 ") == 1 + answer.count(b"speaks HTTP/1.1")
    assert b"\r\nConnection: close\r\n" in answer
    assert echo.environs == []
    assert http.server.counters.refused == {"malformed": 1}


@pytest.mark.parametrize(
    ("request_bytes", "status", "reason"),
    [
        (b"GET / HTTP/2.0\r\n" + HOST + b"\r\n", 505, "version"),
        (b"GET / HTTP/1.2\r\n" + HOST + b"\r\n", 505, "version"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "version"),
        (POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 501, "transfer coding"),
        (POST + b"Transfer-Encoding: gzip\r\n\r\n", 501, "transfer coding"),
        (POST + b"Transfer-Encoding: identity\r\n\r\n", 501, "transfer coding"),
        (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501, "transfer coding"),
        (POST + b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 501, "transfer coding"),
        (b"CONNECT x:1 HTTP/1.1\r\n" + HOST + b"\r\n", 501, "tunnel"),
        (POST + b"Expect: a-miracle\r\nContent-Length: 1\r\n\r\na", 417, "expectation"),
    ],
)
def test_what_the_server_does_not_offer_is_refused(
    http: Running, echo: Echo, request_bytes: bytes, status: int, reason: str
) -> None:
    assert http.status(request_bytes + HIDDEN) == status
    assert echo.environs == []
    assert http.server.counters.refused == {reason: 1}


@pytest.mark.parametrize("is_complete", [True, False])
def test_headers_beyond_the_limit_are_refused(http: Running, is_complete: bool) -> None:
    head = GET + HOST + b"A: " + b"b" * limits.HEAD_BYTES
    assert http.status(head + (b"\r\n\r\n" if is_complete else b"")) == 431


def test_headers_up_to_the_limit_are_accepted(http: Running) -> None:
    head = GET + HOST + b"Connection: close\r\nA: "
    assert http.status(head + b"b" * (limits.HEAD_BYTES - len(head) - 4) + b"\r\n\r\n") == 200


def test_too_many_headers_are_refused(http: Running) -> None:
    assert http.status(GET + HOST + b"A: b\r\n" * limits.HEADERS + b"\r\n") == 431


@pytest.mark.parametrize("is_complete", [True, False])
def test_a_request_line_beyond_the_limit_is_refused(http: Running, is_complete: bool) -> None:
    line = b"GET /" + b"a" * limits.HEAD_BYTES
    assert http.status(line + (b" HTTP/1.1\r\n" + HOST + b"\r\n" if is_complete else b"")) == 414


def test_more_names_of_headers_than_are_remembered_do_no_harm(http: Running, echo: Echo) -> None:
    with http.connect() as client:
        for turn in range(20):
            names = b"".join(b"X-%d-%d: a\r\n" % (turn, number) for number in range(90))
            client.sendall(GET + HOST + names + b"\r\n")
            assert client.recv(4096).startswith(b"HTTP/1.1 200")
    assert echo.environs[-1]["HTTP_X_19_89"] == "a"
