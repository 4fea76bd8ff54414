"""The tables of the credentials file: their keys, and the form of each value."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec

from zaqar_core.domain import limits

_Account = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{12}$")]
#: IAM's rules for names of users and roles, and for paths.
_Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_+=,.@-]{1,64}$")]
_PathPrefix = Annotated[str, msgspec.Meta(pattern=r"^/(?:[!-~]{1,510}/)?$")]
_KeyId = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_]{3,128}$")]
_UniqueId = Annotated[str, msgspec.Meta(pattern=r"^[A-Z0-9]{5,128}$")]
_Sha256 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$")]
_Tags = dict[Annotated[str, msgspec.Meta(min_length=1, max_length=128)], Annotated[str, msgspec.Meta(max_length=256)]]
_SessionSeconds = Annotated[
    int, msgspec.Meta(ge=limits.ROLE_SESSION_SECONDS.least, le=limits.ROLE_SESSION_SECONDS.most)
]
PolicyEntry = str | dict[str, Any]


class Entry(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A table of the file."""


class CredentialEntry(Entry):
    """What a user may have two of, and how long it is valid."""

    enabled: bool = True
    expires: datetime | None = None
    created: datetime | None = None


class KeyEntry(CredentialEntry, kw_only=True):
    """An access key of a user."""

    id: _KeyId
    secret_access_key: str | None = None
    secret_access_key_file: str | None = None


class TokenEntry(CredentialEntry):
    """A token of a user, or its digest."""

    name: str = ""
    token: str | None = None
    token_file: str | None = None
    token_sha256: _Sha256 | None = None


class PrincipalEntry(Entry):
    """What a user and a role have."""

    name: _Name
    account: _Account
    path: _PathPrefix = "/"
    id: _UniqueId | None = None
    enabled: bool = True
    policies: list[PolicyEntry] = []
    tags: _Tags = {}


class UserEntry(PrincipalEntry):
    """A user."""

    expires: datetime | None = None
    access_keys: list[KeyEntry] = []
    tokens: list[TokenEntry] = []
    certificate_subjects: list[str] = []


class TrustEntry(Entry):
    """Whose tokens of an issuer may take a role."""

    issuer: str
    audiences: Annotated[list[str], msgspec.Meta(min_length=1)]
    subjects: Annotated[list[str], msgspec.Meta(min_length=1)]


class RoleEntry(PrincipalEntry):
    """A role."""

    max_session_seconds: _SessionSeconds = limits.DEFAULT_ROLE_SESSION_SECONDS
    trust: list[TrustEntry] = []


class IssuerEntry(Entry):
    """An issuer of tokens (OpenID Connect), and where its keys are."""

    url: Annotated[str, msgspec.Meta(pattern=r"^https?://[^\s?#]+$")]
    jwks_file: str | None = None
    jwks_url: Annotated[str, msgspec.Meta(pattern=r"^https?://[^\s#]+$")] | None = None
    ca_file: str | None = None
    token_file: str | None = None


class Document(Entry):
    """The whole file."""

    users: list[UserEntry] = []
    roles: list[RoleEntry] = []
    issuers: list[IssuerEntry] = []
