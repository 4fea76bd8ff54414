"""``/_test/*``: clock, reset, chaos and spy. Answers loopback and configured hosts only; JSON in, JSON out."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from typing import Annotated, Any
from urllib.parse import parse_qsl

import msgspec

from zaqar_core.configuration.settings import Settings
from zaqar_core.core import move_tasks, queues
from zaqar_core.core.session import Session
from zaqar_core.domain import limits
from zaqar_core.domain.errors import QueueNotFound, StoreUnavailable
from zaqar_core.domain.names import QueueRef
from zaqar_core.store import keys, registry
from zaqar_core.web import allowed_hosts
from zaqar_core.web.envelope import Refusal, Reply, Request
from zaqar_core.web.hooks import events, virtual_clock
from zaqar_core.web.hooks.switches import MOST_LATENCY_MS, Chaos, Probability, Switches

PATH = "/_test"

#: Ten years: further than any life of a message, and far from where times get another digit.
_MOST_SECONDS = 10 * 366 * 86_400
_BODY_BYTES = 64 << 10
_log = logging.getLogger("sqs_facade.hooks")

#: The project of a request; and the queue that a text names (its name or URL) in the given project and region, else
#: the request's, None where it names none.
AccountOf = Callable[[Mapping[str, Any]], str]
QueueOf = Callable[[Mapping[str, Any], str, str | None, str | None], QueueRef | None]


class _Refused(Exception):
    """``status`` and a sentence for the tester."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


class _Asked(msgspec.Struct, forbid_unknown_fields=True):
    account: Annotated[str, msgspec.Meta(min_length=1, max_length=limits.PROJECT_CHARACTERS)] | None = None


class _Clock(_Asked):
    advance_seconds: Annotated[float, msgspec.Meta(ge=0, le=_MOST_SECONDS)] = 0.0


class _Reset(_Asked):
    all: bool = False


class _Chaos(_Asked):
    queue: str | None = None
    region: str | None = None
    off: bool = False
    seed: int = 0
    duplicates: Probability = 0.0
    reordering: Probability = 0.0
    throttling: Probability = 0.0
    latency_ms: tuple[float, float] | float = 0.0


class _Spy(_Asked):
    on: bool = True


