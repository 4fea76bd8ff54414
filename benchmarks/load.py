"""Send prepared HTTP requests over many keep-alive connections, from one thread, at a low CPU cost."""

from __future__ import annotations

import re
import selectors
import socket
import time
from collections.abc import Callable, Iterator

_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


def json_request(host: str, operation: str, body: bytes, *, authorization: str = "") -> bytes:
    """Return the request of an SQS operation in the JSON protocol, unsigned. ``authorization`` is sent as it is."""
    credentials = f"Authorization: {authorization}\r\n" if authorization else ""
    return (
        f"POST / HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-amz-json-1.0\r\n{credentials}"
        f"X-Amz-Target: AmazonSQS.{operation}\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def zaqar_request(host: str, method: str, path: str, client_id: str, body: bytes = b"") -> bytes:
    """Return a request of Zaqar v2 in the project ``bench``."""
    return (
        f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        f"Client-ID: {client_id}\r\nX-Project-Id: bench\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body


class _Connection:
    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        #: Whether the server closes the connection after its last response.
        self.is_over = False
        self.sent_at = 0.0

    def send(self, request: bytes) -> None:
        self.sent_at = time.perf_counter()
        self.socket.sendall(request)

    def reply(self) -> bytes | None:
        """Read from the socket. Return the body of the response when it is complete, else None."""
        received = self.socket.recv(65536)
        if not received:
            raise ConnectionError(
                f"the server closed a connection before its response was complete: {self.buffer[:500]!r}"
            )
        self.buffer += received
        head, found, body = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return None
        length = _LENGTH.search(head)
        if not head.startswith(b"HTTP/1.1 204") and (length is None or len(body) < int(length[1])):
            return None
        if not head.startswith(b"HTTP/1.1 2"):
            raise RuntimeError(self.buffer[:500])
        self.buffer = b""
        self.is_over = b"connection: close" in head.lower()
        return body


def run(
    address: tuple[str, int],
    requests: Iterator[bytes],
    connections: int,
    on_reply: Callable[[bytes], None],
    *,
    latencies: list[float] | None = None,
) -> int:
    """Send all requests, one at a time on each connection. Return the number of responses.

    A connection that the server closes is replaced by a new one. ``latencies`` receives the seconds of each request.
    Raises RuntimeError for a response that is not 2xx.
    """
    answered = 0
    with selectors.DefaultSelector() as selector:
        busy = 0
        for _ in range(connections):
            connection = _Connection(address)
            selector.register(connection.socket, selectors.EVENT_READ, connection)
            first = next(requests, None)
            if first is not None:
                connection.send(first)
                busy += 1
        while busy:
            for key, _ in selector.select():
                reply = key.data.reply()
                if reply is None:
                    continue
                answered += 1
                if latencies is not None:
                    latencies.append(time.perf_counter() - key.data.sent_at)
                on_reply(reply)
                following = next(requests, None)
                if following is None:
                    busy -= 1
                    continue
                connection = key.data
                if connection.is_over:
                    selector.unregister(connection.socket)
                    connection.socket.close()
                    connection = _Connection(address)
                    selector.register(connection.socket, selectors.EVENT_READ, connection)
                connection.send(following)
        for key in list(selector.get_map().values()):
            key.data.socket.close()
    return answered
