"""The hosts at which this machine alone may be called: the check of the Host header.

A web page can point a host name of its own at this machine (DNS rebinding) and call it from a browser, which then takes
the page and the service for one origin. So where nothing else tells callers apart, only names that no page can own are
accepted.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable
from ipaddress import IPv6Address, ip_address

from zaqar_core.configuration import public_url
from zaqar_core.configuration.settings import Settings

#: A host with its port. Of RFC 3986's names this is what resolvers accept; an IPv6 address may have a zone.
_HOST = re.compile(
    r"(?P<name>[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?|\[(?P<address>[0-9A-Fa-f:.]+)(?:%(?:25)?[A-Za-z0-9._~-]+)?\])"
    r"(?::(?P<port>[0-9]{0,5}))?",
    re.ASCII,
)
_MOST_CHARACTERS = 255
#: Names whose owner no page can be, besides ``*.localhost`` and names of one label, which the public DNS does not have.
_OWN_NAMES = frozenset(("localhost", "localhost.localstack.cloud", "host.docker.internal"))
_OWN_DOMAINS = (".localhost", ".localhost.localstack.cloud")
#: The last label of a name that browsers and resolvers read as an IPv4 address.
_NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)", re.ASCII)
#: What queue URLs have before a host, see the setting ``queue_url_host``.
_REGIONAL = re.compile(r"(?:sqs\.[a-z]+(?:-[a-z]+)+-[0-9]+|[a-z]+(?:-[a-z]+)+-[0-9]+\.queue)\.", re.ASCII)


def is_valid(host: str) -> bool:
    """Return whether the text is a host with or without a port, as a Host header and a URL may contain it."""
    found = _HOST.fullmatch(host) if len(host) <= _MOST_CHARACTERS else None
    if found is None or int(found["port"] or 0) > 65535:
        return False
    if found["address"] is None:
        return True
    try:
        return isinstance(ip_address(found["address"]), IPv6Address)
    except ValueError:
        return False


def refusal(host: str) -> str:
    """Return the text of the error for a host that is not allowed."""
    return f"The host {host} is not one of this machine's own. To accept it, add it to the setting allowed_hosts."


def is_loopback(address: str) -> bool:
    """Return whether a host without a port is an address of loopback, in any spelling, or ``localhost``.

    Names below ``localhost`` are loopback, too (RFC 6761, section 6.3), and a dot at the end has no meaning.
    """
    name = address.lower().removesuffix(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return _NUMBER.fullmatch(address) is not None and _is_loopback_number(address)
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return (mapped or found).is_loopback


def _is_loopback_number(text: str) -> bool:
    """Return whether a spelling like ``127.1`` or ``0x7f000001`` is an address of loopback."""
    try:
        return socket.inet_aton(text)[0] == 127
    except OSError:
        return False


class AllowedHosts:
    """The hosts of one service: names of this machine, of ``public_url`` and of ``allowed_hosts``.

    Letter case, a dot at the end and the port have no meaning; only an entry of ``allowed_hosts`` with a port requires
    that port. An explicit name is accepted with a region before it too, as queue URLs have it.
    """

    def __init__(self, settings: Settings) -> None:
        named = list(settings.allowed_hosts)
        if settings.public_url is not None:
            named.append(_split(public_url.parse(settings.public_url).host)[0])
        self._named = frozenset(_normal(named))
        self._machine = _split(socket.gethostname())[0]

    def __contains__(self, host: str) -> bool:
        """Return whether a valid Host header names an allowed host."""
        name, port = _split(host)
        if name in _OWN_NAMES or name.endswith(_OWN_DOMAINS) or name == self._machine or is_loopback(name):
            return True
        if self._is_named(name, port) or self._is_named(_REGIONAL.sub("", name, count=1), port):
            return True
        # A number is an address, which is not of loopback here.
        return "." not in name and ":" not in name and _NUMBER.fullmatch(name) is None

    def _is_named(self, name: str, port: str) -> bool:
        return name in self._named or f"{name} {port}" in self._named


def _normal(entries: Iterable[str]) -> Iterable[str]:
    """Return entries of the setting in the form of ``_is_named``."""
    for entry in entries:
        bracketed = f"[{entry}]" if entry.count(":") > 1 and "[" not in entry else entry
        name, port = _split(bracketed)
        yield f"{name} {port}" if port else name


def _split(host: str) -> tuple[str, str]:
    """Return name and port of a host, the name in lower case, without brackets, zone and a dot at its end."""
    if host.startswith("["):
        address, _, port = host[1:].partition("]")
        return address.lower().partition("%")[0], port.removeprefix(":")
    name, _, port = host.partition(":")
    return name.lower().removesuffix("."), port
