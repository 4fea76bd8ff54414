"""``/_test/*``: clock, reset, chaos and spy, in JSON.

Only at the hosts of AllowedHosts; where callers need credentials, at every host for administrators of the service.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from typing import Annotated, Any
from urllib.parse import parse_qsl

import msgspec

from zaqar_core.access import administration
from zaqar_core.access.users import KnownUser
from zaqar_core.configuration.settings import Settings
from zaqar_core.core import move_tasks, queues
from zaqar_core.core.session import Session
from zaqar_core.domain import limits
from zaqar_core.domain.errors import QueueNotFound, StoreUnavailable
from zaqar_core.domain.identity import Authenticator, NotAuthenticated
from zaqar_core.domain.names import QueueRef
from zaqar_core.logs import remedies
from zaqar_core.logs.remedies import note_refusal
from zaqar_core.store import keys, registry
from zaqar_core.web import allowed_hosts
from zaqar_core.web.allowed_hosts import AllowedHosts
from zaqar_core.web.envelope import Refusal, Reply, Request
from zaqar_core.web.hooks import events, virtual_clock
from zaqar_core.web.hooks.switches import MOST_LATENCY_MS, Chaos, Probability, Switches

PATH = "/_test"

#: Ten years: longer than any retention, and far from the time in ms that has one more digit.
_MOST_SECONDS = 10 * 366 * 86_400
_BODY_BYTES = 64 << 10
_log = logging.getLogger("sqs_facade.hooks")
#: The statuses of refusals that are not 400.
_REFUSED = {Refusal.CROSS_SITE: 403, Refusal.BODY_TOO_SLOW: 408, Refusal.LENGTH_REQUIRED: 411, Refusal.OVERLOADED: 503}

#: Returns the project of a request.
AccountOf = Callable[[Mapping[str, Any]], str]
#: Returns the queue of a name or URL in the given project and region, by default those of the request; None for a text
#: that is neither.
QueueOf = Callable[[Mapping[str, Any], str, str | None, str | None], QueueRef | None]


class _Refused(Exception):
    """Raised to end a call of a hook with an HTTP status and a sentence for the tester."""

    def __init__(self, status: int, reason: str, *headers: tuple[str, str]) -> None:
        super().__init__(reason)
        self.status, self.reason, self.headers = status, reason, headers


class _HookInput(msgspec.Struct, forbid_unknown_fields=True):
    account: Annotated[str, msgspec.Meta(min_length=1, max_length=limits.PROJECT_CHARACTERS)] | None = None


class _Clock(_HookInput):
    advance_seconds: Annotated[float, msgspec.Meta(ge=0, le=_MOST_SECONDS)] = 0.0


class _Reset(_HookInput):
    all: bool = False


class _Chaos(_HookInput):
    queue: str | None = None
    region: str | None = None
    off: bool = False
    seed: int = 0
    duplicates: Probability = 0.0
    reordering: Probability = 0.0
    throttling: Probability = 0.0
    latency_ms: tuple[float, float] | float = 0.0


class _Spy(_HookInput):
    on: bool = True


class HooksFace:
    """The face of the test hooks. One instance serves all threads."""

    admit = None

    def __init__(
        self,
        settings: Settings,
        switches: Switches,
        account_of: AccountOf,
        queue_of: QueueOf,
        authenticator: Authenticator | None = None,
    ) -> None:
        """``authenticator`` knows the users of the credentials file; without one, callers need no credentials."""
        self._settings = settings
        self._authenticator = authenticator
        self.verifies_callers = authenticator is not None
        self._hosts = AllowedHosts(settings)
        self._switches = switches
        self._account_of = account_of
        self._queue_of = queue_of
        self._hooks: Mapping[tuple[str, str], Callable[[Request, Session], dict[str, Any]]] = {
            ("POST", "/clock"): self._clock,
            ("GET", "/clock"): self._time,
            ("GET", "/waiting"): self._waiting,
            ("POST", "/reset"): self._reset,
            ("POST", "/chaos"): self._chaos,
            ("POST", "/spy"): self._spy,
            ("GET", "/spy"): self._events,
        }

    def body_limit(self, environ: Mapping[str, Any]) -> int:
        """Return the limit in bytes."""
        del environ
        return _BODY_BYTES

    def answer(self, request: Request, session: Session) -> Reply:
        """Run the hook that the path names. Never raises."""
        name = request.path.removeprefix(PATH).rstrip("/")
        hook = self._hooks.get((request.method, name))
        request.note.dialect, request.note.is_administrative = "test-hooks", request.method == "POST"
        request.note.operation = name[1:] if hook is not None else ""
        try:
            if self._authenticator is not None:
                self._require_administrator(self._authenticator, request)
            elif request.host not in self._hosts:
                note_refusal(remedies.HOST, request.host)
                return _host_not_allowed(request.host)
            if hook is None:
                raise _Refused(404, "This test hook does not exist.")
            return _reply(200, hook(request, session))
        except _Refused as refused:
            return _reply(refused.status, {"error": refused.reason}, *refused.headers)
        except msgspec.MsgspecError as problem:
            return _reply(400, {"error": f"The request is invalid: {problem}"})
        except StoreUnavailable as problem:
            return _reply(503, {"error": problem.reason})
        except Exception:
            _log.exception("a test hook failed")
            return _reply(500, {"error": "The test hook failed. See the service's log for the reason."})

    def refuse(self, request: Request, why: Refusal) -> Reply:
        """Return the error for a hook that was not run."""
        request.note.dialect = "test-hooks"
        if why is Refusal.HOST_NOT_ALLOWED:
            return _host_not_allowed(request.host)
        return _reply(_REFUSED.get(why, 400), {"error": why.value})

    def _require_administrator(self, authenticator: Authenticator, request: Request) -> None:
        """Authenticate the request, and set its principal. Raises _Refused."""
        try:
            found = authenticator.identify(request.environ)
        except NotAuthenticated as refused:
            challenge = ("WWW-Authenticate", refused.challenge)
            raise _Refused(401, "Test hooks need the credentials of an administrator.", challenge) from None
        caller = found.principal if isinstance(found, KnownUser) else None
        if caller is None or not administration.is_allowed(caller, request.environ, self._settings.region):
            raise _Refused(403, f"Test hooks need the right {administration.ACTION}.")
        request.principal = caller

    def _account(self, request: Request) -> str:
        """Return the account of the caller."""
        return self._account_of(request.environ) if request.principal is None else request.principal.account

    def _project(self, request: Request, given: _HookInput) -> str:
        return given.account or self._account(request)

    def _clock(self, request: Request, session: Session) -> dict[str, Any]:
        given = msgspec.json.decode(request.body or b"{}", type=_Clock)
        project, ms = self._project(request, given), math.ceil(given.advance_seconds * 1000)
        if virtual_clock.offset_ms(session.store, project) + ms > _MOST_SECONDS * 1000:
            raise _Refused(400, f"The clock can be at most {_MOST_SECONDS} seconds ahead.")
        offset = virtual_clock.advance(session, project, ms)
        for source in move_tasks.enlisted(session):
            if source.project == project:
                session.started_tasks.put(source)
        return {"account": project, "ahead_seconds": offset / 1000}

    def _time(self, request: Request, session: Session) -> dict[str, Any]:
        project = _parameters(request).get("account") or self._account(request)
        return {"account": project, "ahead_seconds": virtual_clock.offset_ms(session.store, project) / 1000}

    def _waiting(self, request: Request, session: Session) -> dict[str, Any]:
        """Return how many receives wait on the account's queues."""
        project = _parameters(request).get("account") or self._account(request)
        waiting = 0
        for refs in virtual_clock.queues_of(session, project):
            waiting += sum(session.command_at(ref, "ZCARD", keys.queue(ref) + b":w") for ref in refs)
        return {"account": project, "waiting": waiting}

    def _reset(self, request: Request, session: Session) -> dict[str, Any]:
        given = msgspec.json.decode(request.body or b"{}", type=_Reset)
        store = session.store
        projects = {self._project(request, given)}
        if given.all:
            projects = {keys.namespace(key)[0] for key in registry.namespaces(store)}
            projects |= {name.decode() for name in store.command("HKEYS", keys.TEST_CLOCK)}
            switched = self._switches.now(store)
            projects |= {*switched.spied, *(keys.project_of_scope(scope) for scope in switched.chaos)}
        deleted = 0
        for project in projects:
            deleted += _empty(session, project)
            self._switches.clear(store, project)
        return {"deleted_queues": deleted}

    def _chaos(self, request: Request, session: Session) -> dict[str, Any]:
        given = msgspec.json.decode(request.body or b"{}", type=_Chaos)
        project = self._project(request, given)
        scope = keys.scope(project)
        if given.queue is not None:
            ref = self._queue_of(request.environ, given.queue, project, given.region)
            if ref is None:
                raise _Refused(400, '"queue" must be the name or the URL of a queue.')
            scope = keys.address(ref)
        chaos = Chaos(given.seed, given.duplicates, given.reordering, given.throttling, given.latency_ms)
        shortest, longest = chaos.latency_range_ms
        if not 0 <= shortest <= longest <= MOST_LATENCY_MS:
            raise _Refused(
                400, '"latency_ms" must be a time of at most one minute, or the shortest and the longest one.'
            )
        self._switches.set_chaos(session.store, scope, None if given.off else chaos)
        return {"scope": scope, "chaos": None if given.off else msgspec.to_builtins(chaos)}

    def _spy(self, request: Request, session: Session) -> dict[str, Any]:
        given = msgspec.json.decode(request.body or b"{}", type=_Spy)
        project = self._project(request, given)
        self._switches.set_spy(session.store, project, on=given.on)
        return {"account": project, "on": given.on}

    def _events(self, request: Request, session: Session) -> dict[str, Any]:
        given = _parameters(request)
        project = given.get("account") or self._account(request)
        if project not in self._switches.now(session.store).spied:
            raise _Refused(409, "Events of this account are not recorded: POST to this path first.")
        try:
            found, last = events.since(session.store, project, given.get("after", ""), queue=given.get("queue"))
        except StoreUnavailable as problem:
            raise _Refused(400, f'"after" is not a position in the log: {problem.reason}') from None
        return {"events": msgspec.to_builtins(found), "last": last}


