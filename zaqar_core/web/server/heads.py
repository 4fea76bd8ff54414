"""From the head of a request, its request line and headers, to a WSGI environ.

llhttp (httptools) checks the grammar. This module adds the rules that it leaves out: versions, Host, counts, codings. A
head is parsed when it is complete, by a parser of its own, so this server alone decides where it ends: at the first
empty line. llhttp accepts no other end.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

from httptools import HttpParserError, HttpParserInvalidMethodError, HttpParserUpgrade, HttpRequestParser

from zaqar_core.web.server import limits
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


class HeadParser:
    """Parses one head after the other. One instance serves all connections of a worker."""

    def __init__(self) -> None:
        #: Keys of the environ by header names as clients spell them; None for names that are left out.
        self._keys: dict[bytes, str | None] = {}
        for name in _NAMES:
            for spelling in (name, name.lower()):
                self._keys[spelling.encode()] = _key(spelling.encode())
        self._valid_host: str | None = None
        self._environ: dict[str, Any] = {}
        self._is_complete = False
        self._headers = 0
        self._hosts = 0

    def parse(self, head: bytes, template: dict[str, Any]) -> dict[str, Any]:
        """Return the environ of a request: ``template`` and what its head says. Raises Refused.

        ``head`` ends with its first empty line. ``template`` is an environ for HTTP/1.1 without a query.
        """
        environ = self._environ = template.copy()
        self._is_complete = False
        self._headers = self._hosts = 0
        line_end = head.index(b"\r\n")
        version = head[line_end - 9 : line_end]
        is_1_1 = version == b" HTTP/1.1"
        if not is_1_1:
            if version != b" HTTP/1.0":
                raise unsupported_version() if version[:6] == b" HTTP/" else malformed("the request line is not HTTP/1")
            environ["SERVER_PROTOCOL"] = "HTTP/1.0"
        parser = HttpRequestParser(self)
        try:
            parser.feed_data(head)
            environ["REQUEST_METHOD"] = parser.get_method().decode()
        except HttpParserInvalidMethodError:
            self._parse_other_method(head, environ)
        except HttpParserUpgrade:  # the service offers no other protocol, so it answers in HTTP/1
            environ["REQUEST_METHOD"] = parser.get_method().decode()
        except HttpParserError as problem:
            raise _refusal(problem, head, environ) from None
        if not self._is_complete:
            raise malformed("the headers do not end where their first empty line is")
        self._check(environ, is_1_1)
        return environ

    def _parse_other_method(self, head: bytes, environ: dict[str, Any]) -> None:
        """Parse a head whose method llhttp does not know. HTTP allows any token, and the faces refuse it their way."""
        method = _METHOD.match(head)
        if method is None:
            raise malformed("the request line does not begin with a method")
        try:
            HttpRequestParser(self).feed_data(b"POST" + head[method.end() :])
        except HttpParserUpgrade:
            pass
        except HttpParserError as problem:
            raise _refusal(problem, head, environ) from None
        environ["REQUEST_METHOD"] = method[0].decode()

    def _check(self, environ: dict[str, Any], is_1_1: bool) -> None:
        if self._headers > limits.HEADERS:
            raise head_too_large()
        host = environ.get("HTTP_HOST")
        if host is None:
            if is_1_1:
                raise malformed("the header Host is missing")
        elif host != self._valid_host:
            if self._hosts > 1 or _HOST.fullmatch(host) is None:
                raise malformed("the header Host is not one host")
            self._valid_host = host
        elif self._hosts > 1:
            raise malformed("the header Host is not one host")
        if "HTTP_TRANSFER_ENCODING" in environ:
            if not is_1_1:
                raise malformed("HTTP/1.0 has no Transfer-Encoding")
            if "CONTENT_LENGTH" in environ:
                raise malformed("a request must not have both Content-Length and Transfer-Encoding")
            if environ["HTTP_TRANSFER_ENCODING"].lower() != "chunked":
                raise unknown_coding()
        if "HTTP_EXPECT" in environ and is_1_1 and environ["HTTP_EXPECT"].lower() != "100-continue":
            raise unknown_expectation()
        if environ["REQUEST_METHOD"] == "CONNECT":
            raise tunnel()
        path = environ["PATH_INFO"]
        if path[:1] != "/" and (path != "*" or environ["REQUEST_METHOD"] != "OPTIONS"):
            raise malformed("the target of the request is not a path")

    # Called by httptools while parse() runs.

    def on_url(self, url: bytes) -> None:
        """Take the target of the request line."""
        target = url.decode("latin-1")
        environ = self._environ
        if not target.startswith("/") and target != "*":
            target = self._absolute(target)
        if "#" in target:
            target = target.partition("#")[0]
        if "?" in target:
            target, _, environ["QUERY_STRING"] = target.partition("?")
        if "%" in target:
            target = unquote_to_bytes(target).decode("latin-1")
        environ["PATH_INFO"] = target

    def _absolute(self, target: str) -> str:
        """Return the path and query of an absolute target, whose authority takes the place of Host (RFC 9112, 3.2.2).

        Any other target is left as it is; the request is refused afterwards.
        """
        try:
            parts = urlsplit(target)
        except ValueError:
            parts = urlsplit("")
        if parts.scheme in ("http", "https") and parts.netloc and "@" not in parts.netloc:
            self._environ["HTTP_HOST"] = parts.netloc
            path = target.partition("://")[2][len(parts.netloc) :]
            return path if path.startswith("/") else f"/{path}"
        return target

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one header."""
        self._headers += 1
        try:
            key = self._keys[name]
        except KeyError:
            key = self._remember(name)
        if key is None:
            return
        environ = self._environ
        text = value.rstrip().decode("latin-1")
        if key == "HTTP_HOST":
            self._hosts += 1
            environ.setdefault(key, text)  # an absolute target has set it already
        elif key in environ:
            environ[key] = f"{environ[key]}{'; ' if key == 'HTTP_COOKIE' else ','}{text}"
        else:
            environ[key] = text

    def _remember(self, name: bytes) -> str | None:
        key = _key(name)
        if len(self._keys) < _REMEMBERED_NAMES:
            self._keys[name] = key
        return key

    def on_headers_complete(self) -> None:
        """Take note of the end."""
        self._is_complete = True


def _key(name: bytes) -> str | None:
    """Return the key of a header in the environ; None for a name with an underscore, which could pose as another."""
    if b"_" in name:
        return None
    key = name.decode("latin-1").upper().replace("-", "_")
    return key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"


def _refusal(problem: HttpParserError, head: bytes, environ: dict[str, Any]) -> Refused:
    """Return the refusal of a head that llhttp does not accept."""
    if "`Transfer-Encoding`" in str(problem) and "chunked" not in environ.get("HTTP_TRANSFER_ENCODING", "").lower():
        return unknown_coding()
    line_end = head.index(b"\r\n")
    if line_end > limits.HEAD_BYTES:
        return target_too_long()
    return malformed(f"the request is not valid HTTP/1: {_words(problem)}")


def _words(problem: HttpParserError) -> str:
    text = str(problem).replace("`", "")
    return text[:1].lower() + text[1:]
