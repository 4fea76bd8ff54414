"""Who calls, as an identity service says it. Faces use an authenticator; ``keystone`` implements one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Identity:
    """The owner of a token. ``project`` and ``user`` are ids, "" where the token has none.

    ``expires`` is in seconds since 1970. ``environ`` holds the headers that say the same, by their CGI names, as they
    are to stand in a request's environ.
    """

    project: str
    user: str
    roles: frozenset[str]
    expires: float
    environ: Mapping[str, str] = field(default_factory=dict)


@dataclass
class NotAuthenticated(Exception):
    """There is no token, or it is not valid. ``challenge`` is the value of WWW-Authenticate."""

    challenge: str


class IdentityUnavailable(Exception):
    """The identity service does not answer: whether a token is valid is unknown."""


class Authenticator(Protocol):
    """One serves all threads."""

    def identify(self, environ: Mapping[str, Any]) -> Identity:
        """Find the owner of the request's token. May take as long as the identity service does.

        Raises NotAuthenticated, IdentityUnavailable.
        """
