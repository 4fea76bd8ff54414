"""Which queues there are. The registry is written before a queue is made and after it is deleted; rows carry the
queue's incarnation, and removal compares it. A row without a queue is harmless; upkeep removes it."""

from __future__ import annotations

from zaqar_core.domain.names import QueueRef
from zaqar_core.store import keys
from zaqar_core.store.scripts import script
from zaqar_core.store.single_server import Store

_ENTER = script("registry_enter").plain
_LEAVE = script("registry_leave").plain
_GONE = script("registry_gone", writes=False).plain


def add(store: Store, ref: QueueRef, incarnation: str) -> None:
    """The name is listed, with that incarnation (hex)."""
    key = keys.registry(ref.project, ref.region)
    store.command("SADD", keys.NAMESPACES, key)
    store.run(_ENTER, key, [ref.name, incarnation])


def remove(store: Store, ref: QueueRef, incarnation: str, remember_seconds: int = 0) -> None:
    """The name is no longer listed, unless a later incarnation has entered; its end is remembered so long."""
    store.run(_LEAVE, keys.registry(ref.project, ref.region), [ref.name, incarnation, remember_seconds])


def deleted_ms_ago(store: Store, ref: QueueRef) -> int | None:
    """How long ago the queue of that name was deleted, where that is still remembered."""
    reply: int = store.run(_GONE, keys.registry(ref.project, ref.region), [ref.name])
    return None if reply < 0 else reply


def names(store: Store, project: str, region: str, *, prefix: str, after: str, limit: int) -> list[str]:
    """Names in byte order that begin with ``prefix`` and come after ``after``."""
    first = b"[" + prefix.encode() if after < prefix else b"(" + after.encode()
    last = b"(" + prefix.encode() + b"\xff" if prefix else b"+"
    if not prefix and not after:
        first = b"-"
    key = keys.registry(project, region) + b":names"
    found = store.command("ZRANGEBYLEX", key, first, last, "LIMIT", 0, limit)
    return [name.decode() for name in found]


def number(store: Store, project: str, region: str) -> int:
    return int(store.command("ZCARD", keys.registry(project, region) + b":names"))


def namespaces(store: Store) -> list[bytes]:
    """All registries there are."""
    return list(store.command("SMEMBERS", keys.NAMESPACES))


def incarnation(store: Store, ref: QueueRef) -> str | None:
    """The incarnation that the row carries."""
    found = store.command("HGET", keys.registry(ref.project, ref.region) + b":lives", ref.name)
    return found.decode() if found else None


def backdate_deletions(store: Store, namespace: bytes, seconds: int) -> None:
    """What is remembered of deleted queues happened so much earlier. For tests."""
    gone = namespace + b":gone"
    for name in store.command("ZRANGE", gone, 0, -1):
        store.command("ZINCRBY", gone, -seconds, name)


def drop(store: Store, namespace: bytes) -> None:
    """Nothing is remembered of a namespace without queues. For tests."""
    store.command("SREM", keys.NAMESPACES, namespace)
    store.command("DEL", namespace + b":gone", namespace + b":stale")
    if store.command("ZCARD", namespace + b":names"):  # a queue was made meanwhile
        store.command("SADD", keys.NAMESPACES, namespace)
