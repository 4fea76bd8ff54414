"""The Flask application: frames everything, and answers what the fast lane leaves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import flask
from werkzeug.datastructures import Headers
from werkzeug.exceptions import HTTPException

from zaqar_core.core.process import Core
from zaqar_core.domain.errors import StoreUnavailable
from zaqar_core.web.envelope import Face, Reply
from zaqar_core.web.pipeline import Pipeline

_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_VERSIONS = ("v1", "v1.1", "v2")


class _PlainResponse(flask.Response):
    """A response whose headers are exactly the reply's: no default Content-Type, no rewritten Location."""

    default_mimetype = None
    autocorrect_location_header = False


def create_flask(core: Core, pipeline: Pipeline, sqs: Face, zaqar: Face, more: Mapping[str, Face]) -> flask.Flask:
    """Both faces mounted on one application, with the service's own pages beside them.

    ``more`` are faces that answer all below a path of their own.
    """
    app = flask.Flask("sqs_facade", static_folder=None)
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False

    def through(face: Face) -> flask.Response:
        return _response(pipeline.run(flask.request.environ, face))

    def zaqar_view(rest: str = "") -> flask.Response:
        del rest
        return through(zaqar)

    def sqs_view(rest: str = "") -> flask.Response:
        del rest
        return through(sqs)

    def root() -> flask.Response:
        request = flask.request
        # What has a body is a call of SQS by a wrong method.
        asks = request.method in ("GET", "HEAD") or (request.method == "OPTIONS" and not request.content_length)
        return through(zaqar if asks and "Action" not in request.args else sqs)

    def health() -> dict[str, Any]:
        return {"status": "serving"}

    def ready() -> tuple[dict[str, Any], int]:
        try:
            session = core.new_session()
        except StoreUnavailable as problem:
            return {"status": "not ready", "reason": problem.reason}, 503
        try:
            session.store.ping()
        except StoreUnavailable as problem:
            return {"status": "not ready", "reason": problem.reason}, 503
        finally:
            session.close()
        return {"status": "ready"}, 200

    app.add_url_rule("/health", "health", health, methods=["GET"])
    app.add_url_rule("/health/ready", "ready", ready, methods=["GET"])
    for version in _VERSIONS:
        for rule in (f"/{version}", f"/{version}/", f"/{version}/<path:rest>"):
            app.add_url_rule(rule, f"zaqar {rule}", zaqar_view, methods=_METHODS, provide_automatic_options=False)
    for path, face in more.items():

        def view(rest: str = "", face: Face = face) -> flask.Response:
            del rest
            return through(face)

        for rule in (path, f"{path}/", f"{path}/<path:rest>"):
            app.add_url_rule(rule, rule, view, methods=_METHODS, provide_automatic_options=False)
    app.add_url_rule("/", "root", root, methods=_METHODS, provide_automatic_options=False)
    app.add_url_rule("/<path:rest>", "sqs", sqs_view, methods=_METHODS, provide_automatic_options=False)

    _answer_unrouted(app, lambda below: through(zaqar if below in _VERSIONS else more.get(f"/{below}", sqs)))
    return app


def _answer_unrouted(app: flask.Flask, answer: Callable[[str], flask.Response]) -> None:
    """What no rule matches, a path with a line feed or a method that nobody knows, gets its face's own error.

    ``answer`` takes the first part of the path.
    """

    def unrouted(problem: HTTPException) -> flask.Response | HTTPException:
        below = flask.request.path.split("/", 2)[1]
        return problem if below == "health" else answer(below)

    app.register_error_handler(404, unrouted)
    app.register_error_handler(405, unrouted)


def _response(reply: Reply) -> flask.Response:
    headers = Headers(reply.headers)
    headers["Content-Length"] = str(len(reply.body))
    return _PlainResponse(reply.body, status=reply.status, headers=headers)
