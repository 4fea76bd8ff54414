"""What the environs of all requests of a connection say about its client."""

from __future__ import annotations

import asyncio
from typing import Any

from zaqar_core.access import certificates
from zaqar_core.domain.identity import CERTIFICATE_SUBJECT

#: What an IPv4 address begins with at a socket for both families.
_MAPPED = "::ffff:"


def describe(transport: asyncio.BaseTransport, named: tuple[str, int] | None) -> dict[str, Any]:
    """Return the address of the client, and the subject of its certificate if it has shown one.

    ``named`` is the address that a preamble of a trusted proxy names, None for that of the connection.
    """
    found: dict[str, Any] = {}
    peer = named or transport.get_extra_info("peername")
    if isinstance(peer, tuple):
        address, port = peer[:2]
        is_mapped = address.startswith(_MAPPED) and "." in address
        found["REMOTE_ADDR"] = address.removeprefix(_MAPPED) if is_mapped else address
        found["REMOTE_PORT"] = str(port)
    secured = transport.get_extra_info("ssl_object")
    if secured is not None:
        certificate = secured.getpeercert(binary_form=True)
        if certificate is not None:  # the handshake has asked for it and verified it
            found[CERTIFICATE_SUBJECT] = certificates.subject_of(certificate)
    return found
