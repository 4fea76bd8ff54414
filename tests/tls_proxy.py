"""A TLS server in front of a plain one, since the tests' Valkey is built without TLS."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue

import trustme

_CHUNK_BYTES = 65536


@contextlib.contextmanager
def tls_proxy(port: int, folder: Path) -> Iterator[str]:
    """Forward TLS connections to a port of 127.0.0.1; yield the URL of a store there, which names its authority."""
    authority = trustme.CA()
    certificates = folder / "ca.pem"
    authority.cert_pem.write_to_path(certificates)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    proxy = _Proxy(port, context)
    thread = threading.Thread(target=lambda: asyncio.run(proxy.serve()), daemon=True)
    thread.start()
    try:
        yield f"rediss://127.0.0.1:{proxy.listening.get(timeout=30)}?ssl_ca_certs={certificates}"
    finally:
        proxy.stop()
        thread.join(30)


class _Proxy:
    def __init__(self, port: int, context: ssl.SSLContext) -> None:
        self._port, self._context = port, context
        #: Receives the proxy's own port.
        self.listening: SimpleQueue[int] = SimpleQueue()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._over = asyncio.Event()
        self._writers: list[asyncio.StreamWriter] = []

    async def serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        server = await asyncio.start_server(self._forward, "127.0.0.1", 0, ssl=self._context)
        self.listening.put(server.sockets[0].getsockname()[1])
        await self._over.wait()
        server.close()
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.gather(*(writer.wait_closed() for writer in self._writers), return_exceptions=True)

    def stop(self) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._over.set)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        theirs, ours = await asyncio.open_connection("127.0.0.1", self._port)
        self._writers.append(ours)
        await asyncio.gather(_copy(reader, ours), _copy(theirs, writer))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError, ssl.SSLError):
        while data := await reader.read(_CHUNK_BYTES):
            writer.write(data)
            await writer.drain()
    writer.close()
