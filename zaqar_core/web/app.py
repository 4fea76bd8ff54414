"""The Flask application: mounts all faces and serves the requests that the fast lane does not take."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

import flask
from werkzeug.datastructures import Headers
from werkzeug.exceptions import HTTPException

from zaqar_core.core.process import Core
from zaqar_core.domain.errors import StoreUnavailable
from zaqar_core.web import front_page
from zaqar_core.web.envelope import Face, Reply
from zaqar_core.web.pipeline import Pipeline

_log = logging.getLogger("sqs_facade.health")
_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_VERSIONS = ("v1", "v1.1", "v2")

View = Callable[..., flask.Response]


class _PlainResponse(flask.Response):
    """A response with exactly the reply's headers: no default Content-Type, no rewritten Location."""

    default_mimetype = None
    autocorrect_location_header = False


def create_flask(
    core: Core,
    pipeline: Pipeline,
    sqs: Face,
    zaqar: Face,
    more: Mapping[str, Face],
    pages: Mapping[str, Face] | None = None,
) -> flask.Flask:
    """Mount both faces, the front page and the health pages on one Flask application.

    ``more`` maps a path to the face that serves everything below it, ``pages`` one to the face that serves reading it.
    """
    app = flask.Flask("sqs_facade", static_folder=None)
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    _add_health(app, core)
    faces = {**{f"/{version}": zaqar for version in _VERSIONS}, **more}
    for path, face in faces.items():
        for rule in (path, f"{path}/", f"{path}/<path:rest>"):
            _add(app, rule, _view(pipeline, face))
    for path, face in (pages or {}).items():
        _add(app, path, _page(pipeline, face, sqs))
    _add(app, "/", _root(pipeline, sqs, zaqar, front_page.FrontPage(core.settings, zaqar)))
    _add(app, "/<path:rest>", _view(pipeline, sqs))
    _handle_unrouted(app, lambda first: _response(pipeline.run(flask.request.environ, faces.get(f"/{first}", sqs))))
    return app


def _add(app: flask.Flask, rule: str, view: View) -> None:
    app.add_url_rule(rule, rule, view, methods=_METHODS, provide_automatic_options=False)


def _view(pipeline: Pipeline, face: Face) -> View:
    def view(rest: str = "") -> flask.Response:
        del rest
        return _response(pipeline.run(flask.request.environ, face))

    return view


def _page(pipeline: Pipeline, page: Face, sqs: Face) -> View:
    """Return the view of a page. A call of SQS at its path, which may be that of a queue, is one of SQS."""

    def view() -> flask.Response:
        request = flask.request
        is_read = request.method in ("GET", "HEAD") and "Action" not in request.args
        return _response(pipeline.run(request.environ, page if is_read else sqs))

    return view


def _root(pipeline: Pipeline, sqs: Face, zaqar: Face, page: Face) -> View:
    """Return the view of ``/``: SQS is called there, Zaqar lists its versions, and browsers get the front page."""

    def view() -> flask.Response:
        request = flask.request
        # A request of another method with a body is a call of SQS by a wrong method.
        reads = request.method in ("GET", "HEAD") or (request.method == "OPTIONS" and not request.content_length)
        if not reads or "Action" in request.args:
            return _response(pipeline.run(request.environ, sqs))
        reply = pipeline.run(request.environ, page if front_page.is_preferred(request.environ) else zaqar)
        if request.method != "OPTIONS":
            reply.headers.append(("Vary", "Accept"))
        return _response(reply)

    return view


def _add_health(app: flask.Flask, core: Core) -> None:
    """Add the pages of health, which anybody may read. Where callers need credentials, only the log has reasons."""

    def health() -> dict[str, Any]:
        return {"status": "serving"}

    def ready() -> tuple[dict[str, Any], int]:
        try:
            session = core.session()
            session.store.inspect()
        except StoreUnavailable as problem:
            if not core.settings.verifies_all_callers:
                return {"status": "not ready", "reason": problem.reason}, 503
            if not problem.is_logged:
                _log.warning("not ready: %s", problem.reason)
            return {"status": "not ready"}, 503
        return {"status": "ready"}, 200

    app.add_url_rule("/health", "health", health, methods=["GET"])
    app.add_url_rule("/health/ready", "ready", ready, methods=["GET"])


def _handle_unrouted(app: flask.Flask, answer: Callable[[str], flask.Response]) -> None:
    """Let a face answer what no rule matches: a path with a line feed, an unknown method, or a malformed Host.

    ``answer`` takes the first segment of the path and returns the error of the face that serves it.
    """

    def unrouted(problem: HTTPException) -> flask.Response | HTTPException:
        first = flask.request.path.split("/", 2)[1]
        return problem if first == "health" else answer(first)

    app.register_error_handler(400, unrouted)
    app.register_error_handler(404, unrouted)
    app.register_error_handler(405, unrouted)


def _response(reply: Reply) -> flask.Response:
    headers = Headers(reply.headers)
    if reply.parts is not None:
        response = _PlainResponse(reply.parts, status=reply.status, headers=headers)
        response.call_on_close(reply.parts.close)
        return response
    headers["Content-Length"] = str(len(reply.body))
    return _PlainResponse(reply.body, status=reply.status, headers=headers)
