"""What an embedded Valkey may use of this machine or container: memory, and a reserve of disk space."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

from zaqar_core.configuration import sizes

_ROOT = Path("/")


@dataclass(frozen=True, slots=True)
class Capacity:
    """``memory_bytes``: Valkey's ``maxmemory``, 0 for no limit. ``reserve_bytes``: see ``reserve``, 0 for none."""

    memory_bytes: int = 0
    reserve_bytes: int = 16 << 20


def of(store_memory: int | str, store_disk_reserve: int | str) -> Capacity:
    """Return what the settings of these names mean here. Raises ValueError."""
    return Capacity(sizes.parse_memory(store_memory, memory_bytes()), sizes.parse_reserve(store_disk_reserve))


def memory_bytes(root: Path = _ROOT) -> int:
    """Return the memory of the machine, or of the container if that has less."""
    found = [physical_bytes(), *cgroup_limits(root)]
    return min(one for one in found if one > 0)


def physical_bytes() -> int:
    """Return the memory of the machine; a gibibyte where the system does not tell."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):  # Windows
        return 1 << 30


def cgroup_limits(root: Path = _ROOT) -> list[int]:
    """Return the memory limits of this process's control group and of those above it. ``root`` is for tests."""
    groups = root / "sys/fs/cgroup"
    found: list[int] = []
    for file in _limit_files(root, groups):
        with contextlib.suppress(OSError, ValueError):  # no such file, or "max"
            found.append(int(file.read_text()))
    return found


def _limit_files(root: Path, groups: Path) -> list[Path]:
    """Return the files of version 2, in which every group has one, and that of version 1."""
    paths = {""}
    with contextlib.suppress(OSError):
        for line in (root / "proc/self/cgroup").read_text().splitlines():
            number, _, path = line.split(":", 2)
            if number == "0":
                parts = [part for part in path.split("/") if part not in ("", "..")]
                paths |= {"/".join(parts[:depth]) for depth in range(len(parts) + 1)}
    return [*(groups / path / "memory.max" for path in sorted(paths)), groups / "memory/memory.limit_in_bytes"]
