"""Take a snapshot of a server as a new replica gets it: an RDB file, while the server goes on.

The server forks for it after the request arrives, so the snapshot has every write that was acknowledged before.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from redis.exceptions import RedisError

from zaqar_core.domain.errors import StoreUnavailable
from zaqar_core.store import deployment, sentinel
from zaqar_core.store.deployment import StoreUrl

#: A server that writes the snapshot sends a line end every second or more often meanwhile.
_SILENCE_SECONDS = 60.0
_PIECE_BYTES = 1 << 20
_LONGEST_LINE = 1024
#: Begins the reply of a server that does not know the length yet; the mark that follows ends the snapshot.
_ENDLESS = b"EOF:"
_MARK_BYTES = 40

#: Called with the bytes that are there, and with all of them if the server told.
Progress = Callable[[int, "int | None"], None]


def take(url: str, file: Path, progress: Progress) -> dict[str, str]:
    """Write a snapshot of the server, or of the primary of a group under Sentinel, to a new file.

    Return the facts of INFO that name the server. Raises StoreUrlInvalid; StoreUnavailable also for a cluster, whose
    primaries have a snapshot each.
    """
    store = deployment.parse(url)
    if store.kind == "cluster":
        raise StoreUnavailable(
            "a snapshot is of one server, and a cluster has several: back up each primary, as redis://HOST:PORT"
        )
    where = {**store.arguments, "socket_timeout": _SILENCE_SECONDS, "protocol": 2}
    if store.kind == "sentinel":
        where |= _primary(store)
    connection = store.connection_kind(**where)
    try:
        connection.connect()
        if store.kind == "sentinel":
            sentinel.check(connection)
        connection.send_command("INFO", "server")
        facts = _facts(connection.read_response())
        connection.send_command("REPLCONF", "rdb-only", "1")  # no stream of later writes; old servers refuse the option
        connection.read_response()
        connection.send_command("SYNC")
        with file.open("xb") as stream:
            _copy(connection._sock, stream, progress)
    except RedisError as problem:
        raise StoreUnavailable(str(problem)) from None
    except OSError as problem:
        raise StoreUnavailable(problem.strerror or str(problem) or "the server sends nothing") from None
    finally:
        connection.disconnect()
    return facts


def _primary(store: StoreUrl) -> dict[str, Any]:
    try:
        host, port = sentinel.primary(store)
    except RedisError as problem:
        raise StoreUnavailable(str(problem)) from None
    return {"host": host, "port": port}


def _facts(info: bytes | str) -> dict[str, str]:
    text = info.decode() if isinstance(info, bytes) else info
    return dict(line.split(":", 1) for line in text.splitlines() if ":" in line)


def _copy(source: socket.socket, stream: Any, progress: Progress) -> None:
    """Copy the reply to SYNC. Raises StoreUnavailable, OSError."""
    head = _line(source)
    if not head.startswith(b"$"):
        raise StoreUnavailable(f"the server refuses a snapshot: {head.lstrip(b'-').decode(errors='replace')}")
    if head[1:].startswith(_ENDLESS):
        _copy_to_mark(source, stream, head[1 + len(_ENDLESS) :], progress)
        return
    total = left = int(head[1:])
    while left:
        piece = _received(source, min(left, _PIECE_BYTES))
        stream.write(piece)
        left -= len(piece)
        progress(total - left, total)


def _copy_to_mark(source: socket.socket, stream: Any, mark: bytes, progress: Progress) -> None:
    """Copy until the mark comes, which is not part of the snapshot."""
    tail, copied = b"", 0
    while not tail.endswith(mark):
        tail += _received(source, _PIECE_BYTES)
        ready, tail = tail[:-_MARK_BYTES], tail[-_MARK_BYTES:]
        stream.write(ready)
        copied += len(ready)
        progress(copied, None)


def _line(source: socket.socket) -> bytes:
    """Return the first line that is not empty, without its end."""
    line = b""
    while len(line) < _LONGEST_LINE:
        one = _received(source, 1)
        if one != b"\n":
            line += one
        elif line := line.strip():
            return line
    raise StoreUnavailable("the server does not speak the protocol of Redis")


def _received(source: socket.socket, most: int) -> bytes:
    piece = source.recv(most)
    if not piece:
        raise StoreUnavailable("the server ended the connection before the snapshot was complete")
    return piece
