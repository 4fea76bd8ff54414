"""The PROXY protocol, versions 1 and 2: the preamble with which a proxy names the client of a connection. No I/O.

Source: haproxy's proxy-protocol.txt.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

#: What a preamble of version 2 begins with.
SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
_HEADER_BYTES = 16
#: The longest line of version 1, with its end.
_LINE_BYTES = 107
#: Addresses and extensions of version 2. Proxies send some hundreds of bytes.
_MOST_BYTES = 4096
_LINE = re.compile(
    rb"PROXY (?:UNKNOWN(?: [^\r\n]*)?|TCP(?P<family>[46]) (?P<from>\S+) \S+ (?P<port>[0-9]{1,5}) [0-9]{1,5})"
)
_LOCAL, _PROXIED = 0x20, 0x21
#: Bytes of one address, by family and transport: TCP over IPv4 and IPv6.
_ADDRESS_BYTES = {0x11: 4, 0x21: 16}


class PreambleInvalid(Exception):
    """The bytes are not a preamble."""


@dataclass(frozen=True, slots=True)
class Preamble:
    """A preamble of so many bytes. ``client`` is None where the proxy speaks for itself, as in its health checks."""

    length: int
    client: tuple[str, int] | None


def parse(data: bytes) -> Preamble | None:
    """Return the preamble that the data begin with; None if more data are needed. Raises PreambleInvalid."""
    if data.startswith(SIGNATURE[: len(data)]):
        return _parse_binary(data)
    if data.startswith(b"PROXY "[: len(data)]):
        return _parse_line(data)
    raise PreambleInvalid("it has no preamble of the PROXY protocol")


def _parse_line(data: bytes) -> Preamble | None:
    line, end, _ = data[:_LINE_BYTES].partition(b"\r\n")
    if not end:
        if len(data) >= _LINE_BYTES:
            raise PreambleInvalid("the line of the PROXY protocol does not end")
        return None
    found = _LINE.fullmatch(line)
    if found is None:
        raise PreambleInvalid("the line of the PROXY protocol is malformed")
    length = len(line) + 2
    if found["family"] is None:
        return Preamble(length, None)
    kind = IPv4Address if found["family"] == b"4" else IPv6Address
    try:
        address, port = _text(kind(found["from"].decode("latin-1"))), int(found["port"])
    except ValueError:
        raise PreambleInvalid("the line of the PROXY protocol has no address") from None
    if port > 65535:
        raise PreambleInvalid("the line of the PROXY protocol has no port")
    return Preamble(length, (address, port))


def _parse_binary(data: bytes) -> Preamble | None:
    if len(data) < _HEADER_BYTES:
        return None
    command, family = data[12], data[13]
    size = int.from_bytes(data[14:16], "big")
    if command not in (_LOCAL, _PROXIED) or size > _MOST_BYTES:
        raise PreambleInvalid("the header of the PROXY protocol is malformed")
    length = _HEADER_BYTES + size
    if command == _LOCAL or family == 0:  # unspecified: the connection's own addresses count
        return None if len(data) < length else Preamble(length, None)
    width = _ADDRESS_BYTES.get(family)
    if width is None or size < 2 * width + 4:
        raise PreambleInvalid("the header of the PROXY protocol has no TCP addresses")
    if len(data) < length:
        return None
    raw = data[_HEADER_BYTES : _HEADER_BYTES + width]
    at = _HEADER_BYTES + 2 * width
    address = IPv4Address(raw) if width == 4 else IPv6Address(raw)
    return Preamble(length, (_text(address), int.from_bytes(data[at : at + 2], "big")))


def _text(address: IPv4Address | IPv6Address) -> str:
    """Return an address as the connection itself would show it: an IPv4 address that is mapped to IPv6 as IPv4."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)
