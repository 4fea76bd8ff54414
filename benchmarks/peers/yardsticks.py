"""The yardsticks of the machine: a server that is nothing but HTTP, and the least function that stores a message."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import hiredis
import psutil
import redis

from benchmarks.peers.table import Sample
from benchmarks.processes import free_port, running
from benchmarks.service import Service, cpu
from zaqar_core.domain.model import NewMessage
from zaqar_core.store import records

#: The library of the function ``yardstick``.
FUNCTION = """#!lua name=yardstick
redis.register_function('yardstick', function(keys, args)
  local seq = redis.call('HINCRBY', keys[1], 'seq', 1)
  redis.call('HSET', keys[1] .. ':m', seq, args[1])
  redis.call('ZADD', keys[1] .. ':a', seq, seq)
  return seq
end)
"""
_KEY = "yardstick"
#: Keys of one measurement, all of which are deleted at its end.
_KEYS = (_KEY, f"{_KEY}:m", f"{_KEY}:a")
_SENT_AT = b"1700000000000"
_WARM_UP_WRITES = 200


@contextlib.contextmanager
def bare_http(folder: Path) -> Iterator[Service]:
    """Run the server that answers two bytes to everything. ImportError: uvloop or httptools is not installed."""
    for name in ("uvloop", "httptools"):
        if importlib.util.find_spec(name) is None:
            raise ImportError(name)
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.bare_http", str(port)]
    with running(command, port=port, log=folder / "bare.log") as process:
        yield Service(f"http://127.0.0.1:{port}", process, [], [])


class StoreFunction:
    """A function in the Valkey of a service that only does HINCRBY, HSET and ZADD, on the bytes of the same message.

    It is called once for each message, with as many calls in one write as the service serves requests in one turn of
    Valkey's event loop. These are the requests of one write if the service has one connection; with more, Valkey may
    read several in a turn, and one fsync then serves them all.
    """

    def __init__(self, valkeys: list[psutil.Process]) -> None:
        self._valkeys = valkeys
        links = (link for process in valkeys for link in process.net_connections("unix"))
        self._path = next(str(link.laddr) for link in links if link.laddr)
        self._redis = redis.Redis(unix_socket_path=self._path)
        self._redis.function_load(FUNCTION, replace=True)
        self._calls, self._turns = 0, 0
        #: In a turn of Valkey's loop, between ``begin`` and ``end``: requests that were served, and calls of functions.
        #: The service makes one call of several requests.
        self.requests_per_turn = self.calls_per_turn = 1.0

    def begin(self) -> None:
        """Begin to count."""
        self._calls, self._turns = self._counted()

    def end(self, requests: int) -> None:
        """Compute what there was in a turn of Valkey's loop while the service served so many requests."""
        calls, turns = self._counted()
        turns = max(1, turns - self._turns)
        self.requests_per_turn = max(1.0, requests / turns)
        self.calls_per_turn = (calls - self._calls) / turns

    def _counted(self) -> tuple[int, int]:
        """Return how many functions Valkey has called so far, and how many turns its loop has made."""
        calls = int(self._redis.info("commandstats").get("cmdstat_fcall", {}).get("calls", 0))
        return calls, int(self._redis.info("stats")["eventloop_cycles"])

    def measured(self, seconds: float) -> Sample:
        """Call the function for so long, over one connection, and delete what it stored."""
        record = _SENT_AT + records.pack(NewMessage(b"x" * 200), random=os.urandom(8), own_ttl=False)
        command = _packed("FCALL", "yardstick", "1", _KEY, record)
        with socket.socket(socket.AF_UNIX) as link:
            link.connect(self._path)
            writes = self._writes(link, command)
            for _ in range(_WARM_UP_WRITES):
                next(writes)
            before, began, calls = cpu(self._valkeys), time.perf_counter(), 0
            while time.perf_counter() < began + seconds:
                calls += next(writes)
            taken, spent = time.perf_counter() - began, cpu(self._valkeys) - before
        self._redis.delete(*_KEYS)
        return Sample(rate=calls / taken, front_us=0.0, store_us=1e6 * spent / calls, p99_ms=0.0, errors=0)

    def _writes(self, link: socket.socket, command: bytes) -> Iterator[int]:
        """Write commands and read their replies, on average ``requests_per_turn`` at a time; yield how many."""
        replies, owed = hiredis.Reader(), 0.0
        while True:
            owed += self.requests_per_turn
            count = int(owed)
            owed -= count
            link.sendall(command * count)
            for _ in range(count):
                while (reply := replies.gets()) is False:
                    replies.feed(link.recv(65536))
                if isinstance(reply, hiredis.ReplyError):
                    raise reply
            yield count

    def close(self) -> None:
        self._redis.close()


def _packed(*words: str | bytes) -> bytes:
    """Encode one command of the Redis protocol."""
    encoded = [word.encode() if isinstance(word, str) else word for word in words]
    return b"*%d\r\n" % len(encoded) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in encoded)
