"""Who calls: what is taken from a request that says so itself, and what an authenticator puts in its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from zaqar_core.rest.errors import Fact, RestError
from zaqar_core.settings import Settings

#: Headers in which only an authenticator says who calls. A client's own are not believed.
_CLAIMS = tuple(
    f"HTTP_{name}"
    for name in (
        "X_DOMAIN", "X_IDENTITY", "X_IS_ADMIN", "X_PROJECT", "X_ROLE", "X_SERVICE", "X_TENANT", "X_USER",
        "OPENSTACK_SYSTEM_SCOPE",
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a token stands for, as the identity service says. ``project`` and ``user`` are ids, "" where it has none.

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
        """Who the request's token stands for. May take as long as the identity service does.

        Raises NotAuthenticated, IdentityUnavailable.
        """


def configured(settings: Settings) -> Authenticator | None:
    """The authenticator that the settings ask for; None where nobody is asked who he is. Raises SettingsInvalid."""
    if not settings.auth_strategy:
        return None
    from zaqar_core.rest.keystone import Keystone  # takes as long to load as the whole service

    return Keystone(settings)


def identify(authenticator: Authenticator, environ: Mapping[str, Any]) -> Identity:
    """As the authenticator says, or the table's error as RestError."""
    try:
        return authenticator.identify(environ)
    except NotAuthenticated as refused:
        raise RestError(Fact.TOKEN_INVALID, headers=(("WWW-Authenticate", refused.challenge),)) from None
    except IdentityUnavailable:
        raise RestError(Fact.IDENTITY_UNAVAILABLE) from None


def identified(environ: Mapping[str, Any], identity: Identity) -> dict[str, Any]:
    """The environ with what the token stands for in the place of what the client said of itself."""
    return {**without_claims(environ), **identity.environ}


def without_claims(environ: Mapping[str, Any]) -> dict[str, Any]:
    """The environ without what a client said of itself."""
    return {name: value for name, value in environ.items() if not name.startswith(_CLAIMS)}


def roles(environ: Mapping[str, Any], header: str = "HTTP_X_ROLES") -> frozenset[str]:
    """The roles of an identified request, or of the service that passes it on (``HTTP_X_SERVICE_ROLES``)."""
    return frozenset(environ.get(header, "").split(",")) - {""}
