"""Requests, their environ, and their responses."""

from __future__ import annotations

import pytest

from tests.server.conftest import Echo, Running
from zaqar_core.web.envelope import CLIENT

END = b"Host: x\r\nConnection: close\r\n\r\n"


def test_a_request_with_its_body_is_answered(http: Running) -> None:
    answer = http.exchange(b"POST /a HTTP/1.1\r\nContent-Length: 5\r\n" + END + b"hello")
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"HTTP/1.1 200 OK"
    assert {b"Content-Length: 13", b"Content-Type: text/plain", b"Connection: close"} < set(lines)
    assert [line for line in lines if line.startswith(b"Date: ") and line.endswith(b" GMT")]
    assert body == b"POST /a hello"


def test_the_environ_is_that_of_wsgi(http: Running, echo: Echo) -> None:
    http.exchange(
        b"PUT /a%20b/%E2%82%AC?c=%20d HTTP/1.1\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n"
        b"X-Amz-Target:  A.B \t\r\nx-twice: 1\r\nX-Twice: 2\r\nCookie: a=1\r\nCookie: b=2\r\nX-Latin: \xe9\r\n"
        b"X-Empty:\r\n" + END + b"{}"
    )
    [environ] = echo.environs
    assert environ.pop(CLIENT) is not None
    assert environ.pop("REMOTE_PORT").isdecimal()
    assert environ == {
        "REQUEST_METHOD": "PUT",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/a b/\xe2\x82\xac",
        "RAW_URI": "/a%20b/%E2%82%AC?c=%20d",
        "QUERY_STRING": "c=%20d",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": str(http.address[1]),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_TYPE": "text/plain",
        "CONTENT_LENGTH": "2",
        "HTTP_HOST": "x",
        "HTTP_CONNECTION": "close",
        "HTTP_X_AMZ_TARGET": "A.B",
        "HTTP_X_TWICE": "1,2",
        "HTTP_COOKIE": "a=1; b=2",
        "HTTP_X_LATIN": "\xe9",
        "HTTP_X_EMPTY": "",
        "wsgi.url_scheme": "http",
    }


def test_a_header_with_an_underscore_cannot_pose_as_another(http: Running, echo: Echo) -> None:
    http.exchange(b"GET / HTTP/1.1\r\nX_Project_Id: intruder\r\nContent_Length: 5\r\n" + END)
    assert not [key for key in echo.environs[0] if "PROJECT" in key or "LENGTH" in key]


@pytest.mark.parametrize(
    "method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "BREW", "get", "a!b"]
)
def test_every_method_reaches_the_application(http: Running, echo: Echo, method: str) -> None:
    answer = http.exchange(f"{method} /x HTTP/1.1\r\n".encode() + END)
    assert answer.endswith(f"{method} /x ".encode())


def test_a_response_to_head_has_the_length_and_no_body(http: Running) -> None:
    head, _, body = http.exchange(b"HEAD /a HTTP/1.1\r\n" + END).partition(b"\r\n\r\n")
    assert head.endswith(b"\r\nContent-Length: 8")
    assert body == b""


def test_a_204_has_neither_body_nor_length(http: Running) -> None:
    answer = http.exchange(b"DELETE /nothing HTTP/1.1\r\n" + END)
    assert answer.startswith(b"HTTP/1.1 204 No Content\r\n")
    assert b"Content-Length" not in answer


@pytest.mark.parametrize(
    ("target", "path", "query", "host"),
    [
        (b"http://other:1/p?q", "/p", "q", "other:1"),
        (b"HTTP://other", "/", "", "other"),
        (b"https://other?q", "/", "q", "other"),
        (b"/p#fragment?no", "/p", "", "x"),
        (b"/p?a?b#c", "/p", "a?b", "x"),
        (b"//p//q", "//p//q", "", "x"),
        (b"/%zz%2", "/%zz%2", "", "x"),
        (b"/%2F%00", "//\0", "", "x"),
    ],
)
def test_targets(http: Running, echo: Echo, target: bytes, path: str, query: str, host: str) -> None:
    http.exchange(b"GET " + target + b" HTTP/1.1\r\n" + END)
    [environ] = echo.environs
    assert (environ["PATH_INFO"], environ["QUERY_STRING"], environ["HTTP_HOST"]) == (path, query, host)


def test_options_of_the_whole_server_is_answered(http: Running, echo: Echo) -> None:
    assert http.status(b"OPTIONS * HTTP/1.1\r\n" + END) == 200
    assert echo.environs[0]["PATH_INFO"] == "*"


@pytest.mark.parametrize(
    ("version", "option", "is_kept"),
    [
        (b"1.1", b"", True),
        (b"1.1", b"Connection: keep-alive\r\n", True),
        (b"1.1", b"Connection: x, Close\r\n", False),
        (b"1.0", b"", False),
        (b"1.0", b"Connection: Keep-Alive\r\n", True),
        (b"1.0", b"Connection: keep-alive, close\r\n", False),
    ],
)
def test_a_connection_is_kept_as_its_client_wishes(http: Running, version: bytes, option: bytes, is_kept: bool) -> None:
    request = b"GET /a HTTP/" + version + b"\r\nHost: x\r\n" + option + b"\r\n"
    with http.connect() as client:
        client.sendall(request)
        answer = client.recv(4096)
        assert answer.startswith(b"HTTP/1.1 200")
        if is_kept:
            client.sendall(request)
            assert client.recv(4096).startswith(b"HTTP/1.1 200")
            assert (b"Connection: keep-alive" in answer) == (version == b"1.0")
        else:
            assert b"Connection: close" in answer
            assert client.recv(4096) == b""


def test_http_1_0_needs_no_host(http: Running) -> None:
    assert http.status(b"GET / HTTP/1.0\r\n\r\n") == 200


def test_an_empty_line_before_a_request_is_ignored(http: Running) -> None:
    assert http.status(b"\r\nGET / HTTP/1.1\r\n" + END) == 200


@pytest.mark.parametrize("upgrade", [b"h2c", b"websocket"])
def test_an_offer_of_another_protocol_is_ignored(http: Running, upgrade: bytes) -> None:
    """Java's HttpClient offers h2c with its first request."""
    head = b"POST /a HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: " + upgrade
    request = head + b"\r\nContent-Length: 1\r\n\r\nb"
    answer = http.exchange(request + b"GET /c HTTP/1.1\r\n" + END)
    assert b"POST /a b" in answer
    assert answer.endswith(b"GET /c ")


def test_an_application_that_fails_is_an_internal_error_and_the_connection_goes_on(http: Running) -> None:
    answer = http.exchange(b"GET /fail HTTP/1.1\r\nHost: x\r\n\r\nGET /a HTTP/1.1\r\n" + END)
    assert answer.startswith(b"HTTP/1.1 500 ")
    assert answer.endswith(b"GET /a ")


def test_a_header_with_a_line_break_is_never_sent(http: Running) -> None:
    answer = http.exchange(b"GET /split HTTP/1.1\r\n" + END)
    assert answer.startswith(b"HTTP/1.1 500 ")
    assert b"Injected" not in answer


def test_a_client_that_closes_its_side_gets_its_response(http: Running) -> None:
    assert http.exchange(b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n", ends=True).endswith(b"GET /a ")


def test_a_running_request_learns_that_its_client_has_gone(http: Running, echo: Echo) -> None:
    with http.connect() as client:
        client.sendall(b"GET /waiting HTTP/1.1\r\nHost: x\r\n\r\n")
    assert echo.gone.wait(30)
    assert echo.environs[0][CLIENT].is_gone
