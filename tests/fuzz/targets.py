"""Where fuzzed requests run: in this process without HTTP, and over HTTP at a service in a process of its own."""

from __future__ import annotations

import contextlib
import gc
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, cast
from urllib.parse import unquote_to_bytes, urlsplit

import msgspec
import psutil

from sqs_facade.compat.launching import ServiceProcess
from sqs_facade.wsgi import APPLICATION, create_app
from tests.fuzz import frames, verified
from tests.fuzz.case import Case
from tests.private_valkey import private_valkey
from zaqar_core.configuration.settings import Settings
from zaqar_core.core import queues
from zaqar_core.domain.names import QueueRef
from zaqar_core.pools.routing import new_core
from zaqar_core.rest.face import ZaqarFace
from zaqar_core.store import keys, registry
from zaqar_core.web.envelope import Refusal
from zaqar_core.web.server.heads import HeadParser
from zaqar_core.web.server.refusals import Refused
from zaqar_core.websocket.conversation import Conversation, Service

#: A request without a response for so long hangs.
PATIENCE_SECONDS = 30.0
_KEY = "fuzz:" + "A" * 43 + "="
_RESET = Case("POST", b"/_test/reset", headers=[("Content-Type", b"application/json")], body=b'{"all":true}')


class Hung(Exception):
    """A request got no response in time."""


class Target(Protocol):
    """A service that is fuzzed."""

    def send(self, case: Case) -> tuple[int, bytes]:
        """Return status and body of the response; status 0 if the connection was closed without one. Raises Hung."""

    def memory_bytes(self) -> int:
        """Delete all queues, and return the memory of the service's processes and of the store."""


class InProcess:
    """The application that the server runs, called by a thread of this process."""

    def __init__(self, url: str, credentials_file: Path | None = None) -> None:
        self._application = create_app(_settings(url, credentials_file)).extensions[APPLICATION]
        self._heads = HeadParser()
        self._template = {
            "REQUEST_METHOD": "GET",
            "SCRIPT_NAME": "",
            "PATH_INFO": "/",
            "QUERY_STRING": "",
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "9324",
            "REMOTE_ADDR": "127.0.0.1",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "wsgi.url_scheme": "http",
        }
        self._store = private_client(url)
        self._reset = _RESET
        if credentials_file is not None:
            self._reset = replace(_RESET, headers=[*_RESET.headers, verified.BASIC])

    def send(self, case: Case) -> tuple[int, bytes]:
        """Run the request. An exception of the application is a defect, so it is raised."""
        if case.raw is None:
            environ, body = self._environ(case), case.body
        else:
            head, end, body = case.request(b"127.0.0.1:9324").partition(b"\r\n\r\n")
            if not end:
                return 0, b""
            try:
                found = self._heads.parse(head.lstrip(b"\r\n") + end if head.lstrip(b"\r\n") else end + end)
                environ = self._template | found.fields
            except Refused as refused:
                return refused.reply().status, b""
        if len(body) > self._application.body_limit(environ):
            reply = self._application.refuse(environ, Refusal.BODY_TOO_LARGE)
        else:
            reply = self._application.respond(environ, body)
        return reply.status, reply.body

    def _environ(self, case: Case) -> dict[str, Any]:
        environ = self._template | {
            "REQUEST_METHOD": case.method,
            "PATH_INFO": unquote_to_bytes(case.path).decode("latin-1"),
            "QUERY_STRING": case.query.decode("latin-1"),
            "HTTP_HOST": "127.0.0.1:9324",
        }
        for name, value in case.headers:
            key = name.upper().replace("-", "_")
            environ[key if key == "CONTENT_TYPE" else f"HTTP_{key}"] = value.decode("latin-1")
        return environ

    def memory_bytes(self) -> int:
        status, body = self.send(self._reset)
        assert status == 200, body
        gc.collect()
        return int(psutil.Process().memory_info().rss) + _used(self._store)


class Frames:
    """A WebSocket connection without its transport: each case is a frame. A new one begins now and then."""

    _FRAMES_OF_A_CONNECTION = 200

    def __init__(self, url: str) -> None:
        settings = _settings(url, None)
        self._service = Service(new_core(settings, url), ZaqarFace(settings))
        self._store = private_client(url)
        self._left = 0

    def send(self, case: Case) -> tuple[int, bytes]:
        if self._left == 0:
            self._left = self._FRAMES_OF_A_CONNECTION
            self._conversation = Conversation(self._service, "127.0.0.1")
            self._conversation.subscriber = "fuzz"
        self._left -= 1
        if case.method == frames.BINARY:
            found = msgspec.msgpack.decode(cast("bytes", self._conversation.answer(case.body)))
        else:
            found = msgspec.json.decode(self._conversation.answer(case.body.decode("utf-8", "replace")))
        if self._left == 0:
            self._conversation.end()
        return int(found["headers"]["status"]), msgspec.json.encode(found)

    def memory_bytes(self) -> int:
        session = self._service.core.session()
        for namespace in registry.namespaces(session.store):
            account, region = keys.namespace(namespace)
            for name in queues.names(session, account, region, after="", limit=1_000):
                queues.delete(session, QueueRef(account, region, name))
        gc.collect()
        return int(psutil.Process().memory_info().rss) + _used(self._store)


