"""The channel of webhooks: one POST for each notification, to allowed addresses only.

The host is resolved here, its addresses are checked, and the connection uses a checked address: no second look-up can
lead elsewhere. Redirects are not followed.
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
from zaqar_core.notifications.notification import NotDelivered, Notification

_USER_AGENT = "sqs-facade"
#: Number of hosts whose connections are kept open.
_MOST_HOSTS = 64
#: Addresses of a host that are tried, one after the other.
_MOST_ADDRESSES = 4
#: Bytes read of an answer's body. After a longer body the connection is closed.
_MOST_ANSWER_BYTES = 65_536
#: Statuses below 500 that may pass: time-out, too early, too many requests.
_PASSING = frozenset((408, 425, 429))


class WebhookChannel:
    """Deliver by an HTTP POST."""

    def __init__(self, settings: Settings) -> None:
        self._seconds = settings.notification_timeout_seconds
        self._guard = _Guard(self._seconds)
        self._pools = _pools(settings, self._guard)

    def destination(self, notification: Notification) -> str:
        """Return the host and its port."""
        parts = urlsplit(notification.subscriber)
        return f"{parts.hostname}:{parts.port or parts.scheme}"

    def deliver(self, notification: Notification) -> None:
        """Post the notification. Raises NotDelivered unless the answer is 2xx; 408, 425, 429 and 5xx are not final."""
        self.post(notification.subscriber, notification, {})

    def post(self, url: str, notification: Notification, more: dict[str, str]) -> None:
        """Post to the given URL, with headers that the subscription cannot change."""
        template = notification.options.get("post_data") if notification.kind == "message" else None
        body = content.in_template(template, notification.document)
        try:
            with self._guard.watching():
                status = self._post(url, body, _headers(url, notification.options.get("post_headers"), more))
        except targets.TargetRefused as refused:
            raise NotDelivered(refused.reason, is_final=True) from None
        except (HTTPError, OSError, ValueError) as problem:
            raise NotDelivered(_words(problem)) from None
        if not 200 <= status < 300:
            is_final = status < 500 and status not in _PASSING
            raise NotDelivered(f"the subscriber answered with status {status}", is_final, status)

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

    def cancel_overdue(self) -> None:
        """See Channel."""
        self._guard.cut()


def _headers(url: str, given: Any, more: dict[str, str]) -> dict[str, str]:
    headers = {"Content-Type": "application/json", "User-Agent": _USER_AGENT}
    parts = urlsplit(url)
    if parts.username is not None:
        known = make_headers(basic_auth=f"{unquote(parts.username)}:{unquote(parts.password or '')}")
        headers["Authorization"] = known["authorization"]
    for added in (targets.sendable(given), more):
        for name, value in added.items():
            headers = {other: text for other, text in headers.items() if other.lower() != name.lower()}
            headers[name] = value
    return headers


def _words(problem: Exception) -> str:
    """Return the reason of a failure, without the URL, whose path may be a secret."""
    cause: Any = problem
    if isinstance(problem, urllib3.exceptions.ProtocolError) and len(problem.args) > 1:
        cause = problem.args[1]
    if isinstance(cause, NameResolutionError):
        return "the host's name could not be resolved"
    if isinstance(cause, urllib3.exceptions.TimeoutError | TimeoutError):
        return "the request timed out"
    if isinstance(cause, urllib3.exceptions.SSLError | ssl.SSLError):
        return "the server's certificate or its TLS was not accepted"
    if isinstance(cause, NewConnectionError | ConnectionRefusedError):
        return "no connection could be made"
    return "the connection failed"


class _Guard:
    """Limit the total time of requests. The idle time-out does not: a server can send a byte now and then.

    A connection is shut down through a duplicate of its socket, since the socket itself may be in a TLS handshake.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._running: dict[int, tuple[float, list[socket.socket]]] = {}

    @contextlib.contextmanager
    def watching(self) -> Any:
        """Limit the time of the request that this thread makes in the block."""
        thread = threading.get_ident()
        with self._lock:
            self._running[thread] = (time.monotonic() + self._seconds, [])
        try:
            yield
        finally:
            with self._lock:
                del self._running[thread]

    def uses(self, twin: socket.socket) -> None:
        """Record a connection of this thread's request. ``twin`` is a duplicate of its socket."""
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
    """Return a pool manager that connects to allowed addresses only and limits the time of requests."""

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
    """Connect to the first allowed address of the host that answers. Raises TargetRefused, HTTPError.

    The addresses share the time-out: a host can have hundreds that do not answer.
    """
    host = connection.host.strip("[]")
    try:
        found = targets.addresses(host, connection.port, settings)
    except OSError as problem:
        raise NameResolutionError(host, connection, problem) from None  # type: ignore[arg-type] # any OSError will do
    failure: OSError | None = None
    tried, end = found[:_MOST_ADDRESSES], time.monotonic() + connection.timeout
    for index, address in enumerate(tried):
        patience = max(end - time.monotonic(), 0.001) / (len(tried) - index)
        try:
            opened = socket.create_connection(address, patience)
        except OSError as problem:
            failure = problem
            continue
        opened.settimeout(connection.timeout)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return opened
    if isinstance(failure, TimeoutError):
        raise urllib3.exceptions.ConnectTimeoutError(connection, "timed out")
    raise NewConnectionError(connection, "none of the host's addresses accepts a connection")
