"""The catalogue of pools, kept in the main store: the pools, the flavors, and where each queue is.

Every change of pools and flavors increments its revision. A queue's placement names an incarnation; it is written
before the queue is created and removed after the queue is deleted: see ``zaqar_core.pools.placement``.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from zaqar_core.domain.errors import StoreUnavailable
from zaqar_core.domain.names import QueueRef
from zaqar_core.store import keys
from zaqar_core.store.scripts import script
from zaqar_core.store.single_server import Store

_ALL = script("pools_all", writes=False).plain
_PUT = script("pool_put").plain
_REMOVE = script("pool_remove").plain
_FLAVOR_PUT = script("flavor_put").plain
_FLAVOR_REMOVE = script("flavor_remove").plain
_PLACEMENTS = script("placements", writes=False).plain
_PLACEMENT_WRITE = script("placement_write").plain
_PLACEMENT_REMOVE = script("placement_remove").plain
_RULE_OUT = script("rule_out").plain
_NOW = script("now", writes=False).plain

#: No pool: the main store, which also has every queue without a placement.
MAIN = ""


class PoolRow(msgspec.Struct, frozen=True):
    """``options`` is JSON text of an object, kept for the administrator who wrote it."""

    uri: str
    weight: int
    options: str = "{}"


class FlavorRow(msgspec.Struct, frozen=True):
    """``capabilities`` is JSON text that an old client gave."""

    capabilities: str = "{}"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The pools and flavors of one revision. ``flavor_of`` has the pools that belong to one."""

    revision: int
    pools: dict[str, PoolRow]
    flavor_of: dict[str, str]
    flavors: dict[str, FlavorRow]

    def pools_of(self, flavor: str) -> list[str]:
        """In the order of names."""
        return sorted(name for name, one in self.flavor_of.items() if one == flavor and name in self.pools)


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a queue is, or is to be created. ``now_ms`` and ``revision``: the main store's when it was read."""

    incarnation: str
    since_ms: int
    pool: str
    now_ms: int
    revision: int


def read(store: Store) -> Catalogue:
    revision, pools, flavor_of, flavors = store.run(_ALL, keys.POOLS, [])
    return Catalogue(
        int(revision),
        {name: msgspec.json.decode(row, type=PoolRow) for name, row in _pairs(pools)},
        {name: flavor.decode() for name, flavor in _pairs(flavor_of)},
        {name: msgspec.json.decode(row, type=FlavorRow) for name, row in _pairs(flavors)},
    )


def revision(store: Store) -> int:
    return int(store.command("HGET", keys.POOLS, "rev") or 0)


def has_pools(store: Store) -> bool:
    return bool(store.command("EXISTS", keys.POOLS + b":pools"))


def refuse_forgotten_pools(store: Store) -> None:
    """Raises StoreUnavailable where queues may be in pools: without pooling they would seem to be gone."""
    if has_pools(store):
        raise StoreUnavailable("pools are registered in this store: set pooling, or delete them first")


def identity(store: Store) -> str:
    """The deployment's identity, the same under every address. Created by the first call."""
    store.command("SET", keys.DEPLOYMENT, os.urandom(16).hex(), "NX")
    found: bytes = store.command("GET", keys.DEPLOYMENT)
    return found.decode()


def put_pool(store: Store, name: str, row: PoolRow, deployment: str, flavor: str, before: PoolRow | None) -> None:
    """Fails with STALE, TAKEN, HELD: see the script."""
    expected = msgspec.json.encode(before) if before else b""
    asked: list[bytes | str | int] = [name, msgspec.json.encode(row), deployment, flavor, expected]
    store.run(_PUT, keys.POOLS, asked)


def remove_pool(store: Store, name: str) -> None:
    """Fails with HELD, FLAVORED: see the script."""
    store.run(_REMOVE, keys.POOLS, [name])


def put_flavor(store: Store, name: str, row: FlavorRow, pools: Sequence[str], *, only_there: bool) -> bool:
    """False where it must be there and is not. No pools leave them as they are. Fails with NOPOOL."""
    asked: list[bytes | str | int] = [name, msgspec.json.encode(row), int(only_there), *pools]
    return bool(store.run(_FLAVOR_PUT, keys.POOLS, asked))


def remove_flavor(store: Store, name: str) -> None:
    store.run(_FLAVOR_REMOVE, keys.POOLS, [name])


def placements(store: Store, refs: Sequence[QueueRef]) -> tuple[int, list[Placement | None]]:
    """The revision, and where each queue is; None where it has no placement."""
    now, at, *rows = store.run(_PLACEMENTS, keys.POOLS, [keys.address(ref) for ref in refs])
    return at, [Placement(row[0].decode(), row[1], row[2].decode(), now, at) if row else None for row in rows]


def now_ms(store: Store, ref: QueueRef) -> int:
    """The time of the server that has the queue, or would have it."""
    return int(store.run(_NOW, keys.queue(ref), []))


def write_placement(
    store: Store, ref: QueueRef, incarnation: str, pool: str, *, instead_of: str = "", deadline_ms: int = 0
) -> bool:
    """Write where the queue is. False when the present placement is not the expected one. Fails with NOPOOL, LATE."""
    asked: list[bytes | str | int] = [keys.address(ref), incarnation, pool, instead_of, deadline_ms]
    return bool(store.run(_PLACEMENT_WRITE, keys.POOLS, asked))


def remove_placement(store: Store, ref: QueueRef, incarnation: str, deadline_ms: int) -> None:
    """Remove the placement of that incarnation. Fails with LATE."""
    store.run(_PLACEMENT_REMOVE, keys.POOLS, [keys.address(ref), incarnation, deadline_ms])


def rule_out(store: Store, ref: QueueRef, incarnation: str, for_ms: int) -> bool:
    """Keep the incarnation from being created here for so long. False when it exists here."""
    return bool(store.run(_RULE_OUT, keys.queue(ref), [incarnation, for_ms]))


def _pairs(flat: Sequence[Any]) -> list[tuple[str, Any]]:
    return [(name.decode(), value) for name, value in zip(flat[::2], flat[1::2], strict=True)]
