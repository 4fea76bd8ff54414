"""One request of the fuzzer, and what earlier responses taught it."""

from __future__ import annotations

import random
import re
from collections import deque
from dataclasses import dataclass, field
from urllib.parse import quote_from_bytes

#: Queue names of the fuzzer; few, so that requests meet each other's queues.
QUEUES = ("a", "b", "c", "d.fifo", "e.fifo")
ACCOUNT = "000000000000"

_HANDLE = re.compile(rb'ReceiptHandle(?:">|>|": ?")([^<"]{1,1024})')
_ID = re.compile(rb"/(?:messages|claims|subscriptions)/([0-9a-f-]{6,64})")
_CONSOLE_TOKEN = re.compile(rb'"token":"([^"]{1,512})"')
_OTHER_ID = re.compile(rb'"(?:subscription_id|claim_id|id|TaskHandle|NextToken)": ?"([^"]{1,512})"')


@dataclass(slots=True)
class Case:
    """A request. ``path`` and ``query`` are bytes as they stand in the request line, without the question mark."""

    method: str
    path: bytes
    query: bytes = b""
    headers: list[tuple[str, bytes]] = field(default_factory=list)
    body: bytes = b""
    #: The whole request as it is sent, for those that are not well-formed; such a case runs over HTTP only.
    raw: bytes | None = None

    def request(self, host: bytes) -> bytes:
        """Return the bytes of the request."""
        if self.raw is not None:
            return self.raw.replace(b"{host}", host)
        target = self.path + (b"?" + self.query if self.query else b"")
        lines = [b"%b %b HTTP/1.1" % (self.method.encode(), target), b"Host: " + host]
        lines += [name.encode() + b": " + value for name, value in self.headers]
        if self.body or self.method in ("POST", "PUT", "PATCH"):
            lines.append(b"Content-Length: %d" % len(self.body))
        return b"\r\n".join(lines) + b"\r\n\r\n" + self.body


class Memory:
    """Receipt handles and ids from responses, so that later requests go further than their first check."""

    def __init__(self) -> None:
        self._handles: deque[str] = deque(maxlen=64)
        self._ids: deque[str] = deque(maxlen=64)
        #: The token of the console's pages, "" until a response had one.
        self.console_token = ""

    def learn(self, response: bytes) -> None:
        """Keep what a response contains."""
        seen = response[:20_000]
        self._handles += [one.decode("latin-1") for one in _HANDLE.findall(seen)]
        self._ids += [one.decode("latin-1") for pattern in (_ID, _OTHER_ID) for one in pattern.findall(seen)]
        if found := _CONSOLE_TOKEN.search(seen):
            self.console_token = found[1].decode("latin-1")

    def handle(self, source: random.Random) -> str:
        """Return a receipt handle, if there was one."""
        return source.choice(self._handles) if self._handles else "none"

    def id(self, source: random.Random) -> str:
        """Return an id of a message, claim or subscription, if there was one."""
        return source.choice(self._ids) if self._ids else "none"


def escaped(text: bytes, safe: str = "") -> bytes:
    """Return the text with percent escapes."""
    return quote_from_bytes(text, safe=safe).encode()
