"""The setting ``allowed_origins``: the web pages that may call, over HTTP and WebSocket."""

from __future__ import annotations

from zaqar_core.configuration.setting_types import ANY_ORIGIN
from zaqar_core.configuration.settings import Settings

_DEFAULT_PORTS = (("http://", ":80"), ("https://", ":443"))


class Origins:
    """The set of allowed origins. One instance serves all threads."""

    def __init__(self, settings: Settings) -> None:
        self._named = frozenset(map(_normal, settings.allowed_origins))
        self.includes_any = ANY_ORIGIN in self._named

    def __contains__(self, origin: str | None) -> bool:
        """Return whether pages of that origin, the value of the Origin header, may call.

        Letter case is ignored, and a scheme's default port means the same as none.
        """
        return origin is not None and (self.includes_any or _normal(origin) in self._named)


def is_same(origin: str, host: str) -> bool:
    """Return whether an Origin header names the host that is called, the value of the Host header."""
    scheme, _, authority = _normal(origin).partition("://")
    return bool(authority) and _normal(f"{scheme}://{host}").partition("://")[2] == authority


def _normal(origin: str) -> str:
    """Return the origin in lower case, without its scheme's default port, as browsers send it."""
    lowered = origin.lower()
    for scheme, port in _DEFAULT_PORTS:
        if lowered.startswith(scheme):
            return lowered.removesuffix(port)
    return lowered
