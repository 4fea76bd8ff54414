"""The base path of ``public_url``: requests below it are served as if a proxy had removed it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from zaqar_core.web.server.wsgi_application import WsgiApp


class BasePath:
    """WSGI middleware that removes the base path. Requests without it, from proxies that remove it and from clients
    that use no proxy, are passed on unchanged."""

    def __init__(self, app: WsgiApp, base_path: str) -> None:
        self._app = app
        self._base_path = base_path

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == self._base_path or path.startswith(f"{self._base_path}/"):
            # Together the two are the path that the client called and signed.
            environ["SCRIPT_NAME"] = environ.get("SCRIPT_NAME", "") + self._base_path
            environ["PATH_INFO"] = path[len(self._base_path) :] or "/"
        return self._app(environ, start_response)
