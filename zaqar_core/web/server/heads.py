"""From the head of a request, its request line and headers, to a WSGI environ.

llhttp (httptools) checks the grammar. This module adds the rules that it leaves out: versions, Host, counts, codings. A
head is parsed when it is complete, by a parser of its own, so this server alone decides where it ends: at the first
empty line. llhttp accepts no other end.

Short heads are remembered, since clients without signatures repeat theirs byte by byte. Others are read by the shape of
an earlier one where it is known.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

from httptools import HttpParserError, HttpParserInvalidMethodError, HttpParserUpgrade, HttpRequestParser

from zaqar_core.web.server import limits, replies
from zaqar_core.web.server.head_shapes import HeadShapes, environ_key
from zaqar_core.web.server.refusals import (
    Refused,
    head_too_large,
    malformed,
    target_too_long,
    tunnel,
    unknown_coding,
    unknown_expectation,
    unsupported_version,
)

_METHOD = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+(?= )")
#: Characters of RFC 3986's authority without user information.
_HOST = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=%:\[\]-]*")
_NAMES = (
    "Host", "Content-Type", "Content-Length", "Transfer-Encoding", "Connection", "Accept", "Accept-Encoding",
    "User-Agent", "Authorization", "Expect", "X-Amz-Target", "X-Amz-Date", "X-Amz-Security-Token",
    "X-Amz-Content-SHA256", "x-amzn-query-mode", "amz-sdk-invocation-id", "amz-sdk-request", "Client-ID",
    "X-Project-ID", "X-Auth-Token", "X-Forwarded-For",
)  # fmt: skip
#: Spellings of header names that are remembered.
_REMEMBERED_NAMES = 512
#: Heads that are remembered, and their longest. All are forgotten when there are more. To find a head of four headers
#: takes 0.3 µs, to parse it 5. A signed head is longer and never comes again, but its shape does.
_REMEMBERED_HEADS, _REMEMBERED_BYTES = 256, 512
#: Heads with these are not remembered: a credential stays in memory no longer than its request.
_CREDENTIALS = frozenset((
    "HTTP_AUTHORIZATION", "HTTP_COOKIE", "HTTP_PROXY_AUTHORIZATION", "HTTP_URL_SIGNATURE",
    "HTTP_X_AMZ_SECURITY_TOKEN", "HTTP_X_AUTH_TOKEN", "HTTP_X_SERVICE_TOKEN", "HTTP_X_STORAGE_TOKEN",
))  # fmt: skip


class Head:
    """What a head says. It may be shared by many requests."""

    __slots__ = ("connection", "fields", "is_head", "length")

    def __init__(self, fields: dict[str, Any]) -> None:
        #: What it adds to the environ that all requests of its connection have in common.
        self.fields = fields
        #: The Content-Length, None without one.
        self.length = int(fields["CONTENT_LENGTH"]) if "CONTENT_LENGTH" in fields else None
        self.is_head = fields["REQUEST_METHOD"] == "HEAD"
        #: The header Connection of the response.
        self.connection = _connection(fields.get("HTTP_CONNECTION"), is_1_1="SERVER_PROTOCOL" not in fields)


class HeadParser:
    """Parses one head after the other. One instance serves all connections of a worker."""

    def __init__(self) -> None:
        #: Keys of the environ by header names as clients spell them.
        self._keys: dict[bytes, str] = {}
        for name in _NAMES:
            for spelling in (name.encode(), name.lower().encode()):
                self._keys[spelling] = environ_key(spelling)
        self._valid_host = ""
        self._heads: dict[bytes, Head] = {}
        self._shapes = HeadShapes()
        # Of the current head.
        self._fields: dict[str, Any] = {}
        self._target = b""
        self._repeated = 0
        self._is_complete = False

    def parse(self, head: bytes) -> Head:
        """Return what a head says, which ends with its first empty line. Raises Refused.

        It adds to an environ for GET by HTTP/1.1 and the path ``/``.
        """
        found = self._heads.get(head) if len(head) <= _REMEMBERED_BYTES else None
        if found is None:
            fields = self._shapes.read(head)
            if fields is not None:
                return Head(fields)
            fields = self._parse(head)
            found = Head(fields)
            if len(head) > _REMEMBERED_BYTES or _has_credential(fields):
                self._shapes.learn(head, fields)
            else:
                if len(self._heads) >= _REMEMBERED_HEADS:
                    self._heads.clear()
                self._heads[head] = found
        return found

    def _parse(self, head: bytes) -> dict[str, Any]:
        line_end = head.index(b"\r\n")
        version = head[line_end - 9 : line_end]
        is_1_1 = version == b" HTTP/1.1"
        if not is_1_1 and version != b" HTTP/1.0":
            raise unsupported_version() if version[:6] == b" HTTP/" else malformed("the request line is not HTTP/1")
        fields = self._fields = {}
        self._repeated = 0
        method = self._feed(head)
        if len(fields) + self._repeated > limits.HEADERS:
            raise head_too_large()
        fields["REQUEST_METHOD"] = method
        if not is_1_1:
            fields["SERVER_PROTOCOL"] = "HTTP/1.0"
        if self._target != b"/":  # the path of most calls of SQS
            _set_target(fields, self._target.decode("latin-1"))
        self._check(fields, is_1_1)
        return fields

    # Called by httptools while it parses a head.

    def on_url(self, target: bytes) -> None:
        """Take the target of the request line."""
        self._target = target

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one header."""
        key = self._keys.get(name)
        fields = self._fields
        if key is None or key in fields:
            self._add_other(name, value)
        else:
            fields[key] = value.rstrip().decode("latin-1")

    def on_headers_complete(self) -> None:
        """Take note that llhttp agrees about the end of the head."""
        self._is_complete = True

    def _add_other(self, name: bytes, value: bytes) -> None:
        """Add a header with a new name, or one that is repeated."""
        self._repeated += 1
        if b"_" in name or self._repeated > limits.HEADERS:
            return  # an underscore could pose as a hyphen
        key, text, fields = environ_key(name), value.rstrip().decode("latin-1"), self._fields
        if len(self._keys) < _REMEMBERED_NAMES:
            self._keys[name] = key
        if key not in fields:
            self._repeated -= 1
            fields[key] = text
        elif key == "HTTP_HOST":
            fields[key] = f"{fields[key]} {text}"  # not a host, so it is refused
        else:
            fields[key] += f"{'; ' if key == 'HTTP_COOKIE' else ','}{text}"

    def _feed(self, head: bytes) -> str:
        """Let llhttp check the head and take it apart; return its method."""
        self._is_complete = False
        parser = HttpRequestParser(self)
        try:
            parser.feed_data(head)
        except HttpParserUpgrade:
            pass  # the service offers no other protocol, so it answers in HTTP/1
        except HttpParserInvalidMethodError:
            return self._feed_other_method(head)
        except HttpParserError as problem:
            raise _refusal(problem, head) from None
        if not self._is_complete:
            raise malformed("the headers do not end where their first empty line is")
        return parser.get_method().decode()

    def _feed_other_method(self, head: bytes) -> str:
        """Feed a head whose method llhttp does not know. HTTP allows any token; the faces refuse it their way."""
        method = _METHOD.match(head)
        if method is None:
            raise malformed("the request line does not begin with a method")
        self._feed(b"POST" + head[method.end() :])
        return method[0].decode()

    def _check(self, fields: dict[str, Any], is_1_1: bool) -> None:
        """Refuse what llhttp accepts and this server does not."""
        host = fields.get("HTTP_HOST")
        if host != self._valid_host:
            if host is not None and _HOST.fullmatch(host) is not None:
                self._valid_host = host
            elif host is not None or is_1_1:
                raise malformed("the header Host is not a host" if host is not None else "the header Host is missing")
        if "HTTP_TRANSFER_ENCODING" in fields:
            if not is_1_1:
                raise malformed("HTTP/1.0 has no Transfer-Encoding")
            if "CONTENT_LENGTH" in fields:
                raise malformed("a request must not have both Content-Length and Transfer-Encoding")
            if fields["HTTP_TRANSFER_ENCODING"].lower() != "chunked":
                raise unknown_coding()
        if "HTTP_EXPECT" in fields and is_1_1 and fields["HTTP_EXPECT"].lower() != "100-continue":
            raise unknown_expectation()
        if fields["REQUEST_METHOD"] == "CONNECT":
            raise tunnel()
        path = fields.get("PATH_INFO", "/")
        if path[:1] != "/" and (path != "*" or fields["REQUEST_METHOD"] != "OPTIONS"):
            raise malformed("the target of the request is not a path")


