"""Where the service listens: checked before anything else is started, so it imports nothing heavy."""

from __future__ import annotations

import contextlib
import errno
import socket

from zaqar_core.configuration.settings import Settings, SettingsInvalid

_LOOPBACK = ("127.", "::1", "localhost")


class ServingError(Exception):
    """The service cannot be served as asked. The text is one line for the operator."""


def check_host(settings: Settings) -> None:
    """Refuse to serve other machines without credentials, unless asked for by name. Raises SettingsInvalid."""
    if not settings.host.startswith(_LOOPBACK) and not settings.open_bind:
        raise SettingsInvalid(
            f"other machines can reach {settings.host} and no credentials are checked: "
            "give --open-bind if that is wanted",
            setting="host",
        )


def hold_port(host: str, port: int) -> tuple[socket.socket, int]:
    """A bound, never listening socket that keeps the port ours, and the port. Raises ServingError when it is taken."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as problem:
        raise ServingError(f"cannot listen on {host}: {problem.strerror}") from None
    probe = socket.socket(family, kind, protocol)
    # Passes over connections that linger after their server's end; a listening server is still found.
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        probe.bind(address)
        found = int(probe.getsockname()[1])
    except OSError as problem:
        reason = "it is taken" if problem.errno == errno.EADDRINUSE else problem.strerror
        raise ServingError(f"cannot listen on {host}:{port}: {reason}") from None
    finally:
        probe.close()
    holder = socket.socket(family, kind, protocol)
    with contextlib.suppress(OSError, AttributeError):  # Windows has no such option
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        holder.bind((address[0], found, *address[2:]))
    return holder, found
