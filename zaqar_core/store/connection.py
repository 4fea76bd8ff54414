"""One connection to the server, with as little as possible between a packed command and its reply.

redis-py makes the connection (URL, TLS, authentication, time-outs); the exchange itself goes straight to the socket and
hiredis. Measured: ``Connection.send_packed_command`` + ``read_response`` costs a third more CPU per command.
"""

from __future__ import annotations

import socket
import ssl
import struct
import time
from collections.abc import Sequence
from typing import Any

import hiredis
import redis
from redis.connection import Connection, SSLConnection, parse_url

from zaqar_core.errors import StoreUnavailable

#: How long a lost server is sought again before a request is given up. Nothing was sent yet, so trying again is safe.
RECONNECT_SECONDS = 2.0
_RECEIVE_BYTES = 65536


class Link:
    """A lazily opened connection. Not thread-safe: whoever holds its slot uses it alone."""

    __slots__ = ("_arguments", "_connection", "_kind", "_listens", "_reader", "_socket")

    def __init__(self, url: str, timeout_seconds: float) -> None:
        arguments: dict[str, Any] = dict(parse_url(url))  # type: ignore[no-untyped-call] # redis-py leaves it untyped
        self._kind = arguments.pop("connection_class", Connection)
        arguments.update(
            protocol=2,
            socket_timeout=timeout_seconds,
            socket_connect_timeout=timeout_seconds,
            health_check_interval=0,
            retry_on_timeout=False,
            retry=None,
        )
        if self._kind in (Connection, SSLConnection):
            arguments.update(socket_keepalive=True)
        self._arguments = arguments
        self._connection: Any = None
        self._socket: Any = None
        self._listens = False
        self._reader: Any = None

    @property
    def is_open(self) -> bool:
        return self._socket is not None

    def open(self, patience_seconds: float = RECONNECT_SECONDS) -> None:
        """Connected, or StoreUnavailable after trying that long."""
        give_up = time.monotonic() + patience_seconds
        while True:
            try:
                connection = self._kind(**self._arguments)
                connection.connect()
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

    def _leave_waiting_to_the_kernel(self, seconds: float) -> None:
        """Sends and receives give up after so long; 0 never.

        With a time-out of its own Python polls before each of them: twice the system calls, twice the hand-overs of the
        interpreter. TLS keeps it, since one of its reads may be several of the socket's.
        """
        if not isinstance(self._socket, ssl.SSLSocket):
            self._socket.settimeout(None)
            limit = struct.pack("ll", int(seconds), int(seconds % 1 * 1_000_000))
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
        elif not seconds:
            self._socket.settimeout(None)

    def close(self) -> None:
        connection, self._connection, self._socket, self._reader = self._connection, None, None, None
        if connection is not None:
            connection.disconnect()

    def exchange(self, packed: bytes, replies: int = 1) -> list[Any]:
        """Send, and read that many replies; error replies are returned as ``hiredis.ReplyError``.

        Raises StoreUnavailable when the connection fails: the outcome is then unknown. It is closed in that case.
        """
        try:
            self._socket.sendall(packed)
        except OSError as problem:
            self.close()
            raise StoreUnavailable(f"connection lost: {problem}") from None
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
            self.close()
            raise StoreUnavailable(f"connection lost: {problem}") from None
        return found

    def next_message(self) -> Any:
        """The next pushed reply; blocks without a time-out. Raises StoreUnavailable when the connection ends."""
        if not self._listens:
            self._listens = True
            self._leave_waiting_to_the_kernel(0)
        return self._read(1)[0]

    def command(self, *words: bytes | str | int) -> Any:
        """One command for set-up and upkeep. An error reply is raised as StoreUnavailable."""
        if not self.is_open:
            self.open()
        reply = self.exchange(pack(words))[0]
        if isinstance(reply, hiredis.ReplyError):
            raise StoreUnavailable(str(reply))
        return reply


def pack(words: Sequence[bytes | str | int]) -> bytes:
    """The command in RESP."""
    packed: bytes = hiredis.pack_command(tuple(words))  # type: ignore[arg-type] # its stub asks for an invariant tuple
    return packed
