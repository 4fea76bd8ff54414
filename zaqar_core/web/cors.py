"""Cross-origin resource sharing (CORS): lets web pages of allowed origins call the service and read its responses.

The WSGI middleware encloses both lanes, so it runs before authentication and covers every path and every error. It adds
headers and responds to preflights of allowed origins; the pipeline refuses calls of all other origins. The protocol is
that of the Fetch standard; the settings have the meaning of those of OpenStack's CORS middleware.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from zaqar_core.configuration.setting_types import ANY_ORIGIN
from zaqar_core.configuration.settings import Settings
from zaqar_core.web.origins import Origins
from zaqar_core.web.server.wsgi_application import WsgiApp

Headers = list[tuple[str, str]]

#: Keeps caches from serving a response for one origin to a page of another.
_VARY = ("Vary", "Origin")
#: Methods whose responses browsers cache: these get Vary even for a request without an origin.
_CACHEABLE = frozenset(("GET", "HEAD"))
#: Request headers that every allowed page may send, as in OpenStack's middleware.
_SIMPLE = frozenset((
    "accept", "accept-language", "cache-control", "content-language", "content-type", "expires", "last-modified",
    "pragma",
))  # fmt: skip


def shared(app: WsgiApp, settings: Settings) -> WsgiApp:
    """Return the application with CORS; without allowed origins return it unchanged."""
    return Cors(app, settings) if settings.allowed_origins else app


class Cors:
    """The middleware. One instance serves all threads of a process."""

    def __init__(self, app: WsgiApp, settings: Settings) -> None:
        self._app = app
        self._origins = Origins(settings)
        #: Browsers accept credentials only when the response names the exact origin.
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
            requested = environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", "")
            start_response("200 OK", [*self._preflight(origin, requested), ("Content-Length", "0")])
            return []
        else:
            added = self._allowing(origin)
            if self._exposed:
                added.append(("Access-Control-Expose-Headers", self._exposed))

        def started(status: str, headers: Headers, *more: Any) -> Any:
            return start_response(status, headers + added, *more)

        return self._app(environ, started)

    def _allowing(self, origin: str) -> Headers:
        headers = [_VARY, ("Access-Control-Allow-Origin", ANY_ORIGIN if self._origins.includes_any else origin)]
        if self._allows_credentials:
            headers.append(("Access-Control-Allow-Credentials", "true"))
        return headers

    def _preflight(self, origin: str, requested: str) -> Headers:
        """Return the headers that list what the page may send. The browser compares them with its request and reports
        what is missing to the developer."""
        headers = self._allowing(origin)
        headers.append(("Access-Control-Allow-Methods", self._methods))
        names = [name for part in requested.split(",") if self._is_allowed(name := part.strip())]
        if names:
            headers.append(("Access-Control-Allow-Headers", ", ".join(names)))
        if self._max_age_seconds:
            headers.append(("Access-Control-Max-Age", str(self._max_age_seconds)))
        return headers

    def _is_allowed(self, name: str) -> bool:
        lowered = name.lower()
        return bool(lowered) and (lowered in self._names or lowered.startswith(self._prefixes))
