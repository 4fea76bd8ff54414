"""The callers of SQS requests: with a credentials file those who signed them, else those that the requests name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqs_facade import addresses, errors
from sqs_facade.addresses import Caller
from zaqar_core.access import canonical, certificates
from zaqar_core.access.gate import Gate
from zaqar_core.access.principals import ANONYMOUS, Principal
from zaqar_core.access.refusals import SignatureRefused
from zaqar_core.configuration.settings import Settings
from zaqar_core.domain import limits
from zaqar_core.web.envelope import Request

#: The name of SQS in the scope of a signature.
SERVICE = "sqs"


class Callers:
    """Finds the caller of a request. One instance serves all threads."""

    def __init__(self, settings: Settings, gate: Gate | None = None) -> None:
        """Without a gate, signatures are not checked."""
        self._settings = settings
        self._gate = gate

    @property
    def verifies(self) -> bool:
        """Whether signatures are checked."""
        return self._gate is not None

    def identify(self, request: Request) -> Caller:
        """Return the caller, and set the principal of the request if signatures are checked. Raises SqsError.

        The account of an anonymous caller is empty.
        """
        try:
            return self.found(request, SERVICE)
        except SignatureRefused as refused:
            raise errors.of_signature(refused) from None

    def found(self, request: Request, service: str) -> Caller:
        """Return the caller of a service as ``identify`` does. Raises SignatureRefused, SqsError for a path of dots.

        ``service`` is its name in the scope of a signature.
        """
        settings = self._settings
        gate = self._gate
        if gate is None:
            caller = addresses.caller_of(request.environ, settings)
            if request.principal is None or request.principal.is_anonymous:
                return caller
            return Caller(request.principal.account, caller.region)
        host_region = addresses.host_parts(request.environ.get("HTTP_HOST", "")).region
        verified = gate.verifier.verify(
            request.method, request.environ, request.body, service=service, host_region=host_region
        )
        if verified is not None and request.path != "/" and not canonical.is_normal(request.environ):
            # A signature covers the path without such segments, but the path as it was sent chose the face.
            raise addresses.bad(request.path)
        request.principal = _unsigned(gate, request) if verified is None else verified.principal
        region = host_region if verified is None else verified.region
        if settings.regions == "ignore" or not region:
            region = settings.region
        return Caller(request.principal.account, region)

    def account_at_a_glance(self, environ: Mapping[str, Any]) -> str:
        """Return the account of the access key or session that a request names, without checking a signature."""
        if self._gate is None:
            return addresses.caller_of(environ, self._settings).account
        directory = self._gate.credentials.directory
        key = directory.keys.get(addresses.access_key_id(environ))
        if key is not None:
            return key.user.account
        certified = certificates.user(self._gate.credentials, environ)
        if certified is not None:
            return certified.account
        token = environ.get("HTTP_X_AMZ_SECURITY_TOKEN")
        session = self._gate.sessions.open(token) if token is not None else None
        if session is None:
            return ""
        owner = directory.roles.get(session.owner) if session.role_id else directory.users.get(session.owner)
        return owner.account if owner is not None else ""


def _unsigned(gate: Gate, request: Request) -> Principal:
    """Return the caller of a request without a signature: the user of its client certificate, or nobody."""
    found = certificates.user(gate.credentials, request.environ)
    if found is None:
        return ANONYMOUS
    request.is_certified = True
    return found.principal


def is_verified(request: Request) -> bool:
    """Return whether a signature of the request was checked and is right.

    A client certificate is no such proof of intent: a browser shows it for every page that calls the service.
    """
    return request.principal is not None and not request.principal.is_anonymous and not request.is_certified


def refuse_anonymous(request: Request) -> None:
    """Refuse a request that nobody signed, where callers need credentials. Raises SqsError."""
    if request.principal is not None and request.principal.is_anonymous:
        url = f"{request.scheme}://{request.host}{request.path or '/'}"[: limits.QUEUE_URL_CHARACTERS]
        raise errors.SqsError("AccessDenied", f"Access to the resource {url} is denied.")
