"""Verify signed requests: find the caller of a request by the credentials file.

A request with an unknown key costs the same work as one with a wrong signature.
"""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from zaqar_core.access import canonical, signatures
from zaqar_core.access.directory import Directory
from zaqar_core.access.principals import Principal
from zaqar_core.access.refusals import SignatureRefused, expired_token, mismatch, unknown_key, wrong_signature
from zaqar_core.access.reloading import Credentials
from zaqar_core.access.session_tokens import SessionTokens
from zaqar_core.access.signatures import Claim
from zaqar_core.access.signing_keys import SigningKeys
from zaqar_core.configuration import public_url
from zaqar_core.configuration.settings import Settings
from zaqar_core.logs import remedies
from zaqar_core.logs.remedies import Remedy, note_refusal

#: The entry of ``signing_regions`` that allows every region.
_ANY_REGION = "*"


class Verified(msgspec.Struct, frozen=True):
    """The caller of a signed request. ``is_session``: it used temporary credentials."""

    principal: Principal
    region: str
    key_id: str
    is_session: bool


class _Found(msgspec.Struct, frozen=True):
    """The credentials of a claim. ``principal`` is None where they are unknown or not active."""

    secret: str
    principal: Principal | None
    is_session: bool = False
    is_expired: bool = False


class Verifier:
    """Verifies signatures. One instance serves all threads and tasks of a process."""

    def __init__(
        self,
        settings: Settings,
        credentials: Credentials,
        sessions: SessionTokens,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._credentials = credentials
        self._clock = clock
        self._sessions = sessions
        self._allows_unsigned = settings.allow_unsigned_payload
        self._base_path = public_url.parse(settings.public_url).base_path if settings.public_url is not None else ""
        #: None: every region.
        self._regions: frozenset[str] | None = frozenset((settings.region, *settings.signing_regions))
        if settings.regions == "ignore" or _ANY_REGION in settings.signing_regions:
            self._regions = None
        self._keys = SigningKeys()
        #: Takes the place of the secret of an unknown key.
        self._no_secret = secrets.token_urlsafe(30)

    def verify(
        self,
        method: str,
        environ: Mapping[str, Any],
        body: bytes,
        *,
        service: str,
        host_region: str = "",
        any_region: bool = False,
    ) -> Verified | None:
        """Return the caller of a request, None if it is not signed. Raises SignatureRefused.

        ``service`` is the name in the scope. ``host_region`` is the region in the called host, "" without one.
        ``any_region``: the service is the same in all regions.
        """
        now = self._clock()
        claim = signatures.read(environ, now)
        if claim is None:
            return None
        self._check_scope(claim, service, host_region, None if any_region else self._regions)
        payload = canonical.payload(environ, body, allows_unsigned=self._allows_unsigned)
        directory = self._credentials.directory
        verified = self._verified(claim, method, environ, payload, directory)
        if isinstance(verified, tuple) and self._credentials.newer(directory):
            verified = self._verified(claim, method, environ, payload, self._credentials.directory)
        if isinstance(verified, tuple):
            refused, remedy = verified
            if remedy is not None:
                note_refusal(remedy)
            raise refused
        return verified

    @staticmethod
    def _check_scope(claim: Claim, service: str, host_region: str, regions: frozenset[str] | None) -> None:
        scope, problems = claim.scope, []
        if (host_region and scope.region != host_region) or (regions is not None and scope.region not in regions):
            if not host_region:
                note_refusal(remedies.SIGNING_REGION, scope.region[:64])
            problems.append("Credential should be scoped to a valid region.")
        if scope.service != service:
            problems.append(f"Credential should be scoped to correct service: '{service}'.")
        if scope.date != claim.moment[:8]:
            problems.append(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
                f"'{scope.date[:64]}' != '{claim.moment[:8]}', from '{claim.moment}'."
            )
        if problems:
            raise mismatch(" ".join(problems))

    def _verified(
        self, claim: Claim, method: str, environ: Mapping[str, Any], payload: str | None, directory: Directory
    ) -> Verified | tuple[SignatureRefused, Remedy | None]:
        """Return the caller, or the refusal and what an operator can do about it."""
        found = self._find(claim, directory)
        is_right = self._is_signed(claim, method, environ, payload or "", found.secret) and payload is not None
        if found.principal is None:
            return unknown_key(), remedies.ACCESS_KEY
        if not is_right:
            is_unsigned = environ.get("HTTP_X_AMZ_CONTENT_SHA256") == canonical.UNSIGNED_PAYLOAD and payload is None
            return wrong_signature(), remedies.UNSIGNED_PAYLOAD if is_unsigned else remedies.WRONG_SIGNATURE
        if found.is_expired:
            return expired_token(), None
        return Verified(found.principal, claim.scope.region, claim.scope.key_id, found.is_session)

    def _find(self, claim: Claim, directory: Directory) -> _Found:
        now = self._clock()
        if claim.token is None:
            key = directory.keys.get(claim.scope.key_id)
            if key is None:
                return _Found(self._no_secret, None)
            return _Found(key.secret, key.user.principal if key.is_active(now) else None)
        session = self._sessions.open(claim.token)
        if session is None or session.key_id != claim.scope.key_id:
            return _Found(self._no_secret, None)
        principal = session.principal(directory, now)
        return _Found(session.secret, principal, is_session=True, is_expired=session.expires <= now)

    def _is_signed(self, claim: Claim, method: str, environ: Mapping[str, Any], payload: str, secret: str) -> bool:
        signed = claim.signature
        if not signed.isascii():
            signed = ""  # equal to no signature, and compared with all of them like any other text
        key = self._keys.of(secret, claim.scope)
        if hmac.compare_digest(key.sign(claim.moment, canonical.probable(claim, method, environ, payload)), signed):
            return True
        base_path = self._base_path or environ.get(public_url.FORWARDED_PREFIX, "")
        return any(
            hmac.compare_digest(key.sign(claim.moment, request), signed)
            for request in canonical.others(claim, method, environ, payload, base_path)
        )
