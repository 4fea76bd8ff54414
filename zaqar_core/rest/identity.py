"""Headers about the caller: the authenticator's headers replace those that a client sends about itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zaqar_core.access.principals import Principal
from zaqar_core.access.users import KnownUser, Users
from zaqar_core.domain.identity import Authenticator, Identity, IdentityUnavailable, NotAuthenticated
from zaqar_core.rest.errors import Fact, RestError

#: Prefixes of headers that only an authenticator may set. Those of a client are removed.
_CLAIMS = tuple(
    f"HTTP_{name}"
    for name in (
        "X_DOMAIN", "X_IDENTITY", "X_IS_ADMIN", "X_PROJECT", "X_ROLE", "X_SERVICE", "X_TENANT", "X_USER",
        "OPENSTACK_SYSTEM_SCOPE",
    )
)  # fmt: skip


def identify(authenticator: Authenticator, environ: Mapping[str, Any]) -> Identity:
    """Return the identity that the authenticator finds for a request. Raises RestError."""
    try:
        return authenticator.identify(environ)
    except NotAuthenticated as refused:
        raise RestError(Fact.TOKEN_INVALID, headers=(("WWW-Authenticate", refused.challenge),)) from None
    except IdentityUnavailable:
        raise RestError(Fact.IDENTITY_UNAVAILABLE) from None


def identified(environ: Mapping[str, Any], identity: Identity) -> dict[str, Any]:
    """Return the environ with the identity's headers in place of those that the client sent about itself."""
    found = without_claims(environ)
    found.update(identity.environ)
    return found


def without_claims(environ: Mapping[str, Any]) -> dict[str, Any]:
    """Return the environ without the headers that the client sent about itself."""
    return {name: value for name, value in environ.items() if not name.startswith(_CLAIMS)}


def principal(identity: Identity) -> Principal | None:
    """Return the principal of a user of the credentials file; None for a caller of Keystone, whose rights policy.yaml
    decides."""
    return identity.principal if isinstance(identity, KnownUser) else None


def has_keystone(authenticator: Authenticator | None) -> bool:
    """Return whether Keystone verifies callers, alone or beside the credentials file."""
    return authenticator.keystone is not None if isinstance(authenticator, Users) else authenticator is not None


def roles(environ: Mapping[str, Any], header: str = "HTTP_X_ROLES") -> frozenset[str]:
    """Return the caller's roles, or those of the service that forwards the request (``HTTP_X_SERVICE_ROLES``)."""
    return frozenset(environ.get(header, "").split(",")) - {""}
