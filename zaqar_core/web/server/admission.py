"""Admits requests and bodies within the bounds of a worker: first come, first served, and every share in its turn."""

from __future__ import annotations

import asyncio
import heapq
from time import monotonic
from typing import TYPE_CHECKING, Any

from zaqar_core.eventloop import spawn
from zaqar_core.web.envelope import QUEUED
from zaqar_core.web.server import limits
from zaqar_core.web.server.counters import Counters
from zaqar_core.web.server.fair_queue import FairQueue

if TYPE_CHECKING:
    from zaqar_core.web.server.application import Application
    from zaqar_core.web.server.connection import Connection

#: Where a search finds the slowest, one of so many is refused at once, so that the search pays off.
SHED_SHARE = 32


#: A connection, and the environ and body of its request.
_Request = tuple["Connection", dict[str, Any], bytes]


class Admission:
    """What runs, what waits for its turn, and which bodies are read."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, application: Application, bounds: limits.Limits, counters: Counters
    ) -> None:
        self._loop = loop
        self._bounds = bounds
        self._counters = counters
        self._most_in_flight = bounds.requests_in_flight
        self._share = application.share
        self._waiting: FairQueue[_Request] = FairQueue()
        self._large: FairQueue[_Request] = FairQueue()
        self._is_scheduled = False
        #: Connections whose body has arrived in part, in the order of their heads.
        self._reading: dict[Connection, None] = {}
        #: Those of them that do not read because too many bytes are buffered, in the order of their turns.
        self._paused: dict[Connection, None] = {}
        #: Bytes of the bodies in ``_reading``.
        self._unfinished_bytes = 0

    # -- Requests whose body is complete -------------------------------------------------------------------------------

    def submit(self, connection: Connection, environ: dict[str, Any], body: bytes) -> None:
        """Start the request as a task, now or in its turn; refuse one when too many wait."""
        counters = self._counters
        counters.buffered_bytes += len(body)
        if len(body) > limits.LARGE_BODY_BYTES:
            self._queue(self._large, (connection, environ, body))
            self._schedule()
        elif counters.in_flight < self._most_in_flight and not self._waiting:
            counters.in_flight += 1
            counters.requests += 1
            spawn(self._loop, connection.run, environ, body)
        else:
            self._queue(self._waiting, (connection, environ, body))

    def _queue(self, queue: FairQueue[_Request], request: _Request) -> None:
        """Let a request wait for its turn. If too many wait, refuse the newest of the share with the most."""
        _, environ, body = request
        counters = self._counters
        environ[QUEUED] = monotonic()
        share = self._share(environ, body)
        if counters.waiting_for_turn < self._bounds.requests_waiting:
            counters.waiting_for_turn += 1
            queue.add(share, request)
            return
        refused = queue.make_room(share)
        if refused is None:
            refused = request
        else:
            queue.add(share, request)
        connection, environ, body = refused
        counters.buffered_bytes -= len(body)
        connection.refuse_turn(environ)

    def leave(self, body: bytes) -> None:
        """End a request that was started."""
        counters = self._counters
        counters.in_flight -= 1
        counters.buffered_bytes -= len(body)
        if self._waiting or self._large:
            self._schedule()
        if self._paused:
            self._resume_reading()

    def begin_wait(self) -> None:
        """Give the place of a request that begins to wait for something else than the store to the next request."""
        counters = self._counters
        counters.in_flight -= 1
        counters.waits += 1
        if self._waiting or self._large:
            self._schedule()

    def end_wait(self) -> None:
        """Count a request again that has waited. It goes on at once, also beyond the bound."""
        self._counters.in_flight += 1
        self._counters.waits -= 1

    def _schedule(self) -> None:
        if not self._is_scheduled:
            self._is_scheduled = True
            self._loop.call_soon(self._start_waiting)

    def _start_waiting(self) -> None:
        """Start one large request, and the small ones that wait. The next large one has to wait for the next turn."""
        self._is_scheduled = False
        if self._large and self._counters.in_flight < self._most_in_flight:
            self._start(*self._large.take())
        while self._waiting and self._counters.in_flight < self._most_in_flight:
            self._start(*self._waiting.take())
        if self._large and self._counters.in_flight < self._most_in_flight:
            self._schedule()

    def _start(self, connection: Connection, environ: dict[str, Any], body: bytes) -> None:
        counters = self._counters
        counters.waiting_for_turn -= 1
        counters.in_flight += 1
        if connection.is_lost:
            counters.abandoned += 1
            self.leave(body)
            return
        counters.requests += 1
        spawn(self._loop, connection.run, environ, body)

    # -- Bodies that arrive --------------------------------------------------------------------------------------------

    def begin_body(self, connection: Connection) -> None:
        """Admit a body of which a part is missing. Beyond the bound, refuse the slowest."""
        if len(self._reading) >= self._bounds.bodies_being_read:
            self._shed_slowest()
        self._reading[connection] = None
        self._counters.bodies_being_read += 1

    def add_bytes(self, connection: Connection, count: int) -> None:
        """Count bytes of an unfinished body; pause reading from its connection while too many are buffered."""
        self._unfinished_bytes += count
        self._counters.buffered_bytes += count
        if self._counters.buffered_bytes > self._bounds.buffered_bytes and not self._is_last_reader(connection):
            self._paused[connection] = None
            connection.pause_body()

    def end_body(self, connection: Connection, count: int) -> None:
        """Forget an unfinished body of so many bytes: it is complete, refused or cut short."""
        del self._reading[connection]
        self._paused.pop(connection, None)
        counters = self._counters
        counters.bodies_being_read -= 1
        counters.buffered_bytes -= count
        self._unfinished_bytes -= count
        if self._paused:
            self._loop.call_soon(self._resume_reading)

    def shed_stalled(self, now: float) -> None:
        """While some bodies wait for room, refuse those that could be read and do not arrive."""
        if self._paused:
            stalled = [
                one
                for one in self._reading
                if one not in self._paused and one.body_idle_since < now - limits.STALLED_BODY_SECONDS
            ]
            for connection in stalled:
                connection.shed_body()

    def _is_last_reader(self, connection: Connection) -> bool:
        """Return whether bytes can be released only by the end of this body: no other is read, no request has any."""
        if self._counters.buffered_bytes > self._unfinished_bytes:
            return False
        return len(self._paused) - (connection in self._paused) >= len(self._reading) - 1

    def _resume_reading(self) -> None:
        """Read again from paused connections while there is room; from the first one also when nothing else moves."""
        counters = self._counters
        while self._paused and counters.buffered_bytes < self._bounds.buffered_bytes:
            self._resume_first()
        is_stuck = counters.buffered_bytes == self._unfinished_bytes and len(self._paused) == len(self._reading)
        if self._paused and is_stuck:
            self._resume_first()

    def _resume_first(self) -> None:
        connection = next(iter(self._paused))
        del self._paused[connection]
        connection.resume_body()

    def _shed_slowest(self) -> None:
        """Refuse the bodies with the lowest rates; a paused one is not slow by itself."""
        candidates = [one for one in self._reading if one not in self._paused] or list(self._reading)
        count = max(1, len(candidates) // SHED_SHARE)
        for connection in heapq.nsmallest(count, candidates, key=lambda one: one.body_rate()):
            connection.shed_body()
