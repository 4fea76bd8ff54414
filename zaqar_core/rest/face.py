"""The Zaqar face: runs the operation of a request and turns every failure into an error reply."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from zaqar_core.configuration.settings import Settings
from zaqar_core.core.authorization import Authorizer
from zaqar_core.core.rate_limits import RateLimits
from zaqar_core.core.session import Session, place_left
from zaqar_core.domain import limits
from zaqar_core.domain.errors import AccessDenied, CoreError
from zaqar_core.domain.identity import Authenticator
from zaqar_core.domain.randomness import random_bytes
from zaqar_core.eventloop import Threads, in_thread
from zaqar_core.keystone import trusts
from zaqar_core.logs import remedies
from zaqar_core.logs.remedies import Remedy, note_refusal
from zaqar_core.logs.request_ids import current_request_id, set_request_id
from zaqar_core.rest import dialect, documents, errors, identity, parameters, rights, routes, signatures
from zaqar_core.rest.call import RestCall, queue_of
from zaqar_core.rest.dialect import Dialect
from zaqar_core.rest.errors import Fact, RestError
from zaqar_core.rest.policy import Policy
from zaqar_core.rest.resources import versions
from zaqar_core.rest.route import Route
from zaqar_core.web.envelope import CLIENT, Note, Refusal, Reply, Request, Share

#: The first segments of paths of API versions that settings can leave out.
_DEPRECATED = ("v1", "v1.1")
_log = logging.getLogger("sqs_facade.zaqar")
#: Threads for calls of the identity service, which may take long when it hangs.
_identifying = Threads(128, "identity")

#: The key of the environ with the environ of an admitted request, with verified headers about its caller.
_IDENTIFIED = "sqs_facade.identified"
_HOT_PREFIXES = tuple(row.prefix + "/queues/" for row in reversed(dialect.DIALECTS))


def is_hot(environ: Mapping[str, Any]) -> bool:
    """Return whether the fast lane takes a request: for messages or claims of a queue, and not HEAD, because the lane
    does not remove bodies."""
    path: str = environ["PATH_INFO"]
    return (
        path.startswith(_HOT_PREFIXES)
        and ("/messages" in path or "/claims" in path)
        and environ["REQUEST_METHOD"] != "HEAD"
    )


class ZaqarFace:
    """Implements :class:`zaqar_core.web.envelope.Face`. It has no state; one instance serves all threads."""

    def __init__(
        self,
        settings: Settings,
        authenticator: Authenticator | None = None,
        authorizer: Authorizer | None = None,
        rates: RateLimits | None = None,
    ) -> None:
        """Without ``authorizer``, policies of queues are not enforced."""
        self._rates = rates
        self._settings = settings
        self._authorizer = authorizer
        self._authenticator = authenticator
        self.verifies_callers = authenticator is not None
        self.admit = None if authenticator is None else partial(self._admit_head, authenticator)
        self._trusts = trusts.configured(settings)
        #: None without Keystone: callers have no roles then.
        self._policy = Policy(settings, routes.RULES) if identity.has_keystone(authenticator) else None
        self._dialects = dialect.enabled(settings)
        self._has_pools = routes.has_pools(settings)
        # The newest version comes first: most requests use it.
        self._prefixes = [(row.prefix, row) for row in reversed(self._dialects)]

    def body_limit(self, environ: Mapping[str, Any]) -> int:
        """Return the limit in bytes: for posts of messages, for queue metadata, or for all other bodies."""
        return self._limit(environ["PATH_INFO"])[0]

    def _limit(self, path: str) -> tuple[int, Remedy | None]:
        """Return the limit of the bodies at a path in bytes, and how to raise it."""
        path = path.removesuffix("/")
        parts = path.count("/")
        # With fewer parts the path is a queue whose name is "messages".
        if parts == 4 and path.endswith("/messages"):
            return self._settings.max_messages_post_size, remedies.POST_SIZE
        if (parts == 3 and ("/queues/" in path or "/topics/" in path)) or path.endswith("/metadata"):
            return self._settings.max_queue_metadata, remedies.METADATA_SIZE
        return limits.OTHER_BODY_BYTES, None

    def _admit_head(self, authenticator: Authenticator, request: Request) -> Reply | None:
        """Return the error for an invalid token or signature of the URL, None for valid ones. Never raises."""
        if self._version(request) is None:
            return None
        _begin(request)
        environ = request.environ
        try:
            self._identify(authenticator, request)
        except RestError as problem:
            _note(request, problem.fact.name)
            return _finished(errors.of_request(problem))
        except Exception:
            _log.exception("a %s request failed", request.method)
            _note(request, "InternalError")
            return _finished(errors.unforeseen())
        if isinstance(environ, dict):
            environ[_IDENTIFIED] = (request.environ, request.principal)
        return None

    def share(self, environ: Mapping[str, Any], body: bytes) -> Share:
        """Return the account of the project, and the queue or topic of the path."""
        del body
        project = environ.get("HTTP_X_PROJECT_ID", "")
        parts = environ["PATH_INFO"].split("/", 4)
        return Share(self._settings.project_accounts.get(project, project), parts[3] if len(parts) > 3 else "")

    def answer(self, request: Request, session: Session) -> Reply:
        """Run the operation that the path names. Never raises."""
        _begin(request)
        return self._answered(request, self._run, request, session)

    def answer_route(self, request: Request, session: Session, route: Route, values: list[str]) -> Reply:
        """Run an operation of v2 given as a route. ``values`` are the variable parts of its path. Never raises."""
        _begin(request)
        return self._answered(request, self._run_route, dialect.V2, route, request, session, values)

    def _answered(self, request: Request, run: Callable[..., Reply], *arguments: Any) -> Reply:
        try:
            reply = run(*arguments)
        except RestError as problem:
            _note(request, problem.fact.name)
            reply = errors.of_request(problem)
        except CoreError as fact:
            _note(request, type(fact).__name__)
            if isinstance(fact, AccessDenied):
                request.note.resource, request.note.rule = fact.resource, fact.rule
            reply = errors.of_core(fact)
        except Exception:
            _log.exception("a %s request failed", request.method)
            _note(request, "InternalError")
            reply = errors.unforeseen()
        return _finished(reply)

    def refuse(self, request: Request, why: Refusal) -> Reply:
        """Return the error for a request that was refused; with an authenticator first 401 for an invalid token."""
        _begin(request, why.name)
        if why is Refusal.BODY_TOO_LARGE:
            limit, remedy = self._limit(request.path)
            if remedy is not None:
                note_refusal(remedy, limit)
        reply = errors.of_refusal(why, request.header("HOST") or "")
        is_checked = why is not Refusal.OVERLOADED and self._version(request) is not None
        if self._authenticator is not None and is_checked:
            try:
                self._identify(self._authenticator, request)
            except RestError as problem:
                _note(request, problem.fact.name)
                reply = errors.of_request(problem)
        return _finished(reply)

    def refuse_admitted(self, why: Refusal) -> Reply:
        """Return the error for a request that was refused and whose caller is authenticated already."""
        _begin_id()
        return _finished(errors.of_refusal(why))

    def _run(self, request: Request, session: Session) -> Reply:
        version = self._version(request)
        if version is not None:
            known = request.environ.get(_IDENTIFIED)
            if known is not None:
                request.environ, request.principal = known
            elif self._authenticator is not None:
                self._identify(self._authenticator, request)
            return self._run_in(version, request, session)
        if request.path in ("/", ""):
            return self._root(request)
        if (name := request.path.split("/", 2)[1]) in _DEPRECATED:
            note_refusal(remedies.VERSION, name[1:])
        raise RestError(Fact.NO_SUCH_PATH)

    def _version(self, request: Request) -> Dialect | None:
        path = request.path
        for prefix, version in self._prefixes:
            if path.startswith(prefix) and path[len(prefix) : len(prefix) + 1] in ("", "/"):
                return version
        return None

    def _identify(self, authenticator: Authenticator, request: Request) -> None:
        """Run ``_admit``. With Keystone it runs in a thread, and meanwhile the request leaves its place to others.

        Raises RestError.
        """
        if self._policy is None:  # the credentials file does not block
            self._admit(authenticator, request)
            return
        with place_left(request.environ.get(CLIENT)):
            _identifying.run(self._admit, authenticator, request)

    def _admit(self, authenticator: Authenticator, request: Request) -> None:
        """Authenticate the request by its token or by the signature of its URL, set the principal of a user, and remove
        all unverified headers about its caller. Raises RestError.
        """
        environ = request.environ
        if "HTTP_URL_SIGNATURE" in environ:
            signatures.check(environ, request.path, request.method, self._settings.signed_url_key)
            signed = {"HTTP_X_PROJECT_ID"} & environ.keys()
            request.environ = identity.without_claims(environ) | {name: environ[name] for name in signed}
        else:
            found = identity.identify(authenticator, environ)
            request.environ = identity.identified(environ, found)
            request.principal = identity.principal(found)

    def _run_in(self, version: Dialect, request: Request, session: Session) -> Reply:
        found = routes.find(version, request.path[len(version.prefix) :])
        if found is None and self._has_pools:
            found = routes.find_with_pools(version, request.path[len(version.prefix) :])
        if found is None:
            raise RestError(Fact.NO_SUCH_PATH)
        methods, values = found
        route = methods.get(request.method)
        if route is None:
            return _other_method(request, routes.allow(methods))
        return self._run_route(version, route, request, session, values)

    def _is_allowed(self, route: Route, request: Request) -> bool:
        if self._policy is None or request.principal is not None:  # users of the credentials file have no roles
            return True
        if self._policy.has_external_checks:
            return in_thread(self._policy.allows, route.rule, request.environ)
        return self._policy.allows(route.rule, request.environ)

    def _run_route(
        self, version: Dialect, route: Route, request: Request, session: Session, values: list[str]
    ) -> Reply:
        settings = self._settings
        self._note_call(request.note, request, route)
        if not self._is_allowed(route, request):
            request.note.rule = "policy.yaml"
            raise RestError(Fact.NOT_ALLOWED)
        parameters.check_headers(request, settings)
        client_id = parameters.client_id(request, settings, needed=version.needs_names)
        # With an authenticator a project is required: a token without a project must not reach the unnamed project.
        project = parameters.project(request, settings, needed=version.needs_names or self._authenticator is not None)
        if self._rates is not None:
            self._rates.require_of(session, project, request.principal)
        queue = queue_of(session, settings, project, route.collection, values.pop(0)) if route.has_queue else None
        request.note.queue = queue
        call = RestCall(
            request, session, settings, version, route.collection, project, client_id, queue, values, self._trusts
        )
        reply = route.run(call) if self._authorizer is None else rights.run(self._authorizer, route, call)
        if version.names_content and request.method in ("GET", "HEAD") and reply.status < 300:
            reply.headers.append(("Content-Location", documents.relative(request)))
        return reply

    def _note_call(self, note: Note, request: Request, route: Route) -> None:
        """Note the operation and, if callers are verified, the caller."""
        settings, project = self._settings, request.environ.get("HTTP_X_PROJECT_ID", "")
        note.operation, note.is_administrative = route.rule, route.rule in rights.ADMINISTRATIVE
        note.account = settings.project_accounts.get(project, project)
        if self._authenticator is not None:
            note.principal = rights.principal(request, note.account, is_authenticated=True).arn

    def _root(self, request: Request) -> Reply:
        if request.method not in ("GET", "HEAD"):
            return _other_method(request, "GET, HEAD, OPTIONS")
        parameters.check_headers(request, self._settings)
        return versions.get(self._dialects)


def _begin(request: Request, code: str = "") -> None:
    """Give a request its id, and note the dialect."""
    _begin_id()
    _note(request, code)


def _begin_id() -> None:
    text = (random_bytes() + random_bytes()).hex()
    set_request_id(f"req-{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}")


def _note(request: Request, code: str = "") -> None:
    """Note the dialect, and the name of an error."""
    request.note.dialect, request.note.code = "zaqar", code


def _other_method(request: Request, allow: str) -> Reply:
    if request.method != "OPTIONS":
        raise RestError(Fact.METHOD_NOT_ALLOWED, allow, (("Allow", allow),))
    reply = documents.empty()
    reply.headers.append(("Allow", allow))
    return reply


def _finished(reply: Reply) -> Reply:
    reply.headers.append(("x-openstack-request-id", current_request_id()))
    return reply
