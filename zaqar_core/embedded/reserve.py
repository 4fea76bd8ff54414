"""A reserve of disk space, so that messages can still be deleted when the disk is full.

With an fsync before every acknowledgement, a full disk ends Valkey. Deletions need space too, in the log.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

RESERVE_BYTES = 16 << 20
#: The reserve is created only if the disk has this much free space.
_ENOUGH_BYTES = 4 * RESERVE_BYTES
_NAME = "reserve"
_ZEROS = bytes(1 << 20)


def keep(directory: Path, *, wanted: bool) -> None:
    """Create the reserve if it is wanted and the disk has room. Never raises."""
    file = directory / _NAME
    with contextlib.suppress(OSError):
        if not wanted or _free_bytes(directory) < _ENOUGH_BYTES or _size(file) == RESERVE_BYTES:
            return
        with file.open("wb") as stream:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(stream.fileno(), 0, RESERVE_BYTES)
            else:
                for _ in range(RESERVE_BYTES // len(_ZEROS)):
                    stream.write(_ZEROS)


def free_if_full(directory: Path) -> bool:
    """Delete the reserve if the disk is full. Return whether it was deleted."""
    with contextlib.suppress(OSError):
        if _free_bytes(directory) < RESERVE_BYTES:
            (directory / _NAME).unlink()
            return True
    return False


def _free_bytes(directory: Path) -> int:
    found = os.statvfs(directory)
    return found.f_bavail * found.f_frsize


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0
