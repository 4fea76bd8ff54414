"""Check the address to listen on before anything else is started. Imports nothing that is slow to import."""

from __future__ import annotations

import contextlib
import errno
import socket
import sys

from sqs_facade.startup import ServingError
from zaqar_core.configuration.errors import SettingsInvalid
from zaqar_core.configuration.settings import Settings

#: Connections that wait to be accepted; the system may allow fewer.
_BACKLOG = 4096
_LOOPBACK = ("127.", "::1", "localhost")


def check_host(settings: Settings) -> None:
    """Refuse to listen on an address that other machines reach, unless ``open_bind`` is set. Raises SettingsInvalid."""
    if not settings.host.startswith(_LOOPBACK) and not settings.open_bind:
        raise SettingsInvalid(
            f"other machines can reach {settings.host}, and the service does not check credentials: "
            "add --open-bind to allow this",
            setting="host",
        )


def in_url(host: str) -> str:
    """Return the host as a part of a URL, in which an IPv6 address is in brackets."""
    return f"[{host}]" if ":" in host else host


def hold_port(host: str, port: int) -> tuple[socket.socket, int]:
    """Reserve a port: return a bound socket that never listens, and the port. Raises ServingError if it is in use."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as problem:
        raise ServingError(f"cannot listen on {host}: {problem.strerror}") from None
    probe = socket.socket(family, kind, protocol)
    # Ignores connections in TIME_WAIT of a server that has ended; a server that listens still fails the bind.
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        probe.bind(address)
        found = int(probe.getsockname()[1])
    except OSError as problem:
        reason = "the port is in use" if problem.errno == errno.EADDRINUSE else problem.strerror
        raise ServingError(f"cannot listen on {in_url(host)}:{port}: {reason}") from None
    finally:
        probe.close()
    holder = socket.socket(family, kind, protocol)
    with contextlib.suppress(OSError, AttributeError):  # Windows does not have this option
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        holder.bind((address[0], found, *address[2:]))
    return holder, found


def listen(holder: socket.socket, host: str, port: int) -> socket.socket:
    """Listen on a socket of ``hold_port``, which is bound here where the system could not hold the port.

    Connections inherit its options. Raises ServingError.
    """
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    holder.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        if sys.platform != "win32":
            # Connections inherit it: after a crash, those in TIME_WAIT must not keep the port from the next service.
            # Set before the bind it would let a second service take the port while this one starts.
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        else:
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
            holder.bind((host, port))
        holder.listen(_BACKLOG)
    except OSError as problem:
        raise ServingError(f"cannot listen on {in_url(host)}:{port}: {problem.strerror}") from None
    return holder