class AbsentFace:
    """The face at the path of the hooks when they are off: every call is 404."""

    verifies_callers = False
    admit = None

    def body_limit(self, environ: Mapping[str, Any]) -> int:
        """Return the limit in bytes."""
        del environ
        return _BODY_BYTES

    def answer(self, request: Request, session: Session) -> Reply:
        """Return 404."""
        del request, session
        note_refusal(remedies.TEST_HOOKS)
        return _reply(404, {"error": "Test hooks are off. Start with --test-hooks or --ephemeral."})

    def refuse(self, request: Request, why: Refusal) -> Reply:
        """Return 404 here too."""
        del request, why
        return _reply(404, {"error": "Test hooks are off. Start with --test-hooks or --ephemeral."})


def _empty(session: Session, project: str) -> int:
    """Delete all queues and other data of the project and return the number of queues. Its waiting receives end."""
    deleted = 0
    for refs in virtual_clock.queues_of(session, project):
        for ref in refs:
            try:
                queues.delete(session, ref)
                deleted += 1
            except QueueNotFound:
                lost = registry.incarnation(session.store, ref)
                if lost and session.router.forget_queue(ref):
                    registry.remove(session.store, ref, lost)
    for namespace in registry.namespaces(session.store):
        if keys.namespace(namespace)[0] == project:
            registry.drop(session.store, namespace)
    session.store.command("HDEL", keys.TEST_CLOCK, project)
    return deleted


def _host_not_allowed(host: str) -> Reply:
    return _reply(403, {"error": allowed_hosts.refusal(host)})


def _parameters(request: Request) -> dict[str, str]:
    return dict(parse_qsl(request.query))


def _reply(status: int, document: dict[str, Any], *headers: tuple[str, str]) -> Reply:
    return Reply(status, [("Content-Type", "application/json"), *headers], msgspec.json.encode(document))
