"""Which web pages may open a connection. Other programs send no Origin, or that of the host they call."""

from __future__ import annotations

from urllib.parse import urlsplit

from zaqar_core.configuration.settings import Settings
from zaqar_core.web import allowed_hosts
from zaqar_core.web.origins import Origins


def is_allowed(origin: str | None, host: str, site: str | None, settings: Settings, named: Origins) -> bool:
    """Whether a handshake may go on. ``host`` is the Host header, ``site`` Sec-Fetch-Site, ``named`` are those listed.

    A page's origin must be listed, or be the host it calls. On loopback that host must also be this machine by a name
    that no page can own: a name that leads here only for a while would pass for the page's own.
    """
    if origin is None:
        return site in (None, "none", "same-origin")
    if origin in named:
        return True
    if urlsplit(origin).netloc.lower() != host.lower():
        return False
    return settings.open_bind or allowed_hosts.is_own(host, settings.allowed_hosts)
