"""Keep a data directory from other users: it has message bodies, the secret of receipt handles and a key.

New files are private by the umask of the processes that write them. This module mends what older releases, other
programs or an operator left open.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from zaqar_core.embedded.errors import EmbeddedError

#: The umask of every process that writes into a data directory.
UMASK = 0o077
_OTHERS = 0o077
#: Modes of a directory in which others can create entries.
_WRITABLE = 0o022
#: Files of the service and of Valkey; all others in the directory belong to somebody else.
_OWN = re.compile(
    r"lock|users|start|keeper|info\.json(\.new)?|encryption\.key(\..*)?|valkey\.log|.*\.(rdb|aof|manifest)"
)
_RESERVE = re.compile(r"reserve(\.new)?")
_FOLDER = "appendonlydir"
#: Folders that do not show that a directory has another use.
_EXPECTED = frozenset((_FOLDER, "lost+found"))


def make_private(directory: Path) -> str | None:
    """Take from other users the access to the directory and to the service's files in it.

    Return a line for the operator if something changed. Raises EmbeddedError if that is not possible, or if the
    directory has folders of somebody else, so that closing it could lock them out.
    """
    changed = [*open_files(directory), *([directory] if _is_open(directory) else ())]
    if not changed:
        return None
    mode = stat.S_IMODE(directory.stat().st_mode)
    if directory in changed and (mode & stat.S_ISVTX or _has_other_folders(directory)):
        raise _refusal(
            directory, mode, "has other contents too: use a directory of its own, or close it yourself (chmod 700)"
        )
    if directory in changed and mode & _WRITABLE and (link := _link(directory)) is not None:
        raise _refusal(directory, mode, f"has the symbolic link {link}, which they may have made: remove it")
    for path in changed:
        try:
            path.chmod(stat.S_IMODE(path.lstat().st_mode) & ~_OTHERS)
        except OSError as problem:
            raise _refusal(
                directory, mode, f"cannot be closed ({problem.strerror}): use a directory below it"
            ) from None
    if any(_is_open(path) for path in changed):  # a file system without modes
        raise _refusal(directory, mode, "cannot be closed: its file system has no modes")
    what = f"it had mode {mode:03o}" if directory in changed else f"{len(changed)} of its files could be read"
    return f"other users had access to data directory {directory} ({what}): it is closed now"


def open_files(directory: Path) -> list[Path]:
    """Return the service's own files in the directory to which other users have access. Raises OSError."""
    return [path for path in _files(directory) if _is_open(path)]


def close_reserve(directory: Path) -> None:
    """Close the reserve of disk space, which is written with the umask of the service. It holds zeros only."""
    with contextlib.suppress(OSError):
        (directory / "reserve").chmod(0o600)


def _refusal(directory: Path, mode: int, reason: str) -> EmbeddedError:
    return EmbeddedError(f"other users have access to data directory {directory} (mode {mode:03o}), which {reason}")


def _files(directory: Path) -> Iterator[Path]:
    """Yield the service's own files and folder; no symbolic links."""
    for entry in directory.iterdir():
        if entry.is_symlink():
            continue
        if entry.name == _FOLDER and entry.is_dir():
            yield from (one for one in entry.iterdir() if one.is_file() and not one.is_symlink())
            yield entry
        elif entry.is_file() and _OWN.fullmatch(entry.name):
            yield entry


def _link(directory: Path) -> str | None:
    """Return the name of a symbolic link in the place of a file or folder of the service, None if there is none."""
    for entry in directory.iterdir():
        is_own = entry.name == _FOLDER or _OWN.fullmatch(entry.name) or _RESERVE.fullmatch(entry.name)
        if is_own and entry.is_symlink():
            return entry.name
    return None


def _is_open(path: Path) -> bool:
    """Return whether users other than the owner have any access; False for a file that is gone."""
    try:
        return bool(path.lstat().st_mode & _OTHERS)
    except FileNotFoundError:
        return False


def _has_other_folders(directory: Path) -> bool:
    with os.scandir(directory) as entries:
        return any(entry.is_dir(follow_symlinks=False) and entry.name not in _EXPECTED for entry in entries)
