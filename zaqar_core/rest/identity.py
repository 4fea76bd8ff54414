"""Headers about the caller: the authenticator's headers replace those that a client sends about itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zaqar_core.access.principals import Principal
from zaqar_core.access.users import KnownUser, Users
from zaqar_core.configuration.settings import Settings
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
    return {**without_claims(environ), **identity.environ}


def without_claims(environ: Mapping[str, Any]) -> dict[str, Any]:
    """Return the environ without the headers that the client sent about itself."""
    return {name: value for name, value in environ.items() if not name.startswith(_CLAIMS)}


def principal(identity: Identity, settings: Settings) -> Principal:
    """Return the principal of an authenticated caller."""
    if isinstance(identity, KnownUser):
        return identity.principal
    account = settings.project_accounts.get(identity.project, identity.project)
    name = identity.environ.get("HTTP_X_USER_NAME", "")
    arn = f"arn:aws:iam::{account}:user/{identity.user}"
    return Principal(account, arn, identity.user, name, is_of_keystone=True)


def signed_principal(environ: Mapping[str, Any], settings: Settings, *, has_keystone: bool) -> Principal:
    """Return the principal of a pre-signed URL: the root user of the account of its project.

    Paths and methods of the URL are its limits, and with Keystone also policy.yaml.
    """
    project = environ.get("HTTP_X_PROJECT_ID", "")
    account = settings.project_accounts.get(project, project)
    return Principal(account, f"arn:aws:iam::{account}:root", account, is_of_keystone=has_keystone)


def has_keystone(authenticator: Authenticator | None) -> bool:
    """Return whether Keystone verifies callers, alone or beside the credentials file."""
    return authenticator.keystone is not None if isinstance(authenticator, Users) else authenticator is not None


def roles(environ: Mapping[str, Any], header: str = "HTTP_X_ROLES") -> frozenset[str]:
    """Return the caller's roles, or those of the service that forwards the request (``HTTP_X_SERVICE_ROLES``)."""
    return frozenset(environ.get(header, "").split(",")) - {""}
