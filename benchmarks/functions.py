"""Measure the CPU time of Valkey for one call of each function of the hot path, in memory.

    python -m benchmarks.functions [--rounds 7]

The commands come over one connection, eight in a write. The bodies have 200 bytes. The first row is the yardstick of
``benchmarks.peers``: a function that only does HINCRBY, HSET and ZADD. Each row has the microseconds of one call over
all rounds, in which the functions take turns, and the multiple of the yardstick.
"""

from __future__ import annotations

import argparse
import socket
from typing import Any

import hiredis
import psutil

from benchmarks.peers.yardsticks import FUNCTION
from benchmarks.service import cpu
from tests.private_valkey import private_valkey
from zaqar_core.domain.model import NewMessage
from zaqar_core.store import records, script
from zaqar_core.store.connection import pack

_IN_A_WRITE, _CALLS = 8, 10_000
_INCARNATION, _NONCE = "0123456789abcdef", "fedcba9876543210"
_RECORD = records.pack(NewMessage(b"x" * 200), random=b"12345678", own_ttl=False)
_MESSAGE: tuple[bytes, ...] = (_RECORD, b"200 -1 0")
_RECEIVE = ("-1", _NONCE, "120000", "-1")


class _Server:
    """A Valkey, one connection to it, and what calls have cost it."""

    def __init__(self, path: str, process: psutil.Process) -> None:
        self._process = process
        self._link = socket.socket(socket.AF_UNIX)
        self._link.connect(path)
        self._replies = hiredis.Reader()
        #: By title: number of calls, and CPU seconds of them all.
        self._spent: dict[str, tuple[int, float]] = {}

    def measure(self, title: str, calls: list[bytes]) -> None:
        """Run the packed commands, and add what they cost."""
        before = cpu([self._process])
        for first in range(0, len(calls), _IN_A_WRITE):
            some = calls[first : first + _IN_A_WRITE]
            self._link.sendall(b"".join(some))
            for _ in some:
                self._reply()
        count, seconds = self._spent.get(title, (0, 0.0))
        self._spent[title] = count + len(calls), seconds + cpu([self._process]) - before

    def microseconds(self) -> dict[str, float]:
        """Return what one call costs, by title."""
        return {title: seconds / count * 1e6 for title, (count, seconds) in self._spent.items()}

    def _reply(self) -> Any:
        while (reply := self._replies.gets()) is False:
            self._replies.feed(self._link.recv(65536))
        if isinstance(reply, hiredis.ReplyError):
            raise reply
        return reply


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    with private_valkey() as server, server.client() as client:
        client.function_load(FUNCTION)
        client.function_load(script("send").plain.library.text.decode())
        valkey = _Server(server.url.removeprefix("unix://"), psutil.Process(server.process.pid))
        for number in range(rounds):
            _round(valkey, f"sf1:{{bench~us-east-1:{number}:0}}")
            client.flushall()
    found = valkey.microseconds()
    for title, microseconds in found.items():
        if title != "create":
            print(f"{title:12}{microseconds:8.1f} µs{microseconds / found['yardstick']:7.2f}")


def _round(valkey: _Server, key: str) -> None:
    valkey.measure("yardstick", [pack((b"FCALL", b"yardstick", 1, "yardstick", b"1700000000000" + _RECORD))] * _CALLS)
    valkey.measure("create", [_call("create", key, _INCARNATION, "sqs", 345_600)])
    valkey.measure("send", [_call("send", key, "s", 0, 1 << 20, *_MESSAGE)] * _CALLS)
    valkey.measure("receive", [_call("receive", key, 1, *_RECEIVE)] * _CALLS)
    valkey.measure("empty", [_call("receive", key, 1, *_RECEIVE)] * _CALLS)
    valkey.measure("delete", [_call("delete_received", key, _INCARNATION, seq + 1) for seq in range(_CALLS)])
    tens = range(_CALLS, 2 * _CALLS, 10)
    valkey.measure("send 10", [_call("send", key, "s", 0, 1 << 20, *_MESSAGE * 10)] * len(tens))
    valkey.measure("receive 10", [_call("receive", key, 10, *_RECEIVE)] * len(tens))
    deletions = [_call("delete_received", key, _INCARNATION, *range(ten + 1, ten + 11)) for ten in tens]
    valkey.measure("delete 10", deletions)


def _call(name: str, key: str, *arguments: bytes | str | int) -> bytes:
    return pack((b"FCALL", script(name).plain.address, 1, key, *arguments))


if __name__ == "__main__":
    main()
