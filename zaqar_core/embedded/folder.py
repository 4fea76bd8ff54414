"""The data directory of an embedded Valkey: its locks, its files, and the path of its socket.

Files beside Valkey's own:

- ``lock``: Valkey itself holds it, through an inherited descriptor, for exactly as long as it runs.
- ``users``: each user holds it shared, and the user that stops Valkey holds it exclusively.
- ``start``: a process holds it while it decides whether to start Valkey.
- ``keeper``: one watchdog holds it, and the others wait for it.
- ``info.json``: written before Valkey runs, so it names the process that holds ``lock``, or a process that has ended.
- ``encryption.key``: the key of messages in encrypted queues.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import hashlib
import json
import os
import re
import stat
import tempfile
from pathlib import Path
from typing import Literal, TypedDict

from zaqar_core.embedded.errors import EmbeddedError

#: Version of the layout of a data directory.
SCHEMA = 1
#: Longest path of a Unix socket: macOS allows 104 bytes with the final zero, Linux 108.
_SOCKET_PATH_BYTES = 103
#: Files that Valkey writes before it renames them; the number is the id of the process.
_DRAFT = re.compile(r"temp-(rewriteaof-(bg-)?)?[0-9]+\.(aof|rdb)")


class Info(TypedDict):
    """The Valkey that runs, or last ran, on a data directory."""

    pid: int
    #: Start time of the process (``watchdog.started``); empty in a file that an earlier release wrote.
    started: str
    socket: str
    schema: int
    durability: str


def default_directory() -> Path:
    """Return the data directory of the user, which is used if no other is named."""
    import platformdirs

    return Path(platformdirs.user_data_dir("sqs-facade"))


def prepare(directory: Path) -> Path:
    """Create the directory if it does not exist, for its owner only; return its absolute path. Raises EmbeddedError."""
    try:
        directory = directory.expanduser().resolve()
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as problem:
        raise EmbeddedError(f"cannot use data directory {directory}: {problem.strerror}") from None
    if not os.access(directory, os.W_OK | os.X_OK):
        raise EmbeddedError(f"cannot use data directory {directory}: it is not writable")
    return directory


def open_lock(path: Path) -> int:
    """Open a lock file, which is created if it does not exist; return the descriptor. Raises EmbeddedError."""
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as problem:
        raise EmbeddedError(f"cannot open {path}: {problem.strerror}") from None


def try_lock(descriptor: int, kind: Literal["shared", "exclusive"]) -> bool:
    """Take the lock if it is free. Return whether it was."""
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if kind == "shared" else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def remove_drafts(directory: Path) -> None:
    """Remove unfinished files that a killed Valkey left behind. Nothing else would ever remove them.

    The caller holds ``lock``, so none of them is being written.
    """
    for entry in directory.iterdir():
        if _DRAFT.fullmatch(entry.name) and entry.is_file() and not entry.is_symlink():
            entry.unlink(missing_ok=True)


def read_info(directory: Path) -> Info | None:
    """Read the information of the directory; None if there is none, or if it cannot be read."""
    try:
        found = json.loads((directory / "info.json").read_bytes())
        return Info(
            pid=int(found["pid"]),
            started=str(found.get("started", "")),
            socket=str(found["socket"]),
            schema=int(found["schema"]),
            durability=str(found["durability"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_info(directory: Path, info: Info) -> None:
    """Replace the information of the directory atomically."""
    draft = directory / "info.json.new"
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        stream.write(json.dumps(info))
    draft.replace(directory / "info.json")


def encryption_key(directory: Path) -> str:
    """Return the key of the data directory, as an entry of the setting ``encryption_keys``; create it if there is none.

    A new key is on disk before it is used, since a message must not outlive its key. Raises EmbeddedError.
    """
    path = directory / "encryption.key"
    try:
        if not path.exists():
            with tempfile.NamedTemporaryFile(dir=directory, prefix="encryption.key.", mode="w") as draft:  # 0600
                draft.write(new_key())
                draft.flush()
                os.fsync(draft.fileno())
                with contextlib.suppress(FileExistsError):  # another process was first
                    os.link(draft.name, path)
            holder = os.open(directory, os.O_RDONLY)
            try:
                os.fsync(holder)
            finally:
                os.close(holder)
        return path.read_text().strip()
    except OSError as problem:
        raise EmbeddedError(f"cannot use {path}: {problem.strerror}") from None


def new_key() -> str:
    """Return a new random key, as an entry of the setting ``encryption_keys``."""
    return f"own-{os.urandom(4).hex()}:{base64.b64encode(os.urandom(32)).decode()}"


def socket_path(directory: Path) -> Path:
    """Return the path of the socket on which the Valkey of this data directory listens.

    The path is short, and in a directory that only its owner can enter. Raises EmbeddedError if other users can.
    """
    name = hashlib.sha256(os.fsencode(directory)).hexdigest()[:16]
    base = os.environ.get("XDG_RUNTIME_DIR") or ""
    if not (base and os.access(base, os.W_OK | os.X_OK)):
        base = tempfile.gettempdir()
    folder = Path(base) / f"sqs-facade-{os.getuid()}-{name}"
    if len(os.fsencode(folder / "s")) > _SOCKET_PATH_BYTES:
        folder = Path("/tmp") / folder.name  # noqa: S108 - checked below
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError as problem:
        raise EmbeddedError(f"cannot create {folder}: {problem.strerror}") from None
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise EmbeddedError(f"other users can enter {folder}, which must be private: remove it")
    return folder / "s"
