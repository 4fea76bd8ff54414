"""The setting ``allowed_origins``: the web pages that may call, over HTTP and WebSocket."""

from __future__ import annotations

from zaqar_core.configuration.settings import ANY_ORIGIN, Settings


class Origins:
    """The set of allowed origins. One instance serves all threads."""

    def __init__(self, settings: Settings) -> None:
        self._named = frozenset(origin.lower() for origin in settings.allowed_origins)
        self.includes_any = ANY_ORIGIN in self._named

    def __contains__(self, origin: str | None) -> bool:
        """Return whether pages of that origin, the value of the Origin header, may call. Letter case is ignored."""
        return origin is not None and (self.includes_any or origin.lower() in self._named)
