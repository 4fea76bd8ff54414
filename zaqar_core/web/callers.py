"""Which callers are refused before their request is run: by the host that they call, and by the page they come from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zaqar_core.configuration.settings import Settings
from zaqar_core.logs import remedies
from zaqar_core.logs.remedies import note_refusal
from zaqar_core.web import origins
from zaqar_core.web.allowed_hosts import AllowedHosts, is_loopback, is_valid
from zaqar_core.web.envelope import Refusal
from zaqar_core.web.origins import Origins

#: Pairs of bind address and Host header that are remembered.
_MOST_REMEMBERED = 1024


class Callers:
    """The checks of one process. One instance serves all threads.

    A service that listens on loopback and does not verify credentials trusts every program of its machine, so it
    accepts the hosts of :class:`AllowedHosts` only: a page of another host is no such program. The setting
    ``open_bind`` ends that trust, and with it the check.
    """

    def __init__(self, settings: Settings) -> None:
        self._origins = Origins(settings)
        self._hosts = AllowedHosts(settings)
        self._is_open = settings.open_bind
        #: Accepted pairs of bind address and Host header, by ``verifies_callers`` of the face.
        self._accepted: dict[bool, set[tuple[str, str]]] = {True: set(), False: set()}

    def refusal(self, environ: Mapping[str, Any], *, verifies_callers: bool) -> Refusal | None:
        """Return why the caller is refused, None if it is not. ``verifies_callers`` is that of the face."""
        called = (environ.get("SERVER_NAME", ""), environ.get("HTTP_HOST", ""))
        if called not in self._accepted[verifies_callers]:
            refusal = self._host_refusal(*called, verifies_callers=verifies_callers)
            if refusal is not None:
                return refusal
        if ("HTTP_ORIGIN" in environ or "HTTP_SEC_FETCH_SITE" in environ) and self._is_cross_site(environ):
            note_refusal(remedies.ORIGIN, environ.get("HTTP_ORIGIN", "another site"))
            return Refusal.CROSS_SITE
        return None

    def _host_refusal(self, bound: str, host: str, *, verifies_callers: bool) -> Refusal | None:
        # HTTP/1.0 needs no Host header, and HTTP/1.1 allows an empty one. No browser sends such a request.
        if host:
            if not is_valid(host):
                return Refusal.HOST_INVALID
            is_trusting = not (verifies_callers or self._is_open) and is_loopback(bound)
            if is_trusting and host not in self._hosts:
                note_refusal(remedies.HOST, host)
                return Refusal.HOST_NOT_ALLOWED
        accepted = self._accepted[verifies_callers]
        if len(accepted) >= _MOST_REMEMBERED:
            accepted.clear()
        accepted.add((bound, host))
        return None

    def _is_cross_site(self, environ: Mapping[str, Any]) -> bool:
        origin = environ.get("HTTP_ORIGIN")
        if origin in self._origins:
            return False
        if origin is not None and not origins.is_same(origin, environ.get("HTTP_HOST", "")):
            return True
        return environ.get("HTTP_SEC_FETCH_SITE", "none") not in ("none", "same-origin")
