"""Where notifications may go: schemes, hosts and networks, and what may stand in a request's headers."""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

from zaqar_core.configuration.settings import Settings

_WEB = frozenset(("http", "https", "trust+http", "trust+https"))
_NOT_IN_URI = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029]")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*\Z")
#: Headers that say how a request's bytes are to be read.
_FRAMING = frozenset(("connection", "content-length", "expect", "te", "trailer", "transfer-encoding", "upgrade"))

#: What is given out to be routed everywhere (RFC 4291, 2.5.4), and newer exceptions.
_PUBLIC_V6 = ipaddress.ip_network("2000::/3")
_DOCUMENTATION_V6 = ipaddress.ip_network("3fff::/20")
#: Protocol assignments and relays of 6to4: some of it counts as global.
_SPECIAL_V4 = (ipaddress.ip_network("192.0.0.0/24"), ipaddress.ip_network("192.88.99.0/24"))

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(eq=False)
class TargetRefused(Exception):
    """Nothing may be, or can be, delivered there. ``reason`` is a sentence without secrets."""

    reason: str


def check(subscriber: str, settings: Settings) -> None:
    """The URI is one that can be delivered to, as far as it says so itself. Raises TargetRefused."""
    parts = _split(subscriber)
    if parts.scheme not in settings.subscriber_types:
        known = ", ".join(settings.subscriber_types)
        raise TargetRefused(f"The subscriber's scheme must be supported in the list: {known}.")
    if parts.scheme.startswith("trust+") and settings.auth_strategy != "keystone":
        raise TargetRefused("Subscribers with trust need Keystone, which is not configured.")
    if parts.scheme not in _WEB:
        if "@" not in parts.path.strip("@"):
            raise TargetRefused("The subscriber has no mail address.")
        if has_line_break(unquote(parts.path + parts.query)):
            raise TargetRefused("The address and the subject of a mail have no line breaks.")
        return
    host = parts.hostname
    try:
        parse_url(subscriber[len("trust+") if parts.scheme.startswith("trust+") else 0 :])
        _ = parts.port
    except (LocationParseError, ValueError):
        raise TargetRefused("The subscriber is no valid URI.") from None
    if not host:
        raise TargetRefused("The subscriber's URI has no host.")
    try:
        literal = ipaddress.ip_address(host)
    except ValueError:
        return
    if not is_allowed(literal, settings):
        raise TargetRefused("The subscriber's address is in a network that notifications may not go to.")


def _split(subscriber: str) -> SplitResult:
    if _NOT_IN_URI.search(subscriber):
        raise TargetRefused("A subscriber's URI has no blanks and no control characters.")
    try:
        return urlsplit(subscriber)
    except ValueError:
        raise TargetRefused("The subscriber is no valid URI.") from None


def is_allowed(address: Address, settings: Settings) -> bool:
    """Whether notifications may go to an address: public ones, and networks that the settings name."""
    mapped = getattr(address, "ipv4_mapped", None)
    if mapped is not None:
        address = mapped
    networks = _networks(settings.webhook_networks)
    if any(address.version == network.version and address in network for network in networks):
        return True
    return address.is_global and not address.is_multicast and not _is_special(address)


@lru_cache(maxsize=16)
def _networks(texts: tuple[str, ...]) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    return tuple(ipaddress.ip_network(text) for text in texts)


def _is_special(address: Address) -> bool:
    """Whether an address is outside what is given out for the public, or leads to an IPv4 one by a tunnel.

    Translated, mapped, compatible and site addresses are all outside of 2000::/3.
    """
    if isinstance(address, ipaddress.IPv4Address):
        return any(address in network for network in _SPECIAL_V4)
    if address not in _PUBLIC_V6 or address in _DOCUMENTATION_V6:
        return True
    # A tunnel within a site (ISATAP) has 0:5efe or 200:5efe before the IPv4 address.
    is_isatap = (int(address) >> 32) & 0xFDFF_FFFF == 0x5EFE
    return address.sixtofour is not None or address.teredo is not None or is_isatap


def addresses(host: str, port: int, settings: Settings) -> list[tuple[str, int]]:
    """Addresses of a host that may be connected to, in the order of the resolver.

    Raises TargetRefused when there are only others, OSError when the name cannot be resolved.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    texts = dict.fromkeys(str(row[4][0]) for row in found)
    allowed = [text for text in texts if is_allowed(ipaddress.ip_address(text.partition("%")[0]), settings)]
    if not allowed:
        raise TargetRefused("the host's addresses are in networks that notifications may not go to")
    return [(text, port) for text in allowed]


def are_headers(headers: Any) -> bool:
    """Whether they are names and texts that a request can carry, none of which frames it."""
    return type(headers) is dict and all(
        _HEADER_NAME.match(name) and name.lower() not in _FRAMING and type(value) is str and _HEADER_VALUE.match(value)
        for name, value in headers.items()
    )


def has_line_break(text: str) -> bool:
    """Whether it could not stand in a header field of a mail."""
    return any(character in text for character in "\r\n\x00")
