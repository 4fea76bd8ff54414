"""The face of the console: pages, sessions and the API, and every error as JSON for the pages."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from sqs_facade import errors, request_notes
from sqs_facade import face as sqs_face
from sqs_facade.console import admission, visitors
from sqs_facade.console.api import API
from sqs_facade.console.assets import SECURITY, Assets
from sqs_facade.console.calls import Call
from sqs_facade.console.errors import ConsoleError, not_found
from sqs_facade.console.overview import Overviews
from sqs_facade.console.session_view import view
from sqs_facade.console.sign_in import Session as SignedIn
from sqs_facade.console.sign_in import Sessions
from sqs_facade.console.visitors import Visitors
from sqs_facade.errors import SqsError
from sqs_facade.registry import SqsCall
from zaqar_core.access.gate import Gate
from zaqar_core.configuration.settings import Settings
from zaqar_core.core.authorization import Authorizer
from zaqar_core.core.rate_limits import RateLimits
from zaqar_core.core.session import Session
from zaqar_core.domain import limits
from zaqar_core.domain.errors import CoreError
from zaqar_core.logs.request_ids import set_request_id
from zaqar_core.store.conditions import StoreCondition, worst
from zaqar_core.web.envelope import Refusal, Reply, Request

PATH = "/console"
_API = "/api/"
_ASSETS = "/assets/"
#: Body of a request to sign in, the only one that is read before it is known who sends it.
_SIGN_IN_BYTES = 4_096
_JSON_TYPE = "application/json"
_DIALECT = "console"
#: What the audit log repeats of an access key id that somebody entered: a secret in its place has another form.
_KEY_ID = re.compile(r"[A-Z0-9]{4,128}")


class ConsoleFace:
    """Serve the console. One instance serves all threads and tasks of a process."""

    def __init__(
        self,
        settings: Settings,
        gate: Gate | None,
        secret: Callable[[], bytes],
        conditions: Callable[[], list[StoreCondition]],
        *,
        authorizer: Authorizer | None = None,
        rates: RateLimits | None = None,
    ) -> None:
        """Without a gate nobody needs credentials. ``secret`` returns that of the store, ``conditions`` the
        condition of every server."""
        self._assets = Assets()
        self._visitors = Visitors(settings, gate, secret)
        self._authorizer = authorizer
        self._rates = rates
        self._overviews = Overviews()
        self._conditions = conditions
        self.verifies_callers = gate is not None

    def body_limit(self, environ: Mapping[str, Any]) -> int:
        """Return the largest body to accept, in bytes."""
        return _SIGN_IN_BYTES if environ["PATH_INFO"].endswith("/sign-in") else limits.JSON_BODY_BYTES

    def admit(self, request: Request) -> Reply | None:
        """Refuse by the head alone what may not call the API, so that nobody else makes the service read bodies."""
        try:
            if self._rest(request).startswith(_API):
                self._require_admitted(request)
                if not request.path.endswith("/sign-in"):
                    self._visitors.identify(request)
        except ConsoleError as error:
            return self._error(request, error, sqs_face.new_request_id())
        return None

    def answer(self, request: Request, session: Session) -> Reply:
        """Return a page, a file or the result of a call. Never raises."""
        request_id = sqs_face.new_request_id()
        set_request_id(request_id)
        request.note.dialect = _DIALECT
        try:
            rest = self._rest(request)
            return self._call(request, session, request_id) if rest.startswith(_API) else self._static(request, rest)
        except ConsoleError as error:
            return self._error(request, error, request_id)
        except SqsError as error:
            return self._sqs_error(request, error, request_id)
        except CoreError as fact:
            request_notes.of_denial(request.note, fact)
            return self._sqs_error(request, _of_fact(fact, request_id), request_id)
        except Exception as problem:
            return self._sqs_error(request, sqs_face.unforeseen(problem, request_id, _DIALECT), request_id)

    def refuse(self, request: Request, why: Refusal) -> Reply:
        """Return the error for a request that was not run. A link of another site to the page is no attack."""
        request.note.dialect = _DIALECT
        rest = self._rest(request)
        if why is Refusal.CROSS_SITE and not rest.startswith(_API) and admission.is_opened_by_a_link(request.environ):
            try:
                return self._static(request, rest)
            except ConsoleError as error:
                return self._error(request, error, sqs_face.new_request_id())
        return self._sqs_error(request, sqs_face.refusal(why, request), sqs_face.new_request_id())

    @staticmethod
    def _rest(request: Request) -> str:
        """Return the path below that of the console."""
        return request.path.removeprefix(PATH)

    def _static(self, request: Request, rest: str) -> Reply:
        if request.method not in ("GET", "HEAD"):
            raise _wrong_method(request)
        if rest.startswith(_ASSETS):  # the same for everybody, and styles of the refusal
            found = self._assets.file(rest.removeprefix(_ASSETS))
            if found is None:
                raise not_found()
            return found
        try:
            self._visitors.require_reachable(request)
        except ConsoleError as error:
            return self._assets.refusal(error.status, error.message)
        if rest == "":
            # Relative, so that it is right behind a proxy that has removed a prefix.
            return Reply(307, [("Location", "console/"), *SECURITY], b"")
        if rest != "/":
            raise not_found()
        return self._assets.page(request)

    def _require_admitted(self, request: Request) -> None:
        self._visitors.require_reachable(request)
        admission.require_own_page(request.environ, request.host)
        if request.method == "POST" and (request.header("CONTENT_TYPE") or "").partition(";")[0] != _JSON_TYPE:
            raise ConsoleError(415, "InvalidRequest", f"The Content-Type must be {_JSON_TYPE}.")

    def _call(self, request: Request, session: Session, request_id: str) -> Reply:
        self._require_admitted(request)
        name = self._rest(request).removeprefix(_API)
        if name in ("session", "sign-in", "sign-out"):
            return self._session_call(request, session, name, request_id)
        found = API.get(name)
        if found is None:
            raise not_found()
        visitor = self._visitors.identify(request)
        if request.method != ("POST" if found.changes else "GET"):
            raise _wrong_method(request)
        if found.changes:
            self._visitors.require_token(request, visitor.session)
        if self._rates is not None:
            self._rates.require_of(session, visitor.caller.account, request.principal)
        sqs = SqsCall(session, request, visitor.caller, self._authorizer)
        call = Call(sqs, visitors.parameters(request), self._overviews, self._conditions)
        request.note.operation, request.note.account = name, visitor.caller.account
        if visitor.session is not None:
            request.note.access_key_id = visitor.session.key_id
        return _json(200, found.run(call), request_id, visitor.headers)

    def _session_call(self, request: Request, session: Session, name: str, request_id: str) -> Reply:
        """Tell the page who uses it, or begin or end a session."""
        sessions = self._visitors.sessions
        if sessions is None and name != "session":
            raise not_found()
        if request.method != ("GET" if name == "session" else "POST"):
            raise _wrong_method(request)
        if sessions is None or name == "session":
            return self._show_session(request, session, request_id)
        request.note.operation, request.note.is_administrative = name, True
        begun: SignedIn | None = None
        if name == "sign-out":
            self._require_visitor(request)
        else:
            begun = self._begin(request, sessions)
        return _json(200, {}, request_id, [sessions.cookie(begun, request.environ)])

    def _show_session(self, request: Request, session: Session, request_id: str) -> Reply:
        sessions = self._visitors.sessions
        if sessions is not None and sessions.opened(request.environ) is None:
            return _json(200, {"needsSignIn": True}, request_id, [])
        visitor = self._visitors.identify(request)
        main = worst([one for one in self._conditions() if not one.pool])
        has_store = main.accepts != "nothing"  # it is not asked in vain: the page shows its condition
        found = view(session, request, visitor, self._visitors, has_store=has_store)
        return _json(200, found, request_id, visitor.headers)

    def _require_visitor(self, request: Request) -> None:
        visitor = self._visitors.identify(request)
        self._visitors.require_token(request, visitor.session)
        if visitor.session is not None:
            request.note.access_key_id = visitor.session.key_id

    def _begin(self, request: Request, sessions: Sessions) -> SignedIn:
        key_id, secret = visitors.credentials(request.body)
        if _KEY_ID.fullmatch(key_id):
            request.note.access_key_id = key_id
        begun, request.principal = sessions.begin(key_id, secret, request.environ.get("REMOTE_ADDR", ""))
        return begun

    def _sqs_error(self, request: Request, error: SqsError, request_id: str) -> Reply:
        code = error.row.code.removeprefix("AWS.SimpleQueueService.")
        return self._error(request, ConsoleError(error.row.status, code, error.message), request_id)

    def _error(self, request: Request, error: ConsoleError, request_id: str) -> Reply:
        request.note.dialect, request.note.code = _DIALECT, error.code
        headers = []
        if error.retry_after_seconds is not None:
            headers.append(("Retry-After", str(error.retry_after_seconds)))
        if not self._rest(request).startswith(_API):
            return self._assets.refusal(error.status, error.message)
        return _json(error.status, {"code": error.code, "message": error.message}, request_id, headers)


def _of_fact(fact: CoreError, request_id: str) -> SqsError:
    try:
        return errors.of_fact(fact)
    except CoreError as unknown:  # no operation of SQS reports it
        return sqs_face.unforeseen(unknown, request_id, _DIALECT)


def _wrong_method(request: Request) -> ConsoleError:
    return ConsoleError(405, "MethodNotAllowed", f"{request.method} is not possible here.")


def _json(status: int, document: Any, request_id: str, headers: list[tuple[str, str]]) -> Reply:
    always = [("Content-Type", _JSON_TYPE), ("Cache-Control", "no-store"), ("x-amzn-RequestId", request_id), *SECURITY]
    return Reply(status, [*always, *headers], msgspec.json.encode(document))
