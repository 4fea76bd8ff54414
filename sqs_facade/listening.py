"""Check the address to listen on before anything else is started. Imports nothing that is slow to import."""

from __future__ import annotations

import contextlib
import errno
import socket
import sys
import time
from dataclasses import dataclass
from typing import Any

from sqs_facade import port_holders
from sqs_facade.startup import ServingError
from zaqar_core.configuration.errors import SettingsInvalid
from zaqar_core.configuration.settings import Settings
from zaqar_core.web import allowed_hosts

#: Connections that wait to be accepted; the system may allow fewer.
_BACKLOG = 4096
#: How long a start waits for the workers of a killed service to end. They notice that within 0.2 s, and requests that
#: run have one second.
_TAKE_OVER_SECONDS = 3.0
_POLL_SECONDS = 0.05
#: How often a port whose holder cannot be seen is tried: the holder may have ended since the last try.
_UNSEEN_TRIES = 3
#: With port 0 and several addresses: how many ports are tried until one is free on all of them.
_PORTS_TRIED = 20
#: A name may resolve to addresses of a family that this machine does not have.
_ABSENT = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
#: A silent peer is probed after so many seconds, then every 15 s, and is disconnected after four probes.
_KEEP_ALIVE = (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 4))


@dataclass(frozen=True, slots=True)
class Address:
    """An IP address to listen on. ``sockaddr`` is that of the system, with port 0."""

    family: socket.AddressFamily
    sockaddr: tuple[Any, ...]

    @property
    def host(self) -> str:
        """The address as text."""
        return str(self.sockaddr[0])

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine reaches it."""
        return allowed_hosts.is_loopback(self.host)

    @property
    def reachable_host(self) -> str:
        """The address to call for a service that listens on this one."""
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 - compared, not bound

    def at(self, port: int) -> tuple[Any, ...]:
        """Return the socket address with a port."""
        return (self.sockaddr[0], port, *self.sockaddr[2:])


@dataclass(frozen=True, slots=True)
class Held:
    """A port that is held on one or more addresses, by sockets that do not listen yet.

    ``tls`` is one more, for TLS; ``more`` are further ones like this one.
    """

    addresses: tuple[Address, ...]
    sockets: tuple[socket.socket, ...]
    port: int
    tls: Held | None = None
    more: tuple[Held, ...] = ()

    @property
    def hosts(self) -> list[str]:
        """The addresses as texts, for a server whose sockets take connections of one family only."""
        found = [address.host for address in self.addresses]
        return ["::", "0.0.0.0"] if found == ["::"] else found  # noqa: S104 - the operator asked for every address

    def close(self) -> None:
        """Release the port."""
        for one in self.sockets:
            one.close()
        for other in (self.tls, *self.more):
            if other is not None:
                other.close()


def without_brackets(host: str) -> str:
    """Return the host of a setting; an IPv6 address may be in brackets there, as in a URL."""
    return host[1:-1] if host.startswith("[") and host.endswith("]") else host


def in_url(host: str) -> str:
    """Return the host as a part of a URL, in which an IPv6 address is in brackets."""
    return f"[{host}]" if ":" in host else host


def resolve(settings: Settings) -> tuple[Address, ...]:
    """Return the addresses of the setting ``host``: an IP address, or a name with all its addresses.

    Raises ServingError if there are none, and SettingsInvalid if other machines reach one although neither all callers
    need credentials nor ``open_bind`` is set.
    """
    host = without_brackets(settings.host)
    try:
        found = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as problem:
        raise ServingError(f"cannot listen on {settings.host}: {problem.strerror}") from None
    except ValueError:  # a name that no DNS name can be
        raise ServingError(f"cannot listen on {settings.host!r}: it is not a host name") from None
    families = (socket.AF_INET, socket.AF_INET6)
    addresses = tuple(dict.fromkeys(Address(one[0], one[4]) for one in found if one[0] in families))
    if not addresses:
        raise ServingError(f"cannot listen on {settings.host}: it has no IP address")
    open_ones = [one.host for one in addresses if not one.is_loopback]
    if open_ones and not (settings.open_bind or settings.verifies_all_callers):
        named = settings.host if host in open_ones else f"{settings.host} ({', '.join(open_ones)})"
        raise SettingsInvalid(
            f"other machines can reach {named}, and requests to SQS need no credentials: set credentials_file, or add "
            "--open-bind to allow requests of anybody",
            setting="host",
        )
    return addresses


def hold_port(addresses: tuple[Address, ...], port: int) -> Held:
    """Reserve a port on all addresses that this machine has; port 0 means a free one.

    If workers of a service whose main process has ended still hold the port, wait for their end. Raises ServingError if
    the port is in use: it names the process where the system tells.
    """
    deadline = time.monotonic() + _TAKE_OVER_SECONDS
    unseen = 0
    for attempt in range(sys.maxsize):
        try:
            return _hold(addresses, port)
        except _InUse as problem:
            if port == 0 and attempt < _PORTS_TRIED:
                continue
            holders = port_holders.of(problem.address.host, problem.port)
            where = f"{in_url(problem.address.host)}:{problem.port}"
            # No holder: either it ended since the port was tried, or this user cannot see it.
            unseen = 0 if holders else unseen + 1
            is_ending = all(one.is_ending for one in holders) and unseen < _UNSEEN_TRIES
            if not is_ending or time.monotonic() > deadline:
                raise ServingError(f"cannot listen on {where}: the port is in use{_by(holders)}") from None
            time.sleep(_POLL_SECONDS)
    raise AssertionError


class _InUse(Exception):
    """Another socket has the port at an address."""

    def __init__(self, address: Address, port: int) -> None:
        super().__init__(address, port)
        self.address, self.port = address, port


def _by(holders: list[port_holders.Holder]) -> str:
    if not holders:
        return ""
    named = ", ".join(f"process {one.pid} ({one.command or 'unknown program'})" for one in holders)
    if all(one.is_orphaned_worker for one in holders):
        return f" by {named}: a worker of a service whose main process has ended; end it to free the port"
    return f" by {named}"


def _hold(addresses: tuple[Address, ...], port: int) -> Held:
    """Bind one socket for each address. Raises _InUse, ServingError."""
    held: list[Address] = []
    sockets: list[socket.socket] = []
    absent: list[str] = []
    is_whole = False
    has_ipv4 = any(one.family == socket.AF_INET for one in addresses)
    try:
        for address in addresses:
            try:
                holder = _bind(address, port, is_dual=not has_ipv4)
            except OSError as problem:
                if problem.errno == errno.EADDRINUSE:
                    raise _InUse(address, port) from None
                refusal = f"cannot listen on {in_url(address.host)}:{port}: {problem.strerror}"
                if problem.errno not in _ABSENT:
                    raise ServingError(refusal) from None
                absent.append(refusal)
                continue
            held.append(address)
            sockets.append(holder)
            port = port or int(holder.getsockname()[1])
        if not held:
            raise ServingError(absent[0])
        is_whole = True
    finally:
        if not is_whole:
            for one in sockets:
                one.close()
    return Held(tuple(held), tuple(sockets), port)


def _bind(address: Address, port: int, *, is_dual: bool) -> socket.socket:
    """Return a socket that is bound and does not listen. ``is_dual``: ``::`` takes IPv4 connections too."""
    probe = _socket(address, is_dual=is_dual)
    with probe:
        # Ignores connections in TIME_WAIT of a server that has ended; a server that listens still fails the bind.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address.at(port))
        port = int(probe.getsockname()[1])
        if sys.platform == "win32":
            # It has no SO_REUSEPORT, with which a socket can hold the port: ``listen`` binds there.
            return _socket(address, is_dual=is_dual)
    holder = _socket(address, is_dual=is_dual)
    try:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        holder.bind(address.at(port))
    except OSError:
        holder.close()
        raise
    return holder


def _socket(address: Address, *, is_dual: bool) -> socket.socket:
    found = socket.socket(address.family, socket.SOCK_STREAM)
    if address.family == socket.AF_INET6:
        with contextlib.suppress(OSError):
            found.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, not is_dual)
    return found


def listen(held: Held) -> tuple[socket.socket, ...]:
    """Listen on the sockets of ``hold_port`` and of ``more``, which are bound here where the system could not hold the
    port.

    Connections inherit their options. Raises ServingError.
    """
    return (*_listening(held), *(one for other in held.more for one in _listening(other)))


def _listening(held: Held) -> tuple[socket.socket, ...]:
    for address, holder in zip(held.addresses, held.sockets, strict=True):
        try:
            _listen(address, holder, held.port)
        except OSError as problem:
            where = f"{in_url(address.host)}:{held.port}"
            raise ServingError(f"cannot listen on {where}: {problem.strerror}") from None
    return held.sockets


def _listen(address: Address, holder: socket.socket, port: int) -> None:
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEP_ALIVE:
        with contextlib.suppress(OSError):
            if (option := getattr(socket, name, None)) is not None:
                holder.setsockopt(socket.IPPROTO_TCP, option, value)
    holder.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if sys.platform != "win32":
        # Connections inherit it: after a crash, those in TIME_WAIT must not keep the port from the next service.
        # Set before the bind it would let a second service take the port while this one starts.
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    else:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        holder.bind(address.at(port))
    holder.listen(_BACKLOG)
