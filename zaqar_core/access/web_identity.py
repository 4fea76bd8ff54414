"""Web identity: tokens of OIDC issuers, such as those of Kubernetes service accounts, with which callers assume roles.

The keys of an issuer come from a file, from a URL, or from the URL that its discovery document names. Everything here
blocks, so it runs in threads.
"""

from __future__ import annotations

import base64
import fnmatch
import json
import logging
import math
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

import jwt
import urllib3

from zaqar_core.access import credentials_file
from zaqar_core.access.directory import Directory, Issuer, Role, Trust

_log = logging.getLogger("sqs_facade.access")

#: Signatures with a key pair. A shared key would let the service that checks a token also issue it.
_ALGORITHMS = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
)  # fmt: skip
_KEY_TYPES = frozenset(("RSA", "EC", "OKP"))
#: Longest token, as in AWS.
_TOKEN_CHARACTERS = 20_000
_DOCUMENT_BYTES = 1 << 20
_TIMEOUT_SECONDS = 5.0
#: Keys are fetched again after this time, and kept for the second one while the issuer does not respond.
_FRESH_SECONDS, _STALE_SECONDS = 300.0, 3_600.0
#: Shortest time between two requests to an issuer because of a key that is not known.
_PAUSE_SECONDS = 5.0
#: Threads that read keys or wait for them. The others of ``VERIFYING_THREADS`` are there for known keys.
MOST_WAITING, VERIFYING_THREADS = 5, 8
#: Difference of clocks that a token may have.
_LEEWAY_SECONDS = 10


class Reason(Enum):
    """Why a token does not let its bearer assume a role."""

    INVALID = auto()
    EXPIRED = auto()
    #: The role does not exist or does not trust the issuer and subject of the token.
    NOT_TRUSTED = auto()
    ISSUER_AWAY = auto()


@dataclass(eq=False)
class WebIdentityRefused(Exception):
    """Raised when a token is not accepted. ``message`` contains no part of the token but its issuer."""

    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class WebIdentity:
    """The bearer of a valid token."""

    issuer: str
    subject: str
    audience: str


@dataclass(slots=True)
class _Keys:
    """The keys of an issuer by their ids. ``stamp`` is that of a file; times are monotonic, in seconds."""

    by_id: dict[str | None, jwt.PyJWK]
    fetched: float
    tried: float
    stamp: object = None


