"""The calls of the hot path's functions in Valkey, with which ``functions`` and ``instructions`` compare their cost.

The yardstick is the function of ``benchmarks.peers``: it only does HINCRBY, HSET and ZADD. All bodies have 200 bytes.
A title such as "16 sends" is a call of so many requests, as a worker makes it for the requests of one turn of its loop.
"""

from __future__ import annotations

import itertools
import socket
from collections.abc import Iterator
from typing import Any

import hiredis

from benchmarks.peers.yardsticks import FUNCTION
from zaqar_core.domain.model import NewMessage
from zaqar_core.store import records, script
from zaqar_core.store.connection import pack

#: The first row: what all others are compared with.
YARDSTICK = "yardstick"
#: Options of a Valkey, by the durability of the service.
SERVER_OPTIONS: dict[str, tuple[str, ...]] = {
    "memory": (),
    "fsync": ("--appendonly", "yes", "--appendfsync", "always"),
}
#: As many as Valkey executes in one turn of its loop beside 32 connections: see ``benchmarks.peers``.
_IN_A_WRITE = 16
_INCARNATION, _RANDOM = "0123456789abcdef", b"12345678"
_SQS = records.pack(NewMessage(b"x" * 200), random=_RANDOM, own_ttl=False)
_ZAQAR = records.pack(NewMessage(b"x" * 200, "json"), random=_RANDOM, own_ttl=True)
#: Leases and claims do not end during a run, however slow it is.
_LEASE_MS, _GRACE_MS, _MAX_IN_FLIGHT = 7_200_000, 60_000, 120_000


class Connection:
    """A connection over the server's Unix socket."""

    def __init__(self, url: str) -> None:
        self._link = socket.socket(socket.AF_UNIX)
        self._link.connect(url.removeprefix("unix://"))
        self._replies = hiredis.Reader()
        self.run([pack((b"FUNCTION", b"LOAD", text)) for text in (FUNCTION, script("send").plain.library.text)])

    def run(self, calls: list[bytes]) -> None:
        """Run packed commands, some in each write. Raises hiredis.ReplyError."""
        for first in range(0, len(calls), _IN_A_WRITE):
            some = calls[first : first + _IN_A_WRITE]
            self._link.sendall(b"".join(some))
            for _ in some:
                self._reply()

    def _reply(self) -> Any:
        while (reply := self._replies.gets()) is False:
            self._replies.feed(self._link.recv(65536))
        if isinstance(reply, hiredis.ReplyError):
            raise reply
        return reply

    def close(self) -> None:
        self._link.close()


def calls(name: str, count: int) -> Iterator[tuple[str | None, list[bytes]]]:
    """Yield the calls of a round in order, each group with its title; groups without a title only prepare the next.

    ``count``: calls of one message, which take place among as many other messages. ``name`` is new in every round.
    """
    yardstick = pack((b"FCALL", b"yardstick", 1, f"yardstick-{name}", b"1700000000000" + _SQS))
    nonces = (f"{number:016x}" for number in itertools.count(1 << 60))
    tens = range(count * 2 + 1, count * 4 + 1, 10)
    key = f"sf1:{{000000000000~us-east-1:{name}:0}}"
    send = _call("send", key, "s", 0, 1 << 20, _SQS, b"200 -1 0")
    yield None, [yardstick] * count
    yield YARDSTICK, [yardstick] * count
    yield None, [_call("create", key, _INCARNATION, "sqs", 345_600), *[send] * count]
    yield "send", [send] * count
    yield None, [_receive(key, 1, next(nonces)) for _ in range(count)]
    yield "receive", [_receive(key, 1, next(nonces)) for _ in range(count)]
    yield "empty", [_receive(key, 1, next(nonces)) for _ in range(count)]
    yield "delete", [_call("delete_received", key, _INCARNATION, seq) for seq in range(1, count + 1)]
    yield "send 10", [_call("send", key, "s", 0, 1 << 20, *(_SQS, b"200 -1 0") * 10) for _ in tens]
    yield "receive 10", [_receive(key, 10, next(nonces)) for _ in tens]
    yield "delete 10", [_call("delete_received", key, _INCARNATION, *range(first, first + 10)) for first in tens]
    yield from _joined_calls(f"sf1:{{000000000000~us-east-1:{name}-j:0}}", count // _IN_A_WRITE, nonces)
    yield from _zaqar_calls(f"sf1:{{000000000000~us-east-1:{name}-z:0}}", count)


def _joined_calls(key: str, count: int, nonces: Iterator[str]) -> Iterator[tuple[str | None, list[bytes]]]:
    """Yield calls of several requests each; there are as many other messages in the queue."""
    many = _IN_A_WRITE
    send = _call("send", key, "s", -1, 1 << 20, *(_SQS, b"200 -1 0") * many)
    firsts = range(1, count * many + 1, many)
    yield None, [_call("create", key, _INCARNATION, "sqs", 345_600), *[send] * count]
    yield f"{many} sends", [send] * count
    yield None, [_receive(key, many, next(nonces), many=b" 1") for _ in range(count)]
    yield f"{many} receives", [_receive(key, many, next(nonces), many=b" 1") for _ in range(count)]
    yield (
        f"{many} deletions",
        [_call("delete_received", key, _INCARNATION, *range(first, first + many)) for first in firsts],
    )


def _zaqar_calls(key: str, count: int) -> Iterator[tuple[str | None, list[bytes]]]:
    post = _call("send", key, "z", 300, 1 << 20, _ZAQAR, b"-1 -1 -1")
    claims = [f"{number:032x}" for number in range(count * 2)]
    claiming = [_call("claim", key, 1, claim, claim[16:], _LEASE_MS, _GRACE_MS) for claim in claims]
    yield None, [_call("create", key, _INCARNATION, "zaqar", 345_600), *[post] * count]
    yield "post", [post] * count
    yield None, claiming[:count]
    yield "claim", claiming[count:]
    yield (
        "delete claimed",
        [_call("delete_by_id", key, "one", claims[at], at + 1, _RANDOM, b"i" * 16) for at in range(count)],
    )


def _receive(key: str, most: int, nonce: str, *, many: bytes = b"") -> bytes:
    return _call("receive", key, b"%d %d %d" % (most, _LEASE_MS, _MAX_IN_FLIGHT) + many, nonce, -1)


def _call(name: str, key: str, *arguments: bytes | str | int) -> bytes:
    return pack((b"FCALL", script(name).plain.address, 1, key, *arguments))
