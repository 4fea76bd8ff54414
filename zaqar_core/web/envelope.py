"""The envelope between a transport and a face: one request in, one reply out, no I/O.

The fast lane and Flask both build a :class:`Request`, ask a :class:`Face` and write its :class:`Reply`: the bytes are
the same whichever way a request came.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

from zaqar_core.core.session import Session


@dataclass(slots=True)
class Request:
    """One HTTP request with its whole body.

    ``path`` is percent-decoded, its bytes read as latin-1 (WSGI's way): a face that wants text must decode it as UTF-8
    and answer its own error when that fails. ``query`` is the raw query string. ``environ`` is the WSGI environ:
    headers are read from it, and it must never be logged or dumped.
    """

    method: str
    path: str
    query: str
    body: bytes
    environ: Mapping[str, Any]

    def header(self, name: str) -> str | None:
        """The header's value by its CGI name without prefix (``X_AMZ_TARGET``), None when absent."""
        if name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            return self.environ.get(name) or None
        return self.environ.get("HTTP_" + name)

    @property
    def host(self) -> str:
        """Host as called, with its port where one was given."""
        return self.environ.get("HTTP_HOST") or "{SERVER_NAME}:{SERVER_PORT}".format_map(self.environ)

    @property
    def scheme(self) -> str:
        return str(self.environ.get("wsgi.url_scheme", "http"))


@dataclass(slots=True)
class Reply:
    """One HTTP answer. The transport adds Content-Length, and takes the body away where HEAD asked."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


class Refusal(Enum):
    """Why a request never reached its operation. The face words it in its dialect."""

    BODY_TOO_LARGE = "body too large"
    BODY_CUT_SHORT = "body ended before its declared length"
    BODY_LENGTH_INVALID = "content-length is not a number"
    CROSS_SITE = "a web page of another origin"
    UNAVAILABLE = "the store cannot be reached"


class Face(Protocol):
    """A dialect. One instance serves all threads."""

    def body_limit(self, environ: Mapping[str, Any]) -> int:
        """The most body bytes this request may have."""

    def answer(self, request: Request, session: Session) -> Reply:
        """Do what is asked. Never raises: what is unforeseen is logged and answered as the dialect's internal error."""

    def refuse(self, request: Request, why: Refusal) -> Reply:
        """The dialect's error for a request that was not run; ``request.body`` is empty."""
