"""A TCP proxy between the service and its store, which cuts, delays and holds connections."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_CHUNK_BYTES = 65_536


class Proxy:
    """Forwards connections from ``port`` to another port of this machine, until ``close``."""

    def __init__(self, upstream_port: int) -> None:
        self._upstream_port = upstream_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self._drops_replies = False
        self._delay_seconds = 0.0
        self._flows = threading.Event()
        self._flows.set()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Close all connections, wherever they are in a command or reply."""
        for pair in list(self._pairs):
            self._end(pair)

    @contextmanager
    def without_replies(self) -> Iterator[None]:
        """For the time of the block, forward commands, but close the connection instead of forwarding a reply."""
        self._drops_replies = True
        try:
            yield
        finally:
            self._drops_replies = False

    @contextmanager
    def slow(self, seconds: float) -> Iterator[None]:
        """Delay each chunk of each direction for the time of the block."""
        self._delay_seconds = seconds
        try:
            yield
        finally:
            self._delay_seconds = 0.0

    @contextmanager
    def held(self) -> Iterator[None]:
        """Forward nothing for the time of the block, and close nothing."""
        self._flows.clear()
        try:
            yield
        finally:
            self._flows.set()

    def close(self) -> None:
        self._flows.set()
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self._upstream_port))
            except OSError:
                client.close()
                continue
            for side in (client, server):
                side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            pair = client, server
            self._pairs.add(pair)
            threading.Thread(target=self._pump, args=(pair, client, server), daemon=True).start()
            threading.Thread(target=self._pump, args=(pair, server, client), daemon=True).start()

    def _pump(self, pair: tuple[socket.socket, socket.socket], source: socket.socket, sink: socket.socket) -> None:
        try:
            while chunk := source.recv(_CHUNK_BYTES):
                self._flows.wait()
                if self._drops_replies and source is pair[1]:
                    break
                if self._delay_seconds:
                    time.sleep(self._delay_seconds)
                sink.sendall(chunk)
        except OSError:
            pass
        finally:
            self._end(pair)

    def _end(self, pair: tuple[socket.socket, socket.socket]) -> None:
        self._pairs.discard(pair)
        for side in pair:
            with contextlib.suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)  # wakes the thread that reads it
            side.close()
