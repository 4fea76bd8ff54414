"""Webhooks: one POST for each notification, only to addresses that it may go to.

The name is resolved here, the addresses are checked, and the connection goes to an address that was: no second look-up
can lead elsewhere. Redirects are not followed.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from typing import Any
from urllib.parse import unquote, urlsplit

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, NameResolutionError, NewConnectionError
from urllib3.util import make_headers

from zaqar_core.configuration.settings import Settings
from zaqar_core.notifications import content, targets
from zaqar_core.notifications.notification import NotDelivered, Notice

_USER_AGENT = "sqs-facade"
#: Hosts to which connections are kept open.
_MOST_HOSTS = 64
#: Of an answer's body; with a longer one the connection is closed.
_MOST_ANSWER_BYTES = 65_536
#: Statuses below 500 after which it is worth while to try again: time-out, too early, too many requests.
_PASSING = frozenset((408, 425, 429))


class Webhooks:
    """The way of http and https."""

    def __init__(self, settings: Settings) -> None:
        self._seconds = settings.notification_timeout_seconds
        self._guard = _Guard(self._seconds)
        self._pools = _pools(settings, self._guard)

    def place(self, notice: Notice) -> str:
        """The host and its port."""
        parts = urlsplit(notice.subscriber)
        return f"{parts.hostname}:{parts.port or parts.scheme}"

    def deliver(self, notice: Notice) -> None:
        """A status of 2xx was answered. Raises NotDelivered: 408, 425, 429, 5xx and what the network does may pass."""
        self.post(notice.subscriber, notice, {})

    def post(self, url: str, notice: Notice, more: dict[str, str]) -> None:
        """As ``deliver``, to another address, with headers that the subscription cannot change."""
        template = notice.options.get("post_data") if notice.kind == "message" else None
        body = content.in_template(template, notice.document)
        try:
            with self._guard.watching():
                status = self._post(url, body, _headers(url, notice.options.get("post_headers"), more))
        except targets.TargetRefused as refused:
            raise NotDelivered(refused.reason, is_final=True) from None
        except (HTTPError, OSError, ValueError) as problem:
            raise NotDelivered(_words(problem)) from None
        if not 200 <= status < 300:
            is_final = status < 500 and status not in _PASSING
            raise NotDelivered(f"answered with status {status}", is_final, status)

    def _post(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        timeout = urllib3.Timeout(connect=self._seconds, read=self._seconds)
        answer = self._pools.request(
            "POST",
            url,
            body=body,
            headers=headers,
            timeout=timeout,
            redirect=False,
            retries=False,
            preload_content=False,
        )
        try:
            rest = answer.read(_MOST_ANSWER_BYTES, decode_content=False)
            if len(rest) < _MOST_ANSWER_BYTES:
                answer.release_conn()
        finally:
            answer.close()
        return int(answer.status)

    def cut_overdue(self) -> None:
        """See Way."""
        self._guard.cut()


def _headers(url: str, given: dict[str, str] | None, more: dict[str, str]) -> dict[str, str]:
    headers = {"Content-Type": "application/json", "User-Agent": _USER_AGENT}
    parts = urlsplit(url)
    if parts.username is not None:
        known = make_headers(basic_auth=f"{unquote(parts.username)}:{unquote(parts.password or '')}")
        headers["Authorization"] = known["authorization"]
    for added in (given or {}, more):
        for name, value in added.items():
            headers = {other: text for other, text in headers.items() if other.lower() != name.lower()}
            headers[name] = value
    return headers


def _words(problem: Exception) -> str:
    """Why it failed, without the address: its path may be a secret."""
    cause: Any = problem
    if isinstance(problem, urllib3.exceptions.ProtocolError) and len(problem.args) > 1:
        cause = problem.args[1]
    if isinstance(cause, NameResolutionError):
        return "the host's name could not be resolved"
    if isinstance(cause, urllib3.exceptions.TimeoutError | TimeoutError):
        return "timed out"
    if isinstance(cause, urllib3.exceptions.SSLError | ssl.SSLError):
        return "the server's certificate or its TLS was not accepted"
    if isinstance(cause, NewConnectionError | ConnectionRefusedError):
        return "no connection"
    return "the connection failed"


class _Guard:
    """Ends what takes too long as a whole: a server that sends a byte now and then is never idle long enough to fail.

    A connection is ended by a second handle of its socket, because the first one may be in a TLS handshake.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._running: dict[int, tuple[float, list[socket.socket]]] = {}

    @contextlib.contextmanager
    def watching(self) -> Any:
        """What this thread does in the block must not take longer."""
        thread = threading.get_ident()
        with self._lock:
            self._running[thread] = (time.monotonic() + self._seconds, [])
        try:
            yield
        finally:
            with self._lock:
                del self._running[thread]

    def uses(self, twin: socket.socket) -> None:
        """This thread's work goes over that connection."""
        with self._lock:
            running = self._running.get(threading.get_ident())
            if running is not None:
                running[1].append(twin)

    def cut(self) -> None:
        now = time.monotonic()
        with self._lock:
            for deadline, twins in self._running.values():
                if deadline <= now:
                    for twin in twins:
                        with contextlib.suppress(OSError):
                            twin.shutdown(socket.SHUT_RDWR)


def _pools(settings: Settings, guard: _Guard) -> urllib3.PoolManager:
    """Connections that go to checked addresses only, and are guarded."""

    class Checked:
        twin: socket.socket | None = None

        def _new_conn(self: Any) -> socket.socket:
            opened = _connect(self, settings)
            self.twin = opened.dup()
            guard.uses(self.twin)
            return opened

        def request(self: Any, *words: Any, **named: Any) -> None:
            if self.twin is not None:
                guard.uses(self.twin)
            super().request(*words, **named)  # type: ignore[misc] # of the connection beside it

        def close(self: Any) -> None:
            if self.twin is not None:
                self.twin.close()
                self.twin = None
            super().close()  # type: ignore[misc] # of the connection beside it

    class Plain(Checked, HTTPConnection): ...

    class Secure(Checked, HTTPSConnection): ...

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    pools = urllib3.PoolManager(num_pools=_MOST_HOSTS, maxsize=settings.notification_threads)
    pools.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}
    return pools


def _connect(connection: Any, settings: Settings) -> socket.socket:
    """To the first address of the host that may be connected to and answers. Raises TargetRefused, HTTPError."""
    host = connection.host.strip("[]")
    try:
        found = targets.addresses(host, connection.port, settings)
    except OSError as problem:
        raise NameResolutionError(host, connection, problem) from None  # type: ignore[arg-type] # any OSError will do
    failure: OSError | None = None
    for address in found:
        try:
            opened = socket.create_connection(address, connection.timeout)
        except OSError as problem:
            failure = problem
            continue
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return opened
    if isinstance(failure, TimeoutError):
        raise urllib3.exceptions.ConnectTimeoutError(connection, "timed out")
    raise NewConnectionError(connection, "no address of the host can be connected to")
