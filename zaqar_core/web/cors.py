"""Cross-origin resource sharing (CORS): tells browsers which pages of other origins may call and read the answers.

WSGI middleware around both lanes, so it comes before authentication and covers every path and every error. It only adds
headers and answers preflights of allowed origins; the pipeline refuses calls of all others. The protocol is that of the
Fetch standard; the settings and their meanings are those of the CORS middleware of OpenStack.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from zaqar_core.configuration.settings import ANY_ORIGIN, Settings
from zaqar_core.web.fastlane import WsgiApp
from zaqar_core.web.origins import Origins

Headers = list[tuple[str, str]]

#: An answer with the origin in it must not be given to a page of another origin from a cache.
_VARY = ("Vary", "Origin")
#: Methods whose answers a browser keeps: these vary by origin even where the request names none.
_CACHEABLE = frozenset(("GET", "HEAD"))
#: Request headers that every page may send, as in OpenStack's middleware.
_SIMPLE = frozenset((
    "accept", "accept-language", "cache-control", "content-language", "content-type", "expires", "last-modified",
    "pragma",
))  # fmt: skip


def shared(app: WsgiApp, settings: Settings) -> WsgiApp:
    """The application with CORS; as it is where no origin is allowed."""
    return Cors(app, settings) if settings.allowed_origins else app


class Cors:
    """One per process; serves all threads."""

    def __init__(self, app: WsgiApp, settings: Settings) -> None:
        self._app = app
        self._origins = Origins(settings)
        #: Browsers take credentials only where the answer names the very origin.
        self._allows_credentials = settings.cors_allow_credentials and not self._origins.includes_any
        self._exposed = ", ".join(settings.cors_expose_headers)
        self._methods = ", ".join(settings.cors_allow_methods)
        names = [name.lower() for name in settings.cors_allow_headers]
        self._names = _SIMPLE.union(name for name in names if not name.endswith("*"))
        self._prefixes = tuple(name[:-1] for name in names if name.endswith("*"))
        self._max_age_seconds = settings.cors_max_age_seconds

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        origin = environ.get("HTTP_ORIGIN")
        if origin is None:
            if environ["REQUEST_METHOD"] not in _CACHEABLE:
                return self._app(environ, start_response)
            added = [_VARY]
        elif origin not in self._origins:
            added = [_VARY]
        elif environ["REQUEST_METHOD"] == "OPTIONS" and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ:
            asked = environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", "")
            start_response("200 OK", [*self._preflight(origin, asked), ("Content-Length", "0")])
            return []
        else:
            added = self._admitting(origin)
            if self._exposed:
                added.append(("Access-Control-Expose-Headers", self._exposed))

        def started(status: str, headers: Headers, *more: Any) -> Any:
            return start_response(status, headers + added, *more)

        return self._app(environ, started)

    def _admitting(self, origin: str) -> Headers:
        headers = [_VARY, ("Access-Control-Allow-Origin", ANY_ORIGIN if self._origins.includes_any else origin)]
        if self._allows_credentials:
            headers.append(("Access-Control-Allow-Credentials", "true"))
        return headers

    def _preflight(self, origin: str, asked: str) -> Headers:
        """What the page may do. The browser compares, and names to the developer what is missing."""
        headers = self._admitting(origin)
        headers.append(("Access-Control-Allow-Methods", self._methods))
        names = [name for part in asked.split(",") if self._is_allowed(name := part.strip())]
        if names:
            headers.append(("Access-Control-Allow-Headers", ", ".join(names)))
        if self._max_age_seconds:
            headers.append(("Access-Control-Max-Age", str(self._max_age_seconds)))
        return headers

    def _is_allowed(self, name: str) -> bool:
        lowered = name.lower()
        return bool(lowered) and (lowered in self._names or lowered.startswith(self._prefixes))
