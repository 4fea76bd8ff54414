"""AWS's Security Token Service, beside SQS: who a caller is, and temporary credentials. Query protocol, 2011-06-15."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqs_facade import browser_marks
from sqs_facade.codecs import query
from sqs_facade.codecs.unreadable import Unreadable
from sqs_facade.query_versions import QueryVersion
from zaqar_core.access import certificates, web_identity
from zaqar_core.access.attempts import FailedAttempts
from zaqar_core.access.directory import Directory, Role
from zaqar_core.access.gate import Gate
from zaqar_core.access.refusals import Reason, SignatureRefused
from zaqar_core.access.session_tokens import Session
from zaqar_core.access.verification import Verified
from zaqar_core.access.web_identity import WebIdentities, WebIdentity, WebIdentityRefused
from zaqar_core.core.rate_limits import RateLimits
from zaqar_core.core.session import Session as CoreSession
from zaqar_core.domain import limits
from zaqar_core.domain.errors import RequestsThrottled
from zaqar_core.domain.limits import Range
from zaqar_core.eventloop import Threads
from zaqar_core.logs import remedies
from zaqar_core.logs.remedies import note_refusal
from zaqar_core.web.envelope import Reply, Request

VERSION = "2011-06-15"
NAMESPACE = f"https://sts.amazonaws.com/doc/{VERSION}/"
#: The name of STS in the scope of a signature.
SERVICE = "sts"

_log = logging.getLogger("sqs_facade.access")
_VERSION = QueryVersion(VERSION)
_SESSION_NAME = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
#: Threads that verify tokens, and wait for the keys of issuers.
_verifying = Threads(web_identity.VERIFYING_THREADS, "issuers")
_INTEGER = re.compile(r"[0-9]{1,9}")

Result = dict[str, "str | Result"]


class _Error(NamedTuple):
    code: str
    status: int = 400


class StsError(Exception):
    """An error response."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


_SIGNATURES = {
    Reason.INCOMPLETE: _Error("IncompleteSignature"),
    Reason.MISMATCH: _Error("SignatureDoesNotMatch", 403),
    Reason.UNKNOWN_KEY: _Error("InvalidClientTokenId", 403),
    Reason.EXPIRED_TOKEN: _Error("ExpiredToken", 403),
}
_WEB_IDENTITIES = {
    web_identity.Reason.INVALID: _Error("InvalidIdentityToken"),
    web_identity.Reason.EXPIRED: _Error("ExpiredTokenException"),
    web_identity.Reason.NOT_TRUSTED: _Error("AccessDenied", 403),
    web_identity.Reason.ISSUER_AWAY: _Error("IDPCommunicationError"),
}


@dataclass(frozen=True, slots=True)
class _Call:
    request: Request
    session: CoreSession
    parameters: dict[str, Any]

    def text(self, name: str) -> str:
        """Return a parameter; "" if it is absent."""
        value = self.parameters.get(name, "")
        return value if isinstance(value, str) else ""


