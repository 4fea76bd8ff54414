"""Receives that wait on several queues, in a process of their own: the clients of ``benchmarks.waiting --polls``.

    python -m benchmarks.waiters URL QUEUES

The queues are named ``wait-0`` and so on. Each line of the standard input is a number of receives that shall wait, each
on a connection of its own; a receive that ends is sent again. The answer to each line, once the new receives are sent,
is a line of JSON: how many wait, and what happened since the line before.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from itertools import cycle
from typing import Any
from urllib.parse import urlsplit

import orjson

from benchmarks.closed_loop import Client, connect_all, poll_request, raise_descriptor_limit, run_loop

_POLL_SECONDS = 20
_SENT_AT_ONCE = 1000


@dataclass
class Happened:
    """What happened to the receives: ``wake_ups`` are the seconds from a send to the answer with its message."""

    waiting: int = 0
    empty: int = 0
    refused: int = 0
    lost: int = 0
    wake_ups: list[float] = field(default_factory=list)


class Waiters:
    """Starts the process of the waiting receives, and talks to it."""

    def __init__(self, url: str, queues: int) -> None:
        command = [sys.executable, "-m", "benchmarks.waiters", url, str(queues)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._count = 0

    async def set_count(self, count: int) -> Happened:
        """Let so many receives wait; return what happened since the call before."""
        self._count = count
        return await asyncio.to_thread(self._ask)

    async def look(self) -> Happened:
        """Return what happened since the call before."""
        return await self.set_count(self._count)

    def _ask(self) -> Happened:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(b"%d\n" % self._count)
        self._process.stdin.flush()
        return Happened(**json.loads(self._process.stdout.readline()))

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


class _Receives:
    def __init__(self, url: str, queues: int) -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname or "127.0.0.1", parts.port or 80)
        self._requests = cycle([poll_request(parts.netloc, f"wait-{at}", _POLL_SECONDS) for at in range(queues)])
        self._clients: list[Client] = []
        self._request_of: dict[Client, bytes] = {}
        self._happened = Happened()

    async def set_count(self, count: int) -> Happened:
        for client in self._clients[count:]:
            self._request_of.pop(client, None)
            client.close()
        del self._clients[count:]
        while len(self._clients) < count:
            await self._grow(min(count - len(self._clients), _SENT_AT_ONCE))
        found, self._happened = self._happened, Happened()
        found.waiting = sum(client.is_waiting for client in self._clients)
        return found

    async def _grow(self, count: int) -> None:
        fresh = [Client(self._answered, self._lost) for _ in range(count)]
        refused = set(await connect_all(fresh, self._address))
        self._happened.lost += len(refused)
        self._clients += fresh
        for client in fresh:
            if client not in refused:
                self._request_of[client] = next(self._requests)
                client.send(self._request_of[client])

    def _answered(self, client: Client, status: int, body: bytes) -> None:
        if status >= 300:
            self._happened.refused += 1
            return
        messages = orjson.loads(body).get("Messages", ())
        self._happened.empty += not messages
        now = time.monotonic()
        self._happened.wake_ups.extend(now - float(message["Body"]) for message in messages)
        client.send(self._request_of[client])

    def _lost(self, client: Client) -> None:
        if self._request_of.pop(client, None) is not None:
            self._happened.lost += 1


async def _follow(url: str, queues: int) -> None:
    loop, lines = asyncio.get_running_loop(), asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    receives = _Receives(url, queues)
    while line := await lines.readline():
        found: dict[str, Any] = asdict(await receives.set_count(int(line)))
        print(json.dumps(found), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("queues", type=int)
    options = parser.parse_args()
    raise_descriptor_limit()
    run_loop(_follow(options.url, options.queues))


if __name__ == "__main__":
    main()
