"""Backups: a folder with the files of a store, a list of them with checksums, and the way back to a data directory.

A backup of a data directory has its append-only files as they were at one moment. Valkey only appends to them, and
replaces them as a set whose list is the manifest. So the files are opened, and if the manifest is the same before and
after, they belong together and have every write that was acknowledged before. Nothing is changed in the directory, and
a rewrite may run meanwhile: an open file can be read after it was deleted. A backup of another store is a snapshot.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Literal

import msgspec

from zaqar_core.embedded import append_only
from zaqar_core.embedded.errors import EmbeddedError
from zaqar_core.embedded.folder import SCHEMA

#: The list of a backup. It is written last, so a folder without it is no backup.
MANIFEST = "backup.json"
SNAPSHOT = "dump.rdb"
_KEY = "encryption.key"
#: Version of the form of backups.
_FORMAT = 1
_PIECE_BYTES = 1 << 20
#: A rewrite replaces the files a few times in a second at most.
_ATTEMPTS = 100
#: A line of Valkey's manifest: the name, and b for a base, i for an increment, h for a file that will be deleted.
_LINE = re.compile(r'file "?([^"/\s]+)"? seq ([0-9]+) type ([bih])(?: .*)?')
#: The base of a restored snapshot. A data directory whose first base is not 1 does not start without its manifest.
_RESTORED_BASE = "appendonly.aof.2.base.rdb"
_RESTORED_LIST = f"file {_RESTORED_BASE} seq 2 type b\n"

Kind = Literal["append-only", "snapshot"]
#: Called with the bytes that were copied, and with all.
Progress = Callable[[int, int], None]


class File(msgspec.Struct):
    """A file of a backup. ``path`` is relative to the folder."""

    path: str
    bytes: int
    sha256: str


class Backup(msgspec.Struct):
    """The list of a backup, MANIFEST.

    ``created`` is a time in UTC, ``release`` that of this software, ``server`` the program that wrote the files,
    ``database`` the number of the Redis database, ``has_key`` whether the key of encrypted messages is part of it.
    """

    format: int
    created: str
    release: str
    kind: Kind
    server: str
    schema: int
    has_key: bool
    files: list[File]
    database: int = 0

    @property
    def bytes(self) -> int:
        """The size of all files."""
        return sum(one.bytes for one in self.files)


@dataclass
class Unfinished:
    """A backup that is being written into ``folder``."""

    folder: Path
    files: list[str] = field(default_factory=list)


@contextmanager
def begun(target: Path) -> Iterator[Unfinished]:
    """Yield a new folder beside the target; ``finish`` gives it its name. Otherwise it is removed at the end.

    Raises EmbeddedError if the target exists or cannot be written.
    """
    if target.exists() or target.is_symlink():
        raise EmbeddedError(f"{target} exists: name a new folder")
    folder = target.with_name(f".{target.name}.partial-{secrets.token_hex(4)}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700)
    except OSError as problem:
        raise EmbeddedError(f"cannot create {target}: {problem.strerror}") from None
    try:
        yield Unfinished(folder)
    except OSError as problem:
        raise EmbeddedError(f"cannot copy {problem.filename or target}: {problem.strerror}") from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def copy_append_only(directory: Path, backup: Unfinished, progress: Progress) -> None:
    """Copy the append-only files of a data directory as they are at this moment. Raises EmbeddedError, OSError."""
    (backup.folder / append_only.FOLDER).mkdir(mode=0o700)
    with ExitStack() as stack:
        listed, streams = _opened(directory / append_only.FOLDER, stack)
        sizes = {name: os.fstat(stream.fileno()).st_size for name, stream in streams.items()}
        total, copied = sum(sizes.values()), 0
        for name, stream in streams.items():
            path = f"{append_only.FOLDER}/{name}"
            with _created(backup.folder / path) as copy:
                for piece in _pieces(stream, sizes[name]):
                    copy.write(piece)
                    copied += len(piece)
                    progress(copied, total)
            backup.files.append(path)
    path = f"{append_only.FOLDER}/{append_only.MANIFEST}"
    with _created(backup.folder / path) as copy:
        copy.write(listed)
    backup.files.append(path)
    # The end of the last file may be half of a write, which nobody was told of yet.
    append_only.check(backup.folder, fixes=True)
    (backup.folder / "lock").unlink(missing_ok=True)
    for path in backup.files:
        _sync(backup.folder / path)


def copy_key(directory: Path, backup: Unfinished) -> bool:
    """Copy the key of encrypted messages; return whether there is one. Raises OSError.

    Call it after the messages were copied: their key is older than they are.
    """
    with contextlib.suppress(FileNotFoundError), (directory / _KEY).open("rb") as stream:
        with _created(backup.folder / _KEY) as copy:
            copy.write(stream.read())
        backup.files.append(_KEY)
        return True
    return False


def finish(
    backup: Unfinished,
    target: Path,
    *,
    kind: Kind,
    created: str,
    release: str,
    server: str,
    database: int = 0,
) -> Backup:
    """Write the list, and give the folder its name; all is on disk then. Raises OSError."""
    files = [_described(backup.folder, path) for path in backup.files]
    found = Backup(
        format=_FORMAT,
        created=created,
        release=release,
        kind=kind,
        server=server,
        schema=SCHEMA,
        has_key=_KEY in backup.files,
        files=files,
        database=database,
    )
    with _created(backup.folder / MANIFEST) as stream:
        stream.write(msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n")
    for folder in {(backup.folder / path).parent for path in backup.files} | {backup.folder}:
        _sync(folder)
    backup.folder.rename(target)
    _sync(target.parent)
    return found


def verify(folder: Path, progress: Progress) -> Backup:
    """Read the list of a backup and compare every file with it. Raises EmbeddedError."""
    try:
        found = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Backup)
    except FileNotFoundError:
        raise EmbeddedError(f"{folder} is no complete backup: it has no {MANIFEST}") from None
    except OSError as problem:
        raise EmbeddedError(f"cannot read {folder / MANIFEST}: {problem.strerror}") from None
    except msgspec.DecodeError as problem:
        raise EmbeddedError(f"{folder / MANIFEST} is damaged: {problem}") from None
    if found.format != _FORMAT or found.schema != SCHEMA:
        raise EmbeddedError(
            f"{folder} has format {found.format} and schema {found.schema}, but this release reads {_FORMAT} and "
            f"{SCHEMA} only: restore it with release {found.release}"
        )
    checked = 0
    for one in found.files:
        if Path(one.path).is_absolute() or ".." in Path(one.path).parts:
            raise EmbeddedError(f"{folder / MANIFEST} is damaged: {one.path}")
        try:
            actual = _described(folder, one.path)
        except OSError as problem:
            raise EmbeddedError(f"{folder / one.path} is missing or unreadable: {problem.strerror}") from None
        if actual != one:
            raise EmbeddedError(f"{folder / one.path} is damaged: its checksum is not that of the backup")
        checked += one.bytes
        progress(checked, found.bytes)
    return found


def restore(folder: Path, found: Backup, directory: Path) -> None:
    """Make a data directory of a verified backup. Raises EmbeddedError, also if the directory is not empty.

    The list of the append-only files is written last. A service does not start on the others alone.
    """
    if found.database:
        raise EmbeddedError(
            f"the messages are in database {found.database} of the snapshot, and those of an embedded store are in "
            f"database 0: load {SNAPSHOT} into a server of yours"
        )
    directory = directory.expanduser().absolute()
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(entry.name != "lost+found" for entry in directory.iterdir()):
            raise EmbeddedError(f"{directory} is not empty: name an empty or a new directory")
        directory.chmod(0o700)
        try:
            _fill(folder, found, directory)
        except BaseException:
            shutil.rmtree(directory / append_only.FOLDER, ignore_errors=True)
            (directory / _KEY).unlink(missing_ok=True)
            raise
    except OSError as problem:
        raise EmbeddedError(f"cannot restore to {problem.filename or directory}: {problem.strerror}") from None


def _fill(folder: Path, found: Backup, directory: Path) -> None:
    """Copy a backup into an empty data directory. Raises EmbeddedError, OSError."""
    target = directory / append_only.FOLDER
    target.mkdir(mode=0o700)
    if found.kind == "snapshot":
        _copy(folder / SNAPSHOT, target / _RESTORED_BASE)
        listed = _RESTORED_LIST.encode()
    else:
        listed = (folder / append_only.FOLDER / append_only.MANIFEST).read_bytes()
        # Increments first: an empty base alone looks like the start of an empty store.
        for name, _kind in reversed(_names(listed.decode())):
            _copy(folder / append_only.FOLDER / name, target / name)
    if found.has_key:
        _copy(folder / _KEY, directory / _KEY)
    for name, kind in _names(listed.decode()):
        if kind == "b" and name.endswith(".rdb"):
            append_only.check_snapshot(target / name)
    with _created(target / append_only.MANIFEST) as stream:
        stream.write(listed)
    _sync(target)
    _sync(directory)


def _opened(folder: Path, stack: ExitStack) -> tuple[bytes, dict[str, BinaryIO]]:
    """Open the files of one set; return its list and the files, the base first. Raises EmbeddedError."""
    manifest = folder / append_only.MANIFEST
    for _ in range(_ATTEMPTS):
        with ExitStack() as trial, contextlib.suppress(FileNotFoundError):
            before = manifest.read_bytes()
            kept = [line for line in before.decode().splitlines() if not _is_history(line)]
            listed = "".join(f"{line}\n" for line in kept)
            found: dict[str, BinaryIO] = {
                name: trial.enter_context((folder / name).open("rb")) for name, _ in _names(listed)
            }
            if found and manifest.read_bytes() == before:
                stack.push(trial.pop_all())
                return listed.encode(), found
    raise EmbeddedError(f"{manifest} is missing, empty, or changes all the time")


def _names(listed: str) -> list[tuple[str, str]]:
    """Return the names and kinds of the files that a manifest of Valkey lists."""
    return [(line[1], line[3]) for line in map(_LINE.fullmatch, listed.splitlines()) if line is not None]


def _is_history(line: str) -> bool:
    found = _LINE.fullmatch(line)
    return found is not None and found[3] == "h"


def _pieces(stream: BinaryIO, size: int) -> Iterator[bytes]:
    """Iterate over the first ``size`` bytes of a file that may grow."""
    while size > 0 and (piece := stream.read(min(size, _PIECE_BYTES))):
        yield piece
        size -= len(piece)


@contextmanager
def _created(path: Path) -> Iterator[Any]:
    """Create a file that only its owner can read; it is on disk at the end."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        yield stream
        stream.flush()
        os.fsync(stream.fileno())


def _copy(source: Path, target: Path) -> None:
    with source.open("rb") as stream, _created(target) as copy:
        shutil.copyfileobj(stream, copy, _PIECE_BYTES)


def _described(folder: Path, path: str) -> File:
    with (folder / path).open("rb") as stream:
        return File(path, os.fstat(stream.fileno()).st_size, hashlib.file_digest(stream, "sha256").hexdigest())


def _sync(path: Path) -> None:
    """Wait until a file or folder is on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
