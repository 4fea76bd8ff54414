"""Clients in a closed loop: each one sends its next request when its last one is answered.

    python -m benchmarks.closed_loop URL QUEUE (--send BYTES | --poll SECONDS) [--connections 32] [--rate PER_SECOND]

As a command it is the load beside a measurement, in a process of its own: it goes on until SIGTERM, and then prints
a line of JSON: what was answered, with errors, and in how many seconds. ``--rate`` makes the loop an open one, as far
as the connections suffice.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import importlib
import json
import re
import resource
import signal
import time
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import urlsplit

import orjson

from benchmarks.load import json_request

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_STATUS = slice(9, 12)
_RECONNECT_SECONDS = 0.1
#: Connections that are opened at the same time; the listener's queue is not endless.
_OPENED_AT_ONCE = 200
#: Between two looks at which requests of a rate are due: as often as uvloop's timers allow, since those that are due at
#: the same time make a burst.
_TICK_SECONDS = 0.001


def run_loop(work: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine, on uvloop where it is installed, without pauses of the garbage collector.

    With thousands of clients such a pause would count as a delay of the service.
    """
    gc.disable()
    try:
        uvloop = importlib.import_module("uvloop")
    except ImportError:
        asyncio.run(work)
    else:
        uvloop.run(work)
    finally:
        gc.enable()


