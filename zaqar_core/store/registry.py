"""The registry: the names of all queues.

A row is added before its queue is created and removed after the queue is deleted. It has the queue's incarnation, which
the removal compares. A row without a queue is harmless; housekeeping removes it.
"""

from __future__ import annotations

from zaqar_core.domain.names import QueueRef
from zaqar_core.store import keys
from zaqar_core.store.scripts import script
from zaqar_core.store.single_server import Store

_ADD = script("registry_enter").plain
_REMOVE = script("registry_leave").plain
_DELETED_AGO = script("registry_gone").plain


def add(store: Store, ref: QueueRef, incarnation: str) -> None:
    """Add the queue's name with its incarnation (hex), or replace the incarnation."""
    key = keys.registry(ref.project, ref.region)
    store.command("SADD", keys.NAMESPACES, key)
    store.run(_ADD, key, [ref.name, incarnation])


def remove(store: Store, ref: QueueRef, incarnation: str, remember_seconds: int = 0) -> None:
    """Remove the name unless a later incarnation was added; keep the time of the deletion for ``remember_seconds``."""
    store.run(_REMOVE, keys.registry(ref.project, ref.region), [ref.name, incarnation, remember_seconds])


def deleted_ms_ago(store: Store, ref: QueueRef) -> int | None:
    """Return how long ago the queue was deleted; None if no time of a deletion is kept."""
    reply: int = store.run(_DELETED_AGO, keys.registry(ref.project, ref.region), [ref.name])
    return None if reply < 0 else reply


def names(store: Store, project: str, region: str, *, prefix: str, after: str, limit: int) -> list[str]:
    """Return up to ``limit`` names in byte order that begin with ``prefix`` and come after ``after``."""
    first = b"[" + prefix.encode() if after < prefix else b"(" + after.encode()
    last = b"(" + prefix.encode() + b"\xff" if prefix else b"+"
    if not prefix and not after:
        first = b"-"
    key = keys.registry(project, region) + b":names"
    found = store.command("ZRANGEBYLEX", key, first, last, "LIMIT", 0, limit)
    return [name.decode() for name in found]


def number(store: Store, project: str, region: str) -> int:
    """Return the number of names."""
    return int(store.command("ZCARD", keys.registry(project, region) + b":names"))


def namespaces(store: Store) -> list[bytes]:
    """Return the keys of all registries."""
    return list(store.command("SMEMBERS", keys.NAMESPACES))


def incarnation(store: Store, ref: QueueRef) -> str | None:
    """Return the incarnation in the queue's row, None without a row."""
    found = store.command("HGET", keys.registry(ref.project, ref.region) + b":lives", ref.name)
    return found.decode() if found else None


def backdate_deletions(store: Store, namespace: bytes, seconds: int) -> None:
    """Move the kept times of deletions into the past. For tests."""
    deletions = namespace + b":gone"
    for name in store.command("ZRANGE", deletions, 0, -1):
        store.command("ZINCRBY", deletions, -seconds, name)


def drop(store: Store, namespace: bytes) -> None:
    """Remove a namespace that has no queues from the list. For tests."""
    store.command("SREM", keys.NAMESPACES, namespace)
    store.command("DEL", namespace + b":gone", namespace + b":stale")
    if store.command("ZCARD", namespace + b":names"):  # a queue was created meanwhile
        store.command("SADD", keys.NAMESPACES, namespace)
