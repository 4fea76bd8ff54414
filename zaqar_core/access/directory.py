"""The users, access keys, tokens and roles of a credentials file, as requests look them up."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from zaqar_core.access.principals import Principal

if TYPE_CHECKING:
    from zaqar_core.access.policies import Policy


#: What the access key ids of temporary credentials begin with, as in AWS.
TEMPORARY = "ASIA"


@dataclass(frozen=True, slots=True)
class User:
    """A user of an account. ``expires`` is in seconds since 1970, infinite for a user without an end."""

    account: str
    name: str
    id: str
    is_enabled: bool
    expires: float
    principal: Principal

    def is_active(self, now: float) -> bool:
        """Return whether the user may make requests at a time in seconds since 1970."""
        return self.is_enabled and now < self.expires


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A static token for Zaqar, of which only the hash is known. ``expires`` is in seconds since 1970."""

    user: User
    is_enabled: bool
    expires: float

    def is_active(self, now: float) -> bool:
        """Return whether the token or key, and its user, may be used at a time in seconds since 1970."""
        return self.is_enabled and now < self.expires and self.user.is_active(now)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessKey(Token):
    """An access key: an id and a secret."""

    id: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Trust:
    """Whose tokens let a caller assume a role. ``subjects`` may contain ``*`` and ``?``."""

    issuer: str
    audiences: frozenset[str]
    subjects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Role:
    """A role that callers with a token of an OIDC issuer may assume."""

    account: str
    name: str
    arn: str
    id: str
    is_enabled: bool
    max_session_seconds: int
    trusts: tuple[Trust, ...]
    policies: tuple[Policy, ...]
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Issuer:
    """An OIDC issuer and the place of its keys: a file or a URL. Without either, discovery below ``url`` finds them.

    ``ca_file`` verifies the server of the keys, and ``token_file`` has a bearer token for it.
    """

    url: str
    jwks_file: Path | None = None
    jwks_url: str | None = None
    ca_file: Path | None = None
    token_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Directory:
    """One version of a credentials file."""

    #: By access key id.
    keys: Mapping[str, AccessKey]
    #: By the id of the user, ``AIDA…``.
    users: Mapping[str, User]
    #: By the SHA-256 of the token.
    tokens: Mapping[bytes, Token]
    #: By ARN.
    roles: Mapping[str, Role]
    #: By URL.
    issuers: Mapping[str, Issuer]
    #: By the subject of their certificates, in the normal form of :mod:`zaqar_core.access.certificates`.
    subjects: Mapping[str, User] = field(default_factory=dict)

    def token(self, text: str) -> Token | None:
        """Return a static token, None if there is no such token."""
        return self.tokens.get(digest(text))


def digest(token: str) -> bytes:
    """Return the SHA-256 of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
