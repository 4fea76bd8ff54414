"""The data directory: who holds it, what it contains, where its socket is.

Files beside Valkey's own:

- ``lock``: held by Valkey itself, through an inherited descriptor, so exactly as long as it runs.
- ``users``: a shared lock for each user; exclusive for the user that stops Valkey.
- ``start``: held while a process decides whether to start Valkey.
- ``keeper``: held by the watchdog.
- ``info.json``: written before Valkey runs, so it always names the process that holds ``lock``, or one that has ended.
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

#: Version of what we keep in a data directory.
SCHEMA = 1
#: macOS holds 104 bytes with the final zero, Linux 108.
_SOCKET_PATH_BYTES = 103
#: Valkey's own names, with the number of the process that wrote.
_DRAFT = re.compile(r"temp-(rewriteaof-(bg-)?)?[0-9]+\.(aof|rdb)")


class Info(TypedDict):
    """What runs, or last ran, on a data directory."""

    pid: int
    #: When that process started (``watchdog.started``); empty where a former release wrote the information.
    started: str
    socket: str
    schema: int
    durability: str


def prepare(directory: Path) -> Path:
    """The directory, absolute and there, for its owner only. Raises EmbeddedError."""
    try:
        directory = directory.expanduser().resolve()
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as problem:
        raise EmbeddedError(f"cannot use data directory {directory}: {problem.strerror}") from None
    if not os.access(directory, os.W_OK | os.X_OK):
        raise EmbeddedError(f"cannot use data directory {directory}: it is not writable")
    return directory


def open_lock(path: Path) -> int:
    """A descriptor of a lock file, made if need be. Raises EmbeddedError."""
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as problem:
        raise EmbeddedError(f"cannot open {path}: {problem.strerror}") from None


def try_lock(descriptor: int, kind: Literal["shared", "exclusive"]) -> bool:
    """Whether the lock was free for us."""
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if kind == "shared" else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def remove_drafts(directory: Path) -> None:
    """Rewrites that a killed Valkey left half done are gone; nothing else would ever remove them.

    The caller holds ``lock``, so none of them is being written.
    """
    for entry in directory.iterdir():
        if _DRAFT.fullmatch(entry.name) and entry.is_file() and not entry.is_symlink():
            entry.unlink(missing_ok=True)


def read_info(directory: Path) -> Info | None:
    """The last information written there; None if there is none."""
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
    """Replace the information in one step."""
    draft = directory / "info.json.new"
    draft.write_text(json.dumps(info))
    draft.replace(directory / "info.json")


def encryption_key(directory: Path) -> str:
    """The key of the data directory, as an entry of the setting ``encryption_keys``; made if there is none.

    On disk before it is used: what it encrypts must not outlive it. Raises EmbeddedError.
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
    """A random key, as an entry of the setting ``encryption_keys``."""
    return f"own-{os.urandom(4).hex()}:{base64.b64encode(os.urandom(32)).decode()}"


def socket_path(directory: Path) -> Path:
    """Where the Valkey of this data directory listens: short, in a directory only its owner can enter.

    Raises EmbeddedError when that directory is somebody else's.
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
        raise EmbeddedError(f"cannot make {folder}: {problem.strerror}") from None
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise EmbeddedError(f"{folder} can be entered by other users: remove it")
    return folder / "s"
