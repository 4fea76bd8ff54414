"""Zaqar's callers by the credentials file: static tokens, HTTP basic with an access key, and client certificates.

``Users`` is an authenticator as Keystone is, and may stand in front of it: a token that is not in the file is then
Keystone's.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from zaqar_core.access import certificates
from zaqar_core.access.directory import AccessKey, Directory, Token, User
from zaqar_core.access.principals import ANONYMOUS, Principal
from zaqar_core.access.reloading import Credentials
from zaqar_core.domain.identity import CERTIFICATE_SUBJECT, Authenticator, Identity, NotAuthenticated

CHALLENGE = 'Basic realm="sqs-facade", charset="UTF-8"'
_BASIC = "basic "
_MOST_CHARACTERS = 1024


@dataclass(frozen=True, slots=True)
class KnownUser(Identity):
    """A user of the credentials file. ``is_active`` says whether the user may still make requests."""

    principal: Principal = ANONYMOUS
    is_active: Callable[[], bool] = field(default=lambda: False, compare=False)


class Users:
    """Implements :class:`zaqar_core.domain.identity.Authenticator`."""

    def __init__(self, credentials: Credentials, keystone: Authenticator | None = None) -> None:
        self._credentials = credentials
        #: Verifies the tokens that are not in the file; None without Keystone.
        self.keystone = keystone

    def identify(self, environ: Mapping[str, Any]) -> Identity:
        """See :class:`zaqar_core.domain.identity.Authenticator`. Blocks only with Keystone."""
        find = self._finder(environ)
        directory = self._credentials.directory
        found = find()
        if found is None and self._credentials.newer(directory):
            found = find()
        if found is not None:
            return _identity(found, find)
        if self.keystone is None:
            raise NotAuthenticated(CHALLENGE)
        return self.keystone.identify(environ)

    def _finder(self, environ: Mapping[str, Any]) -> Callable[[], AccessKey | Token | None]:
        """Return a function that finds the active credentials of a request by the current version of the file."""
        token = environ.get("HTTP_X_AUTH_TOKEN")
        if token is not None:
            return lambda: self._of_token(token)
        if "HTTP_AUTHORIZATION" not in environ and CERTIFICATE_SUBJECT in environ:
            return lambda: self._of_certificate(environ)
        key_id, secret = basic(environ.get("HTTP_AUTHORIZATION", ""))
        return lambda: of_key(self._credentials.directory, key_id, secret)

    def _of_token(self, text: str) -> Token | None:
        found = self._credentials.directory.token(text)
        return found if found is not None and found.is_active(time.time()) else None

    def _of_certificate(self, environ: Mapping[str, Any]) -> Token | None:
        found = certificates.user(self._credentials, environ)
        return None if found is None else Token(user=found, is_enabled=True, expires=found.expires)


def of_key(directory: Directory, key_id: str, secret: str) -> AccessKey | None:
    """Return the active key of that id and secret. An unknown key costs the same work as a wrong secret."""
    found = directory.keys.get(key_id)
    is_right = hmac.compare_digest(_hash(found.secret if found is not None else ""), _hash(secret))
    return found if found is not None and is_right and found.is_active(time.time()) else None


def _hash(text: str) -> bytes:
    return sha256(text.encode("utf-8", "surrogateescape")).digest()


def basic(header: str) -> tuple[str, str]:
    """Return user and password of HTTP basic, empty texts if the header has none."""
    if header[: len(_BASIC)].lower() != _BASIC or len(header) > _MOST_CHARACTERS:
        return "", ""
    try:
        raw = base64.b64decode(header[len(_BASIC) :].strip().encode("ascii"), validate=True).decode()
    except (binascii.Error, UnicodeError):
        return "", ""
    key_id, _, secret = raw.partition(":")
    return key_id, secret


def _identity(found: AccessKey | Token, find: Callable[[], AccessKey | Token | None]) -> KnownUser:
    user: User = found.user
    return KnownUser(
        project=user.account,
        user=user.id,
        roles=frozenset(),
        expires=min(found.expires, user.expires),
        environ={
            "HTTP_X_PROJECT_ID": user.account,
            "HTTP_X_USER_ID": user.id,
            "HTTP_X_USER_NAME": user.name,
            "HTTP_X_IDENTITY_STATUS": "Confirmed",
        },
        principal=user.principal,
        is_active=lambda: find() is not None,
    )