class OverHttp:
    """A service, and one connection to it, which is opened again whenever the service closes it."""

    def __init__(self, service: ServiceProcess, store: Any) -> None:
        where = urlsplit(service.url)
        self._address = (where.hostname or "", where.port or 0)
        self._host = where.netloc.encode()
        self._service = service
        self._store = store
        self._socket: socket.socket | None = None

    def another(self) -> OverHttp:
        """Return a target with a connection of its own to the same service."""
        return OverHttp(self._service, self._store)

    def send(self, case: Case) -> tuple[int, bytes]:
        for last in (False, True):
            is_new = self._socket is None
            if self._socket is None:
                self._socket = socket.create_connection(self._address, PATIENCE_SECONDS)
                self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                return self._exchange(self._socket, case)
            except TimeoutError:
                self.close()
                raise Hung from None
            except OSError:
                self.close()
                if case.raw is not None or is_new or last:
                    return 0, b""
        raise AssertionError

    def _exchange(self, connection: socket.socket, case: Case) -> tuple[int, bytes]:
        connection.sendall(case.request(self._host))
        if case.raw is None:
            status, body, closes = _response(connection, is_head=case.method == "HEAD")
            if closes:
                self.close()
            return status, body
        # What is not a whole request ends here, so the server need not wait for the rest.
        connection.shutdown(socket.SHUT_WR)
        received = b""
        while part := connection.recv(65536):
            received += part
        self.close()
        # Responses of one connection follow each other; the first that is at least 500 counts.
        found = [
            int(one[9:12]) for one in received.split(b"\r\n") if one.startswith(b"HTTP/1.1 ") and one[9:12].isdigit()
        ]
        return next((one for one in found if one >= 500), found[0] if found else 0), received

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def memory_bytes(self) -> int:
        self.send(_RESET)
        process = psutil.Process(self._service.process.pid)
        return sum(int(one.memory_info().rss) for one in (process, *process.children(recursive=True))) + _used(
            self._store
        )


def _response(connection: socket.socket, *, is_head: bool) -> tuple[int, bytes, bool]:
    """Read one response; return its status, its body, and whether the server closes the connection after it."""
    incoming = _Incoming(connection)
    lines = incoming.until(b"\r\n\r\n").split(b"\r\n")
    headers = dict(line.lower().split(b": ", 1) for line in lines[1:] if b": " in line)
    status = int(lines[0][9:12])
    if status == 100:
        raise AssertionError("a response of 100 to a request that does not expect it")
    body = b""
    if headers.get(b"transfer-encoding") == b"chunked":
        while size := int(incoming.until(b"\r\n"), 16):
            body += incoming.take(size)
            assert incoming.take(2) == b"\r\n", "a chunk is longer than its size"
        assert incoming.take(2) == b"\r\n", "trailers"
    elif not is_head and status not in (204, 304):
        body = incoming.take(int(headers.get(b"content-length", b"0")))
    assert not incoming.rest, "more than one response to a request"
    return status, body, headers.get(b"connection") == b"close"


class _Incoming:
    """What a connection receives. Its methods raise ConnectionError when it ends before."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.rest = b""

    def until(self, end: bytes) -> bytes:
        """Return the bytes before ``end``, and pass over it."""
        while end not in self.rest:
            self._receive()
        found, _, self.rest = self.rest.partition(end)
        return found

    def take(self, size: int) -> bytes:
        while len(self.rest) < size:
            self._receive()
        found, self.rest = self.rest[:size], self.rest[size:]
        return found

    def _receive(self) -> None:
        part = self._connection.recv(65536)
        if not part:
            raise ConnectionError
        self.rest += part


def private_client(url: str) -> Any:
    """Return a client of the store."""
    import redis

    return redis.Redis.from_url(url)


def _settings(url: str, credentials_file: Path | None) -> Settings:
    return Settings(
        redis=url,
        durability="memory",
        test_hooks=True,
        webhook_allowed_networks=("127.0.0.0/8",),
        encryption_keys=(_KEY,),
        credentials_file=credentials_file,
    )


def _used(store: Any) -> int:
    return int(store.info("memory")["used_memory"])


@contextmanager
def in_process() -> Iterator[InProcess]:
    """Run the application in this process, on a Valkey of its own. Its background threads end with the process."""
    with private_valkey() as valkey:
        yield InProcess(valkey.url)


@contextmanager
def in_process_verified() -> Iterator[InProcess]:
    """Run the application with a credentials file."""
    with private_valkey() as valkey, tempfile.TemporaryDirectory(prefix="sf") as folder:
        file = Path(folder) / "credentials.toml"
        file.write_text(verified.CREDENTIALS_FILE)
        file.chmod(0o600)
        yield InProcess(valkey.url, file)


@contextmanager
def of_frames() -> Iterator[Frames]:
    """Answer frames in this process, on a Valkey of its own."""
    with private_valkey() as valkey:
        yield Frames(valkey.url)


@contextmanager
def over_http() -> Iterator[OverHttp]:
    """Start a service on a Valkey of its own."""
    with private_valkey() as valkey, contextlib.ExitStack() as stack:
        environment = {
            "SQS_FACADE_REDIS": valkey.url,
            "SQS_FACADE_DURABILITY": "memory",
            "SQS_FACADE_TEST_HOOKS": "true",
            "SQS_FACADE_WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
            "SQS_FACADE_ENCRYPTION_KEYS": _KEY,
        }
        service = ServiceProcess("serve", environment=environment)
        stack.callback(service.stop)
        target = OverHttp(service, private_client(valkey.url))
        stack.callback(target.close)
        yield target
