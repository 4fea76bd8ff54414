"""Decodes the chunked transfer coding of RFC 9112, section 7.1, strictly: CR LF only, no space around the size."""

from __future__ import annotations

import re

from zaqar_core.web.server import limits
from zaqar_core.web.server.refusals import malformed

#: A size of at most 15 hexadecimal digits, and extensions without control characters.
_SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,15})([ \t]*;[\t\x20-\x7e\x80-\xff]*)?")
_TRAILER_LINE = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*")


class ChunkedDecoder:
    """Takes the bytes of a body in any division. ``is_complete`` is set at its end; ``rest`` are the bytes after it."""

    __slots__ = ("_buffer", "_extension_bytes", "_in_trailers", "_missing", "_trailer_bytes", "is_complete", "rest")

    def __init__(self) -> None:
        self.is_complete = False
        self.rest = b""
        self._buffer = b""
        #: Bytes missing of the current chunk and its CR LF; 0 before a line.
        self._missing = 0
        self._in_trailers = False
        self._extension_bytes = 0
        self._trailer_bytes = 0

    def feed(self, data: bytes, into: bytearray) -> None:
        """Append the decoded part of ``data`` to ``into``. Raises Refused if the coding is wrong."""
        if self._buffer:
            data = self._buffer + data
            self._buffer = b""
        at = 0
        while not self.is_complete:
            if self._missing:
                at = self._take(data, at, into)
                if self._missing:
                    return
            end = data.find(b"\r\n", at)
            if end < 0:
                self._hold(data[at:])
                return
            line = data[at:end]
            at = end + 2
            if self._in_trailers:
                self._trailer(line)
            else:
                self._size(line)
        self.rest = data[at:]

    def _take(self, data: bytes, at: int, into: bytearray) -> int:
        """Take what is there of the chunk that has begun; return the position after it."""
        content = self._missing - 2
        if content > 0:
            part = data[at : at + content]
            into += part
            at += len(part)
            self._missing -= len(part)
            if self._missing > 2:
                return at
        ending = data[at : at + 2]
        if not b"\r\n".startswith(ending):
            raise malformed("a chunk is longer than its size")
        if len(ending) < 2:
            self._buffer = ending
            return at
        self._missing = 0
        return at + 2

    def _hold(self, line: bytes) -> None:
        """Keep the beginning of a line for the next call."""
        if len(line) > (limits.TRAILER_BYTES if self._in_trailers else limits.CHUNK_LINE_BYTES):
            raise malformed("a line of the chunked body is too long")
        self._buffer = line

    def _size(self, line: bytes) -> None:
        found = _SIZE_LINE.fullmatch(line)
        if found is None or len(line) > limits.CHUNK_LINE_BYTES:
            raise malformed("the size of a chunk is not a hexadecimal number")
        self._extension_bytes += len(found[2] or b"")
        if self._extension_bytes > limits.CHUNK_EXTENSION_BYTES:
            raise malformed("the chunk extensions are too long")
        size = int(found[1], 16)
        if size == 0:
            self._in_trailers = True
        else:
            self._missing = size + 2

    def _trailer(self, line: bytes) -> None:
        if not line:
            self.is_complete = True
            return
        self._trailer_bytes += len(line)
        if self._trailer_bytes > limits.TRAILER_BYTES or _TRAILER_LINE.fullmatch(line) is None:
            raise malformed("the trailers of the chunked body are wrong or too long")
