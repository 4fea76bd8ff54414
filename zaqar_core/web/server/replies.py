"""Encodes responses."""

from __future__ import annotations

from http import HTTPStatus

from zaqar_core.web.envelope import Reply

_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}
#: Responses without a body, and therefore without Content-Length (RFC 9110, section 8.6).
_WITHOUT_BODY = frozenset((204, 304))
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
#: The header Connection: closes, keeps as HTTP/1.1 does without it, keeps by a wish of HTTP/1.0.
CLOSE = b"Connection: close\r\n"
PERSISTENT = b""
KEEP_ALIVE = b"Connection: keep-alive\r\n"


class ReplyInvalid(Exception):
    """The headers of a response contain characters that HTTP does not allow."""


#: Ends a body that was sent in chunks.
LAST_CHUNK = b"0\r\n\r\n"


def chunk(part: bytes) -> bytes:
    """Return one part of a body in the chunked transfer coding. An empty one would end the body."""
    return b"%x\r\n%b\r\n" % (len(part), part)


def encode_streamed(reply: Reply, *, date: bytes, connection: bytes, is_chunked: bool) -> bytes:
    """Return the head of a response whose body follows in chunks, or until the connection ends. Raises ReplyInvalid."""
    head = _head(reply, date, connection)
    return head + (b"Transfer-Encoding: chunked\r\n\r\n" if is_chunked else b"\r\n")


def encode(reply: Reply, *, date: bytes, connection: bytes, is_head: bool) -> bytes:
    """Return the bytes of a response. ``date`` and ``connection`` are header lines. Raises ReplyInvalid."""
    headers, body = reply.headers, reply.body
    head = _head(reply, date, connection)
    if is_head:
        if any(name.lower() == "content-length" for name, _ in headers):
            return head + b"\r\n"  # an application that leaves the body out itself
        return b"%bContent-Length: %d\r\n\r\n" % (head, len(body))
    if reply.status in _WITHOUT_BODY:
        return head + b"\r\n"
    return b"%bContent-Length: %d\r\n\r\n%b" % (head, len(body), body)


def _head(reply: Reply, date: bytes, connection: bytes) -> bytes:
    """Return the lines of a head but those about its body."""
    headers = reply.headers
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers])
    if lines.count("\n") != len(headers) or lines.count("\r") != len(headers) or "\0" in lines:
        raise ReplyInvalid
    try:
        return _STATUS_LINES[reply.status] + date + connection + lines.encode("latin-1")
    except (UnicodeEncodeError, KeyError):
        raise ReplyInvalid from None
