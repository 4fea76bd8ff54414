"""Which requests the console answers, before it is known who makes them.

Without credentials any caller may do anything, so the console then serves this machine alone. With credentials it
serves everybody who signs in. In both cases only its own pages may call its API: the setting ``allowed_origins`` is for
SQS and Zaqar, and admits no page here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqs_facade.console.errors import ConsoleError
from zaqar_core.web import origins
from zaqar_core.web.allowed_hosts import AllowedHosts, is_loopback

_REMEDY = "Set credentials_file: the console then asks for an access key, and is served to every address."
_OPEN = (
    "The console is off here: this service accepts requests from other machines, and nobody needs credentials. "
    f"{_REMEDY}"
)
_REMOTE = (
    "The console is off here: without credentials it serves its own machine only, and this request came from another "
    f"one or through a proxy. {_REMEDY}"
)
#: Headers that proxies add, also those whose headers the service does not trust.
_OF_PROXIES = ("HTTP_FORWARDED", "HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_HOST", "HTTP_X_REAL_IP", "HTTP_VIA")


def require_reachable(environ: Mapping[str, Any], hosts: AllowedHosts, host: str) -> None:
    """Refuse what does not come from this machine, for a service without credentials. Raises ConsoleError."""
    if not is_loopback(environ.get("SERVER_NAME", "")):
        raise ConsoleError(403, "ConsoleOff", _OPEN)
    if not is_loopback(environ.get("REMOTE_ADDR", "")) or any(name in environ for name in _OF_PROXIES):
        raise ConsoleError(403, "ConsoleOff", _REMOTE)
    if host not in hosts:
        raise ConsoleError(403, "HostNotAllowed", f"The host {host[:255]} is not one of this machine's own.")


def require_own_page(environ: Mapping[str, Any], host: str) -> None:
    """Refuse calls by pages that are not the console's own. Raises ConsoleError."""
    origin = environ.get("HTTP_ORIGIN")
    site = environ.get("HTTP_SEC_FETCH_SITE", "same-origin")
    if (origin is not None and not origins.is_same(origin, host)) or site != "same-origin":
        raise ConsoleError(403, "ForeignPage", "Only the pages of the console may call its API.")


def is_opened_by_a_link(environ: Mapping[str, Any]) -> bool:
    """Return whether a browser loads the page itself, such as after a click on a link in another site."""
    return (
        environ["REQUEST_METHOD"] in ("GET", "HEAD")
        and environ.get("HTTP_SEC_FETCH_MODE") == "navigate"
        and environ.get("HTTP_SEC_FETCH_DEST") == "document"
    )
