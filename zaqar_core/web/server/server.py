"""The server of one worker: its event loop, its connections, their deadlines, and its end."""

from __future__ import annotations

import asyncio
import heapq
import logging
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from email.utils import formatdate
from math import inf
from typing import TYPE_CHECKING, Any

from zaqar_core.web import stopping
from zaqar_core.web.server import limits
from zaqar_core.web.server.accepting import Acceptor
from zaqar_core.web.server.admission import SHED_SHARE, Admission
from zaqar_core.web.server.counters import Counters
from zaqar_core.web.server.heads import HeadParser
from zaqar_core.web.server.limits import Limits

if TYPE_CHECKING:
    from zaqar_core.web.proxies import TrustedProxies
    from zaqar_core.web.server.application import Application
    from zaqar_core.web.server.client_stream import ClientStream
    from zaqar_core.web.server.connection import Connection
    from zaqar_core.web.tls import Tls

_log = logging.getLogger("sqs_facade.http")
#: Between two readings of the clock, which is as exact as that for all deadlines.
_TICK_SECONDS = 0.025
#: Ticks between two sweeps over all connections.
_SWEEP_TICKS = 20
#: A turn of the loop that takes longer than this is counted. One that begins just after a tick is noticed only when it
#: takes a tick longer.
LONG_TURN_SECONDS = 0.05
#: From a stop signal to the end of idle connections: for reading the requests that have arrived.
_READ_SECONDS = 0.05
#: Unfinished requests are counted after so many more bytes.
_MANY_BYTES = 8 << 20
#: Turns of the loop after the last response, in which it closes what is open.
_LAST_TURNS = 5
#: From a long turn to the log line about all of them, so there is one a minute at most.
_REPORT_SECONDS = 60.0


def new_event_loop() -> asyncio.AbstractEventLoop:
    """Return a new event loop: of uvloop, where that is installed."""
    if sys.platform != "win32":
        import uvloop

        return uvloop.new_event_loop()
    return asyncio.new_event_loop()


