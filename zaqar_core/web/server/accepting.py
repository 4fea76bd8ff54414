"""Accepts connections from a listening socket that may be shared with other processes."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from math import inf
from typing import TYPE_CHECKING, Any

from zaqar_core.logs import remedies
from zaqar_core.logs.remedies import note_refusal
from zaqar_core.web.server import limits, preambles
from zaqar_core.web.server.connection import Connection
from zaqar_core.web.server.preambles import PreambleInvalid

if TYPE_CHECKING:
    from zaqar_core.web.server.server import Server
    from zaqar_core.web.tls import Tls

#: After an error for want of descriptors or memory, so that nothing spins.
_PAUSE_SECONDS = 0.25
_WANTING = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
#: Connections that are accepted in one turn of the loop at most, when many wait.
_MOST_PER_TURN = 256
#: Bytes of a preamble that are read at once.
_PEEK_BYTES = 1024
#: The option of a socket for how many bytes the kernel takes before it can send them. Not every system has it.
_NOTSENT_LOWAT: int | None = getattr(socket, "TCP_NOTSENT_LOWAT", None)


class Acceptor:
    """Accepts connections until it is stopped; pauses while the process has no room for them.

    A connection that has not finished its TLS handshake counts as an open one, and is closed as early as an idle one.
    """

    def __init__(
        self, server: Server, listener: socket.socket, template: dict[str, Any], tls: Tls | None = None
    ) -> None:
        """``template`` is what the environs of all requests at the port have in common."""
        self._server = server
        self._listener = listener
        self._template = template
        self._tls = tls
        self._task: asyncio.Task[None] | None = None
        #: Connections to accept in the next turn. Doubled while more wait: a connection that waits must not wait behind
        #: all later requests of those that were accepted before it.
        self._batch = server.bounds.accepts_per_turn
        self._has_room = asyncio.Event()
        #: The times, by the clock of the server, at which connections were accepted that are not open yet.
        self._connecting: dict[asyncio.Task[None], float] = {}
        listener.setblocking(False)
        if _NOTSENT_LOWAT is not None:  # its connections inherit it
            listener.setsockopt(socket.IPPROTO_TCP, _NOTSENT_LOWAT, limits.UNSENT_BYTES_IN_KERNEL)

    def start(self) -> None:
        """Begin to accept."""
        self._task = self._server.loop.create_task(self._accept_until_stopped())

    def stop(self) -> None:
        """Accept no more."""
        if self._task is not None:
            self._task.cancel()

    def resume(self) -> None:
        """Accept again if the number of connections was the reason for a pause."""
        self._has_room.set()

    def end_handshakes(self, until: float = inf) -> None:
        """Close the connections that were accepted until a time and are not open yet."""
        for task in [one for one, began in self._connecting.items() if began <= until]:
            task.cancel()

    @property
    def _is_full(self) -> bool:
        return self._server.open_connections + self._server.connecting >= self._server.bounds.connections

    async def _accept_until_stopped(self) -> None:
        server = self._server
        while True:
            if self._is_full:
                await self._wait_for_room()
                continue
            try:
                client, _ = await server.loop.sock_accept(self._listener)
                self._connect(client)
                self._accept_more()
            except OSError as problem:
                if problem.errno in _WANTING:
                    await self._wait_for_descriptors(problem)
                # Others concern one connection, which has ended before it was accepted.

    def _accept_more(self) -> None:
        """Accept what else waits; another worker may be faster."""
        server = self._server
        batch, self._batch = self._batch, server.bounds.accepts_per_turn
        with contextlib.suppress(BlockingIOError):
            for _ in range(batch - 1):
                if self._is_full:
                    return
                client, _ = self._listener.accept()
                client.setblocking(False)
                self._connect(client)
            self._batch = min(2 * batch, _MOST_PER_TURN)

    def _connect(self, client: socket.socket) -> None:
        self._server.counters.accepted += 1
        task = self._server.loop.create_task(self._hand_over(client))
        self._server.connecting += 1
        self._connecting[task] = self._server.now
        task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._server.connecting -= 1
        del self._connecting[task]

    async def _hand_over(self, client: socket.socket) -> None:
        server, tls = self._server, self._tls
        try:
            named = await self._named_client(client) if server.has_preambles else None
            await server.loop.connect_accepted_socket(
                lambda: Connection(server, self._template, named),
                client,
                ssl=None if tls is None else tls.context,
                ssl_handshake_timeout=None if tls is None else server.bounds.head_seconds,
                ssl_shutdown_timeout=None if tls is None else server.bounds.linger_seconds,
            )
        except OSError:  # also one of TLS, or of its time
            client.close()
        except PreambleInvalid as problem:
            server.counters.refused["preamble"] += 1
            note_refusal(remedies.PREAMBLE, problem, is_apart=False)
            client.close()
        except asyncio.CancelledError:
            server.counters.shed["handshake"] += 1
            client.close()

    async def _named_client(self, connection: socket.socket) -> tuple[str, int] | None:
        """Read the preamble of a trusted proxy and return the address of its client. Raises PreambleInvalid, OSError.

        What follows the preamble stays unread, as TLS may begin there.
        """
        server = self._server
        if server.proxies is None or not server.proxies.trusts(str(connection.getpeername()[0])):
            return None
        known = b""
        async with asyncio.timeout(server.bounds.head_seconds):
            while True:
                try:
                    data = connection.recv(_PEEK_BYTES, socket.MSG_PEEK)
                except BlockingIOError:
                    await self._readable(connection)
                    continue
                if not data:
                    raise ConnectionAbortedError
                found = preambles.parse(known + data)
                if found is not None:
                    connection.recv(found.length - len(known))
                    return found.client
                known += connection.recv(len(data))  # all of it belongs to the preamble

    async def _readable(self, connection: socket.socket) -> None:
        loop = self._server.loop
        arrived: asyncio.Future[None] = loop.create_future()
        loop.add_reader(connection.fileno(), lambda: None if arrived.done() else arrived.set_result(None))
        try:
            await arrived
        finally:
            loop.remove_reader(connection.fileno())

    async def _wait_for_room(self) -> None:
        """Wait until a connection ends; close idle ones for those that wait."""
        server = self._server
        server.counters.accepting_paused += 1
        note_refusal(remedies.CONNECTIONS, f"{server.bounds.connections:,} are open, the most of one worker")
        while self._is_full:  # also for a moment while a connection is handed over, and counted twice
            server.shed_idle()
            self.end_handshakes(server.now - limits.SHED_IDLE_SECONDS)
            self._has_room.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._has_room.wait(), _PAUSE_SECONDS)

    async def _wait_for_descriptors(self, problem: OSError) -> None:
        self._server.counters.accepting_paused += 1
        note_refusal(remedies.DESCRIPTORS, problem.strerror)
        self._has_room.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._has_room.wait(), _PAUSE_SECONDS)