def _has_credential(fields: dict[str, Any]) -> bool:
    return not _CREDENTIALS.isdisjoint(fields) or "Signature=" in fields.get("QUERY_STRING", "")


def _connection(options: str | None, *, is_1_1: bool) -> bytes:
    """Return the header Connection of the response: whether the client wants to keep the connection."""
    if options is None:
        return replies.PERSISTENT if is_1_1 else replies.CLOSE
    found = {option.strip().lower() for option in options.split(",")}
    if "close" in found:
        return replies.CLOSE
    if is_1_1:
        return replies.PERSISTENT
    return replies.KEEP_ALIVE if "keep-alive" in found else replies.CLOSE


def _set_target(fields: dict[str, Any], target: str) -> None:
    """Add the path and the query of the request line."""
    if not target.startswith("/") and target != "*":
        target = _absolute(fields, target)
    target = target.partition("#")[0]
    fields["RAW_URI"] = target  # as Gunicorn gives it: signatures cover the escapes
    if "?" in target:
        target, _, fields["QUERY_STRING"] = target.partition("?")
    if "%" in target:
        target = unquote_to_bytes(target).decode("latin-1")
    fields["PATH_INFO"] = target


def _absolute(fields: dict[str, Any], target: str) -> str:
    """Return the path and query of an absolute target, whose authority takes the place of Host (RFC 9112, 3.2.2).

    Any other target is returned as it is; the request is refused afterwards.
    """
    try:
        parts = urlsplit(target)
    except ValueError:
        return target
    if parts.scheme not in ("http", "https") or not parts.netloc or "@" in parts.netloc:
        return target
    fields["HTTP_HOST"] = parts.netloc
    rest = target.partition("://")[2][len(parts.netloc) :]
    return rest if rest.startswith("/") else f"/{rest}"


def _refusal(problem: HttpParserError, head: bytes) -> Refused:
    """Return the refusal of a head that llhttp does not accept."""
    if "nvalid `Transfer-Encoding`" in str(problem):
        return unknown_coding()
    line_end = head.index(b"\r\n")
    if line_end > limits.HEAD_BYTES:
        return target_too_long()
    return malformed(f"the request is not valid HTTP/1: {_words(problem)}")


def _words(problem: HttpParserError) -> str:
    text = str(problem).replace("`", "")
    return text[:1].lower() + text[1:]