class Server:
    """Serves one application on listening sockets that may be shared with other processes."""

    def __init__(
        self,
        application: Application,
        bounds: Limits | None = None,
        *,
        proxies: TrustedProxies | None = None,
        has_preambles: bool = False,
        on_sweep: Callable[[Server], object] | None = None,
    ) -> None:
        """``has_preambles``: connections of ``proxies`` begin with one of the PROXY protocol.

        ``on_sweep`` is called on the loop twice a second and at the end. It must not block.
        """
        self._on_sweep = on_sweep
        self.application = application
        self.proxies = proxies
        self.has_preambles = has_preambles
        self.bounds = bounds or Limits()
        self.counters = Counters()
        self.heads = HeadParser()
        self.loop = new_event_loop()
        self.admission = Admission(self.loop, application, self.bounds, self.counters)
        #: Connections that are accepted and not open yet: most wait for their TLS handshake.
        self.connecting = 0
        #: The time of the loop at the last tick.
        self.now = self.loop.time()
        #: The header line Date.
        self.date = b""
        self.is_stopping = False
        #: Idle connections are closed, and the end of the last connection ends the server.
        self._is_closing = False
        self._stop_timer: asyncio.TimerHandle | None = None
        self._connections: set[Connection] = set()
        #: Connections whose clients do not read, in the order in which that began.
        self._stalled: dict[ClientStream, None] = {}
        self._acceptors: list[Acceptor] = []
        self._ticks = 0
        #: Bytes that had arrived when unfinished requests were counted last.
        self._bytes_in = 0
        # Long turns that no log line has reported yet.
        self._long_turns = 0
        self._longest_turn = 0.0
        self._report_at = inf

    @property
    def open_connections(self) -> int:
        """The number of open connections."""
        return len(self._connections)

    def run(
        self,
        listeners: Sequence[socket.socket],
        on_listening: Callable[[], object] = lambda: None,
        *,
        tls_listeners: Sequence[socket.socket] = (),
        tls: Tls | None = None,
    ) -> None:
        """Serve until ``stop`` or a stop signal. Both kinds of listeners listen already and are closed at the end.

        ``on_listening`` is called on the loop when connections are accepted. ``tls_listeners`` need ``tls``.
        """
        asyncio.set_event_loop(self.loop)
        self._acceptors = [
            *(Acceptor(self, one, _template(listeners[0], "http")) for one in listeners),
            *(Acceptor(self, one, _template(tls_listeners[0], "https"), tls) for one in tls_listeners),
        ]
        for number in (signal.SIGTERM, signal.SIGINT):
            self._on_signal(number)
        self._tick()
        for acceptor in self._acceptors:
            acceptor.start()
        self.loop.call_soon(on_listening)
        try:
            self.loop.run_forever()
            self._is_closing = False  # nothing stops the loop any more
            if self._stop_timer is not None:
                self._stop_timer.cancel()
            self.loop.run_until_complete(self._abort_rest())
        finally:
            if self._on_sweep is not None:
                self._on_sweep(self)
            for listener in (*listeners, *tls_listeners):
                listener.close()
            self.loop.close()

    def stop(self) -> None:
        """Stop accepting, release waiting requests, let the others end, then end ``run``. Any thread may call it."""
        self.loop.call_soon_threadsafe(self._stop)

    def _on_signal(self, number: signal.Signals) -> None:
        try:
            self.loop.add_signal_handler(number, self._stop)
        except (NotImplementedError, RuntimeError, ValueError):  # Windows, or not the main thread
            if sys.platform == "win32":
                signal.signal(number, lambda *_: self.stop())

    # -- Connections ---------------------------------------------------------------------------------------------------

    def add(self, connection: Connection) -> None:
        """Take note of a new connection."""
        self._connections.add(connection)

    def discard(self, connection: Connection) -> None:
        """Forget a closed connection."""
        self._connections.discard(connection)
        for acceptor in self._acceptors:
            acceptor.resume()
        if self._is_closing and not self._connections:
            self.loop.stop()

    def shed_idle(self) -> None:
        """Close some of the connections that have waited longest for a request."""
        now = self.loop.time()
        idle = [one for one in self._connections if one.idle_since() <= now - limits.SHED_IDLE_SECONDS]
        for connection in heapq.nsmallest(max(1, len(idle) // SHED_SHARE), idle, key=lambda one: one.idle_since()):
            self.counters.shed["idle"] += 1
            connection.close_idle()

    def _shed_holders(self) -> None:
        """Close the connections with the most bytes that belong to no request yet, if there are too many bytes."""
        held = {one: one.held_bytes for one in self._connections if one.held_bytes}
        excess = sum(held.values()) - self.bounds.held_bytes
        for connection in sorted(held, key=lambda one: held[one], reverse=True):
            if excess <= 0:
                return
            excess -= held[connection]
            self.counters.shed["held bytes"] += 1
            connection.abort()

    def begin_stall(self, connection: ClientStream, unsent: int) -> None:
        """Count unsent bytes of a client that does not read. Beyond the bound, disconnect those that began first."""
        self.counters.unsent_bytes += unsent
        self._stalled[connection] = None
        while self.counters.unsent_bytes > self.bounds.unsent_bytes and len(self._stalled) > 1:
            first = next(iter(self._stalled))
            self.counters.shed["slow reader"] += 1
            first.give_up()

    def end_stall(self, connection: ClientStream, unsent: int) -> None:
        """Forget unsent bytes."""
        self.counters.unsent_bytes -= unsent
        self._stalled.pop(connection, None)

    # -- Time ----------------------------------------------------------------------------------------------------------

    def _tick(self) -> None:
        now = self.loop.time()
        lag = now - self.now - _TICK_SECONDS
        if lag > self.counters.lag_seconds and self._ticks:
            self.counters.lag_seconds = lag
        if now - self.now > _TICK_SECONDS + LONG_TURN_SECONDS and self._ticks:
            self._count_long_turn(now, now - self.now - _TICK_SECONDS)
        self.now = now
        self._ticks += 1
        self.loop.call_later(_TICK_SECONDS, self._tick)  # first: a fault in a sweep must not end the clock
        if self._ticks % _SWEEP_TICKS == 1:
            self.date = f"Date: {formatdate(usegmt=True)}\r\n".encode()
            try:
                self._sweep(now)
            except Exception:
                _log.exception("a sweep over the connections failed, will retry")

    def _sweep(self, now: float) -> None:
        for connection in [one for one in self._connections if one.deadline <= now]:
            connection.expire()
        self.admission.shed_stalled(now)
        if self.counters.bytes_in - self._bytes_in > min(_MANY_BYTES, self.bounds.held_bytes):
            self._bytes_in = self.counters.bytes_in
            self._shed_holders()
        if now >= self._report_at:
            self._report_long_turns()
        if self._on_sweep is not None:
            self._on_sweep(self)

    def _count_long_turn(self, now: float, seconds: float) -> None:
        self.counters.long_turns += 1
        if not self._long_turns:
            self._report_at = now + _REPORT_SECONDS
        self._long_turns += 1
        self._longest_turn = max(self._longest_turn, seconds)

    def _report_long_turns(self) -> None:
        _log.warning(
            "the event loop was blocked for more than %.0f ms %d times within a minute, at most for %.0f ms; "
            "requests waited: this worker needs more CPU",
            LONG_TURN_SECONDS * 1000,
            self._long_turns,
            self._longest_turn * 1000,
        )
        self._long_turns, self._longest_turn, self._report_at = 0, 0.0, inf

    # -- The end -------------------------------------------------------------------------------------------------------

    def _stop(self) -> None:
        if self.is_stopping:
            return
        self.is_stopping = True
        for acceptor in self._acceptors:
            acceptor.stop()
        stopping.run_callbacks()
        self.loop.call_later(_READ_SECONDS, self._close_idle)
        self._stop_timer = self.loop.call_later(self.bounds.stop_seconds, self.loop.stop)

    async def _abort_rest(self) -> None:
        """Disconnect the clients whose requests have not ended in time; give the loop some turns to close them."""
        for _ in range(_LAST_TURNS):
            for connection in list(self._connections):
                connection.abort()
            await asyncio.sleep(0)

    def _close_idle(self) -> None:
        self._is_closing = True
        for acceptor in self._acceptors:
            acceptor.end_handshakes()
        for connection in list(self._connections):
            connection.stop()
        if not self._connections:
            self.loop.stop()


def _template(listener: socket.socket, scheme: str) -> dict[str, Any]:
    """Return what the environs of all requests at a port have in common."""
    name = listener.getsockname()
    return {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/",
        "QUERY_STRING": "",
        "SERVER_NAME": str(name[0]),
        "SERVER_PORT": str(name[1]),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.url_scheme": scheme,
    }
