"""A reserve of disk space, so that messages can still be deleted when the disk is full.

With an fsync before every acknowledgement, a full disk ends Valkey. Deletions need space too, in the log. So the
reserve is then spent: its file becomes empty, and Valkey starts with a memory limit that refuses all functions that
store. The disk may have room again because files of others were deleted, or because the log was rewritten without the
messages that were deleted. Then the reserve is filled and the limit removed.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

from zaqar_core.domain.full_disk import MAXMEMORY
from zaqar_core.embedded.capacity import Capacity

#: The reserve is created only if the disk has so many times its size free, and filled again if it has so many.
_ENOUGH, _AGAIN = 4, 2
_NAME = "reserve"
_NEW = "reserve.new"
_ZEROS = bytes(1 << 20)
#: The log is rewritten if its content, by the memory that the data use, fits into the free space this many times.
_REWRITE_MARGIN = 2


def keep(directory: Path, size: int) -> None:
    """Create or fill the reserve of so many bytes if the disk has room; 0: remove it. Never raises."""
    with contextlib.suppress(OSError):
        if not size:
            (directory / _NAME).unlink(missing_ok=True)
        elif _has_room(directory, size) and _size(directory / _NAME) != size:
            _allocate(directory, size)
            (directory / _NEW).replace(directory / _NAME)


def _has_room(directory: Path, size: int) -> bool:
    # A reserve of another size is replaced, so it counts as free.
    return _free_bytes(directory) + _size(directory / _NAME) >= (_AGAIN if is_spent(directory) else _ENOUGH) * size


def _allocate(directory: Path, size: int) -> None:
    """Create the file that becomes the reserve when it is renamed. Raises OSError, and leaves no file then."""
    file = directory / _NEW
    try:
        with file.open("wb") as stream:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(stream.fileno(), 0, size)
            else:
                for at in range(0, size, len(_ZEROS)):
                    stream.write(_ZEROS[: size - at])
    except OSError:
        file.unlink(missing_ok=True)
        raise


def free_if_full(directory: Path) -> bool:
    """Spend the reserve if the disk has less free space than that. Return whether it was spent now."""
    file = directory / _NAME
    with contextlib.suppress(OSError):
        if _free_bytes(directory) < _size(file):
            os.truncate(file, 0)  # needs no space, and the empty file tells later processes
            return True
    return False


def is_spent(directory: Path) -> bool:
    """Return whether the reserve was spent and is not filled yet."""
    file = directory / _NAME
    return file.exists() and _size(file) == 0


def settings(directory: Path, memory_bytes: int) -> dict[str, str]:
    """Return the settings of a Valkey that starts now: while the reserve is spent, those that keep it for deletions."""
    # A rewrite of the log by itself would use up the reserve.
    spent = {"maxmemory": str(MAXMEMORY), "auto-aof-rewrite-percentage": "0"}
    return spent if is_spent(directory) else {"maxmemory": str(memory_bytes)}


def recover(directory: Path, socket: str, capacity: Capacity) -> bool:
    """Fill the spent reserve if the disk has room, and let Valkey store again; else make room if that is possible.

    Return whether Valkey stores again. Never raises: a later call tries again.
    """
    import redis  # not needed to start Valkey

    size = capacity.reserve_bytes
    with (
        contextlib.suppress(redis.RedisError, OSError),
        redis.Redis(unix_socket_path=socket, socket_timeout=5, protocol=2) as client,
    ):
        facts: dict[str, Any] = {**client.info("memory"), **client.info("persistence")}
        if facts["aof_rewrite_in_progress"] or facts["aof_rewrite_scheduled"]:
            return False
        if facts["used_memory_dataset"] * _REWRITE_MARGIN < _free_bytes(directory) < _AGAIN * size:
            client.bgrewriteaof()
            return False
        if _has_room(directory, size):
            if size:
                _allocate(directory, size)
            client.config_set("auto-aof-rewrite-percentage", 100)
            client.config_set("maxmemory", capacity.memory_bytes)
            if not size:
                (directory / _NAME).unlink()
                return True
            (directory / _NEW).replace(directory / _NAME)  # last: until then a later call tries again
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
