"""What a server reports of itself, and what in it keeps the service from its promises."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import hiredis

from zaqar_core.configuration.setting_types import Durability
from zaqar_core.domain import full_disk
from zaqar_core.domain.errors import StoreUnavailable
from zaqar_core.store.conditions import Condition
from zaqar_core.store.connection import pack

#: Oldest version of the server, and oldest with WAITAOF.
REDIS_AT_LEAST = (7, 0)
WAITAOF_AT_LEAST = (7, 2)

_SECTIONS = ("server", "replication", "memory", "persistence", "cluster")
#: Settings that INFO does not show. Some managed servers refuse CONFIG.
_SETTINGS = (
    "appendfsync", "no-appendfsync-on-rewrite", "stop-writes-on-bgsave-error", "save", "min-replicas-to-write",
)  # fmt: skip
_COMMANDS = (*(("INFO", one) for one in _SECTIONS), *(("CONFIG", "GET", one) for one in _SETTINGS))
#: The packed commands that read all facts, and the number of their replies.
PACKED = b"".join(pack(words) for words in _COMMANDS)
REPLIES = len(_COMMANDS)
_REFUSED = "unknown (CONFIG is refused)"

#: Fields of INFO, and settings by their names.
Facts = Mapping[str, str]


def read(replies: Sequence[Any]) -> Facts:
    """Read the replies to PACKED. Raises StoreUnavailable if INFO is refused."""
    facts: dict[str, str] = {}
    for reply in replies[: len(_SECTIONS)]:
        if isinstance(reply, hiredis.ReplyError):
            raise StoreUnavailable(str(reply))
        facts.update(line.split(":", 1) for line in reply.decode().splitlines() if ":" in line)
    for name, reply in zip(_SETTINGS, replies[len(_SECTIONS) :], strict=True):
        if isinstance(reply, hiredis.ReplyError):
            facts[name] = _REFUSED
        else:
            facts[name] = reply[1].decode() if reply else "unknown"
    return facts


def read_from(command: Callable[..., Any]) -> Facts:
    """Read the facts by plain commands, which raise StoreUnavailable for an error reply."""
    replies: list[Any] = []
    for words in _COMMANDS:
        try:
            replies.append(command(*words))
        except StoreUnavailable as problem:
            if words[0] != "CONFIG" or problem.is_disconnected:
                raise
            replies.append(hiredis.ReplyError(problem.reason))
    return read(replies)


def problem(facts: Facts, durability: Durability) -> Condition | None:
    """Return why the server cannot keep the durability, with the setting to change; None if it can."""
    version = tuple(int(part) for part in facts.get("redis_version", "0.0").split(".")[:2])
    if version < REDIS_AT_LEAST:
        return Condition(
            "misconfigured",
            "reads",
            f"the server is too old ({facts.get('redis_version')}): use Redis 7.0, Valkey 7.2 or later",
            "install Redis 7.0, Valkey 7.2 or later",
        )
    if facts.get("role") == "slave":
        return Condition(
            "read-only",
            "reads",
            "this server is a replica: use the address of the primary",
            "set redis to the address of the primary, or to redis+sentinel://… to follow it",
        )
    if facts.get("maxmemory_policy", "noeviction") != "noeviction":
        return _wrong(
            "maxmemory-policy",
            "noeviction",
            f"the server may evict messages: set maxmemory-policy noeviction (it is {facts['maxmemory_policy']})",
        )
    return _unwritable(facts) or (None if durability == "memory" else _not_durable(facts, version, durability))


def _wrong(setting: str, value: str, reason: str) -> Condition:
    return Condition("misconfigured", "reads", reason, f"CONFIG SET {setting} {value}", setting)


def _unwritable(facts: Facts) -> Condition | None:
    """Return why the server refuses every write (MISCONF, NOREPLICAS)."""
    if facts.get("aof_enabled") == "1" and facts.get("aof_last_write_status", "ok") != "ok":
        return _no_disk("the server cannot write its append-only file (aof_last_write_status): is its disk full?")
    saves = facts["save"] not in ("", "unknown", _REFUSED) and facts["stop-writes-on-bgsave-error"] == "yes"
    if saves and facts.get("rdb_last_bgsave_status", "ok") != "ok":
        return _no_disk("the server cannot save its data (rdb_last_bgsave_status): is its disk full?")
    wanted, found = facts["min-replicas-to-write"], facts.get("min_slaves_good_slaves")
    if found is not None and wanted.isdigit() and int(found) < int(wanted):
        return Condition(
            "read-only",
            "reads",
            f"the server has fewer replicas ({found}) than its setting min-replicas-to-write asks for ({wanted})",
            "connect the missing replicas, or lower min-replicas-to-write",
        )
    return None


def _no_disk(reason: str) -> Condition:
    return Condition("disk-full", "reads", reason, "free space on the disk of the server; its log has the error")


def _not_durable(facts: Facts, version: tuple[int, ...], durability: Durability) -> Condition | None:
    if facts.get("aof_enabled") != "1":
        return _wrong(
            "appendonly",
            "yes",
            f"durability {durability} needs appendonly yes on the server (or use --durability memory)",
        )
    if durability == "fsync" and facts["appendfsync"] != "always":
        return _wrong(
            "appendfsync",
            "always",
            f"durability fsync needs appendfsync always on the server, not {facts['appendfsync']} "
            "(or use --durability memory)",
        )
    if durability == "fsync" and facts["no-appendfsync-on-rewrite"] == "yes":
        return _wrong(
            "no-appendfsync-on-rewrite",
            "no",
            "durability fsync needs no-appendfsync-on-rewrite no on the server: with yes it writes nothing to the disk "
            "while it rewrites its append-only file",
        )
    if durability == "replicated":
        if version < WAITAOF_AT_LEAST:
            return Condition(
                "misconfigured",
                "reads",
                "durability replicated needs WAITAOF: use Redis 7.2, Valkey 7.2 or later",
                "install Redis 7.2, Valkey 7.2 or later",
            )
        if facts.get("connected_slaves", "0") == "0":
            return Condition(
                "read-only",
                "reads",
                "durability replicated needs a connected replica, but the server has none",
                "connect a replica (REPLICAOF host port on it)",
            )
    return None


#: The problem of a server whose append-only file was switched on a moment ago.
INCOMPLETE_LOG = Condition(
    "misconfigured",
    "reads",
    "the server still writes the beginning of its append-only file, which was off",
    "wait until INFO persistence shows aof_rewrite_in_progress:0",
    "appendonly",
)


def loading(facts: Facts) -> Condition | None:
    """Return that the server reads its data after a start, and answers nothing else; None if it does not."""
    if facts.get("loading") != "1":
        return None
    part = facts.get("loading_loaded_perc", "0")
    return Condition("loading", "nothing", f"the server loads its data ({part} %)", "wait until it has loaded its data")


def begins_log(facts: Facts, *, was_off: bool) -> bool:
    """Return whether the append-only file is off, or was off before and is not whole yet.

    ``appendonly yes`` begins with a copy of all data. Until it is complete, the server loses everything at a crash,
    although it reports ``aof_enabled:1``.
    """
    if facts.get("aof_enabled") != "1":
        return True
    is_copying = facts.get("aof_rewrite_in_progress") == "1" or facts.get("aof_rewrite_scheduled") == "1"
    return was_off and (is_copying or facts.get("aof_last_bgrewrite_status", "ok") != "ok")


def fullness(facts: Facts, part: float) -> Condition | None:
    """Return how full the server is if it uses more than ``part`` of its memory limit; None without a limit."""
    limit = int(facts.get("maxmemory", "0"))
    if limit == full_disk.MAXMEMORY:
        return Condition(
            "disk-full",
            "frees",
            "the disk is full: nothing new is stored until there is room",
            "free space on the disk of the data directory, or delete messages",
        )
    # The server does not count these buffers against the limit.
    used = int(facts.get("used_memory", "0")) - int(facts.get("mem_not_counted_for_evict", "0"))
    if limit == 0 or used <= limit * part:
        return None
    return Condition(
        "full",
        "frees",
        f"the server is out of memory: it uses {used} bytes of the {limit} that its setting maxmemory allows",
        "receive and delete messages, or raise maxmemory (the setting store_memory of an embedded Valkey)",
    )
