"""The append-only files of a data directory: refuse to lose them, check them, and cut off what is damaged.

Valkey keeps them in ``appendonlydir``, and lists those that belong together in a manifest. Without the manifest it
starts empty.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from zaqar_core.embedded import program
from zaqar_core.embedded.errors import EmbeddedError
from zaqar_core.embedded.folder import open_lock, prepare, try_lock

FOLDER = "appendonlydir"
MANIFEST = "appendonly.aof.manifest"
_BASE = re.compile(r"appendonly\.aof\.([0-9]+)\.base\.(rdb|aof)")
_INCREMENT = re.compile(r"appendonly\.aof\.[0-9]+\.incr\.aof")
_LISTED = re.compile(r'^file "?([^"/\s]+)"? seq [0-9]+ type i', re.MULTILINE)
#: valkey-server is these tools too, if it is called by their names.
_TOOL, _SNAPSHOT_TOOL = "valkey-check-aof", "valkey-check-rdb"


def exist(directory: Path) -> bool:
    """Return whether the directory has append-only files."""
    return (directory / FOLDER).exists()


def check_manifest(directory: Path) -> None:
    """Refuse to start without the manifest of existing files. Raises EmbeddedError.

    A Valkey that was killed during its very first start may leave the files of an empty store without a manifest.
    """
    folder = directory / FOLDER
    if not folder.is_dir() or _has_content(folder / MANIFEST):
        return
    for entry in folder.iterdir():
        base = _BASE.fullmatch(entry.name)
        if (base and base[1] != "1") or (_INCREMENT.fullmatch(entry.name) and _has_content(entry)):
            raise EmbeddedError(
                f"data directory {directory} has messages in {FOLDER}, but their manifest {FOLDER}/{MANIFEST} is "
                "missing or empty: restore it from a backup, or see 'Damaged files' in docs/operations.md"
            )


def with_hint(line: str, directory: Path) -> str:
    """Return a line of Valkey's log; where it names a tool that is not installed, with a command that is."""
    if _TOOL not in line:
        return line
    return (
        f"{line.partition(': make a backup')[0]}; make a copy of {directory}, then run: "
        f"sqs-facade check-data --fix --data-dir {directory}"
    )


def check(directory: Path, *, fixes: bool) -> list[str]:
    """Check the files that the manifest lists; return a report.

    With ``fixes`` the last file is cut off where its damage begins. Raises EmbeddedError, also if a service uses the
    directory.
    """
    directory = prepare(directory)
    lock = open_lock(directory / "lock")
    try:
        if not try_lock(lock, "exclusive"):
            raise EmbeddedError(f"data directory {directory} is in use: stop the service first")
        return [_checked(file, is_last=is_last, fixes=fixes) for file, is_last in _listed(directory / FOLDER)]
    finally:
        os.close(lock)


def _listed(folder: Path) -> list[tuple[Path, bool]]:
    """Return the files with the writes since the base, oldest first, and whether each is the last."""
    try:
        names = _LISTED.findall((folder / MANIFEST).read_text())
    except OSError as problem:
        raise EmbeddedError(f"cannot read {folder / MANIFEST}: {problem.strerror}") from None
    return [(folder / name, name == names[-1]) for name in names]


def _checked(file: Path, *, is_last: bool, fixes: bool) -> str:
    if _run(str(file)) == 0:
        return f"{file.name} is valid"
    before = file.stat().st_size if file.exists() else 0
    if not is_last or (fixes and _run("--fix", str(file)) != 0):
        raise EmbeddedError(f"{file} is damaged and cannot be repaired: restore the data directory from a backup")
    if not fixes:
        raise EmbeddedError(f"{file} is damaged: make a copy of the data directory, then repeat this with --fix")
    return f"{file.name} was damaged: {before - file.stat().st_size} of its {before} bytes were cut off at the end"


def check_snapshot(file: Path) -> None:
    """Refuse a snapshot that is damaged, or that the installed Valkey cannot read. Raises EmbeddedError."""
    if _run(str(file), tool=_SNAPSHOT_TOOL) != 0:
        raise EmbeddedError(f"{file} is damaged, or a newer or another server wrote it than the installed Valkey reads")


def _run(*arguments: str, tool: str = _TOOL) -> int:
    """Run a tool; it asks for a confirmation before it changes a file. Return its exit code."""
    done = subprocess.run(  # noqa: S603 - our own binary
        [tool, *arguments], executable=program.path(), input=b"y\n", capture_output=True, check=False
    )
    return done.returncode


def _has_content(file: Path) -> bool:
    try:
        return file.stat().st_size > 0
    except OSError:
        return False
