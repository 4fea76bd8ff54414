"""One connection to the server, with as little as possible between a packed command and its reply.

redis-py opens the connection (TLS, authentication, time-outs) to the address that ``deployment`` or Sentinel gives. The
exchange itself uses the socket and hiredis directly. Measured: ``Connection.send_packed_command`` + ``read_response``
costs a third more CPU per command.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import hiredis
import redis
from redis.connection import Connection, SSLConnection

from zaqar_core.domain.errors import StoreUnavailable
from zaqar_core.store import deployment
from zaqar_core.store.deployment import Address, StoreUrl
from zaqar_core.store.statistics import STATISTICS

if TYPE_CHECKING:
    from zaqar_core.store.inspection import Inspector, ServerState

#: How long a request tries to reconnect before it fails. Nothing has been sent yet, so a retry is safe.
RECONNECT_SECONDS = 2.0
_RECEIVE_BYTES = 65536


class Link:
    """A connection that is opened on demand. Not thread-safe."""

    __slots__ = (
        "_arguments", "_connection", "_deployment", "_find", "_inspector", "_listens", "_reader", "_socket",
        "generation", "state",
    )  # fmt: skip

    def __init__(
        self, url: str, timeout_seconds: float, *, at: Address | None = None, inspector: Inspector | None = None
    ) -> None:
        """Parse the URL; do not connect yet.

        The connection will lead to the server of the URL; with Sentinel to the present primary; in a cluster to the
        node ``at``, or to any node. ``inspector`` inspects the server of each new connection. Raises StoreUrlInvalid.
        """
        self._deployment = deployment.parse(url)
        arguments: dict[str, Any] = dict(self._deployment.arguments)
        arguments.update(
            protocol=2,
            socket_timeout=timeout_seconds,
            socket_connect_timeout=timeout_seconds,
            health_check_interval=0,
            retry_on_timeout=False,
            retry=None,
        )
        if self._deployment.connection_kind in (Connection, SSLConnection):
            arguments.update(socket_keepalive=True)
        if at is not None:
            arguments.update(host=at[0], port=at[1])
        self._arguments = arguments
        self._find = _finder(url, self._deployment) if at is None else None
        self._connection: Any = None
        self._socket: Any = None
        self._listens = False
        self._reader: Any = None
        #: The generation of connections that it was opened in: see ``links.Generation``.
        self.generation = -1
        self._inspector = inspector
        #: What the inspection found of the connected server.
        self.state: ServerState | None = None

    @property
    def is_open(self) -> bool:
        """Whether the connection is open, as far as it knows."""
        return self._socket is not None

    @property
    def host(self) -> str:
        """The host of the connected server."""
        return str(self._connection.host)

    def open(self, patience_seconds: float = RECONNECT_SECONDS) -> None:
        """Connect. Raises StoreUnavailable after tries for ``patience_seconds``."""
        give_up = time.monotonic() + patience_seconds
        while True:
            try:
                connection = self._connected()
            except (redis.RedisError, OSError) as problem:
                refused = isinstance(problem, redis.AuthenticationError | redis.ResponseError)
                if refused or time.monotonic() >= give_up:
                    raise StoreUnavailable(str(problem), is_disconnected=True, is_unsent=True) from None
                time.sleep(0.02)
                continue
            STATISTICS.connections += 1
            self._connection = connection
            self._socket = connection._sock
            self._leave_waiting_to_the_kernel(self._arguments["socket_timeout"])
            self._reader = hiredis.Reader(notEnoughData=Ellipsis)
            self._listens = False
            if self._inspector is None:
                return
            try:
                self.state = self._inspector.inspect(self.exchange)
                return
            except StoreUnavailable as problem:
                self.close()
                if not problem.is_disconnected or time.monotonic() >= give_up:
                    raise StoreUnavailable(problem.reason, is_disconnected=True, is_unsent=True) from None
                time.sleep(0.02)

    def _connected(self) -> Any:
        arguments = self._arguments
        if self._find is not None:
            host, port = self._find()
            arguments = {**arguments, "host": host, "port": port}
        connection = self._deployment.connection_kind(**arguments)
        connection.connect()
        if self._deployment.kind == "sentinel":
            from zaqar_core.store import sentinel

            sentinel.check(connection)
        return connection

    def _leave_waiting_to_the_kernel(self, seconds: float) -> None:
        """Set the time-out of sends and receives in the kernel; 0 is none.

        With a time-out in Python the interpreter polls before each send and receive: twice the system calls and twice
        the switches of the GIL. TLS keeps Python's time-out, since one TLS read may need several reads of the socket.
        """
        if (
            not isinstance(self._socket, ssl.SSLSocket) and sys.platform != "win32"
        ):  # where the option has another format
            self._socket.settimeout(None)
            limit = struct.pack("ll", int(seconds), int(seconds % 1 * 1_000_000))
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
        else:
            self._socket.settimeout(seconds or None)

    def close(self) -> None:
        """Close the connection. A second call does nothing."""
        connection, self._connection, self._socket, self._reader = self._connection, None, None, None
        if connection is not None:
            connection.disconnect()

    def detach(self) -> tuple[Any, float]:
        """Give up the open connection; return redis-py's connection and its time-out in seconds."""
        connection, self._connection, self._socket, self._reader = self._connection, None, None, None
        return connection, self._arguments["socket_timeout"]

    def give_to_loop(self) -> tuple[Any, Any]:
        """Let an event loop read an open connection from now on; return its socket, non-blocking, and its reader."""
        self._socket.setblocking(False)
        return self._socket, self._reader

    def interrupt(self) -> None:
        """End a blocking ``next_message``, which then raises. The only method that other threads may call."""
        with contextlib.suppress(OSError, AttributeError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def exchange(self, packed: bytes, replies: int = 1) -> list[Any]:
        """Send and read that many replies. Error replies are returned as ``hiredis.ReplyError``.

        Raises StoreUnavailable and closes the connection when it fails; the outcome of the command is then unknown.
        """
        try:
            self._socket.sendall(packed)
        except BlockingIOError:  # the kernel's time-out
            raise self._lost("timed out") from None
        except OSError as problem:
            raise self._lost(problem) from None
        return self._read(replies)

    def send(self, packed: bytes) -> None:
        """Send without reading, for a subscriber."""
        self._socket.sendall(packed)

    def _read(self, replies: int) -> list[Any]:
        reader, receive = self._reader, self._socket.recv
        found: list[Any] = []
        try:
            while len(found) < replies:
                reply = reader.gets(False)
                if reply is not Ellipsis:
                    found.append(reply)
                    continue
                data = receive(_RECEIVE_BYTES)
                if not data:
                    raise OSError("the server closed the connection")
                reader.feed(data)
        except BlockingIOError:  # the kernel's time-out
            raise self._lost("timed out") from None
        except (OSError, hiredis.ProtocolError) as problem:
            raise self._lost(problem) from None
        return found

    def next_message(self, silence_seconds: float) -> Any:
        """Return the next pushed reply, None after ``silence_seconds`` without one. Raises StoreUnavailable."""
        if not self._listens:
            self._listens = True
            self._leave_waiting_to_the_kernel(silence_seconds)
        reader, receive = self._reader, self._socket.recv
        while (reply := reader.gets(False)) is Ellipsis:
            try:
                data = receive(_RECEIVE_BYTES)
            except (BlockingIOError, TimeoutError):
                return None
            except OSError as problem:
                raise self._lost(problem) from None
            if not data:
                raise self._lost("the server closed the connection")
            reader.feed(data)
        return reply

    def _lost(self, problem: object) -> StoreUnavailable:
        self.close()
        return StoreUnavailable(f"connection lost: {problem}", is_disconnected=True)


def watch_switches(url: str, on_switch: Callable[[], None], is_over: Callable[[], bool]) -> None:
    """Under Sentinel, call ``on_switch`` at each fail-over, in a thread: see sentinel.Watch. Else do nothing."""
    where = deployment.parse(url)
    if where.kind == "sentinel":
        from zaqar_core.store import sentinel

        sentinel.Watch(where, on_switch, is_over).start()


def _finder(url: str, where: StoreUrl) -> Callable[[], Address] | None:
    """Return a function that finds the address for each new connection; None if the URL has the address."""
    if where.kind == "sentinel":
        from zaqar_core.store import sentinel

        return partial(sentinel.primary, where)
    if where.kind == "cluster":
        from zaqar_core.store import topology

        return topology.of(url).any_node
    return None


def pack(words: Sequence[bytes | str | int]) -> bytes:
    """Encode a command in RESP."""
    packed: bytes = hiredis.pack_command(tuple(words))  # type: ignore[arg-type] # its stub asks for an invariant tuple
    return packed