class SecurityTokenService:
    """Serves STS. One instance serves all threads."""

    def __init__(self, gate: Gate, rates: RateLimits | None = None) -> None:
        """``rates`` limits users and accounts. Clients with wrong tokens are limited by their addresses, always."""
        self._gate = gate
        self._rates = rates
        self._identities = WebIdentities()
        self._failures = FailedAttempts()
        self._operations: dict[str, Callable[[_Call], Result]] = {
            "GetCallerIdentity": self._get_caller_identity,
            "GetSessionToken": self._get_session_token,
            "AssumeRoleWithWebIdentity": self._assume_role_with_web_identity,
        }

    @staticmethod
    def is_asked(request: Request) -> bool:
        """Return whether a request of the query protocol is for STS: by the version of its API."""
        return _VERSION.is_asked(request)

    def answer(self, request: Request, request_id: str, session: CoreSession) -> Reply:
        """Run the operation. Never raises."""
        note = request.note
        note.dialect, note.is_administrative = "sts", True
        try:
            call = _Call(request, session, _parameters(request))
            name = call.text("Action")
            operation = self._operations.get(name)
            if operation is None:
                raise StsError("InvalidAction", f"Could not find operation {name[:64]} for version {VERSION}")
            note.operation = name
            result = operation(call)
        except RequestsThrottled:
            return _refused(_throttled(), request, request_id)
        except StsError as error:
            return _refused(error, request, request_id)
        except Exception:
            _log.exception("a request to STS failed")
            return _error(StsError("InternalFailure", "An internal error occurred.", 500), request_id)
        body = (
            f'<{name}Response xmlns="{NAMESPACE}"><{name}Result>{_xml(result)}</{name}Result>'
            f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{name}Response>"
        )
        return _reply(200, body, request_id)

    def _verified(self, call: _Call) -> Verified:
        """Return who signed a request, or else the user of its client certificate. Raises StsError, RequestsThrottled.

        Any region is accepted: STS is global.
        """
        request = call.request
        try:
            verified = self._gate.verifier.verify(
                request.method, request.environ, request.body, service=SERVICE, any_region=True
            )
        except SignatureRefused as refused:
            found = _SIGNATURES[refused.reason]
            raise StsError(found.code, refused.message, found.status) from None
        if verified is None:
            verified = self._certified(request)
        request.principal = verified.principal
        if self._rates is not None:
            self._rates.require_of(call.session, verified.principal.account, verified.principal)
        return verified

    def _certified(self, request: Request) -> Verified:
        """Return the user of the client certificate of a request without a signature. Raises StsError."""
        user = certificates.user(self._gate.credentials, request.environ)
        if user is None:
            raise StsError("MissingAuthenticationToken", "Request is missing Authentication Token", 403)
        request.is_certified = True
        if browser_marks.is_marked(request.environ):  # it shows its certificate for any page
            raise StsError("AccessDenied", "A web browser must sign its requests to STS.", 403)
        return Verified(user.principal, "", "", is_session=False)

    def _get_caller_identity(self, call: _Call) -> Result:
        principal = self._verified(call).principal
        return {"Arn": principal.arn, "UserId": principal.user_id, "Account": principal.account}

    def _get_session_token(self, call: _Call) -> Result:
        verified = self._verified(call)
        if verified.is_session:
            raise StsError("AccessDenied", "Cannot call GetSessionToken with session credentials", 403)
        if call.text("TokenCode") or call.text("SerialNumber"):
            reason = "MultiFactorAuthentication failed with invalid MFA one time pass code."
            raise StsError("AccessDenied", reason, 403)
        seconds = _duration(call, limits.SESSION_SECONDS, limits.DEFAULT_SESSION_SECONDS)
        user = verified.principal.user_id
        return {"Credentials": _credentials(*self._gate.sessions.issue(int(time.time()) + seconds, user))}

    def _assume_role_with_web_identity(self, call: _Call) -> Result:
        arn, name, token = (call.text(one) for one in ("RoleArn", "RoleSessionName", "WebIdentityToken"))
        for parameter, value in (("roleArn", arn), ("roleSessionName", name), ("webIdentityToken", token)):
            if not value:
                raise _invalid(f"Value null at '{parameter}' failed to satisfy constraint: Member must not be null")
        if not _SESSION_NAME.fullmatch(name):
            raise _invalid(
                f"Value '{name[:128]}' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular "
                r"expression pattern: [\w+=,.@-]{2,64}"
            )
        if "Policy" in call.parameters or "PolicyArns" in call.parameters:
            raise StsError("ValidationError", "Session policies are not supported.")
        seconds = _duration(call, limits.ROLE_SESSION_SECONDS, limits.DEFAULT_ROLE_SESSION_SECONDS)
        directory = self._gate.credentials.directory
        role = directory.roles.get(arn)
        try:
            if role is None or not role.is_enabled:
                reason = "Not authorized to perform sts:AssumeRoleWithWebIdentity"
                raise WebIdentityRefused(web_identity.Reason.NOT_TRUSTED, reason)
            identity = self._identity(call, token, role, directory)
        except WebIdentityRefused as refused:
            found = _WEB_IDENTITIES[refused.reason]
            raise StsError(found.code, refused.message, found.status) from None
        if seconds > role.max_session_seconds and "DurationSeconds" in call.parameters:
            reason = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
            raise StsError("ValidationError", reason)
        if self._rates is not None:
            self._rates.require(call.session, role.account)
        expires = int(time.time()) + min(seconds, role.max_session_seconds)
        session, sealed = self._gate.sessions.issue(expires, role.arn, role.id, name)
        note = call.request.note
        note.account, note.resource, note.principal = role.account, role.arn, identity.subject
        provider = identity.issuer.partition("://")[2]
        return {
            "SubjectFromWebIdentityToken": identity.subject,
            "Audience": identity.audience,
            "AssumedRoleUser": {
                "Arn": f"arn:aws:sts::{role.account}:assumed-role/{role.name}/{name}",
                "AssumedRoleId": f"{role.id}:{name}",
            },
            "Credentials": _credentials(session, sealed),
            "Provider": f"arn:aws:iam::{role.account}:oidc-provider/{provider}",
        }

    def _identity(self, call: _Call, token: str, role: Role, directory: Directory) -> WebIdentity:
        """Return the bearer of a token that the role trusts. Raises WebIdentityRefused, StsError for too many failures.

        Anybody can send a token, and to find out that it is wrong takes longer than any other refusal.
        """
        address = call.request.environ.get("REMOTE_ADDR", "")
        if self._failures.are_too_many(address):
            note_refusal(remedies.WEB_IDENTITIES, address)
            raise _throttled()
        try:
            return _verifying.run(self._identities.verify, token, role, directory)
        except WebIdentityRefused as refused:
            if refused.reason is not web_identity.Reason.ISSUER_AWAY:
                self._failures.add(address)
            raise


