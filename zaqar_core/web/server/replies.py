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


def encode(reply: Reply, *, date: bytes, connection: bytes, is_head: bool) -> bytes:
    """Return the bytes of a response. ``date`` and ``connection`` are header lines. Raises ReplyInvalid."""
    headers, body = reply.headers, reply.body
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers])
    if lines.count("\n") != len(headers) or lines.count("\r") != len(headers) or "\0" in lines:
        raise ReplyInvalid
    try:
        head = _STATUS_LINES[reply.status] + date + connection + lines.encode("latin-1")
    except (UnicodeEncodeError, KeyError):
        raise ReplyInvalid from None
    if is_head:
        if any(name.lower() == "content-length" for name, _ in headers):
            return head + b"\r\n"  # an application that leaves the body out itself
        return b"%bContent-Length: %d\r\n\r\n" % (head, len(body))
    if reply.status in _WITHOUT_BODY:
        return head + b"\r\n"
    return b"%bContent-Length: %d\r\n\r\n%b" % (head, len(body), body)
