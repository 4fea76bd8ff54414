"""Who uses the console: a user who signed in, or, where nobody needs credentials, whoever sits at this machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from hmac import compare_digest
from typing import Any
from urllib.parse import parse_qsl

import orjson

from sqs_facade.addresses import Caller
from sqs_facade.console import admission
from sqs_facade.console.errors import ConsoleError, sign_in_required
from sqs_facade.console.sign_in import Session, Sessions
from zaqar_core.access import arns
from zaqar_core.access.gate import Gate
from zaqar_core.access.sealing import Seal
from zaqar_core.configuration.settings import Settings
from zaqar_core.domain.limits import PROJECT_CHARACTERS
from zaqar_core.domain.names import is_region
from zaqar_core.web.allowed_hosts import AllowedHosts
from zaqar_core.web.envelope import Request

#: The header with the token of :meth:`Visitors.token`.
_OF_CHANGES = "X_CONSOLE_TOKEN"
#: A header of requests that the page makes by itself, which keep no session alive.
_BY_ITSELF = "X_CONSOLE_REFRESH"
_MOST_CHARACTERS = 256
_MOST_PARAMETERS = 32
_PURPOSE = b"sqs-facade console of this machine 1"


@dataclass(slots=True)
class Visitor:
    """The visitor of one request. ``session`` is None where nobody needs credentials."""

    caller: Caller
    session: Session | None
    #: Headers of the response.
    headers: list[tuple[str, str]] = field(default_factory=list)


class Visitors:
    """Finds the visitor of a request. One instance serves all threads and tasks of a process."""

    def __init__(self, settings: Settings, gate: Gate | None, secret: Callable[[], bytes]) -> None:
        self._settings = settings
        self._hosts = AllowedHosts(settings)
        self._seal = Seal(secret, _PURPOSE)
        self.sessions = Sessions(gate, secret) if gate is not None else None

    def require_reachable(self, request: Request) -> None:
        """Refuse what the console does not serve to anybody. Raises ConsoleError."""
        if self.sessions is None:
            admission.require_reachable(request.environ, self._hosts, request.host)

    def identify(self, request: Request) -> Visitor:
        """Return the visitor, and set the principal of the request. Raises ConsoleError.

        The account is that of the user, or the one that the query names where nobody needs credentials.
        """
        given = parameters(request)
        region = self._region(given.get("region", ""))
        if self.sessions is None:
            account = given.get("account") or self._settings.default_account
            if len(account) > PROJECT_CHARACTERS:
                raise ConsoleError(400, "InvalidRequest", "The account is not valid.")
            request.principal = arns.root(account)
            return Visitor(Caller(account, region), None)
        found = self.sessions.opened(request.environ)
        if found is None:
            raise sign_in_required()
        session, request.principal = found
        visitor = Visitor(Caller(request.principal.account, region), session)
        if request.header(_BY_ITSELF) is None and (renewed := self.sessions.renewed(session)) is not None:
            visitor.session = renewed
            visitor.headers.append(self.sessions.cookie(renewed, request.environ))
        return visitor

    def token(self, session: Session | None) -> str:
        """Return the token that requests which change something must have."""
        return self.sessions.token(session) if self.sessions is not None else self._seal.tag(b"token")

    def require_token(self, request: Request, session: Session | None) -> None:
        """Refuse a change that does not come from a page that has read the token. Raises ConsoleError."""
        given = request.header(_OF_CHANGES) or ""
        if not compare_digest(given.encode("utf-8", "replace"), self.token(session).encode()):
            raise ConsoleError(403, "TokenInvalid", "The token of this page is not valid any more. Load it again.")

    def _region(self, given: str) -> str:
        if self._settings.regions == "ignore" or not given:
            return self._settings.region
        if not is_region(given):
            raise ConsoleError(400, "InvalidRequest", "The region is not valid.")
        return given


def parameters(request: Request) -> dict[str, str]:
    """Return the parameters in the query of a request. Raises ConsoleError."""
    try:
        return dict(parse_qsl(request.query, keep_blank_values=True, errors="replace", max_num_fields=_MOST_PARAMETERS))
    except ValueError:
        raise ConsoleError(400, "InvalidRequest", f"A query has at most {_MOST_PARAMETERS} parameters.") from None


def credentials(body: bytes) -> tuple[str, str]:
    """Return the access key id and the secret of a request to sign in. Raises ConsoleError."""
    try:
        document: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        document = None
    given = document if isinstance(document, dict) else {}
    found = [text for name in ("accessKeyId", "secretAccessKey") if isinstance(text := given.get(name), str)]
    found = [text.strip() for text in found if 0 < len(text) <= _MOST_CHARACTERS]
    if len(found) != 2 or not all(found):
        raise ConsoleError(400, "InvalidRequest", "Enter an access key id and a secret access key.")
    return found[0], found[1]