def _parameters(request: Request) -> dict[str, Any]:
    try:
        found = query.tree(request.query) if request.query else {}
        if request.method == "POST":
            found.update(query.tree(request.body))
    except Unreadable as problem:
        raise StsError("MalformedInput", f"The parameters of the request are not valid: {problem}.") from None
    return found


def _duration(call: _Call, allowed: Range, default: int) -> int:
    text = call.text("DurationSeconds")
    if "DurationSeconds" not in call.parameters:
        return default
    if not _INTEGER.fullmatch(text):
        raise StsError("MalformedInput", "DurationSeconds must be an integer.")
    seconds = int(text)
    for is_wrong, bound, limit in (
        (seconds < allowed.least, "greater", allowed.least),
        (seconds > allowed.most, "less", allowed.most),
    ):
        if is_wrong:
            raise _invalid(
                f"Value '{seconds}' at 'durationSeconds' failed to satisfy constraint: Member must have value {bound} "
                f"than or equal to {limit}"
            )
    return seconds


def _throttled() -> StsError:
    return StsError("Throttling", "Rate exceeded")


def _invalid(reason: str) -> StsError:
    return StsError("ValidationError", f"1 validation error detected: {reason}")


def _credentials(session: Session, token: str) -> Result:
    ends = datetime.fromtimestamp(session.expires, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "AccessKeyId": session.key_id,
        "SecretAccessKey": session.secret,
        "SessionToken": token,
        "Expiration": ends,
    }


def _xml(result: Result) -> str:
    return "".join(
        f"<{name}>{_xml(value) if isinstance(value, dict) else query.escaped(value)}</{name}>"
        for name, value in result.items()
    )


def _refused(error: StsError, request: Request, request_id: str) -> Reply:
    request.note.code = error.code
    return _error(error, request_id)


def _error(error: StsError, request_id: str) -> Reply:
    kind = "Receiver" if error.status >= 500 else "Sender"
    body = (
        f'<ErrorResponse xmlns="{NAMESPACE}"><Error><Type>{kind}</Type><Code>{error.code}</Code>'
        f"<Message>{query.escaped(error.message)}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>"
    )
    return _reply(error.status, body, request_id)


def _reply(status: int, body: str, request_id: str) -> Reply:
    return Reply(status, [("Content-Type", "text/xml"), ("x-amzn-RequestId", request_id)], body.encode())
