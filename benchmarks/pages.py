"""Count what a scrape and the pages of the console cost the event loop and the store.

    python -m benchmarks.pages [--queues 10000] [--shown 1000] [--rounds 5] [--limit-ms 2]

A worker runs in this process, its store beside it, both otherwise idle. Each row is a request: ``first`` is the first
one, ``busy`` follows a send to a queue in ten, ``again`` follows nothing. A scrape shows ``--shown`` queues. Printed
are medians of the rounds: commands and CPU of the store and its longest command, CPU of the tasks of the worker and the
longest piece of them, which is what runs before the loop can turn to another task. All are counts or CPU time, which
mean something on a machine with other load, but for the time of the request and the longest command: of these and of
the pieces the smallest of the rounds is shown. With ``--limit-ms`` the exit status is 1 if a piece is longer.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import statistics
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from typing import Any, NamedTuple

import greenlet
import orjson
import psutil
import redis

from benchmarks import load
from benchmarks.service import cpu
from sqs_facade.wsgi import APPLICATION, create_app
from tests.private_valkey import private_valkey
from zaqar_core.configuration.settings import Settings
from zaqar_core.eventloop.tasks import Task
from zaqar_core.web.server.limits import Limits
from zaqar_core.web.server.server import Server

#: A queue in so many gets a message.
_BUSY = 10
#: After so long a request that asks for fresh numbers begins a new pass of 10,000 queues.
_PASS_SECONDS = 3.0
_PATIENCE_SECONDS = 60.0


class _Pieces:
    """The CPU time between two switches of tasks, in the thread that is traced."""

    def __init__(self) -> None:
        self._last = 0.0
        self.longest = 0.0
        self.total = 0.0
        self.number = 0
        self.where = ""

    def start(self) -> None:
        """Trace this thread."""
        self._last = time.thread_time()
        greenlet.settrace(self._switched)

    def clear(self) -> None:
        self.longest = self.total = 0.0
        self.number = 0

    def _switched(self, _: str, switch: tuple[Any, Any]) -> None:
        now = time.thread_time()
        took, self._last = now - self._last, now
        if not isinstance(switch[0], Task):  # many turns of the loop
            return
        self.total += took
        self.number += 1
        if took > self.longest:
            self.longest = took
            self.where = _site(switch[0])


def _site(left: Any) -> str:
    """Return the functions in which a task was left."""
    frame = left.gr_frame
    names: list[str] = []
    while frame is not None and len(names) < 5:
        names.append(f"{frame.f_code.co_name}:{frame.f_lineno}")
        frame = frame.f_back
    return " < ".join(names) or "the loop"


class _Cost(NamedTuple):
    """What one request has cost; times are in milliseconds."""

    wall: float
    commands: int
    store: float
    command: float
    worker: float
    piece: float
    where: str
    size: int


class _Costs:
    """Measures requests to the worker."""

    def __init__(self, url: str, store: redis.Redis, server: psutil.Process, pieces: _Pieces) -> None:
        self._url, self._store, self._server, self._pieces = url, store, server, pieces

    def of(self, path: str) -> _Cost:
        """Return the cost of a request."""
        self._store.config_resetstat()
        self._store.slowlog_reset()
        self._pieces.clear()
        before = cpu([self._server])
        began = time.perf_counter()
        with urllib.request.urlopen(self._url + path, timeout=_PATIENCE_SECONDS) as answer:
            size = len(answer.read())
        wall = time.perf_counter() - began
        spent = cpu([self._server]) - before
        worker, piece, where = self._pieces.total, self._pieces.longest, self._pieces.where
        stats: dict[str, dict[str, float]] = self._store.info("commandstats")
        commands = {name: one for name, one in stats.items() if "config" not in name and "slowlog" not in name}
        slow = [one["duration"] for one in self._store.slowlog_get(10_000) if not one["command"].startswith(b"CONFIG")]
        return _Cost(
            1000 * wall,
            int(sum(one["calls"] for one in commands.values())),
            1000 * spent,
            max(slow, default=0) / 1000,
            1000 * worker,
            1000 * piece,
            where,
            size,
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--queues", type=int, default=10_000)
    parser.add_argument("--shown", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--limit-ms", type=float)
    options = parser.parse_args()
    with private_valkey("--slowlog-log-slower-than", "0", "--slowlog-max-len", "100000") as valkey:
        settings = Settings(redis=valkey.url, durability="memory", metrics_queues=options.shown)
        server = Server(create_app(settings).extensions[APPLICATION], Limits.of(settings))
        listening = socket.create_server(("127.0.0.1", 0))
        pieces, results = _Pieces(), []

        def drive() -> None:
            try:
                with redis.Redis.from_url(valkey.url, socket_timeout=_PATIENCE_SECONDS) as client:
                    results.append(
                        _measured(listening.getsockname(), client, psutil.Process(valkey.process.pid), pieces, options)
                    )
            finally:
                os.kill(os.getpid(), signal.SIGTERM)

        driver = threading.Thread(target=drive)

        def begin() -> None:
            pieces.start()
            driver.start()

        server.run([listening], begin)
        driver.join()
    longest = results[0] if results else float("inf")
    return int(options.limit_ms is not None and longest > options.limit_ms)


def _measured(
    address: tuple[str, int],
    client: redis.Redis,
    server: psutil.Process,
    pieces: _Pieces,
    options: argparse.Namespace,
) -> float:
    host = f"{address[0]}:{address[1]}"
    names = [f"queue-{number:05}" for number in range(options.queues)]

    def call(operation: str, **members: object) -> bytes:
        return load.json_request(host, operation, orjson.dumps(members))

    def send(some: list[str]) -> None:
        load.run(address, (call("SendMessage", QueueUrl=name, MessageBody="x") for name in some), 8, lambda _: None)

    load.run(address, (call("CreateQueue", QueueName=name) for name in names), 8, lambda _: None)
    send(names)
    costs = _Costs(f"http://{host}", client, server, pieces)
    longest = 0.0
    print(f"{options.queues} queues, {options.shown} of them in a scrape")
    print(f"{'request':22}{'wall ms':>9}{'commands':>10}{'store ms':>10}{'longest':>9}{'worker ms':>11}{'longest':>9}")
    for title, path in (
        ("scrape", "/metrics"),
        ("console, new pass", "/console/api/queues?limit=50&fresh=1"),
        ("console, by name", "/console/api/queues?limit=50"),
        ("console, by depth", "/console/api/queues?limit=50&order=visible&descending=1"),
        ("console, search", "/console/api/queues?limit=50&search=99"),
    ):
        for kind in ("first", "busy", "again"):
            found = []
            for _ in range(1 if kind == "first" else options.rounds):
                if kind == "busy":
                    send(names[::_BUSY])
                if kind != "first" and "console" in title:
                    time.sleep(_PASS_SECONDS)
                found.append(costs.of(path))
            _show(f"{title}, {kind}", found)
            longest = max(longest, min(one.piece for one in found))
    return longest


def _show(title: str, found: list[_Cost]) -> None:
    def middle(read: Callable[[_Cost], float]) -> float:
        return statistics.median(read(one) for one in found)

    least = min(found, key=lambda one: one.piece)
    print(
        f"{title:26}{min(one.wall for one in found):7.0f}{middle(lambda one: one.commands):9.0f}"
        f"{middle(lambda one: one.store):10.1f}{min(one.command for one in found):9.2f}"
        f"{middle(lambda one: one.worker):11.1f}{least.piece:9.2f}  {least.where}",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
