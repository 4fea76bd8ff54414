"""The envelope between a transport and a face: one request in, one reply out, no I/O.

The fast lane and Flask both build a :class:`Request`, call a :class:`Face` and write its :class:`Reply`, so both lanes
respond with the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple, Protocol

import msgspec

from zaqar_core.access.principals import Principal
from zaqar_core.configuration.public_url import FORWARDED_PREFIX
from zaqar_core.core.session import Session
from zaqar_core.domain.names import QueueRef

#: The key of the environ with the request's :class:`~zaqar_core.core.session.Client`.
CLIENT = "sqs_facade.client"
#: The key of the environ with the :class:`Refusal` of a request that the server does not run.
REFUSAL = "sqs_facade.refusal"
#: The key of the environ that asks for ``Face.admit`` only. The response has status 204 if the face admits.
HEAD_ONLY = "sqs_facade.head_only"
#: The key of the environ with the time when a request began to wait for its turn, in seconds of the monotonic clock.
QUEUED = "sqs_facade.queued"

_REQUEST_IDS = ("x-amzn-RequestId", "x-openstack-request-id")


class Note:
    """What is known about a request beside its head: for :mod:`observers`. It has no content, secret or token.

    The face fills it in while it runs the request. ``dialect`` is ``sqs-json``, ``sqs-query``, ``sts``, ``cloudwatch``,
    ``zaqar``, ``console``, ``emulator``, ``test-hooks`` or "" for others. ``operation`` and ``code``, that of the
    error, are names of our tables and never texts of the client; they are "" where there is none.

    The defaults are those of the class, since every request has a note and sets few of its attributes.
    """

    dialect: str = ""
    operation: str = ""
    is_administrative: bool = False
    #: The queue that the request names, whether it exists or not.
    queue: QueueRef | None = None
    account: str = ""
    #: The ARN of what the request is about, where that is not ``queue``.
    resource: str = ""
    #: The ARN of the caller, where the request has no principal.
    principal: str = ""
    #: For requests without a header that names it.
    access_key_id: str = ""
    code: str = ""
    #: Which policy decided. Without a rule, ``decide`` returns it, if the queue's policy was asked.
    rule: str = ""
    decide: Callable[[], str] | None = None
    #: The id of the trace, "" where requests are not traced.
    trace_id: str = ""
    #: Seconds for which a receive waited for messages.
    waited_seconds: float = 0.0
    #: Seconds from the beginning to the reply, with the wait.
    seconds: float = 0.0


class Request(msgspec.Struct):
    """One HTTP request with its whole body.

    ``path`` is percent-decoded and its bytes are read as latin-1, as in WSGI: a face that needs text must decode it as
    UTF-8 and return its own error when that fails. ``query`` is the raw query string. ``environ`` is the WSGI environ
    with the headers; it holds secrets and must never be logged.

    A struct of msgspec is made in a third of the time of a dataclass.
    """

    method: str
    path: str
    query: str
    body: bytes
    environ: Mapping[str, Any]
    #: The caller, if somebody has authenticated the request; None where nobody checks credentials.
    principal: Principal | None = None
    #: Whether the caller is known by a client certificate alone.
    is_certified: bool = False
    note: Note = msgspec.field(default_factory=Note)
    #: When the server took up the request, in seconds of the monotonic clock.
    began: float = 0.0

    def header(self, name: str) -> str | None:
        """Return a header by its CGI name without prefix (``X_AMZ_TARGET``), None when absent."""
        if name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            return self.environ.get(name) or None
        return self.environ.get("HTTP_" + name)

    @property
    def host(self) -> str:
        """The host that the client called, with its port where one was given."""
        host = self.environ.get("HTTP_HOST")
        if host:
            return str(host)
        name, port = self.environ["SERVER_NAME"], self.environ["SERVER_PORT"]
        return f"[{name}]:{port}" if ":" in name else f"{name}:{port}"

    @property
    def prefix(self) -> str:
        """The base path that a trusted proxy has removed and named, "" without one."""
        return str(self.environ.get(FORWARDED_PREFIX, ""))

    @property
    def scheme(self) -> str:
        """``http`` or ``https``."""
        return str(self.environ.get("wsgi.url_scheme", "http"))


class Parts(Protocol):
    """The parts of a long body. Raises what ended it early; the client then sees that it is not whole."""

    def __iter__(self) -> Iterator[bytes]: ...

    def close(self) -> None:
        """Make no more parts. Safe to call twice."""


@dataclass(slots=True)
class Reply:
    """One HTTP response. The transport adds Content-Length, and removes the body for HEAD.

    ``parts`` takes the place of a body that is too long for memory: each part is sent before the next one is made. The
    transport closes it, in the end or before.
    """

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    parts: Parts | None = None

    @property
    def request_id(self) -> str:
        """The id by which the client knows its request, "" if it has none."""
        for name, value in self.headers:
            if name in _REQUEST_IDS:
                return value
        return ""


class Share(NamedTuple):
    """Whose request it is: an account, and a queue of it, or "" for a call that names none. Both as the client says:
    a share decides about turns, not about rights."""

    account: str
    queue: str


class Refusal(Enum):
    """Why a request did not reach its operation. Each face words it in its dialect."""

    BODY_TOO_LARGE = "body too large"
    BODY_CUT_SHORT = "body ended before its declared length"
    BODY_LENGTH_INVALID = "Content-Length is not a number"
    BODY_TOO_SLOW = "body did not arrive in time"
    LENGTH_REQUIRED = "chunked body whose end the server cannot tell from a broken connection"
    OVERLOADED = "too many requests wait"
    CROSS_SITE = "web pages of other origins may not call this service"
    HOST_INVALID = "the header Host is not a host"
    HOST_NOT_ALLOWED = "the called host is not one of this machine or of the setting allowed_hosts"


class Face(Protocol):
    """A dialect. One instance serves all threads."""

    @property
    def verifies_callers(self) -> bool:
        """Whether callers must prove who they are, so that the host that they call has no meaning."""

    @property
    def admit(self) -> Callable[[Request], Reply | None] | None:
        """The check of what the head of a request alone proves, such as credentials; None in a face without one.

        It runs before the body is read, in a task or thread, with an empty ``Request.body``. It returns the refusal, or
        None to read the body, and never raises. What it found it may keep in the environ, which ``answer`` gets later.
        """

    def body_limit(self, environ: Mapping[str, Any]) -> int:
        """Return the largest body that this request may have, in bytes."""

    def answer(self, request: Request, session: Session) -> Reply:
        """Run the operation. Never raises: it logs an unexpected exception and returns the dialect's internal error."""

    def refuse(self, request: Request, why: Refusal) -> Reply:
        """Return the dialect's error for a request that was not run; ``request.body`` is empty."""