class WebIdentities:
    """Verifies tokens. One instance serves all threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._keys: dict[Issuer, _Keys] = {}
        self._lock = threading.Lock()
        self._locks: dict[Issuer, threading.Lock] = {}
        self._waiting = threading.BoundedSemaphore(MOST_WAITING)

    def verify(self, token: str, role: Role, directory: Directory) -> WebIdentity:
        """Verify a token for a role. Blocks. Raises WebIdentityRefused."""
        url, key_id = _unverified(token)
        issuer = directory.issuers.get(url) if isinstance(url, str) else None
        if issuer is None:
            shown = str(url)[:200]
            raise WebIdentityRefused(Reason.INVALID, f"No OpenIDConnect provider found in your account for {shown}")
        key = self._key(issuer, key_id if isinstance(key_id, str) else None)
        if key is None:
            raise WebIdentityRefused(Reason.INVALID, "Couldn't retrieve verification key from your identity provider.")
        return _trusted(_claims(token, key, issuer), issuer, role)

    def _key(self, issuer: Issuer, key_id: str | None) -> jwt.PyJWK | None:
        """Return a key of an issuer; None if the issuer has no such key."""
        keys = self._keys.get(issuer)
        stamp = None if issuer.jwks_file is None else credentials_file.stamp([issuer.jwks_file])
        if keys is None or self._is_needed(issuer, keys, key_id, stamp):
            keys = self._updated(issuer, keys, key_id, stamp)
        if not keys.by_id or (issuer.jwks_file is None and self._clock() - keys.fetched > _STALE_SECONDS):
            raise WebIdentityRefused(
                Reason.ISSUER_AWAY, f"The keys of the identity provider {issuer.url} cannot be read."
            )
        if key_id is None and len(keys.by_id) == 1:
            return next(iter(keys.by_id.values()))
        return keys.by_id.get(key_id)

    def _is_needed(self, issuer: Issuer, keys: _Keys, key_id: str | None, stamp: object) -> bool:
        """Return whether the keys should be read again, for a token with this key."""
        if issuer.jwks_file is not None:
            return keys.stamp != stamp
        now = self._clock()
        return now - keys.tried > _PAUSE_SECONDS and (now - keys.fetched > _FRESH_SECONDS or key_id not in keys.by_id)

    def _updated(self, issuer: Issuer, keys: _Keys | None, key_id: str | None, stamp: object) -> _Keys:
        """Read the keys again, or wait until another thread has done so. Raises WebIdentityRefused.

        Nobody waits for an issuer whose known keys are enough, and few wait at once: anybody can send tokens with
        unknown keys, and an issuer that does not respond would keep all threads from verifying other tokens.
        """
        with self._lock:
            lock = self._locks.setdefault(issuer, threading.Lock())
        is_enough = keys is not None and key_id in keys.by_id and self._clock() - keys.fetched <= _STALE_SECONDS
        if is_enough and lock.locked():
            assert keys is not None
            return keys
        if not self._waiting.acquire(blocking=False):
            raise WebIdentityRefused(
                Reason.ISSUER_AWAY, f"The keys of the identity provider {issuer.url} are being read."
            )
        try:
            with lock:  # one request to an issuer at a time
                keys = self._keys.get(issuer)
                if keys is None or self._is_needed(issuer, keys, key_id, stamp):
                    keys = self._keys[issuer] = self._fetched(issuer, keys, self._clock(), stamp)
                return keys
        finally:
            self._waiting.release()

    def _fetched(self, issuer: Issuer, before: _Keys | None, now: float, stamp: object) -> _Keys:
        """Fetch the keys; return those of before if that fails, and none if there were none."""
        try:
            return _Keys(_parsed(_document(issuer)), now, now, stamp)
        except (OSError, ValueError, urllib3.exceptions.HTTPError, jwt.PyJWTError, RecursionError) as problem:
            _log.error("cannot read the keys of the issuer %s: %s", issuer.url, " ".join(str(problem).split())[:300])
            if before is None:
                return _Keys({}, -math.inf, now, stamp)
            before.tried, before.stamp = now, stamp
            return before


def _unverified(token: str) -> tuple[object, object]:
    """Return the issuer that a token names, and the id of its key. Raises WebIdentityRefused.

    Only these are read here, because PyJWT takes a third of a millisecond for a token, and anybody can send one. It
    parses the whole token when it verifies it.
    """
    try:
        if len(token) > _TOKEN_CHARACTERS:
            raise ValueError
        head, claims, _ = token.split(".")
        return _decoded(claims).get("iss"), _decoded(head).get("kid")
    except (ValueError, RecursionError):
        raise WebIdentityRefused(Reason.INVALID, "The ID Token provided is not a valid JWT.") from None


def _decoded(segment: str) -> dict[str, Any]:
    """Return the JSON object of a segment of a token. Raises ValueError."""
    found = json.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
    if not isinstance(found, dict):
        raise ValueError
    return found


def _claims(token: str, key: jwt.PyJWK, issuer: Issuer) -> dict[str, Any]:
    """Return the claims of a token. Raises WebIdentityRefused."""
    try:
        return jwt.decode(
            token,
            key,
            algorithms=list(_ALGORITHMS),
            issuer=issuer.url,
            leeway=_LEEWAY_SECONDS,
            options={"require": ["exp", "iss", "sub", "aud"], "verify_aud": False},
        )
    except jwt.ExpiredSignatureError:
        raise WebIdentityRefused(Reason.EXPIRED, "Token expired: the current time must be before its end.") from None
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        raise WebIdentityRefused(Reason.INVALID, "The ID Token provided is not valid.") from None


def _trusted(claims: dict[str, Any], issuer: Issuer, role: Role) -> WebIdentity:
    """Return the bearer, if the role trusts the issuer, one of the audiences and the subject."""
    given = claims["aud"]
    audiences = [one for one in (given if isinstance(given, list) else [given]) if isinstance(one, str)]
    subject = str(claims["sub"])
    trusts = [trust for trust in role.trusts if trust.issuer == issuer.url]
    for trust in trusts:
        for audience in audiences:
            if audience in trust.audiences and _is_subject(subject, trust):
                return WebIdentity(issuer.url, subject, audience)
    if trusts and not any(audience in trust.audiences for trust in trusts for audience in audiences):
        raise WebIdentityRefused(Reason.INVALID, "Incorrect token audience")
    raise WebIdentityRefused(Reason.NOT_TRUSTED, "Not authorized to perform sts:AssumeRoleWithWebIdentity")


def _is_subject(subject: str, trust: Trust) -> bool:
    return any(_pattern(pattern).fullmatch(subject) is not None for pattern in trust.subjects)


def _pattern(text: str) -> re.Pattern[str]:
    """Return the pattern of a subject, in which only ``*`` and ``?`` are special."""
    return re.compile(fnmatch.translate(text.replace("[", "[[]")))


# -- The keys of an issuer ---------------------------------------------------------------------------------------------


def _document(issuer: Issuer) -> bytes:
    """Return the JSON Web Key Set of an issuer."""
    if issuer.jwks_file is not None:
        with issuer.jwks_file.open("rb") as stream:
            return stream.read(_DOCUMENT_BYTES)
    headers = {"Accept": "application/json"}
    if issuer.token_file is not None:
        headers["Authorization"] = f"Bearer {issuer.token_file.read_text().strip()}"
    authorities = str(issuer.ca_file) if issuer.ca_file is not None else None
    with urllib3.PoolManager(
        ca_certs=authorities, timeout=urllib3.Timeout(total=_TIMEOUT_SECONDS), retries=False
    ) as pool:
        url = issuer.jwks_url
        if url is None:
            discovery = json.loads(_got(pool, f"{issuer.url.rstrip('/')}/.well-known/openid-configuration", headers))
            url = discovery.get("jwks_uri") if isinstance(discovery, dict) else None
            if not isinstance(url, str) or not url.startswith(issuer.url.partition("//")[0]):
                raise ValueError("the discovery document has no jwks_uri of the issuer's scheme")
        return _got(pool, url, headers)


def _got(pool: urllib3.PoolManager, url: str, headers: dict[str, str]) -> bytes:
    answer = pool.request("GET", url, headers=headers, redirect=False, preload_content=False)
    try:
        if answer.status != 200:
            raise ValueError(f"{url} responds with status {answer.status}")
        return answer.read(_DOCUMENT_BYTES)
    finally:
        answer.close()


def _parsed(document: bytes) -> dict[str | None, jwt.PyJWK]:
    """Return the keys of a JSON Web Key Set that verify signatures. Keys of unknown kinds are left out."""
    found: dict[str | None, jwt.PyJWK] = {}
    keys = json.loads(document).get("keys")
    for one in keys if isinstance(keys, list) else []:
        if isinstance(one, dict) and one.get("kty") in _KEY_TYPES and one.get("use", "sig") == "sig":
            try:
                key = jwt.PyJWK(one)
            except (jwt.PyJWTError, ValueError, TypeError):
                continue
            found[key.key_id] = key
    if not found:
        raise ValueError("the key set has no usable keys")
    return found
