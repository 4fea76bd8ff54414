"""Clients that make a server wait: the load beside ``benchmarks.stalled``, in a process of its own.

    python -m benchmarks.stallers URL QUEUE KIND [--clients 3000]

KIND is one of

- ``byte``: sends a request one byte a second, from the first byte of its head on;
- ``body``: announces a body and sends none of it;
- ``answer``: asks for messages again and again and reads none of the responses.

A connection that the server closes is opened again. It runs until SIGTERM, then prints a line of JSON: how many
connections are open, and how often the server has closed one.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
from typing import cast
from urllib.parse import urlsplit

import orjson

from benchmarks.closed_loop import raise_descriptor_limit, run_loop
from benchmarks.load import json_request

KINDS = ("byte", "body", "answer")
#: One byte of each client in this time, spread over so many ticks.
_BYTE_SECONDS, _TICKS = 1.0, 50
_RECONNECT_SECONDS = 0.5
#: Requests that are sent ahead, whose responses of up to 1 MiB fill all buffers on the way.
_AHEAD = 16


class Staller(asyncio.Protocol):
    """One client. ``sent`` counts its bytes, where it sends them one by one."""

    def __init__(self, kind: str, request: bytes) -> None:
        self.kind, self.request = kind, request
        self.sent = 0
        self.is_open, self.closures = False, 0
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.is_open, self.sent = True, 0
        if self.kind == "body":
            self.transport.write(self.request[: self.request.index(b"\r\n\r\n") + 4])
        elif self.kind == "answer":
            # uvloop begins to read after this method, also where it has paused reading.
            asyncio.get_running_loop().call_soon(self.transport.pause_reading)
            self.transport.write(self.request * _AHEAD)

    def connection_lost(self, error: Exception | None) -> None:
        del error
        self.is_open = False
        self.closures += 1

    def send_byte(self) -> None:
        """Send the next byte of the request."""
        if self.is_open and self.transport is not None and self.sent < len(self.request):
            self.transport.write(self.request[self.sent : self.sent + 1])
            self.sent += 1


async def _stall(address: tuple[str, int], request: bytes, options: argparse.Namespace) -> None:
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    stallers = [Staller(options.kind, request) for _ in range(options.clients)]
    ticks = 0
    while not ended.is_set():
        if ticks % int(_RECONNECT_SECONDS * _TICKS) == 0:
            closed = [one for one in stallers if not one.is_open]
            for one in closed:
                try:
                    await loop.create_connection(lambda one=one: one, *address)  # type: ignore[misc]
                except OSError:
                    break
        if options.kind == "byte":
            for one in stallers[ticks % _TICKS :: _TICKS]:
                one.send_byte()
        ticks += 1
        await asyncio.sleep(_BYTE_SECONDS / _TICKS)
    found = {"open": sum(one.is_open for one in stallers), "closed": sum(one.closures for one in stallers)}
    print(json.dumps(found), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("queue")
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--clients", type=int, default=3000)
    options = parser.parse_args()
    raise_descriptor_limit()
    parts = urlsplit(options.url)
    body = {"QueueUrl": options.queue, "MaxNumberOfMessages": 10, "VisibilityTimeout": 0}
    request = json_request(parts.netloc, "ReceiveMessage", orjson.dumps(body))
    run_loop(_stall((parts.hostname or "127.0.0.1", parts.port or 80), request, options))


if __name__ == "__main__":
    main()
