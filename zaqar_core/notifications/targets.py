"""Which subscribers are allowed: schemes, hosts, networks and headers of webhooks."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

from zaqar_core.configuration.settings import Settings
from zaqar_core.logs import remedies
from zaqar_core.logs.remedies import note_refusal

_WEB = frozenset(("http", "https", "trust+http", "trust+https"))
_NOT_IN_URI = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029]")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*\Z")
#: Headers that name the called host, determine the length of a request, or concern its connection (hop by hop).
_OF_THE_CONNECTION = frozenset((
    "connection", "content-length", "expect", "host", "http2-settings", "keep-alive", "proxy-authenticate",
    "proxy-authorization", "proxy-connection", "te", "trailer", "trailers", "transfer-encoding", "upgrade",
))  # fmt: skip

#: Addresses that are allocated for global routing (RFC 4291, 2.5.4), and later exceptions.
_PUBLIC_V6 = ipaddress.ip_network("2000::/3")
_DOCUMENTATION_V6 = ipaddress.ip_network("3fff::/20")
#: Protocol assignments and 6to4 relays, some of which the ipaddress module calls global.
_SPECIAL_V4 = (ipaddress.ip_network("192.0.0.0/24"), ipaddress.ip_network("192.88.99.0/24"))

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(eq=False)
class TargetRefused(Exception):
    """The target is not allowed, or cannot be reached. ``reason`` is a sentence without secrets."""

    reason: str


def check(subscriber: str, settings: Settings) -> None:
    """Check a subscriber's URI without resolving its host. Raises TargetRefused."""
    parts = _split(subscriber)
    if parts.scheme not in settings.subscriber_types:
        known = ", ".join(settings.subscriber_types)
        note_refusal(remedies.SUBSCRIBER_SCHEME, parts.scheme[:32])
        raise TargetRefused(f"The subscriber's scheme must be one of: {known}.")
    if parts.scheme.startswith("trust+") and settings.auth_strategy != "keystone":
        raise TargetRefused("Subscribers with trust+ schemes need Keystone, which is not configured.")
    if parts.scheme not in _WEB:
        if "@" not in parts.path.strip("@"):
            raise TargetRefused("The subscriber has no mail address.")
        if has_line_break(unquote(parts.path + parts.query)):
            raise TargetRefused("The address and the subject of a mail must not contain line breaks.")
        return
    host = parts.hostname
    try:
        parse_url(subscriber[len("trust+") if parts.scheme.startswith("trust+") else 0 :])
        _ = parts.port
    except (LocationParseError, ValueError):
        raise TargetRefused("The subscriber is not a valid URI.") from None
    if not host:
        raise TargetRefused("The subscriber's URI has no host.")
    try:
        literal = ipaddress.ip_address(host)
    except ValueError:
        return
    if not is_allowed(literal, settings):
        note_refusal(remedies.WEBHOOK_NETWORK, host)
        raise TargetRefused("The subscriber's address is in a network that the service does not send notifications to.")


def _split(subscriber: str) -> SplitResult:
    if _NOT_IN_URI.search(subscriber):
        raise TargetRefused("The subscriber's URI must not contain blanks or control characters.")
    try:
        return urlsplit(subscriber)
    except ValueError:
        raise TargetRefused("The subscriber is not a valid URI.") from None


def is_allowed(address: Address, settings: Settings) -> bool:
    """Whether an address is allowed: it is public, or in a network that the settings name."""
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
    """Whether an address is not allocated for public use, or reaches an IPv4 address by a tunnel.

    Translated, mapped, compatible and site-local addresses are all outside of 2000::/3.
    """
    if isinstance(address, ipaddress.IPv4Address):
        return any(address in network for network in _SPECIAL_V4)
    if address not in _PUBLIC_V6 or address in _DOCUMENTATION_V6:
        return True
    # A tunnel within a site (ISATAP) has 0:5efe or 200:5efe before the IPv4 address.
    is_isatap = (int(address) >> 32) & 0xFDFF_FFFF == 0x5EFE
    return address.sixtofour is not None or address.teredo is not None or is_isatap


def addresses(host: str, port: int, settings: Settings) -> list[tuple[str, int]]:
    """Return the allowed addresses of a host in the order of the resolver.

    Raises TargetRefused when none is allowed, OSError when the name cannot be resolved.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    texts = dict.fromkeys(str(row[4][0]) for row in found)
    allowed = [text for text in texts if is_allowed(ipaddress.ip_address(text.partition("%")[0]), settings)]
    if not allowed:
        note_refusal(remedies.WEBHOOK_NETWORK, host)
        raise TargetRefused("the host's addresses are in networks that the service does not send notifications to")
    return [(text, port) for text in allowed]


def are_headers(headers: Any) -> bool:
    """Return whether the value is a dict of names and values that are valid in a request."""
    return type(headers) is dict and all(_is_header(name, value) for name, value in headers.items())


def refused_header(headers: Mapping[str, str]) -> str | None:
    """Return the first name that only the service itself may set, None if there is none."""
    return next((name for name in headers if name.lower() in _OF_THE_CONNECTION), None)


def sendable(headers: Any) -> dict[str, str]:
    """Return those of a subscription's stored headers that are sent. Earlier releases stored others too."""
    if type(headers) is not dict:
        return {}
    return {
        name: value
        for name, value in headers.items()
        if _is_header(name, value) and name.lower() not in _OF_THE_CONNECTION
    }


def _is_header(name: Any, value: Any) -> bool:
    texts = type(name) is str and type(value) is str
    return texts and _HEADER_NAME.match(name) is not None and _HEADER_VALUE.match(value) is not None


def has_line_break(text: str) -> bool:
    """Whether the text contains a character that ends a mail header."""
    return any(character in text for character in "\r\n\x00")
