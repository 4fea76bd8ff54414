"""Temporary credentials: an access key, its secret, and a session token that contains both, sealed.

The token is all that exists of a session. Every service on the same store can open it, because the key that seals it is
derived from the store's secret. The session ends with its time, or when its user or role is disabled or removed.
"""

from __future__ import annotations

import base64
import binascii
import os
import secrets
from collections.abc import Callable

import msgspec

from zaqar_core.access.directory import TEMPORARY, Directory
from zaqar_core.access.principals import Principal
from zaqar_core.access.sealing import Seal
from zaqar_core.access.signatures import TOKEN_CHARACTERS

_PURPOSE = b"sqs-facade session token 1"
#: Opened tokens in the cache, which is cleared when it is full.
_MOST_OPENED = 10_000
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


class Session(msgspec.Struct, frozen=True, array_like=True):
    """The contents of a token. ``expires`` is in seconds since 1970.

    ``owner`` is the id of a user, or the ARN of a role; for a role ``role_id`` and ``name``, that of the session, are
    not empty.
    """

    key_id: str
    secret: str
    expires: int
    owner: str
    role_id: str = ""
    name: str = ""

    def __repr__(self) -> str:
        return f"Session(key_id={self.key_id!r}, expires={self.expires})"

    def principal(self, directory: Directory, now: float) -> Principal | None:
        """Return the caller; None if the user or role is not active any more."""
        if not self.role_id:
            user = directory.users.get(self.owner)
            return user.principal if user is not None and user.is_active(now) else None
        role = directory.roles.get(self.owner)
        if role is None or role.id != self.role_id or not role.is_enabled:
            return None
        return Principal(
            role.account,
            f"arn:aws:sts::{role.account}:assumed-role/{role.name}/{self.name}",
            f"{role.id}:{self.name}",
            tags=role.tags,
            policies=role.policies,
            role_arn=role.arn,
        )


class SessionTokens:
    """Seals and opens session tokens. One instance serves all threads.

    ``secret`` returns that of the store. Where a store that has lost its data gets another one, all sessions end.
    """

    def __init__(self, secret: Callable[[], bytes]) -> None:
        self._seal = Seal(secret, _PURPOSE)
        #: The tokens that were opened under one secret of the store.
        self._opened: tuple[bytes, dict[str, Session]] = (b"", {})

    def issue(self, expires: int, owner: str, role_id: str = "", name: str = "") -> tuple[Session, str]:
        """Create credentials of a session; return them and their token."""
        key_id = TEMPORARY + "".join(secrets.choice(_ALPHABET) for _ in range(16))
        session = Session(key_id, new_secret(), expires, owner, role_id, name)
        return session, base64.b64encode(self._seal.close(msgspec.json.encode(session))).decode()

    def open(self, token: str) -> Session | None:
        """Return the contents of a token, which may have expired; None if this service did not seal it."""
        secret = self._seal.secret()
        if self._opened[0] != secret:
            self._opened = (secret, {})
        opened = self._opened[1]
        found = opened.get(token)
        if found is None:
            found = self._unsealed(token)
            if found is not None:
                if len(opened) >= _MOST_OPENED:
                    opened.clear()
                opened[token] = found
        return found

    def _unsealed(self, token: str) -> Session | None:
        if len(token) > TOKEN_CHARACTERS:
            return None
        try:
            content = self._seal.open(base64.b64decode(token.encode("ascii"), validate=True))
            return None if content is None else msgspec.json.decode(content, type=Session)
        except (binascii.Error, UnicodeEncodeError, msgspec.MsgspecError):
            return None


def new_secret() -> str:
    """Return a new secret access key: 40 characters, as in AWS."""
    return base64.b64encode(os.urandom(30)).decode()
