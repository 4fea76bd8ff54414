"""The PROXY protocol: preambles of both versions, whole and in parts, and what is no preamble."""

from __future__ import annotations

import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zaqar_core.web.server.preambles import SIGNATURE, PreambleInvalid, parse


def binary(command: int, family: int, addresses: bytes) -> bytes:
    return SIGNATURE + struct.pack(">BBH", command, family, len(addresses)) + addresses


IPV4 = socket.inet_aton("192.0.2.1") + socket.inet_aton("10.0.0.1") + struct.pack(">HH", 4711, 443)
IPV6 = socket.inet_pton(socket.AF_INET6, "2001:db8::1") + bytes(16) + struct.pack(">HH", 4711, 443)
#: What a proxy says that listens for both families at one socket.
MAPPED = socket.inet_pton(socket.AF_INET6, "::ffff:192.0.2.1") + bytes(16) + struct.pack(">HH", 4711, 443)
KNOWN = {
    b"PROXY TCP4 192.0.2.1 10.0.0.1 4711 443\r\n": ("192.0.2.1", 4711),
    b"PROXY TCP6 2001:db8::1 ::1 4711 443\r\n": ("2001:db8::1", 4711),
    b"PROXY TCP6 ::ffff:192.0.2.1 ::1 4711 443\r\n": ("192.0.2.1", 4711),
    b"PROXY UNKNOWN\r\n": None,
    b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n": None,
    binary(0x21, 0x11, IPV4): ("192.0.2.1", 4711),
    binary(0x21, 0x11, IPV4 + b"\x04\x00\x01\x00"): ("192.0.2.1", 4711),
    binary(0x21, 0x21, IPV6): ("2001:db8::1", 4711),
    binary(0x21, 0x21, MAPPED): ("192.0.2.1", 4711),
    binary(0x20, 0x00, b""): None,
    binary(0x20, 0x11, IPV4): None,
    binary(0x21, 0x00, b"abc"): None,
}


@pytest.mark.parametrize(("data", "client"), KNOWN.items())
def test_a_preamble_names_the_client(data: bytes, client: tuple[str, int] | None) -> None:
    found = parse(data + b"GET /")
    assert found is not None
    assert (found.client, found.length) == (client, len(data))


@pytest.mark.parametrize("data", KNOWN)
def test_a_part_of_a_preamble_waits_for_the_rest(data: bytes) -> None:
    assert [parse(data[:length]) for length in range(len(data))] == [None] * len(data)


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n",
        b"\x16\x03\x01",
        b"\r\n\r\nx",
        b"PROXY TCP4 192.0.2.1 10.0.0.1 4711\r\n",
        b"PROXY TCP4 2001:db8::1 ::1 1 2\r\n",
        b"PROXY TCP6 192.0.2.1 10.0.0.1 1 2\r\n",
        b"PROXY TCP4 192.0.2.256 10.0.0.1 1 2\r\n",
        b"PROXY TCP4 192.0.2.1 10.0.0.1 65536 2\r\n",
        b"PROXY UDP4 192.0.2.1 10.0.0.1 1 2\r\n",
        b"PROXY UNKNOWN" + b" " * 100,
        binary(0x22, 0x11, IPV4),
        binary(0x11, 0x11, IPV4),
        binary(0x21, 0x12, IPV4),
        binary(0x21, 0x31, bytes(216)),
        binary(0x21, 0x11, IPV4[:-1]),
        binary(0x21, 0x21, IPV4),
        binary(0x21, 0x11, bytes(5000)),
    ],
)
def test_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(PreambleInvalid):
        parse(data)


@given(st.binary(max_size=200) | st.builds(lambda one, rest: one[:15] + rest, st.sampled_from([*KNOWN]), st.binary()))
def test_any_bytes_are_a_preamble_a_part_of_one_or_refused(data: bytes) -> None:
    try:
        found = parse(data)
    except PreambleInvalid:
        return
    assert found is None or 0 < found.length <= len(data)
