"""Sessions of the console: sign in with an access key, and a sealed cookie that stands for it.

The cookie names the user and the key and has no secret in it. It ends with its user or key, after a time without
activity, and after a working day. Every worker opens it, since the store's secret seals it, and no table has it.
"""

from __future__ import annotations

import base64
import binascii
import os
import time
from collections.abc import Callable, Mapping
from http.cookies import CookieError, SimpleCookie
from typing import Any

import msgspec

from sqs_facade.console.errors import ConsoleError
from sqs_facade.console.failures import Failures
from zaqar_core.access.directory import TEMPORARY, AccessKey
from zaqar_core.access.gate import Gate
from zaqar_core.access.principals import Principal
from zaqar_core.access.sealing import Seal
from zaqar_core.access.users import of_key

#: A session ends when nobody has used it for this time, and after the second time in any case.
IDLE_SECONDS, SESSION_SECONDS = 30 * 60, 12 * 60 * 60
#: Age at which an activity renews the cookie.
_RENEWED_SECONDS = 60
_PURPOSE = b"sqs-facade console session 1"
_NAME = "sqs-facade-console"
_MOST_CHARACTERS = 2_000
_WRONG = "The access key id or the secret access key is wrong, or the key is not active."
_TEMPORARY = (
    "Temporary credentials cannot sign in to the console, whose session would outlive theirs. Enter the access key of "
    "a user."
)


#: The time in seconds since 1970. Tests move it.
now: Callable[[], float] = time.time


class Session(msgspec.Struct, frozen=True, array_like=True):
    """The contents of a cookie. Times are in seconds since 1970; ``proof`` depends on the secret of the key."""

    id: str
    user_id: str
    key_id: str
    proof: str
    began: int
    seen: int


class Sessions:
    """Begins, opens and ends sessions. One instance serves all threads and tasks of a process."""

    def __init__(self, gate: Gate, secret: Callable[[], bytes]) -> None:
        """``secret`` returns that of the store."""
        self._gate = gate
        self._seal = Seal(secret, _PURPOSE)
        self._failures = Failures()

    def begin(self, key_id: str, secret: str, source: str) -> tuple[Session, Principal]:
        """Check an access key; return a new session and its user. Raises ConsoleError, 429 after many failures."""
        wait = self._failures.wait_seconds(key_id, source)
        if wait:
            message = f"Too many attempts to sign in have failed. Wait {wait} s."
            raise ConsoleError(429, "TooManyFailures", message, retry_after_seconds=wait)
        self._failures.note(key_id, source)  # before the check, which may take a while: others run meanwhile
        credentials = self._gate.credentials
        directory = credentials.directory
        key = of_key(directory, key_id, secret)
        if key is None and credentials.newer(directory):
            key = of_key(credentials.directory, key_id, secret)
        if key is None:
            raise ConsoleError(401, "SignInFailed", _TEMPORARY if key_id.startswith(TEMPORARY) else _WRONG)
        self._failures.forget(key_id, source)
        seconds = int(now())
        session = Session(os.urandom(16).hex(), key.user.id, key.id, self._proof(key), seconds, seconds)
        return session, key.user.principal

    def opened(self, environ: Mapping[str, Any]) -> tuple[Session, Principal] | None:
        """Return the session of a request and its user; None without one, or if it has ended."""
        session = self._unsealed(_cookie(environ, _name(environ)))
        at = now()
        if session is None or not (at < session.began + SESSION_SECONDS and at < session.seen + IDLE_SECONDS):
            return None
        key = self._gate.credentials.directory.keys.get(session.key_id)
        if key is None or not key.is_active(at) or key.user.id != session.user_id:
            return None
        return (session, key.user.principal) if session.proof == self._proof(key) else None

    def renewed(self, session: Session) -> Session | None:
        """Return the session with the present time as that of its last use; None if it has that time nearly."""
        seconds = int(now())
        return msgspec.structs.replace(session, seen=seconds) if seconds - session.seen >= _RENEWED_SECONDS else None

    def ends(self, session: Session) -> int:
        """Return when the session ends without further use, in seconds since 1970."""
        return min(session.began + SESSION_SECONDS, session.seen + IDLE_SECONDS)

    def token(self, session: Session | None) -> str:
        """Return the token that requests which change something repeat in a header: no other page can know it."""
        return self._seal.tag(b"token", session.id.encode() if session is not None else b"")

    def cookie(self, session: Session | None, environ: Mapping[str, Any]) -> tuple[str, str]:
        """Return the header that sets the cookie, or that removes it."""
        name = _name(environ)
        value, age = "", "; Max-Age=0"
        if session is not None:
            value, age = base64.urlsafe_b64encode(self._seal.close(msgspec.json.encode(session))).decode(), ""
        secure = "; Secure" if _is_secure(environ) else ""
        return "Set-Cookie", f"{name}={value}; Path=/; HttpOnly; SameSite=Strict{secure}{age}"

    def _unsealed(self, text: str) -> Session | None:
        if not text or len(text) > _MOST_CHARACTERS:
            return None
        try:
            content = self._seal.open(base64.b64decode(text.encode("ascii"), b"-_", validate=True))
            return None if content is None else msgspec.json.decode(content, type=Session)
        except (binascii.Error, UnicodeEncodeError, msgspec.MsgspecError):
            return None

    def _proof(self, key: AccessKey) -> str:
        return self._seal.tag(b"proof", key.id.encode(), key.secret.encode())[:32]


def _is_secure(environ: Mapping[str, Any]) -> bool:
    return environ.get("wsgi.url_scheme") == "https"


def _name(environ: Mapping[str, Any]) -> str:
    """Return the name of the cookie. Browsers accept the prefix only over TLS, from this host and for all paths."""
    return f"__Host-{_NAME}" if _is_secure(environ) else _NAME


def _cookie(environ: Mapping[str, Any], name: str) -> str:
    try:
        found = SimpleCookie(environ.get("HTTP_COOKIE", "")).get(name)
    except CookieError:
        return ""
    return found.value if found is not None else ""