def raise_descriptor_limit() -> None:
    """Allow this process, and those that it starts, as many descriptors as the system does."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class Client(asyncio.Protocol):
    """One connection with one request at a time.

    ``on_answer`` receives the client, the status and the body; ``on_lost`` the client whose connection the server has
    closed. ``sent_at`` is the time of the last request. The time of uvloop would be exact only to a millisecond.
    """

    __slots__ = ("_buffer", "_is_lost", "_on_answer", "_on_lost", "_transport", "is_waiting", "sent_at")

    def __init__(self, on_answer: Callable[[Client, int, bytes], None], on_lost: Callable[[Client], None]) -> None:
        self._on_answer, self._on_lost = on_answer, on_lost
        self._transport: asyncio.Transport | None = None
        self._is_lost = False
        self._buffer = b""
        self.sent_at = 0.0
        self.is_waiting = False

    async def connect(self, address: tuple[str, int]) -> None:
        await asyncio.get_running_loop().create_connection(lambda: self, *address)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, _: Exception | None) -> None:
        self._is_lost, self.is_waiting = True, False
        self._on_lost(self)

    def send(self, request: bytes) -> None:
        """Send the next request; report again a connection that was lost before."""
        assert self._transport is not None
        if self._is_lost:
            self._on_lost(self)
        elif not self._transport.is_closing():
            self.sent_at = time.monotonic()
            self.is_waiting = True
            self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        length = _LENGTH.search(head)
        if length is not None and len(body) < int(length[1]):
            return
        self._buffer = b""
        self.is_waiting = False
        self._on_answer(self, int(head[_STATUS]), body)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()


async def connect_all(clients: list[Client], address: tuple[str, int]) -> list[Client]:
    """Open the connections of many clients, and return the clients that were refused."""
    refused = []
    for at in range(0, len(clients), _OPENED_AT_ONCE):
        some = clients[at : at + _OPENED_AT_ONCE]
        results = await asyncio.gather(*(client.connect(address) for client in some), return_exceptions=True)
        refused += [client for client, result in zip(some, results, strict=True) if result is not None]
    return refused


@dataclass
class Tally:
    """What happened since the last count: ``latencies`` in seconds of the answers without error, errors by status.

    ``lost`` counts connections that were refused or closed.
    """

    latencies: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)
    lost: int = 0

    @property
    def answered(self) -> int:
        return len(self.latencies)

    @property
    def errors(self) -> int:
        return sum(self.statuses.values()) + self.lost

    def percentile_ms(self, percent: float) -> float:
        ordered = sorted(self.latencies)
        return 1000 * ordered[min(int(percent / 100 * len(ordered)), len(ordered) - 1)] if ordered else float("nan")


class ClosedLoop:
    """So many clients that send one request again and again, without pause or at a rate."""

    def __init__(
        self, address: tuple[str, int], request: bytes, connections: int, *, per_second: float | None = None
    ) -> None:
        self._address, self._request, self._per_second = address, request, per_second
        self._clients = [Client(self._answered, self._lost) for _ in range(connections)]
        self._idle: deque[Client] = deque()
        self._loop = asyncio.get_running_loop()
        self._is_running = False
        self._tasks: set[asyncio.Task[None]] = set()
        self.tally = Tally()

    async def start(self) -> None:
        refused = set(await connect_all(self._clients, self._address))
        self._is_running = True
        for client in self._clients:
            if client in refused:
                self._lost(client)
            else:
                self._continue(client)
        if self._per_second is not None:
            self._spawn(self._pace(self._per_second))

    def counted(self) -> Tally:
        """Return the tally, and begin a new one."""
        tally, self.tally = self.tally, Tally()
        return tally

    def stop(self) -> None:
        self._is_running = False
        for task in self._tasks:
            task.cancel()
        for client in self._clients:
            client.close()

    async def _pace(self, per_second: float) -> None:
        began, sent = self._loop.time(), 0
        while True:
            due = int((self._loop.time() - began) * per_second)
            while sent < due and self._idle:
                self._idle.popleft().send(self._request)
                sent += 1
            sent = due  # what found no idle connection is left out
            await asyncio.sleep(_TICK_SECONDS)

    def _answered(self, client: Client, status: int, _: bytes) -> None:
        if status < 300:
            self.tally.latencies.append(time.monotonic() - client.sent_at)
        else:
            self.tally.statuses[status] = self.tally.statuses.get(status, 0) + 1
        self._continue(client)

    def _continue(self, client: Client) -> None:
        if self._per_second is not None:
            self._idle.append(client)
        elif self._is_running:
            client.send(self._request)

    def _lost(self, client: Client) -> None:
        if not self._is_running:
            return
        self.tally.lost += 1
        if client in self._idle:
            self._idle.remove(client)
        self._spawn(self._reconnect(client))

    async def _reconnect(self, client: Client) -> None:
        """Replace a client whose connection is lost. A server that is full may refuse for a while."""
        fresh = Client(self._answered, self._lost)
        while True:
            await asyncio.sleep(_RECONNECT_SECONDS)
            try:
                await fresh.connect(self._address)
            except OSError:
                self.tally.lost += 1
            else:
                break
        self._clients[self._clients.index(client)] = fresh
        self._continue(fresh)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("queue")
    kind = parser.add_mutually_exclusive_group(required=True)
    kind.add_argument("--send", type=int, metavar="BYTES")
    kind.add_argument("--poll", type=int, metavar="SECONDS")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--rate", type=float)
    options = parser.parse_args()
    raise_descriptor_limit()
    parts = urlsplit(options.url)
    if options.send is not None:
        request = send_request(parts.netloc, options.queue, options.send)
    else:
        request = poll_request(parts.netloc, options.queue, options.poll)
    run_loop(_until_sigterm((parts.hostname or "127.0.0.1", parts.port or 80), request, options))


def send_request(host: str, queue: str, length: int) -> bytes:
    return json_request(host, "SendMessage", orjson.dumps({"QueueUrl": queue, "MessageBody": "x" * length}))


def poll_request(host: str, queue: str, seconds: int) -> bytes:
    return json_request(host, "ReceiveMessage", orjson.dumps({"QueueUrl": queue, "WaitTimeSeconds": seconds}))


async def _until_sigterm(address: tuple[str, int], request: bytes, options: argparse.Namespace) -> None:
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    clients = ClosedLoop(address, request, options.connections, per_second=options.rate)
    began = loop.time()
    await clients.start()
    await ended.wait()
    tally = clients.counted()
    print(json.dumps({"answered": tally.answered, "errors": tally.errors, "seconds": loop.time() - began}), flush=True)
    clients.stop()


if __name__ == "__main__":
    main()
