"""The WebSocket server of a process: connections on an event loop, actions in a few threads.

An action blocks on the store, so it runs in a thread; there are as many threads as
connections to the store. An idle connection takes a few kilobytes and no thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from zaqar_core.configuration.settings import Settings
from zaqar_core.domain import limits
from zaqar_core.domain.identity import CERTIFICATE_SUBJECT
from zaqar_core.web import allowed_hosts, proxies
from zaqar_core.web.callers import Callers
from zaqar_core.web.envelope import Refusal
from zaqar_core.web.server import peers
from zaqar_core.web.tls import Tls
from zaqar_core.websocket.conversation import Conversation, Service
from zaqar_core.websocket.pushes import TOO_SLOW, PushBuffer, Pushes

#: Frames of a connection that may wait while one is processed; then the server stops reading from it.
_MOST_WAITING = 4
#: Bytes that the client has not read yet; beyond them its next frame waits.
_MOST_UNREAD_BYTES = 64 * 1024
_OPEN_SECONDS = 10.0
#: Time of a closing handshake, so that a stop takes at most two seconds.
_CLOSE_SECONDS = 0.7
_STOP_SECONDS = 1.2
#: Close code when a token expires, as in Zaqar.
EXPIRED = 4003

#: Headers by which callers are refused, and those of proxies, with their keys in an environ.
_OF_CALLERS = {"Host": "HTTP_HOST", "Origin": "HTTP_ORIGIN", "Sec-Fetch-Site": "HTTP_SEC_FETCH_SITE"} | {
    key.removeprefix("HTTP_").replace("_", "-"): key for key in proxies.KEYS
}
_REFUSALS = {
    Refusal.CROSS_SITE: (HTTPStatus.FORBIDDEN, "Web pages of other origins may not call this service.\n"),
    Refusal.HOST_INVALID: (HTTPStatus.BAD_REQUEST, "The header Host is not a host.\n"),
    Refusal.HOST_NOT_ALLOWED: (HTTPStatus.FORBIDDEN, ""),
}

_log = logging.getLogger("sqs_facade.websocket")


def run(
    settings: Settings,
    service: Service,
    port: int,
    on_ready: Callable[[], None],
    *,
    hosts: Sequence[str],
    tls: Tls | None = None,
) -> None:
    """Serve on these IP addresses until SIGTERM or Ctrl-C. ``on_ready`` is called once connections are accepted."""

    async def until_stopped() -> None:
        loop, stopping = asyncio.get_running_loop(), asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopping.set)
        await serving(settings, service, port, on_ready, stopping, hosts=hosts, tls=tls)

    asyncio.run(until_stopped())


async def serving(
    settings: Settings,
    service: Service,
    port: int,
    on_ready: Callable[[], None],
    stopping: asyncio.Event,
    *,
    hosts: Sequence[str] = ("127.0.0.1",),
    tls: Tls | None = None,
) -> None:
    """Serve on these IP addresses until ``stopping`` is set."""
    logging.getLogger("websockets").setLevel(logging.CRITICAL)  # it logs every client that disconnects
    threads = ThreadPoolExecutor(settings.store_connections, thread_name_prefix="frame")
    connections = _Connections(settings, service, threads)
    loop = asyncio.get_running_loop()
    connections.pushes.start(loop)
    service.core.when_emptied.append(lambda: loop.call_soon_threadsafe(connections.pushes.lose))
    server = await serve(
        connections.handle,
        list(hosts),  # type: ignore[arg-type] # passed to create_server, which takes several
        port,
        process_request=connections.admit,
        reuse_port=True,
        backlog=1024,
        compression=None,  # it takes memory for each connection, and a small frame could expand to a huge one
        max_size=limits.FRAME_TO_BODY * max(settings.max_messages_post_size, settings.max_queue_metadata),
        max_queue=_MOST_WAITING,
        write_limit=_MOST_UNREAD_BYTES,
        open_timeout=_OPEN_SECONDS,
        close_timeout=_CLOSE_SECONDS,
        ping_interval=limits.PING_SECONDS,
        ping_timeout=limits.PING_SECONDS,
        server_header=None,
        ssl=None if tls is None else tls.switching_context(),
    )
    on_ready()
    await stopping.wait()
    await _stop(server)
    threads.shutdown(wait=False, cancel_futures=True)


async def _stop(server: Server) -> None:
    """Close every connection (1001) and wait up to ``_STOP_SECONDS`` for running actions and their replies."""
    server.close(code=1001, reason="The service is shutting down.")
    try:
        await asyncio.wait_for(server.wait_closed(), _STOP_SECONDS)
    except TimeoutError:
        _log.warning("stopped while connections were still open")


class _Connections:
    """Accepts and handles all connections."""

    def __init__(self, settings: Settings, service: Service, threads: ThreadPoolExecutor) -> None:
        self._settings = settings
        self._callers = Callers(settings)
        self._proxies = proxies.configured(settings)
        self._service = service
        self._threads = threads
        self._open = 0
        self.pushes = Pushes(service.core.waiters)

    def admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """Return an HTTP response to a request that must not become a WebSocket, None to accept it."""
        headers = request.headers
        if request.path == "/health" and "Upgrade" not in headers:
            return connection.respond(HTTPStatus.OK, '{"status":"serving"}\n')
        shown = self._environ(connection, request)
        refusal = self._callers.refusal(shown, verifies_callers=self._service.authenticator is not None)
        if refusal is not None:
            status, text = _REFUSALS[refusal]
            return connection.respond(status, text or f"{allowed_hosts.refusal(shown['HTTP_HOST'])}\n")
        if self._open >= self._settings.max_connections:
            return connection.respond(
                HTTPStatus.SERVICE_UNAVAILABLE, "The service has reached its limit of open connections.\n"
            )
        return None

    def _environ(self, connection: ServerConnection, request: Request) -> dict[str, Any]:
        """Return what the caller is known by, as in an environ of WSGI: the addresses and some headers."""
        headers = request.headers
        # A header that is repeated becomes a list, which is neither a host nor an origin.
        shown = {key: ", ".join(headers.get_all(name)) for name, key in _OF_CALLERS.items() if name in headers}
        shown["SERVER_NAME"] = str(connection.local_address[0])
        shown["REMOTE_ADDR"] = address = str(connection.remote_address[0])
        if self._proxies is not None and self._proxies.trusts(address):
            shown["wsgi.url_scheme"] = "http" if connection.transport.get_extra_info("sslcontext") is None else "https"
            self._proxies.apply(shown)
        return shown

    async def handle(self, connection: ServerConnection) -> None:
        """Serve one connection until it closes: each frame is answered before the next one is read."""
        assert connection.request is not None
        address = self._environ(connection, connection.request)["REMOTE_ADDR"]
        subject = peers.describe(connection.transport, None).get(CERTIFICATE_SUBJECT)
        loop, conversation = asyncio.get_running_loop(), Conversation(self._service, address, subject)
        expiry: asyncio.TimerHandle | None = None
        number, buffer = self.pushes.open(conversation, lambda reason: _close_soon(connection, TOO_SLOW, reason))
        pushing: asyncio.Task[None] | None = None
        # Keeps a notification behind the reply with the id of its subscription.
        sending = asyncio.Lock()
        self._open += 1
        try:
            async for data in connection:
                async with sending:
                    reply = await loop.run_in_executor(self._threads, conversation.answer, data)
                    expiry = _watch_expiry(connection, conversation, expiry)
                    await connection.send(reply)
                if pushing is None and conversation.has_subscriptions:
                    pushing = loop.create_task(_push(connection, buffer, sending))
        except ConnectionClosed:
            pass  # the client disconnected
        finally:
            self._open -= 1
            self.pushes.close(number)
            for running in (expiry, pushing):
                if running is not None:
                    running.cancel()
            if conversation.has_subscriptions:
                await loop.run_in_executor(self._threads, conversation.end)


async def _push(connection: ServerConnection, buffer: PushBuffer, sending: asyncio.Lock) -> None:
    """Send notifications until the connection closes."""
    with contextlib.suppress(ConnectionClosed):
        while True:
            frame = await buffer.next()
            async with sending:
                await connection.send(frame)


def _watch_expiry(
    connection: ServerConnection, conversation: Conversation, before: asyncio.TimerHandle | None
) -> asyncio.TimerHandle | None:
    """Close the connection when its token expires. A newer token replaces the timer ``before``. Return the timer."""
    shown, loop = conversation.admission.identity, asyncio.get_running_loop()
    expires = None if shown is None else loop.time() + shown.expires - time.time()
    if before is not None and expires is not None and abs(before.when() - expires) < 1:
        return before
    if before is not None:
        before.cancel()
    if expires is None:
        return None

    return loop.call_at(expires, _close_soon, connection, EXPIRED, "Authentication expired.")


def _close_soon(connection: ServerConnection, code: int, reason: str) -> None:
    task = asyncio.get_running_loop().create_task(_close(connection, code, reason))
    _closing.add(task)
    task.add_done_callback(_closing.discard)


async def _close(connection: ServerConnection, code: int, reason: str) -> None:
    """Close the connection by a handshake, or at once when the client does not take part in it."""
    try:
        await asyncio.wait_for(connection.close(code, reason), 2 * _CLOSE_SECONDS)
    except TimeoutError:
        connection.transport.abort()


#: Keeps the tasks alive: the loop itself holds only weak references.
_closing: set[asyncio.Task[None]] = set()
