"""Reads the facts of the machine, of what is installed, and of a data directory."""

from __future__ import annotations

import contextlib
import ctypes
import os
import stat
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from functools import cache
from importlib import metadata
from pathlib import Path

from sqs_facade.commands.checks.directory import DirectoryFacts
from sqs_facade.commands.checks.machine import MachineFacts
from zaqar_core.embedded import EmbeddedError, capacity

#: Libraries without which the service does not start, or is slower.
LIBRARIES = ("redis", "hiredis", "uvloop", "httptools", "flask", "greenlet", "msgspec", "orjson", "cryptography")
#: The state of an unsynchronized clock, and the size of struct timex: adjtimex(2).
_UNSYNCHRONIZED, _TIMEX_BYTES = 5, 512
_FSYNCS = 7
_ROOT = Path("/")


@cache
def version(library: str) -> str | None:
    """Return the version of an installed library."""
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return None


def machine_facts(root: Path = _ROOT, *, jump_seconds: float = 0.0) -> MachineFacts:
    """Read the facts of this machine. ``root`` is for tests."""
    kernel = root / "proc/sys"
    meminfo = _meminfo(root)
    limits = capacity.cgroup_limits(root)
    physical = capacity.physical_bytes()
    contained = min(limits, default=physical)
    swap = meminfo.get("SwapTotal", 0) - meminfo.get("SwapFree", 0)
    huge = _text(root / "sys/kernel/mm/transparent_hugepage/enabled")
    return MachineFacts(
        overcommit=_number(kernel / "vm/overcommit_memory"),
        huge_pages=huge.partition("[")[2].partition("]")[0] or None,
        somaxconn=_number(kernel / "net/core/somaxconn"),
        open_files=_open_files(),
        cpus=_cpus(root),
        memory_bytes=physical,
        available_bytes=meminfo.get("MemAvailable"),
        swap_used_bytes=swap if meminfo else None,
        container_memory_bytes=contained if contained < physical else None,
        is_synchronized=_is_synchronized(),
        jump_seconds=jump_seconds,
        libraries={name: version(name) for name in LIBRARIES},
        python=sys.version_info[:2],
        is_windows=sys.platform == "win32",
    )


class Clock:
    """Notices that the clock of the machine jumps."""

    def __init__(self) -> None:
        self._ahead = time.time() - time.monotonic()

    def jump_seconds(self) -> float:
        """Return how far it has jumped since this object was created."""
        return time.time() - time.monotonic() - self._ahead


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError):
        return ""


def _number(file: Path) -> int | None:
    text = _text(file).strip()
    return int(text) if text.isdigit() else None


def _meminfo(root: Path) -> dict[str, int]:
    rows = (line.split() for line in _text(root / "proc/meminfo").splitlines())
    return {row[0].rstrip(":"): int(row[1]) * 1024 for row in rows if len(row) > 2}


def _open_files() -> int | None:
    try:
        import resource
    except ModuleNotFoundError:  # Windows
        return None
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return None if hard == resource.RLIM_INFINITY else hard


def _cpus(root: Path) -> float | None:
    """Return the CPUs that this process may use: by its affinity, and by the quota of its container."""
    try:
        found = float(len(os.sched_getaffinity(0)))
    except AttributeError:  # macOS, Windows
        found = float(os.cpu_count() or 1)
    quota, _, period = _text(root / "sys/fs/cgroup/cpu.max").strip().partition(" ")
    if quota.isdigit() and period.isdigit():
        found = min(found, int(quota) / int(period))
    return found


def _is_synchronized() -> bool | None:
    """Ask the kernel; None where it does not tell, as in some containers."""
    if sys.platform != "linux":
        return None
    try:
        state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    except (OSError, AttributeError):
        return None
    return None if state < 0 else state != _UNSYNCHRONIZED


def directory_facts(directory: Path) -> DirectoryFacts:
    """Read the facts of a data directory, which need not exist. Writes and removes one small file in it."""
    path = directory.expanduser().absolute()
    place = next(one for one in (path, *path.parents) if one.exists())
    is_there = path.is_dir()
    system = os.statvfs(place)
    is_writable = os.access(place, os.W_OK | os.X_OK)
    found = DirectoryFacts(
        path=path,
        exists=is_there,
        is_writable=is_writable,
        file_system=_file_system(place),
        free_bytes=system.f_bavail * system.f_frsize,
        total_bytes=system.f_blocks * system.f_frsize,
        free_inodes=system.f_favail if system.f_files else None,
        fsync_seconds=_fsync_seconds(place) if is_writable else None,
    )
    return _of_existing(path, found) if is_there else found


def _of_existing(path: Path, found: DirectoryFacts) -> DirectoryFacts:
    from zaqar_core.embedded import append_only, folder, privacy

    status, info, damage = path.stat(), folder.read_info(path), ""
    open_files: list[str] = []
    with contextlib.suppress(OSError):
        open_files = [str(one.relative_to(path)) for one in privacy.open_files(path)]
    try:
        append_only.check_manifest(path)
    except (EmbeddedError, OSError) as problem:
        damage = str(problem)
    log, reserve = path / "valkey.log", path / "reserve"
    return replace(
        found,
        mode=stat.S_IMODE(status.st_mode),
        is_ours=status.st_uid == os.getuid(),
        open_files=tuple(sorted(open_files)),
        schema=None if info is None else info["schema"],
        damage=damage,
        is_running=running_socket(path) is not None,
        reserve_bytes=reserve.stat().st_size if reserve.exists() else None,
        log_size_bytes=log.stat().st_size if log.exists() else 0,
    )


def running_socket(directory: Path) -> str | None:
    """Return the socket of the Valkey that runs on a data directory; None if none answers."""
    import socket

    from zaqar_core.embedded import folder

    info = folder.read_info(directory)
    if info is None:
        return None
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(2)
        try:
            client.connect(info["socket"])
        except OSError:
            return None
    return info["socket"]


def _file_system(place: Path) -> str | None:
    """Return the type of the file system that has the path."""
    best, kind = "", None
    for line in _text(Path("/proc/self/mountinfo")).splitlines():
        mounted, _, system = line.partition(" - ")
        point = mounted.split()[4].replace("\\040", " ")
        is_above = point == "/" or place == Path(point) or Path(point) in place.parents
        if is_above and len(point) >= len(best):
            best, kind = point, system.split()[0]
    return kind


def _fsync_seconds(place: Path) -> float | None:
    """Return the median time of writing 4 KiB to the disk."""
    taken = []
    try:
        with tempfile.NamedTemporaryFile(dir=place, prefix=".sqs-facade-doctor-") as file:
            for _ in range(_FSYNCS):
                file.write(bytes(4096))
                began = time.perf_counter()
                file.flush()
                os.fsync(file.fileno())
                taken.append(time.perf_counter() - began)
    except OSError:
        return None
    return statistics.median(taken)
