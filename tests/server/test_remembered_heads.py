"""Heads that come again are not parsed again, and each request still has what its own head says."""

from __future__ import annotations

import pytest

from tests.server.conftest import Echo, Running, everything
from zaqar_core.web.server.heads import HeadParser
from zaqar_core.web.server.refusals import Refused

HEADS = (
    b"GET /1?a=b HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /1?a=b HTTP/1.1\r\nHost: x\r\nX-A: 1\r\n\r\n",
    b"GET /1?a=b HTTP/1.1\r\nHost: x\r\nX-A: 2\r\n\r\n",
    b"GET /1?a=b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    b"GET /1?a=b HTTP/1.0\r\nHost: x\r\n\r\n",
    b"HEAD /1?a=b HTTP/1.1\r\nHost: x\r\n\r\n",
    b"POST /%41 HTTP/1.1\r\nHost: y\r\nContent-Length: 3\r\n\r\n",
    b"POST http://z/ HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
)
REFUSED = (
    b"GET / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"GET / HTTP/3.0\r\nHost: x\r\n\r\n",
)


def test_a_repeated_head_says_the_same() -> None:
    parser = HeadParser()
    first = [parser.parse(head) for head in HEADS]
    for head, known in zip(HEADS, first, strict=True):
        found, fresh = parser.parse(head), HeadParser().parse(head)
        assert found is known
        assert (found.fields, found.length, found.is_head, found.connection) == (
            fresh.fields, fresh.length, fresh.is_head, fresh.connection,
        )  # fmt: skip


@pytest.mark.parametrize("head", REFUSED)
def test_a_refused_head_is_refused_each_time(head: bytes) -> None:
    parser = HeadParser()
    for _ in range(3):
        with pytest.raises(Refused):
            parser.parse(head)


@pytest.mark.parametrize(
    ("target", "header"),
    [
        (b"/", b"Authorization: a"),
        (b"/", b"X-Auth-Token: a"),
        (b"/", b"X-Storage-Token: a"),
        (b"/", b"X-Service-Token: a"),
        (b"/", b"Proxy-Authorization: a"),
        (b"/", b"cookie: a"),
        (b"/", b"URL-Signature: a"),
        (b"/?Action=ListQueues&X-Amz-Signature=a", b"Accept: */*"),
        (b"/?Signature=a", b"Accept: */*"),
        (b"/", b"X-A: " + b"a" * 512),
    ],
)
def test_heads_with_credentials_and_long_heads_are_not_kept(target: bytes, header: bytes) -> None:
    parser = HeadParser()
    head = b"GET " + target + b" HTTP/1.1\r\nHost: x\r\n" + header + b"\r\n\r\n"
    assert parser.parse(head) is not parser.parse(head)
    assert not parser._heads


def test_any_number_of_heads_needs_little_memory() -> None:
    parser = HeadParser()
    for number in range(2_000):
        assert parser.parse(b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n" % number).fields["PATH_INFO"] == f"/{number}"
    assert len(parser._heads) <= 256


def test_what_an_application_adds_to_a_request_is_not_in_the_next_one(http: Running, echo: Echo) -> None:
    head = b"GET /same HTTP/1.1\r\nHost: x\r\n\r\n"
    with http.connect() as client:
        for _ in range(2):
            client.sendall(head)
            assert client.recv(4096).endswith(b"GET /same ")
            echo.environs[-1]["added"] = True
    assert "added" in echo.environs[0]
    first, second = ({key: value for key, value in one.items() if key != "added"} for one in echo.environs)
    assert first == second


def test_requests_with_the_same_head_keep_their_own_bodies_and_addresses(http: Running, echo: Echo) -> None:
    head = b"POST /same HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n"
    ports = []
    for body in (b"a", b"b"):
        with http.connect() as client:
            ports.append(str(client.getsockname()[1]))
            client.sendall(head + body)
            assert client.recv(4096).endswith(b"POST /same " + body)
    assert [one["REMOTE_PORT"] for one in echo.environs] == ports


def test_every_division_of_alternating_heads_is_answered_alike(http: Running) -> None:
    """The heads are known from the first connection on."""
    one = b"POST /1 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab"
    other = b"POST /2 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n\r\n"
    sent = one + other + one + b"GET /3 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    whole = http.exchange(sent)
    for at in range(1, len(sent), 3):
        with http.connect() as client:
            client.sendall(sent[:at])
            client.sendall(sent[at:])
            assert everything(client).split(b"\r\n\r\n")[1:] == whole.split(b"\r\n\r\n")[1:]
