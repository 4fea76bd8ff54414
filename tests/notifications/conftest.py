"""A store of their own, a subscriber that can misbehave, and processes' notifiers."""

from __future__ import annotations

import json
import ssl
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import trustme

from tests.private_valkey import private_valkey
from tests.zaqar.conftest import Zaqar
from zaqar_core.configuration.settings import Settings
from zaqar_core.core import deliveries, queues, subscriptions
from zaqar_core.core.process import Core
from zaqar_core.core.session import Session
from zaqar_core.domain.model import NewMessage, QueueSettings
from zaqar_core.domain.names import QueueRef
from zaqar_core.notifications import channels
from zaqar_core.notifications.notifier import Notifier
from zaqar_core.rest.confirmations import Confirmations
from zaqar_core.store import keys

LOOPBACK = ("127.0.0.0/8",)


@dataclass
class Seen:
    """A request that a subscriber got."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Subscriber:
    """An HTTP server. ``statuses`` are its next answers, then 200; while ``hangs`` is set it answers nothing.

    ``hangs_at`` are bodies of messages to which it answers nothing, ``answers_at`` the status for others.
    """

    port: int = 0
    seen: list[Seen] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    hangs: bool = False
    hangs_at: set[str] = field(default_factory=set)
    answers_at: dict[str, int] = field(default_factory=dict)
    let_go: threading.Event = field(default_factory=threading.Event)
    most_at_once: int = 0
    _at_once: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _server: ThreadingHTTPServer | None = None

    def start(self) -> None:
        """Listens, on the same port as before."""
        subscriber = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                body = self.rfile.read(length)
                if len(body) < length:  # the sender was killed in the middle of it
                    self.close_connection = True
                    return
                self.send_response(subscriber.take(Seen(self.path, dict(self.headers), body, time.monotonic())))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                return

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True
            request_queue_size = 128

            def handle_error(self, *_: Any) -> None:
                return  # whoever gave up is not there to get the answer

        self._server = Server(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def encrypt(self, authority: trustme.CA, host: str) -> None:
        """From now on with TLS, by a certificate for that host."""
        assert self._server is not None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(host).configure_cert(context)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)

    def take(self, seen: Seen) -> int:
        """The status of the answer."""
        with self._lock:
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            self.seen.append(seen)
            status = self.statuses.pop(0) if self.statuses else 200
        if self.hangs_at or self.answers_at:
            status = self.answers_at.get(seen.json["body"], status)
        if self.hangs or (self.hangs_at and seen.json["body"] in self.hangs_at):
            self.let_go.wait(30)
        with self._lock:
            self._at_once -= 1
        return status

    def stop(self) -> None:
        self.let_go.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def url(self, path: str = "/") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    @property
    def bodies(self) -> list[Any]:
        """Of the messages that came, as JSON."""
        return [seen.json["body"] for seen in list(self.seen)]


@contextmanager
def subscriber_of_its_own() -> Iterator[Subscriber]:
    one = Subscriber()
    one.start()
    yield one
    one.stop()


@pytest.fixture
def subscriber() -> Iterator[Subscriber]:
    with subscriber_of_its_own() as one:
        yield one


@pytest.fixture
def other() -> Iterator[Subscriber]:
    with subscriber_of_its_own() as one:
        yield one


@pytest.fixture(scope="session")
def valkey() -> Iterator[str]:
    """Apart from other tests, whose subscribers are not to be called."""
    with private_valkey() as server:
        yield server.url


@pytest.fixture
def settings() -> dict[str, Any]:
    """What a test changes of the settings."""
    return {}


@pytest.fixture
def processes(valkey: str, settings: dict[str, Any]) -> Iterator[Callable[..., Core]]:
    """Makes cores, each as of a process of its own, that deliver unless told otherwise."""
    made: list[Core] = []
    notifiers: list[Notifier] = []

    def make(*, delivers: bool = True) -> Core:
        chosen = {"webhook_allowed_networks": LOOPBACK, "notification_timeout_seconds": 2.0, **settings}
        core = Core(Settings(redis=valkey, durability="memory", **chosen), valkey)
        if delivers:
            notifier = Notifier(core, channels.table(core), Confirmations(core.settings))
            notifier.start()
            notifiers.append(notifier)
        made.append(core)
        return core

    yield make
    for core in made:
        core.waiters.release_all()
    for notifier in notifiers:
        notifier.stop()
    session = made[0].session()
    for ref in deliveries.enlisted(session):
        session.store.command("SREM", keys.NOTIFICATIONS, keys.address(ref))
    for core in made:
        core.close()


@pytest.fixture
def core(processes: Callable[..., Core]) -> Core:
    """A process that delivers."""
    return processes()


@pytest.fixture
def queue(session: Session) -> QueueRef:
    """A new queue made by Zaqar."""
    return new_queue(session)


def new_queue(session: Session, suffix: str = "", **settings: Any) -> QueueRef:
    ref = QueueRef(uuid.uuid4().hex, "us-east-1", f"q-{uuid.uuid4().hex[:12]}{suffix}")
    queues.create(session, ref, QueueSettings(**settings), creator="zaqar")
    return ref


def subscribe(session: Session, ref: QueueRef, subscriber: str, *, ttl: int = 3600, **options: Any) -> str:
    """The id of a new subscription."""
    packed = json.dumps(options).encode()
    return subscriptions.create(session, ref, subscriber=subscriber, options=packed, ttl_seconds=ttl).id


def texts(*bodies: str, **more: Any) -> list[NewMessage]:
    """Messages as Zaqar posts texts."""
    return [NewMessage(body.encode(), "text", **more) for body in bodies]


def answer(zaqar: Zaqar, asked: dict[str, Any], body: Any) -> int:
    """What a subscriber does who was asked: a PUT with the values it was given, and no credentials."""
    headers = {
        "HTTP_URL_SIGNATURE": asked["URL-Signature"],
        "HTTP_URL_METHODS": asked["URL-Methods"],
        "HTTP_URL_PATHS": asked["URL-Paths"],
        "HTTP_URL_EXPIRES": asked["URL-Expires"],
        "HTTP_X_PROJECT_ID": asked["X-Project-ID"],
    }
    return zaqar.call("PUT", asked["URL-Paths"], body, headers=headers).status
