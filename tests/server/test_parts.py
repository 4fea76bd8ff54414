"""Responses that are sent in parts while they are made."""

from __future__ import annotations

from http.client import HTTPConnection, IncompleteRead

import pytest

from tests.patience import until
from tests.server.conftest import GET, Echo, Running, Start, length_of_rest

PART = 1 << 20


def parts(query: bytes, *, version: bytes = b"1.1", method: bytes = b"GET", more: bytes = b"") -> bytes:
    return b"%b /parts?%b HTTP/%b\r\nHost: x\r\n%b\r\n" % (method, query, version, more)


def test_parts_are_sent_in_chunks_and_the_connection_stays_open(http: Running, echo: Echo) -> None:
    client = HTTPConnection(*http.address)
    for _ in range(2):
        client.request("GET", "/parts?3")
        answer = client.getresponse()
        assert answer.headers["Transfer-Encoding"] == "chunked"
        assert "Content-Length" not in answer.headers
        assert answer.read() == b"x" * 3 * PART
    client.close()
    assert [one.is_closed.is_set() for one in echo.parts] == [True, True]
    assert http.server.counters.accepted == 1


def test_no_parts_are_an_empty_body(http: Running) -> None:
    assert http.exchange(parts(b"0", more=b"Connection: close\r\n")).endswith(b"\r\n\r\n0\r\n\r\n")


@pytest.mark.parametrize("more", [b"", b"Connection: keep-alive\r\n"])
def test_http_1_0_gets_the_parts_until_the_connection_ends(http: Running, more: bytes) -> None:
    head, _, body = http.exchange(parts(b"2", version=b"1.0", more=more)).partition(b"\r\n\r\n")
    assert b"chunked" not in head
    assert b"Connection: close" in head
    assert body == b"x" * 2 * PART


def test_head_makes_no_parts(http: Running, echo: Echo) -> None:
    answer = http.exchange(parts(b"2", method=b"HEAD", more=b"Connection: close\r\n"))
    assert answer.endswith(b"\r\n\r\n")
    assert echo.parts[0].made == 0
    assert echo.parts[0].is_closed.is_set()


def test_a_response_that_breaks_off_is_not_whole(http: Running, echo: Echo) -> None:
    client = HTTPConnection(*http.address)
    client.request("GET", "/parts?1&breaks")
    with pytest.raises((IncompleteRead, ConnectionResetError)):
        client.getresponse().read()
    client.close()
    assert echo.parts[0].is_closed.is_set()


def test_no_more_parts_are_made_than_the_client_reads(http: Running, echo: Echo) -> None:
    with http.connect() as client:
        client.sendall(parts(b"64", more=b"Connection: close\r\n"))
        until(lambda: http.server.counters.unsent_bytes > 0, "the client does not read")
        with http.connect() as other:  # a turn of the loop
            other.sendall(GET)
            assert other.recv(4096)
        made = echo.parts[0].made
        assert made < 32  # what the system buffers, and one more
        assert length_of_rest(client) > 64 * PART
    assert echo.parts[0].made == 64


def test_no_more_parts_are_made_for_a_client_that_has_gone(http: Running, echo: Echo) -> None:
    with http.connect() as client:
        client.sendall(parts(b"1000"))
        until(lambda: http.server.counters.unsent_bytes > 0, "the client does not read")
    assert echo.parts[0].is_closed.wait(30)
    assert echo.parts[0].made < 1000
    assert http.server.counters.unsent_bytes == 0


def test_a_client_that_reads_no_parts_is_disconnected(start: Start, echo: Echo) -> None:
    http = start(write_idle_seconds=0.1)
    with http.connect() as client:
        client.sendall(parts(b"1000"))
        until(lambda: http.server.counters.shed == {"slow reader": 1}, "it is disconnected")
        assert echo.parts[0].is_closed.wait(30)
