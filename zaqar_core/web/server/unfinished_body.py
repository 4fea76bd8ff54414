"""Bodies of which a part is missing: one that is kept, and one that is too large and discarded. No I/O."""

from __future__ import annotations

from typing import Any

from zaqar_core.web.server import limits
from zaqar_core.web.server.chunked import ChunkedDecoder
from zaqar_core.web.server.limits import Limits
from zaqar_core.web.server.refusals import Refused


class UnfinishedBody:
    """A body that arrives. ``content`` is the decoded part that is there.

    ``length`` is its declared length, None for a chunked one, which may have up to ``limit`` bytes.
    """

    __slots__ = ("_bounds", "_length", "_limit", "began", "content", "decoder", "end", "environ", "idle_since")

    def __init__(self, environ: dict[str, Any], bounds: Limits, *, length: int | None, limit: int) -> None:
        self.environ = environ
        self._bounds = bounds
        self._length = length
        self._limit = limit
        self.decoder = ChunkedDecoder() if length is None else None
        self.content = bytearray()
        self.began = self.idle_since = self.end = 0.0

    def begin(self, now: float) -> None:
        """Start its deadlines."""
        self.began = self.idle_since = now
        self.end = now + self._bounds.body_seconds

    def add(self, data: bytes) -> bytes:
        """Take what belongs to the body; return the rest, which belongs to the next request. Raises Refused."""
        if self.decoder is not None:
            self.decoder.feed(data, self.content)
            return self.decoder.rest
        assert self._length is not None
        missing = self._length - len(self.content)
        self.content += data[:missing]
        return data[missing:]

    @property
    def is_complete(self) -> bool:
        """Whether all of it is there."""
        return self.decoder.is_complete if self.decoder is not None else len(self.content) == self._length

    @property
    def is_too_large(self) -> bool:
        """Whether it has more bytes than the request may have. A declared length is checked before."""
        return self.decoder is not None and len(self.content) > self._limit

    @property
    def is_awaited(self) -> bool:
        """Whether the client waits for 100 (Continue) before it sends the body."""
        return is_awaited(self.environ)

    def deadline(self) -> float:
        """Return when the next part must have arrived."""
        return min(self.end, self.idle_since + self._bounds.body_idle_seconds)

    def rate(self, now: float) -> float:
        """Return its bytes per second, for a comparison with others."""
        return len(self.content) / (now - self.began + 0.1)


class DiscardedBody:
    """A too large body: read and discarded up to its end, or up to DRAIN_BYTES, before the refusal is sent."""

    __slots__ = ("_bounds", "_count", "_decoder", "_end", "_length", "environ", "is_over")

    def __init__(
        self, environ: dict[str, Any], bounds: Limits, now: float, *, length: int, decoder: ChunkedDecoder | None = None
    ) -> None:
        self.environ = environ
        self._bounds = bounds
        self._end = now + bounds.body_seconds
        self._length = min(length, limits.DRAIN_BYTES)
        self._decoder = decoder
        self._count = 0
        #: Whether no more has to be read.
        self.is_over = False

    def add(self, data: bytes) -> None:
        """Discard a part. The end of a chunked body is seen by its decoder only."""
        if self._decoder is not None:
            try:
                self._decoder.feed(data, bytearray())
            except Refused:
                self.is_over = True
                return
            if self._decoder.is_complete:
                self.is_over = True
                return
        self.skip(len(data))

    def skip(self, count: int) -> None:
        """Count bytes that were discarded."""
        self._count += count
        self.is_over = self.is_over or self._count >= self._length

    def deadline(self, now: float) -> float:
        """Return when the next part must have arrived."""
        return min(self._end, now + self._bounds.body_idle_seconds)


def is_awaited(environ: dict[str, Any]) -> bool:
    """Return whether the client waits for 100 (Continue) before it sends the body."""
    return "HTTP_EXPECT" in environ and environ["SERVER_PROTOCOL"] == "HTTP/1.1"
