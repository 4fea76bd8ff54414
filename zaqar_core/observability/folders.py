"""The folder in which the processes of one service count: in memory, where the system has a file system for that."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

try:
    import fcntl
except ModuleNotFoundError:  # Windows
    fcntl = None  # type: ignore[assignment]

_PREFIX = "sqs-facade-metrics-"
#: A file system in memory: nothing is ever written to a disk.
_IN_MEMORY = Path("/dev/shm")  # noqa: S108 # the folders in it are created by mkdtemp
_OWNER = "owner"
#: Services that start at the same time may each take a new folder of the other for that of a killed one.
_TRIES = 5


@contextlib.contextmanager
def created() -> Iterator[Path | None]:
    """Create a folder for the block; None where that is not possible. Folders of killed services are removed."""
    if fcntl is None:
        yield None
        return
    try:
        place = _IN_MEMORY if os.access(_IN_MEMORY, os.W_OK) else Path(tempfile.gettempdir())
        _remove_abandoned(place)
        folder, owner = _owned(place)
    except OSError:
        yield None
        return
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(owner)


def _owned(place: Path) -> tuple[Path, int]:
    """Create a folder and lock it; return it with the descriptor that keeps the lock. Raises OSError.

    Another process that starts now removes the folder if it comes before the lock. Then the next one is tried.
    """
    for _ in range(_TRIES):
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))
        with contextlib.suppress(FileNotFoundError):
            owner = os.open(folder / _OWNER, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(owner, fcntl.LOCK_EX)
            if (folder / _OWNER).exists():
                return folder, owner
            os.close(owner)
    raise FileNotFoundError(f"each new folder in {place} was removed")


def _remove_abandoned(place: Path) -> None:
    for folder in place.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):  # one of another user, or one that its service removes now
            owner = os.open(folder / _OWNER, os.O_RDWR | os.O_CLOEXEC)
            try:
                fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(owner)
