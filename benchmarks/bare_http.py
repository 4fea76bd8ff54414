"""An HTTP server with nothing behind it, on uvloop and httptools: what HTTP alone costs in Python.

    python -m benchmarks.bare_http PORT

The yardstick of ``benchmarks.peers``. It does what every server must do for an application, and no more: it parses the
request line, each header into a dictionary, and the body; calls a function; and encodes the status, the headers and the
body that this returns, with Date and Content-Length. It limits heads and bodies, answers Expect, HEAD and malformed
requests, keeps connections as HTTP/1.0 and HTTP/1.1 say, stops reading from clients that do not read, and closes idle
connections.
"""

from __future__ import annotations

import asyncio
import sys
import time
from email.utils import formatdate
from typing import cast

import httptools
import uvloop

_Answer = tuple[str, list[tuple[str, str]], bytes]
_HEAD_BYTES, _BODY_BYTES = 64 * 1024, 8 << 20
_IDLE_SECONDS = 75.0
_TICK_SECONDS = 0.5


def answer(method: str, path: str, query: str, headers: dict[str, str], body: bytes) -> _Answer:  # noqa: ARG001 - an application would
    """Return status, headers and body of the same answer to everything."""
    return "200 OK", [("Content-Type", "application/x-amz-json-1.0")], b"{}"


class _Clock:
    """What the connections share: the time, the header Date, and themselves."""

    def __init__(self) -> None:
        self.connections: set[_Connection] = set()
        self.tick()

    def tick(self) -> None:
        """Read the clock, and close idle connections."""
        self.now = time.monotonic()
        self.date = f"Date: {formatdate(usegmt=True)}\r\n"
        for one in [one for one in self.connections if one.idle_since < self.now - _IDLE_SECONDS]:
            one.close()
        asyncio.get_running_loop().call_later(_TICK_SECONDS, self.tick)


class _Connection(asyncio.Protocol):
    """One connection; httptools calls the methods ``on_…``."""

    def __init__(self, clock: _Clock) -> None:
        self._clock = clock
        self._parser = httptools.HttpRequestParser(self)
        self.idle_since = clock.now

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._clock.connections.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        del error
        self._clock.connections.discard(self)

    def close(self) -> None:
        """Close the connection after what is written has been sent."""
        self._transport.close()

    def pause_writing(self) -> None:
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        self.idle_since = self._clock.now
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._refuse("400 Bad Request")

    def on_message_begin(self) -> None:
        self._target = b""
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._head_bytes = self._body_bytes = 0

    def on_url(self, part: bytes) -> None:
        self._target += part

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head_bytes += len(name) + len(value)
        if self._head_bytes > _HEAD_BYTES:
            self._refuse("431 Request Header Fields Too Large")
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        if self._headers.get("expect", "").lower() == "100-continue":
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, part: bytes) -> None:
        self._body_bytes += len(part)
        if self._body_bytes > _BODY_BYTES:
            self._refuse("413 Content Too Large")
        self._body.append(part)

    def on_message_complete(self) -> None:
        if self._transport.is_closing():
            return
        parser = self._parser
        method = parser.get_method().decode("latin-1")
        url = httptools.parse_url(self._target)
        path, query = url.path.decode("latin-1"), (url.query or b"").decode("latin-1")
        status, headers, body = answer(method, path, query, self._headers, b"".join(self._body))
        self._write(status, headers, body, is_head=method == "HEAD", keeps=parser.should_keep_alive())

    def _refuse(self, status: str) -> None:
        if not self._transport.is_closing():
            self._write(status, [], b"", is_head=False, keeps=False)

    def _write(self, status: str, headers: list[tuple[str, str]], body: bytes, *, is_head: bool, keeps: bool) -> None:
        lines = "".join([f"{name}: {value}\r\n" for name, value in headers])
        option = ""
        if not keeps:
            option = "Connection: close\r\n"
        elif self._parser.get_http_version() == "1.0":
            option = "Connection: keep-alive\r\n"
        head = f"HTTP/1.1 {status}\r\n{self._clock.date}{option}{lines}Content-Length: {len(body)}\r\n\r\n"
        self._transport.write(head.encode("latin-1") + (b"" if is_head else body))
        if not keeps:
            self._transport.close()


async def _serve(port: int) -> None:
    clock = _Clock()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(clock), "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
