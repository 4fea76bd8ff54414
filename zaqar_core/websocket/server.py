"""The WebSocket server of a process: connections on an event loop, frames in a few threads.

A frame's work blocks on the store, so it is done in a thread that has an execution slot for that time; there are as
many threads as slots. An idle connection costs a few kilobytes and no thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from zaqar_core.configuration.settings import Settings
from zaqar_core.domain import limits
from zaqar_core.web.origins import Origins
from zaqar_core.websocket import origins
from zaqar_core.websocket.conversation import Conversation, Service
from zaqar_core.websocket.pushes import TOO_SLOW, Line, Pushes

#: Frames of a connection that wait while one is answered; then nothing more is read from it.
_MOST_WAITING = 4
#: Bytes written and not yet taken by the client, after which its next frame waits.
_MOST_UNREAD_BYTES = 64 * 1024
_OPEN_SECONDS = 10.0
#: Of a closing handshake, so that a stop is over within two seconds.
_CLOSE_SECONDS = 0.7
_STOP_SECONDS = 1.2
#: Close code when a token ends, as Zaqar has it.
EXPIRED = 4003

_log = logging.getLogger("sqs_facade.websocket")


def run(settings: Settings, service: Service, port: int, on_ready: Callable[[], None]) -> None:
    """Serve until SIGTERM or Ctrl-C. ``on_ready`` is called once connections are accepted."""

    async def until_told() -> None:
        loop, stopping = asyncio.get_running_loop(), asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopping.set)
        await serving(settings, service, port, on_ready, stopping)

    asyncio.run(until_told())


async def serving(
    settings: Settings, service: Service, port: int, on_ready: Callable[[], None], stopping: asyncio.Event
) -> None:
    """Serve until ``stopping`` is set."""
    logging.getLogger("websockets").setLevel(logging.CRITICAL)  # it tells of every client that goes away
    threads = ThreadPoolExecutor(settings.execution_slots, thread_name_prefix="frame")
    connections = _Connections(settings, service, threads)
    connections.pushes.start(asyncio.get_running_loop())
    server = await serve(
        connections.handle,
        settings.host,
        port,
        process_request=connections.admit,
        reuse_port=True,
        backlog=1024,
        compression=None,  # memory for each connection, and a small frame could become a huge one
        max_size=limits.FRAME_TO_BODY * max(settings.max_messages_post_size, settings.max_queue_metadata),
        max_queue=_MOST_WAITING,
        write_limit=_MOST_UNREAD_BYTES,
        open_timeout=_OPEN_SECONDS,
        close_timeout=_CLOSE_SECONDS,
        ping_interval=limits.PING_SECONDS,
        ping_timeout=limits.PING_SECONDS,
        server_header=None,
    )
    on_ready()
    await stopping.wait()
    await _stop(server)
    threads.shutdown(wait=False, cancel_futures=True)


async def _stop(server: Server) -> None:
    """Frames that run are answered if that is done in time; every connection is told that the service goes away."""
    server.close(code=1001, reason="The service stops.")
    try:
        await asyncio.wait_for(server.wait_closed(), _STOP_SECONDS)
    except TimeoutError:
        _log.warning("connections were still open at the end")


class _Connections:
    """What handles them all."""

    def __init__(self, settings: Settings, service: Service, threads: ThreadPoolExecutor) -> None:
        self._settings = settings
        self._origins = Origins(settings)
        self._service = service
        self._threads = threads
        self._open = 0
        self.pushes = Pushes(service.core.waiters)

    def admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """An HTTP answer to what is not to become a WebSocket."""
        headers = request.headers
        if request.path == "/health" and "Upgrade" not in headers:
            return connection.respond(HTTPStatus.OK, '{"status":"serving"}\n')
        origin, host, site = (headers.get(name) for name in ("Origin", "Host", "Sec-Fetch-Site"))
        if not origins.is_allowed(origin, host or "", site, self._settings, self._origins):
            return connection.respond(HTTPStatus.FORBIDDEN, "Web pages of other origins may not call this service.\n")
        if self._open >= self._settings.max_connections:
            return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "There are too many connections.\n")
        return None

    async def handle(self, connection: ServerConnection) -> None:
        """One connection's life: each frame is answered before the next is looked at."""
        loop, conversation = asyncio.get_running_loop(), Conversation(self._service)
        expiry: asyncio.TimerHandle | None = None
        number, line = self.pushes.open(conversation, lambda: _close_soon(connection, TOO_SLOW, "Too far behind."))
        pushing: asyncio.Task[None] | None = None
        # A notification does not overtake the answer that tells the id of its subscription.
        turn = asyncio.Lock()
        self._open += 1
        try:
            async for data in connection:
                async with turn:
                    reply = await loop.run_in_executor(self._threads, conversation.answer, data)
                    expiry = _watch_expiry(connection, conversation, expiry)
                    await connection.send(reply)
                if pushing is None and conversation.has_subscriptions:
                    pushing = loop.create_task(_push(connection, line, turn))
        except ConnectionClosed:
            pass  # the client broke off
        finally:
            self._open -= 1
            self.pushes.close(number)
            for running in (expiry, pushing):
                if running is not None:
                    running.cancel()
            if conversation.has_subscriptions:
                await loop.run_in_executor(self._threads, conversation.end)


async def _push(connection: ServerConnection, line: Line, turn: asyncio.Lock) -> None:
    """Notifications go out until the connection ends."""
    with contextlib.suppress(ConnectionClosed):
        while True:
            frame = await line.next()
            async with turn:
                await connection.send(frame)


def _watch_expiry(
    connection: ServerConnection, conversation: Conversation, before: asyncio.TimerHandle | None
) -> asyncio.TimerHandle | None:
    """The connection ends with its token: a newer token moves the end."""
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
    """The connection ends: politely, or at once where the client does not even take the farewell."""
    try:
        await asyncio.wait_for(connection.close(code, reason), 2 * _CLOSE_SECONDS)
    except TimeoutError:
        connection.transport.abort()


#: The loop itself holds tasks only weakly.
_closing: set[asyncio.Task[None]] = set()