class HooksFace:
    """One instance serves all threads."""

    def __init__(self, settings: Settings, switches: Switches, account_of: AccountOf, queue_of: QueueOf) -> None:
        self._settings = settings
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
            ("GET", "/spy"): self._seen,
        }

    def body_limit(self, environ: Mapping[str, Any]) -> int:
        """Bytes."""
        del environ
        return _BODY_BYTES

    def answer(self, request: Request, session: Session) -> Reply:
        """Do what the path says. Never raises."""
        try:
            if not allowed_hosts.is_own(request.host, self._settings.allowed_hosts):
                raise _Refused(403, "Test hooks answer to loopback and to configured hosts only.")
            hook = self._hooks.get((request.method, request.path.removeprefix(PATH).rstrip("/")))
            if hook is None:
                raise _Refused(404, "There is no such test hook.")
            return _reply(200, hook(request, session))
        except _Refused as refused:
            return _reply(refused.status, {"error": refused.reason})
        except msgspec.MsgspecError as problem:
            return _reply(400, {"error": f"The request is not valid: {problem}"})
        except StoreUnavailable as problem:
            return _reply(503, {"error": problem.reason})
        except Exception:
            _log.exception("a test hook failed")
            return _reply(500, {"error": "The hook failed. The reason is in the service's log."})

    def refuse(self, request: Request, why: Refusal) -> Reply:
        """The hook was not run."""
        del request
        status = {Refusal.CROSS_SITE: 403, Refusal.UNAVAILABLE: 503}.get(why, 400)
        return _reply(status, {"error": why.value})

    def _project(self, request: Request, asked: _Asked) -> str:
        return asked.account or self._account_of(request.environ)

    def _clock(self, request: Request, session: Session) -> dict[str, Any]:
        asked = msgspec.json.decode(request.body or b"{}", type=_Clock)
        project, ms = self._project(request, asked), math.ceil(asked.advance_seconds * 1000)
        if virtual_clock.offset_ms(session.store, project) + ms > _MOST_SECONDS * 1000:
            raise _Refused(400, f"The clock is never more than {_MOST_SECONDS} seconds ahead.")
        offset = virtual_clock.advance(session, project, ms)
        for source in move_tasks.enlisted(session):
            if source.project == project:
                session.started_tasks.put(source)
        return {"account": project, "ahead_seconds": offset / 1000}

    def _time(self, request: Request, session: Session) -> dict[str, Any]:
        project = _parameters(request).get("account") or self._account_of(request.environ)
        return {"account": project, "ahead_seconds": virtual_clock.offset_ms(session.store, project) / 1000}

    def _waiting(self, request: Request, session: Session) -> dict[str, Any]:
        """How many receives wait on the account's queues."""
        project = _parameters(request).get("account") or self._account_of(request.environ)
        waiting = 0
        for refs in virtual_clock.queues_of(session, project):
            waiting += sum(session.command_at(ref, "ZCARD", keys.queue(ref) + b":w") for ref in refs)
        return {"account": project, "waiting": waiting}

    def _reset(self, request: Request, session: Session) -> dict[str, Any]:
        asked = msgspec.json.decode(request.body or b"{}", type=_Reset)
        store = session.store
        projects = {self._project(request, asked)}
        if asked.all:
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
        asked = msgspec.json.decode(request.body or b"{}", type=_Chaos)
        project = self._project(request, asked)
        scope = keys.scope(project)
        if asked.queue is not None:
            ref = self._queue_of(request.environ, asked.queue, asked.account, asked.region)
            if ref is None:
                raise _Refused(400, "queue names no queue.")
            scope = keys.address(ref)
        chaos = Chaos(asked.seed, asked.duplicates, asked.reordering, asked.throttling, asked.latency_ms)
        shortest, longest = chaos.latency_range_ms
        if not 0 <= shortest <= longest <= MOST_LATENCY_MS:
            raise _Refused(400, "latency_ms is a time up to a minute, or the shortest and the longest one.")
        self._switches.set_chaos(session.store, scope, None if asked.off else chaos)
        return {"scope": scope, "chaos": None if asked.off else msgspec.to_builtins(chaos)}

    def _spy(self, request: Request, session: Session) -> dict[str, Any]:
        asked = msgspec.json.decode(request.body or b"{}", type=_Spy)
        project = self._project(request, asked)
        self._switches.set_spy(session.store, project, on=asked.on)
        return {"account": project, "on": asked.on}

    def _seen(self, request: Request, session: Session) -> dict[str, Any]:
        given = _parameters(request)
        project = given.get("account") or self._account_of(request.environ)
        if project not in self._switches.now(session.store).spied:
            raise _Refused(409, "Nobody watches this account: POST to this path first.")
        try:
            found, last = events.since(session.store, project, given.get("after", ""), queue=given.get("queue"))
        except StoreUnavailable as problem:
            raise _Refused(400, f"after is not a place in the log: {problem.reason}") from None
        return {"events": msgspec.to_builtins(found), "last": last}


class AbsentFace:
    """Answers for the hooks where they are off: there is nothing."""

    def body_limit(self, environ: Mapping[str, Any]) -> int:
        """Bytes."""
        del environ
        return _BODY_BYTES

    def answer(self, request: Request, session: Session) -> Reply:
        """404."""
        del request, session
        return _reply(404, {"error": "Test hooks are off. Start with --test-hooks or --ephemeral."})

    def refuse(self, request: Request, why: Refusal) -> Reply:
        """404 as well."""
        del request, why
        return _reply(404, {"error": "Test hooks are off. Start with --test-hooks or --ephemeral."})


def _empty(session: Session, project: str) -> int:
    """The project has no queue and no trace; its waiting receives end. How many queues it had."""
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


def _parameters(request: Request) -> dict[str, str]:
    return dict(parse_qsl(request.query))


def _reply(status: int, document: dict[str, Any]) -> Reply:
    return Reply(status, [("Content-Type", "application/json")], msgspec.json.encode(document))
