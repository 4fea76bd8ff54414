"""Find the processes that listen on a port, where the system has ``/proc`` (Linux)."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

_PROC = Path("/proc")
#: The state of a listening socket in ``/proc/net/tcp``.
_LISTENING = "0A"
#: Words of a command line that identify this service.
_PROGRAMS = ("sqs_facade", "sqs-facade")
_COMMAND_CHARACTERS = 100


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that listens on a port."""

    pid: int
    #: Empty if it cannot be read: the process is about to end, it has no memory but still its descriptors.
    command: str
    #: Whether it is a worker of this service whose main process has ended. Such a worker ends by itself.
    is_orphaned_worker: bool

    @property
    def is_ending(self) -> bool:
        """Whether the port will be free without anybody's doing."""
        return self.is_orphaned_worker or not self.command


def of(host: str, port: int) -> list[Holder]:
    """Return the processes that listen on an address, or on all addresses, in the order of their ids.

    Processes of other users, and of other containers, cannot be seen.
    """
    inodes = set(_listening_inodes(host.partition("%")[0], port))
    if not inodes:
        return []
    wanted = {f"socket:[{inode}]" for inode in inodes}
    return [_holder(pid) for pid in _processes() if _has_descriptor(pid, wanted)]


def _listening_inodes(host: str, port: int) -> Iterator[str]:
    """Yield the inodes of the sockets that listen on the port, on this address or on all."""
    found = ip_address(host)
    for name in ("tcp", "tcp6"):
        try:
            lines = (_PROC / "net" / name).read_text().splitlines()[1:]
        except OSError:
            continue
        for fields in map(str.split, lines):
            local, state, inode = fields[1], fields[3], fields[9]
            address, _, hex_port = local.partition(":")
            if state == _LISTENING and int(hex_port, 16) == port and _overlaps(found, _address(address)):
                yield inode


def _address(text: str) -> IPv4Address | IPv6Address:
    """Read an address of ``/proc/net``: words of 32 bits in the byte order of the machine."""
    raw = bytes.fromhex(text)
    if sys.byteorder == "little":
        raw = b"".join(raw[at : at + 4][::-1] for at in range(0, len(raw), 4))
    family = socket.AF_INET if len(raw) == 4 else socket.AF_INET6
    return ip_address(socket.inet_ntop(family, raw))


def _overlaps(one: IPv4Address | IPv6Address, other: IPv4Address | IPv6Address) -> bool:
    return one == other or one.is_unspecified or other.is_unspecified


def _processes() -> list[int]:
    try:
        return sorted(int(one.name) for one in _PROC.iterdir() if one.name.isdecimal())
    except OSError:
        return []


def _has_descriptor(pid: int, wanted: set[str]) -> bool:
    try:
        return any(_target(one) in wanted for one in (_PROC / str(pid) / "fd").iterdir())
    except OSError:  # of another user, or it has ended
        return False


def _target(descriptor: Path) -> str:
    try:
        return str(descriptor.readlink())
    except OSError:
        return ""


def _holder(pid: int) -> Holder:
    words = _command(pid)
    is_ours = _is_service(words)
    command = " ".join(words)
    if len(command) > _COMMAND_CHARACTERS:
        command = f"{command[:_COMMAND_CHARACTERS]}…"
    return Holder(pid, command, is_ours and not _is_service(_command(_parent(pid))))


def _command(pid: int) -> list[str]:
    try:
        return (_PROC / str(pid) / "cmdline").read_text(errors="replace").split("\0")[:-1]
    except OSError:
        return []


def _is_service(words: list[str]) -> bool:
    return "serve" in words and any(program in word for word in words for program in _PROGRAMS)


def _parent(pid: int) -> int:
    """Return the id of the parent process, 0 if it cannot be read."""
    try:
        # The name of the program is in parentheses and may contain spaces.
        return int((_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, ValueError, IndexError):
        return 0
