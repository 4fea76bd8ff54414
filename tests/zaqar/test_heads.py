"""With Keystone, a request is refused for its token before its body is read."""

from __future__ import annotations

import socket
import uuid
from collections.abc import Iterator

import pytest
from flask import Flask
from werkzeug.test import EnvironBuilder, run_wsgi_app

from sqs_facade.wsgi import APPLICATION, create_app
from tests.server.conftest import Running, everything
from tests.zaqar.test_identity import Tokens
from zaqar_core.configuration.settings import Settings
from zaqar_core.keystone import authentication
from zaqar_core.web.server.limits import Limits


@pytest.fixture(params=["plain", "with CORS"])
def app(valkey: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Flask:
    monkeypatch.setattr(authentication, "configured", lambda settings: Tokens())
    origins = ("http://a",) if request.param == "with CORS" else ()
    return create_app(Settings(redis=valkey, durability="memory", test_hooks=True, allowed_origins=origins))


@pytest.fixture
def guarded(app: Flask) -> Iterator[Running]:
    running = Running(app.extensions[APPLICATION], Limits())
    yield running
    running.end()
    app.extensions["sqs_facade"].close()


class Unread:
    """The input of a request whose body must not be read."""

    def read(self, size: int = -1) -> bytes:
        raise AssertionError(f"{size} bytes were read")


def test_under_threads_a_missing_token_is_reported_without_reading(guarded: Running, lane: str, app: Flask) -> None:
    del guarded
    environ = EnvironBuilder("/v2/queues/a/messages", method="POST").get_environ()
    environ |= {"CONTENT_LENGTH": "9", "wsgi.input": Unread(), "HTTP_X_SQS_FACADE_LANE": lane}
    _, status, _ = run_wsgi_app(app.wsgi_app, environ)
    assert status.startswith("401 ")


def head_of(path: str, method: str, lane: str, token: str) -> bytes:
    lines = [
        f"{method} {path} HTTP/1.1", "Host: localhost", f"X-SQS-Facade-Lane: {lane}", f"X-Auth-Token: {token}",
        f"Client-ID: {uuid.uuid4()}", "Content-Type: application/json", "Connection: close",
    ]  # fmt: skip
    return "".join(f"{line}\r\n" for line in lines).encode()


def test_a_missing_token_is_reported_before_the_body_arrives(guarded: Running, lane: str) -> None:
    for method, path in (("POST", "/v2/queues/a/messages"), ("PUT", "/v2/queues/a")):
        with guarded.connect() as client:
            client.sendall(head_of(path, method, lane, "") + b"Content-Length: 99\r\n\r\n")
            answer = everything(client)
        assert answer.startswith(b"HTTP/1.1 401 ")
        assert b"www-authenticate: keystone" in answer.lower()


def test_a_body_that_comes_later_belongs_to_the_project_of_the_token(guarded: Running, lane: str) -> None:
    body = b'{"messages": [{"body": "x", "ttl": 60}]}'
    head = head_of("/v2/queues/late/messages", "POST", lane, f"{uuid.uuid4().hex} member")
    with guarded.connect() as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.sendall(head + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body))
        assert client.recv(4096) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(body)
        assert everything(client).startswith(b"HTTP/1.1 201 ")
