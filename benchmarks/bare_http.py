"""An HTTP server with nothing behind it, on uvloop and httptools: what HTTP alone costs in Python.

    python -m benchmarks.bare_http PORT

The yardstick of ``benchmarks.peers``. It does what every server must do for an application: it parses the head into a
dictionary, collects the body, calls a function, and encodes the status, headers and body that this returns.
"""

from __future__ import annotations

import asyncio
import sys
from typing import cast

import httptools
import uvloop

_Answer = tuple[str, list[tuple[str, str]], bytes]


def answer(method: str, target: str, headers: dict[str, str], body: bytes) -> _Answer:  # noqa: ARG001 - an application would
    """Return status, headers and body of the same answer to everything."""
    return "200 OK", [("Content-Type", "application/x-amz-json-1.0"), ("Content-Length", "2")], b"{}"


class _Connection(asyncio.Protocol):
    """One connection; httptools calls the methods ``on_…``."""

    def __init__(self) -> None:
        self._parser = httptools.HttpRequestParser(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.close()

    def on_message_begin(self) -> None:
        self._target = b""
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []

    def on_url(self, part: bytes) -> None:
        self._target += part

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, part: bytes) -> None:
        self._body.append(part)

    def on_message_complete(self) -> None:
        method, target = self._parser.get_method().decode("latin-1"), self._target.decode("latin-1")
        status, headers, body = answer(method, target, self._headers, b"".join(self._body))
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
        self._transport.write(f"HTTP/1.1 {status}\r\n{lines}\r\n".encode("latin-1") + body)
        if not self._parser.should_keep_alive():
            self._transport.close()


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(_Connection, "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
