"""The web pages that may open a connection. Other programs send no Origin, or that of the host they call."""

from __future__ import annotations

from urllib.parse import urlsplit

from zaqar_core.configuration.settings import Settings
from zaqar_core.web import allowed_hosts
from zaqar_core.web.origins import Origins


def is_allowed(origin: str | None, host: str, site: str | None, settings: Settings, named: Origins) -> bool:
    """Return whether a handshake may continue. ``host`` is the Host header, ``site`` is Sec-Fetch-Site, ``named`` are
    the origins of the setting ``allowed_origins``.

    A page's origin must be listed, or equal the host it calls. On loopback that host must also be a name of this
    machine that no page can own: a page could point its own name at this machine for a while (DNS rebinding).
    """
    if origin is None:
        return site in (None, "none", "same-origin")
    if origin in named:
        return True
    if urlsplit(origin).netloc.lower() != host.lower():
        return False
    return settings.open_bind or allowed_hosts.is_own(host, settings.allowed_hosts)
