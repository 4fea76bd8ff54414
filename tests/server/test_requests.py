"""Requests and their responses."""

from __future__ import annotations

from tests.server.conftest import Running

CLOSE = b"Connection: close\r\n"


def test_a_request_is_answered(http: Running) -> None:
    answer = http.exchange(b"POST /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\nContent-Length: 13\r\n" in head + b"\r\n"
    assert b"\r\nDate: " in head
    assert body == b"POST /a hello"
