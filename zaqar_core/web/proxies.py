"""Trusted proxies: what they say about the client of a request takes the place of what the connection shows.

Each proxy appends what it saw, so only the entries of trusted ones count: from the right up to the first address that
is not trusted. That is the client; what stands before it is the client's own word.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any

from zaqar_core.configuration.public_url import FORWARDED_PREFIX
from zaqar_core.configuration.settings import Settings
from zaqar_core.domain.digits import whole_number
from zaqar_core.logs import remedies
from zaqar_core.logs.remedies import note_refusal
from zaqar_core.web.server.wsgi_application import WsgiApp

#: Addresses that are remembered, with whether they are trusted.
_MOST_REMEMBERED = 4096
#: Entries of one header that are read, from the right.
_MOST_ENTRIES = 32
_FOR, _PROTO, _HOST = "HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST"
_PORT, _PREFIX, _FORWARDED = "HTTP_X_FORWARDED_PORT", "HTTP_X_FORWARDED_PREFIX", "HTTP_FORWARDED"
#: The keys of the environ with the headers of proxies.
KEYS = (_FOR, _PROTO, _HOST, _PORT, _PREFIX, _FORWARDED)
_DEFAULT_PORTS = {"http": "80", "https": "443"}
_SCHEMES = {"http": "http", "ws": "http", "https": "https", "wss": "https"}
#: A path without escapes, dot segments and empty segments.
_PATH = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9_.~-]*)+")
#: The longest element of a header Forwarded that is read. Those of proxies have some tens of characters.
_ELEMENT_CHARACTERS = 1024


class TrustedProxies:
    """The proxies of one process. Any thread may use it."""

    def __init__(self, settings: Settings) -> None:
        self._networks = tuple(ip_network(one) for one in settings.trusted_proxies)
        self._headers = frozenset(f"HTTP_{name.upper().replace('-', '_')}" for name in settings.forwarded_headers)
        self._known: dict[str, bool] = {}

    def trusts(self, address: str) -> bool:
        """Return whether the address is that of a trusted proxy."""
        found = self._known.get(address)
        if found is None:
            found = self._is_trusted(address)
            if len(self._known) >= _MOST_REMEMBERED:
                self._known.clear()
            self._known[address] = found
        return found

    def apply(self, environ: dict[str, Any]) -> None:
        """Put the client in the place of the proxy that sent a request. Only for requests of a trusted proxy.

        Malformed entries end the search: then the last proxy that is known counts as the client.
        """
        said = {key: environ[key] for key in KEYS if key in environ and key in self._headers}
        if not said:
            return
        if _FORWARDED in said and said.keys().isdisjoint((_FOR, _PROTO, _HOST)):
            self._apply_forwarded(environ, said[_FORWARDED])
        else:
            hops = self._apply_addresses(environ, _entries(said.get(_FOR, "")))
            _set_scheme(environ, _entry(said.get(_PROTO, ""), hops))
            _set_host(environ, _entry(said.get(_HOST, ""), hops))
        _set_port(environ, _entry(said.get(_PORT, ""), 1))
        prefix = _entry(said.get(_PREFIX, ""), 1).rstrip("/")
        if _PATH.fullmatch(prefix):
            environ[FORWARDED_PREFIX] = prefix

    def _is_trusted(self, address: str) -> bool:
        try:
            found = ip_address(address.partition("%")[0])
        except ValueError:
            return False
        if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
            found = found.ipv4_mapped
        return any(found in network for network in self._networks)

    def _apply_addresses(self, environ: dict[str, Any], entries: Iterable[str]) -> int:
        """Set the address of the client; return the number of entries that trusted proxies have appended."""
        hops = 0
        for entry in reversed(list(entries)):
            address = _address(entry)
            if address is None:
                break
            environ["REMOTE_ADDR"] = address
            environ.pop("REMOTE_PORT", None)
            hops += 1
            if not self.trusts(address):
                break
        return max(1, hops)

    def _apply_forwarded(self, environ: dict[str, Any], header: str) -> None:
        elements = [_element(one) for one in _entries(header)] or [{}]
        hops = self._apply_addresses(environ, [one.get("for", "") for one in elements])
        element = elements[-hops]
        _set_scheme(environ, element.get("proto", ""))
        _set_host(environ, element.get("host", ""))


class ForwardedRequests:
    """WSGI middleware that applies the headers of trusted proxies, for other servers than the service's own."""

    def __init__(self, app: WsgiApp, proxies: TrustedProxies) -> None:
        self._app = app
        self._proxies = proxies

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if self._proxies.trusts(environ.get("REMOTE_ADDR", "")):
            self._proxies.apply(environ)
        elif not environ.keys().isdisjoint(KEYS):
            note_refusal(remedies.PROXY, environ.get("REMOTE_ADDR", ""))
        return self._app(environ, start_response)


def configured(settings: Settings) -> TrustedProxies | None:
    """Return the trusted proxies of a process with these settings, None without any."""
    return TrustedProxies(settings) if settings.trusted_proxies else None


def _entries(header: str) -> list[str]:
    """Return the last entries of a list in a header."""
    return [one.strip() for one in header.rsplit(",", _MOST_ENTRIES)[-_MOST_ENTRIES:]] if header else []


def _entry(header: str, hops: int) -> str:
    """Return the entry of the proxy that saw the client: the first one of so many from the right."""
    entries = _entries(header)
    return entries[-min(hops, len(entries))] if entries else ""


def _address(entry: str) -> str | None:
    """Return the IP address of an entry, which may have a port; None if it has none."""
    if entry.startswith("["):
        entry = entry[1:].partition("]")[0]
    elif entry.count(":") == 1:
        entry = entry.partition(":")[0]
    try:
        found = ip_address(entry.partition("%")[0])  # without a zone, which has a meaning on one machine only
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return str(mapped or found)


def _element(text: str) -> dict[str, str]:
    """Return the parameters of an element of a header Forwarded (RFC 7239).

    The header was split at every comma and is split at every semicolon. Proxies write neither inside quotes, and what a
    client writes there must not hide the elements that follow it.
    """
    found: dict[str, str] = {}
    for parameter in text.split(";") if len(text) <= _ELEMENT_CHARACTERS else ():
        name, _, value = parameter.partition("=")
        found.setdefault(name.strip().lower(), value.strip().strip('"'))
    return found


def _set_scheme(environ: dict[str, Any], said: str) -> None:
    scheme = _SCHEMES.get(said.lower())
    if scheme is not None:
        environ["wsgi.url_scheme"] = scheme


def _set_host(environ: dict[str, Any], said: str) -> None:
    """Replace the host. One that is malformed is refused later, as in the header Host."""
    if said:
        environ["HTTP_HOST"] = said


def _set_port(environ: dict[str, Any], said: str) -> None:
    """Add the port to a host without one, where the client must have called it with one."""
    host = environ.get("HTTP_HOST", "")
    port = whole_number(said, most=5)
    if not host or ":" in host.rpartition("]")[2] or not port or port > 65535:
        return
    if said != _DEFAULT_PORTS[environ["wsgi.url_scheme"]]:
        environ["HTTP_HOST"] = f"{host}:{port}"
