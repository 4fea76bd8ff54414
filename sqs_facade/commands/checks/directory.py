"""Checks of a data directory and of the disk below it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqs_facade.commands.checks.findings import Finding, Topic

TOPIC = Topic("The data directory")


@dataclass(frozen=True, slots=True)
class DirectoryFacts:
    """A data directory. None where the system does not tell."""

    path: Path
    exists: bool = True
    is_writable: bool = True
    #: Permission bits, and whether this user owns it.
    mode: int = 0o700
    is_ours: bool = True
    #: Files of the service in it that other users can read or write.
    open_files: tuple[str, ...] = ()
    #: Type of the file system, such as ext4.
    file_system: str | None = None
    free_bytes: int | None = None
    total_bytes: int | None = None
    free_inodes: int | None = None
    #: Median of several writes of 4 KiB with fsync.
    fsync_seconds: float | None = None
    #: Bytes of the reserve; 0: it is spent, None: there is none.
    reserve_bytes: int | None = None
    schema: int | None = None
    #: Why the append-only files cannot be used; empty if they can.
    damage: str = ""
    is_running: bool = False
    log_size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class WantedOfDisk:
    """What the settings ask of the directory."""

    durability: str = "fsync"
    reserve_bytes: int = 16 << 20
    schema: int = 1


_UNWRITABLE = TOPIC.rule(
    "disk-not-writable", "error", means="this user cannot write into the directory",
    why="the service does not start",
    remedy="chown -R USER {path}, or run the service as its owner",
)  # fmt: skip
_MISSING = TOPIC.rule(
    "disk-no-directory", "note", means="the directory does not exist",
    why="the service creates it, and starts without queues",
    remedy="check the setting data_dir if you expect queues there",
)  # fmt: skip
_OWNER = TOPIC.rule(
    "disk-other-owner", "error", means="the directory belongs to another user",
    why="the service cannot close it to others, and does not start",
    remedy="chown -R USER {path}",
)  # fmt: skip
_MODE = TOPIC.rule(
    "disk-open-mode", "error", means="other users have access to the directory or its files",
    why="it has message bodies, a key and the secret of receipt handles",
    remedy="chmod -R go-rwx {path}",
)  # fmt: skip
_KIND = TOPIC.rule(
    "disk-in-memory", "error", means="the file system is in memory",
    why="a restart of the machine loses every message, whatever the durability says",
    remedy="set data_dir to a directory on a disk, or durability to memory",
)  # fmt: skip
_OVERLAY = TOPIC.rule(
    "disk-in-container", "error", means="the directory is in the writable layer of a container",
    why="the messages are gone with the container",
    remedy="mount a volume at {path}",
)  # fmt: skip
_NETWORK = TOPIC.rule(
    "disk-on-network", "warning", means="the file system is on the network",
    why="its fsync may be slow or without effect, and two machines may open the same files",
    remedy="set data_dir to a local disk, or use --redis with a server beside its disk",
)  # fmt: skip
_FULL = TOPIC.rule(
    "disk-no-space", "error", means="less space is free than store_disk_reserve",
    why="the next writes fail: sends are refused, then only deletions work",
    remedy="free space on the disk of {path}",
)  # fmt: skip
_LOW = TOPIC.rule(
    "disk-low-space", "warning", means="less than 10 % of the disk, and less than 2 GiB, is free",
    why="a rewrite of the append-only file needs as much space as its content",
    remedy="free space on the disk of {path}, or move the directory",
)  # fmt: skip
_INODES = TOPIC.rule(
    "disk-few-inodes", "error", means="fewer than 100 inodes are free",
    why="no file can be created: a rewrite of the append-only file fails",
    remedy="delete small files on the disk of {path}",
)  # fmt: skip
_SLOW = TOPIC.rule(
    "disk-slow-fsync", "warning", means="an fsync of 4 KiB takes over 20 ms",
    why="with durability fsync each acknowledgement waits for one",
    remedy="use an SSD or a disk with a protected write cache, or durability memory",
)  # fmt: skip
_SUSPICIOUS = TOPIC.rule(
    "disk-fsync-in-vain", "note", means="an fsync of 4 KiB takes less than 20 µs",
    why="no disk is that fast: a cache acknowledges it, which a power cut may empty",
    remedy="check the write cache of the disk (hdparm -W), or that of the virtual machine",
)  # fmt: skip
_NO_RESERVE = TOPIC.rule(
    "disk-no-reserve", "warning", means="there is no reserve of disk space",
    why="on a full disk messages cannot be deleted to make room",
    remedy="free four times store_disk_reserve, and restart the service",
)  # fmt: skip
_SPENT = TOPIC.rule(
    "disk-reserve-spent", "error", means="the reserve of disk space is spent",
    why="the disk was full: sends are refused",
    remedy="free space on the disk of {path}, or delete messages",
)  # fmt: skip
_SCHEMA = TOPIC.rule(
    "disk-other-schema", "error", means="the directory was written by a release with another layout",
    why="this release does not open it",
    remedy="run the release that wrote it, or use another data_dir",
)  # fmt: skip
_DAMAGED = TOPIC.rule(
    "disk-damaged", "error", means="the append-only files have no manifest",
    why="Valkey would start empty, so the service does not start",
    remedy="restore the manifest from a backup: see Damaged files in docs/operations.md",
)  # fmt: skip
_STOPPED = TOPIC.rule(
    "disk-not-served", "note", means="no Valkey runs on the directory",
    why="its queues are not served now, and the store could not be checked",
    remedy="sqs-facade serve --data-dir {path}",
)  # fmt: skip
_LOG = TOPIC.rule(
    "disk-large-log", "note", means="valkey.log has over 100 MiB",
    why="it is not rotated",
    remedy="truncate --size 0 {path}/valkey.log",
)  # fmt: skip
_IN_MEMORY = frozenset(("tmpfs", "ramfs", "rootfs"))
_LAYERS = frozenset(("overlay", "aufs"))
_REMOTE = ("nfs", "cifs", "smb", "9p", "fuse", "ceph", "gluster", "virtiofs", "afs")


def check(facts: DirectoryFacts, wanted: WantedOfDisk) -> Iterator[Finding]:
    """Return what is wrong with a data directory."""
    path = str(facts.path)
    if not facts.exists:
        yield _MISSING.found(f"{path} does not exist", where=path)
        yield from _disk(facts, wanted, path)
        return
    if not facts.is_writable:
        yield _UNWRITABLE.found(f"{path} is not writable", where=path, path=path)
    if not facts.is_ours:
        yield _OWNER.found(f"{path} belongs to another user", where=path, path=path)
    if facts.mode & 0o077:
        yield _MODE.found(f"{path} has mode {facts.mode:03o}", where=path, path=path)
    if facts.open_files:
        named = ", ".join(facts.open_files[:5])
        yield _MODE.found(f"other users can open {named}", where=path, path=path)
    if facts.schema is not None and facts.schema != wanted.schema:
        yield _SCHEMA.found(f"{path} has schema {facts.schema}, and this release has {wanted.schema}", where=path)
    if facts.damage:
        yield _DAMAGED.found(facts.damage, where=path)
    if not facts.is_running:
        yield _STOPPED.found(f"no Valkey runs on {path}", where=path, path=path)
    if facts.log_size_bytes > 100 << 20:
        yield _LOG.found(f"valkey.log has {facts.log_size_bytes >> 20} MiB", where=path, path=path)
    yield from _disk(facts, wanted, path)
    if wanted.durability != "memory" and wanted.reserve_bytes:
        if facts.reserve_bytes == 0:
            yield _SPENT.found("the reserve was freed because the disk was full", where=path, path=path)
        elif facts.reserve_bytes is None and facts.is_running:
            yield _NO_RESERVE.found("the disk never had room for a reserve", where=path)


def _disk(facts: DirectoryFacts, wanted: WantedOfDisk, path: str) -> Iterator[Finding]:
    kind = facts.file_system or ""
    if wanted.durability != "memory":
        if kind in _IN_MEMORY:
            yield _KIND.found(f"{path} is on {kind}", where=path)
        elif kind in _LAYERS:
            yield _OVERLAY.found(f"{path} is on {kind}", where=path, path=path)
        if facts.fsync_seconds is not None and facts.fsync_seconds > 0.02:
            yield _SLOW.found(f"an fsync takes {facts.fsync_seconds * 1000:.0f} ms", where=path)
        elif facts.fsync_seconds is not None and facts.fsync_seconds < 20e-6 and kind not in _IN_MEMORY:
            yield _SUSPICIOUS.found(f"an fsync takes {facts.fsync_seconds * 1e6:.0f} µs", where=path)
    if kind.startswith(_REMOTE):
        yield _NETWORK.found(f"{path} is on {kind}", where=path)
    if facts.free_bytes is not None and facts.free_bytes < wanted.reserve_bytes:
        yield _FULL.found(f"{facts.free_bytes} bytes are free", where=path, path=path)
    elif (
        facts.free_bytes is not None and facts.total_bytes and facts.free_bytes < min(facts.total_bytes // 10, 2 << 30)
    ):
        yield _LOW.found(f"{facts.free_bytes >> 20} MiB of {facts.total_bytes >> 20} are free", where=path, path=path)
    if facts.free_inodes is not None and 0 <= facts.free_inodes < 100 and kind not in ("btrfs", "overlay"):
        yield _INODES.found(f"{facts.free_inodes} inodes are free", where=path, path=path)
