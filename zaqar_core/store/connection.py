"""One connection to the server, with as little as possible between a packed command and its reply.

redis-py makes the connection (TLS, authentication, time-outs) to wherever ``deployment`` says; the exchange itself goes
straight to the socket and hiredis. Measured: ``Connection.send_packed_command`` + ``read_response`` costs a third more
CPU per command.
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
from typing import Any

import hiredis
import redis
from redis.connection import Connection, SSLConnection

from zaqar_core.domain.errors import StoreUnavailable
from zaqar_core.store import deployment
from zaqar_core.store.deployment import Address, StoreUrl

#: How long a lost server is sought again before a request is given up. Nothing was sent yet, so trying again is safe.
RECONNECT_SECONDS = 2.0
_RECEIVE_BYTES = 65536


class Link:
    """A lazily opened connection. Not thread-safe: whoever holds its slot uses it alone."""

    __slots__ = ("_arguments", "_connection", "_deployment", "_find", "_listens", "_reader", "_socket")

    def __init__(self, url: str, timeout_seconds: float, *, at: Address | None = None) -> None:
        """To the server of the URL; to the primary that the sentinels name when it is opened; or to a node of the
        cluster, any or the one given. Raises StoreUrlInvalid."""
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

    @property
    def is_open(self) -> bool:
        return self._socket is not None

    @property
    def host(self) -> str:
        """Of the server that it is connected to."""
        return str(self._connection.host)

    def open(self, patience_seconds: float = RECONNECT_SECONDS) -> None:
        """Connected, or StoreUnavailable after trying that long."""
        give_up = time.monotonic() + patience_seconds
        while True:
            try:
                connection = self._connected()
            except (redis.RedisError, OSError) as problem:
                refused = isinstance(problem, redis.AuthenticationError | redis.ResponseError)
                if refused or time.monotonic() >= give_up:
                    raise StoreUnavailable(str(problem)) from None
                time.sleep(0.02)
                continue
            self._connection = connection
            self._socket = connection._sock
            self._leave_waiting_to_the_kernel(self._arguments["socket_timeout"])
            self._reader = hiredis.Reader(notEnoughData=Ellipsis)
            self._listens = False
            return

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
        """Sends and receives give up after so long; 0 never.

        With a time-out of its own Python polls before each of them: twice the system calls, twice the hand-overs of the
        interpreter. TLS keeps it, since one of its reads may be several of the socket's.
        """
        if not isinstance(self._socket, ssl.SSLSocket) and sys.platform != "win32":  # there the option has other units
            self._socket.settimeout(None)
            limit = struct.pack("ll", int(seconds), int(seconds % 1 * 1_000_000))
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
        else:
            self._socket.settimeout(seconds or None)

    def close(self) -> None:
        connection, self._connection, self._socket, self._reader = self._connection, None, None, None
        if connection is not None:
            connection.disconnect()

    def interrupt(self) -> None:
        """Whoever waits for a message is told that the connection has ended. The one thing other threads may do."""
        with contextlib.suppress(OSError, AttributeError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def exchange(self, packed: bytes, replies: int = 1) -> list[Any]:
        """Send, and read that many replies; error replies are returned as ``hiredis.ReplyError``.

        Raises StoreUnavailable when the connection fails: the outcome is then unknown. It is closed in that case.
        """
        try:
            self._socket.sendall(packed)
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
                    raise OSError("the server closed it")
                reader.feed(data)
        except (OSError, hiredis.ProtocolError) as problem:
            raise self._lost(problem) from None
        return found

    def next_message(self, silence_seconds: float) -> Any:
        """The next pushed reply; None after so long without one. Raises StoreUnavailable when the connection ends."""
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
                raise self._lost("the server closed it")
            reader.feed(data)
        return reply

    def _lost(self, problem: object) -> StoreUnavailable:
        self.close()
        return StoreUnavailable(f"connection lost: {problem}")


def watch_switches(url: str, on_switch: Callable[[], None], is_over: Callable[[], bool]) -> None:
    """Under Sentinel, from now on in a thread of its own: see sentinel.Watch. Nothing elsewhere."""
    where = deployment.parse(url)
    if where.kind == "sentinel":
        from zaqar_core.store import sentinel

        sentinel.Watch(where, on_switch, is_over).start()


def _finder(url: str, where: StoreUrl) -> Callable[[], Address] | None:
    """What says where to connect to, each time; None where the URL says it. Loaded only where it is used."""
    if where.kind == "sentinel":
        from zaqar_core.store import sentinel

        return partial(sentinel.primary, where)
    if where.kind == "cluster":
        from zaqar_core.store import topology

        return topology.of(url).any_node
    return None


def pack(words: Sequence[bytes | str | int]) -> bytes:
    """The command in RESP."""
    packed: bytes = hiredis.pack_command(tuple(words))  # type: ignore[arg-type] # its stub asks for an invariant tuple
    return packed
