"""The catalogue of pools in the main store: the pools, the flavors, and the placement of each queue.

Every change of pools or flavors increments its revision. A queue's placement names an incarnation; it is written
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

_ALL = script("pools_all").plain
_PUT = script("pool_put").plain
_REMOVE = script("pool_remove").plain
_FLAVOR_PUT = script("flavor_put").plain
_FLAVOR_REMOVE = script("flavor_remove").plain
_READ_PLACEMENTS = script("placements").plain
_WRITE_PLACEMENT = script("placement_write").plain
_REMOVE_PLACEMENT = script("placement_remove").plain
_RULE_OUT = script("rule_out").plain
_NOW = script("now").plain

#: The pool name of the main store, which also has every queue without a placement.
MAIN = ""


class PoolRow(msgspec.Struct, frozen=True):
    """A pool in the catalogue. ``options`` is a JSON object as text; the service stores it without using it."""

    uri: str
    weight: int
    options: str = "{}"


class FlavorRow(msgspec.Struct, frozen=True):
    """A flavor in the catalogue. ``capabilities`` is a JSON object as text, which older API versions may set."""

    capabilities: str = "{}"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The pools and flavors of one revision. ``flavor_of`` maps each pool with a flavor to it."""

    revision: int
    pools: dict[str, PoolRow]
    flavor_of: dict[str, str]
    flavors: dict[str, FlavorRow]

    def pools_of(self, flavor: str) -> list[str]:
        """Return the pools of the flavor by name."""
        return sorted(name for name, one in self.flavor_of.items() if one == flavor and name in self.pools)


@dataclass(frozen=True, slots=True)
class Placement:
    """The deployment of a queue, which may not exist yet. ``now_ms`` and ``revision`` are the main store's."""

    incarnation: str
    since_ms: int
    pool: str
    now_ms: int
    revision: int


def read(store: Store) -> Catalogue:
    """Read the catalogue. One round trip."""
    revision, pools, flavor_of, flavors = store.run(_ALL, keys.POOLS, [])
    return Catalogue(
        int(revision),
        {name: msgspec.json.decode(row, type=PoolRow) for name, row in _pairs(pools)},
        {name: flavor.decode() for name, flavor in _pairs(flavor_of)},
        {name: msgspec.json.decode(row, type=FlavorRow) for name, row in _pairs(flavors)},
    )


def revision(store: Store) -> int:
    """Read only the revision of the catalogue."""
    return int(store.command("HGET", keys.POOLS, "rev") or 0)


def has_pools(store: Store) -> bool:
    """Return whether any pool is registered."""
    return bool(store.command("EXISTS", keys.POOLS + b":pools"))


def refuse_forgotten_pools(store: Store) -> None:
    """Raise StoreUnavailable if pools are registered: without pooling their queues would seem to be deleted."""
    if has_pools(store):
        raise StoreUnavailable("pools are registered in this store: set pooling to true, or delete the pools first")


def identity(store: Store) -> str:
    """Return the deployment's identity, which is the same under every address. The first call creates it."""
    store.command("SET", keys.DEPLOYMENT, os.urandom(16).hex(), "NX")
    found: bytes = store.command("GET", keys.DEPLOYMENT)
    return found.decode()


def put_pool(store: Store, name: str, row: PoolRow, deployment: str, flavor: str, before: PoolRow | None) -> None:
    """Register or change a pool. Fails with STALE, TAKEN, HELD: see lua/functions/pool_put."""
    expected = msgspec.json.encode(before) if before else b""
    arguments: list[bytes | str | int] = [name, msgspec.json.encode(row), deployment, flavor, expected]
    store.run(_PUT, keys.POOLS, arguments)


def remove_pool(store: Store, name: str) -> None:
    """Delete a pool. Fails with HELD, FLAVORED: see lua/functions/pool_remove."""
    store.run(_REMOVE, keys.POOLS, [name])


def put_flavor(store: Store, name: str, row: FlavorRow, pools: Sequence[str], *, must_exist: bool) -> bool:
    """Create or change a flavor; without ``pools`` it keeps its pools. Fails with NOPOOL.

    Returns False if the flavor must exist and does not.
    """
    arguments: list[bytes | str | int] = [name, msgspec.json.encode(row), int(must_exist), *pools]
    return bool(store.run(_FLAVOR_PUT, keys.POOLS, arguments))


def remove_flavor(store: Store, name: str) -> None:
    """Delete a flavor."""
    store.run(_FLAVOR_REMOVE, keys.POOLS, [name])


def placements(store: Store, refs: Sequence[QueueRef]) -> tuple[int, list[Placement | None]]:
    """Read the revision, and the placement of each queue; None for a queue without one."""
    now, read_revision, *rows = store.run(_READ_PLACEMENTS, keys.POOLS, [keys.address(ref) for ref in refs])
    return read_revision, [
        Placement(row[0].decode(), row[1], row[2].decode(), now, read_revision) if row else None for row in rows
    ]


def now_ms(store: Store, ref: QueueRef) -> int:
    """Return the time of the server that has the slot of the queue's keys."""
    return int(store.run(_NOW, keys.queue(ref), []))


def write_placement(
    store: Store, ref: QueueRef, incarnation: str, pool: str, *, instead_of: str = "", deadline_ms: int = 0
) -> bool:
    """Write the queue's placement if the present one has the incarnation ``instead_of`` ("": if there is none).

    Returns whether it was written. Fails with NOPOOL, LATE.
    """
    arguments: list[bytes | str | int] = [keys.address(ref), incarnation, pool, instead_of, deadline_ms]
    return bool(store.run(_WRITE_PLACEMENT, keys.POOLS, arguments))


def remove_placement(store: Store, ref: QueueRef, incarnation: str, deadline_ms: int) -> None:
    """Remove the placement of that incarnation. Fails with LATE."""
    store.run(_REMOVE_PLACEMENT, keys.POOLS, [keys.address(ref), incarnation, deadline_ms])


def rule_out(store: Store, ref: QueueRef, incarnation: str, for_ms: int) -> bool:
    """Forbid the creation of the incarnation in this deployment for ``for_ms``. Return False if it exists already."""
    return bool(store.run(_RULE_OUT, keys.queue(ref), [incarnation, for_ms]))


def _pairs(flat: Sequence[Any]) -> list[tuple[str, Any]]:
    return [(name.decode(), value) for name, value in zip(flat[::2], flat[1::2], strict=True)]
