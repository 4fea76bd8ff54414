"""The least that HTTP costs in Python: parses the request, answers two bytes. The yardstick of ``hot_path``.

python -m benchmarks.bare PORT
"""

from __future__ import annotations

import asyncio
import sys
from typing import cast

from httptools import HttpRequestParser

from zaqar_core.web.server.server import new_event_loop


class Bare(asyncio.Protocol):
    """One connection, on the event loop and the parser of the product."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._parser = HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")


if __name__ == "__main__":
    loop = new_event_loop()
    loop.run_until_complete(loop.create_server(Bare, "127.0.0.1", int(sys.argv[1])))
    loop.run_forever()
