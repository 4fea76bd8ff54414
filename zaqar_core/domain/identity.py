"""The identity of a caller. Faces authenticate through ``Authenticator``; the ``keystone`` package implements it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

#: Key of the environ with the subject of the client's certificate, as RFC 4514 writes it. No header has such a key.
CERTIFICATE_SUBJECT = "sqs_facade.certificate_subject"


@dataclass(frozen=True, slots=True)
class Identity:
    """The owner of a token. ``project`` and ``user`` are ids, "" where the token has none.

    ``expires`` is in seconds since 1970. ``environ`` holds the identity headers that Keystone's middleware sets, by
    their CGI names, ready for a request's environ.
    """

    project: str
    user: str
    roles: frozenset[str]
    expires: float
    environ: Mapping[str, str] = field(default_factory=dict)


@dataclass
class NotAuthenticated(Exception):
    """The token is missing or not valid. ``challenge`` is the value of WWW-Authenticate."""

    challenge: str


class IdentityUnavailable(Exception):
    """The identity service does not answer, so it is unknown whether the token is valid."""


class Authenticator(Protocol):
    """Finds the owner of a token. Implementations must be thread-safe."""

    def identify(self, environ: Mapping[str, Any]) -> Identity:
        """Return the owner of the request's token. May block for as long as the identity service takes.

        Raises NotAuthenticated, IdentityUnavailable.
        """
