"""Pools and flavors: create, read, change, delete. The choice of a pool for a queue is in ``placement``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NoReturn

import msgspec

from zaqar_core.configuration.settings import Settings
from zaqar_core.core.session import Session
from zaqar_core.domain.errors import (
    FlavorNotFound,
    PoolInUse,
    PoolNotFound,
    PoolTaken,
    PoolUnfit,
    PoolUnknown,
    StoreUnavailable,
)
from zaqar_core.eventloop import in_thread
from zaqar_core.store import ScriptFailed, candidate, catalogue
from zaqar_core.store.catalogue import Catalogue, FlavorRow, PoolRow

#: Tries of a change. Each failed try means that another administrator changed the pool.
_MOST_TRIES = 16


@dataclass(slots=True)
class Pool:
    """A pool; ``flavor`` is "" without one. ``uri`` may contain credentials: never log it."""

    name: str
    uri: str
    weight: int
    flavor: str
    options: dict[str, Any]


@dataclass(slots=True)
class PoolChange:
    """Changes of a pool. None keeps the value; a new pool needs ``uri`` and ``weight``."""

    uri: str | None = None
    weight: int | None = None
    flavor: str | None = None
    options: dict[str, Any] | None = None


@dataclass(slots=True)
class Flavor:
    """A flavor with its pools, by name, and the capabilities of these pools."""

    name: str
    pools: list[str]
    capabilities: list[str]


def get(session: Session, name: str) -> Pool:
    """Read one pool. Raises PoolNotFound."""
    found = catalogue.read(session.store)
    if name not in found.pools:
        raise PoolNotFound
    return _pool(found, name)


def page(session: Session, *, after: str, limit: int) -> list[Pool]:
    """Return up to ``limit`` pools after the name ``after``, by name."""
    found = catalogue.read(session.store)
    return [_pool(found, name) for name in sorted(found.pools) if name > after][:limit]


def all_pools(session: Session) -> list[Pool]:
    """Return all pools by name."""
    found = catalogue.read(session.store)
    return [_pool(found, name) for name in sorted(found.pools)]


def put(session: Session, name: str, wanted: PoolChange, *, must_exist: bool = False) -> Pool:
    """Register or change a pool, after a check that its deployment answers and can keep the service's durability.

    The address of a pool with queues may change only if it still leads to the same deployment. Raises PoolUnfit,
    PoolTaken, PoolInUse, StoreUnavailable; PoolNotFound with ``must_exist``, or if a new pool lacks uri or weight.
    """
    for _ in range(_MOST_TRIES):
        found = catalogue.read(session.store)
        before = found.pools.get(name)
        if before is None and (must_exist or wanted.uri is None or wanted.weight is None):
            raise PoolNotFound
        row = _changed(before, wanted)
        flavor = found.flavor_of.get(name, "") if wanted.flavor is None else wanted.flavor
        identity = in_thread(_identity, session.settings, row.uri)
        try:
            catalogue.put_pool(session.store, name, row, identity, flavor, before)
        except ScriptFailed as failed:
            if failed.word == "STALE":
                continue
            if failed.word == "TAKEN":
                raise PoolTaken(failed.detail) from None
            raise PoolInUse from None
        options: dict[str, Any] = msgspec.json.decode(row.options)
        return Pool(name, row.uri, row.weight, flavor, options)
    raise StoreUnavailable(f"gave up: pool {name} is being changed concurrently; retry")


def _changed(before: PoolRow | None, wanted: PoolChange) -> PoolRow:
    uri, weight, options = (before.uri, before.weight, before.options) if before else ("", 0, "{}")
    return PoolRow(
        uri if wanted.uri is None else wanted.uri,
        weight if wanted.weight is None else wanted.weight,
        options if wanted.options is None else msgspec.json.encode(wanted.options).decode(),
    )


def _identity(settings: Settings, uri: str) -> str:
    try:
        return candidate.identity(settings, uri)
    except StoreUnavailable as problem:
        raise PoolUnfit(problem.reason) from None


def remove(session: Session, name: str) -> None:
    """Delete a pool; a missing one is no error. Raises PoolInUse if it holds queues or is the last pool of a flavor."""
    try:
        catalogue.remove_pool(session.store, name)
    except ScriptFailed as failed:
        if failed.word == "HELD":
            raise PoolInUse(queues=int(failed.detail)) from None
        raise PoolInUse(flavor=failed.detail) from None


def flavor(session: Session, name: str) -> Flavor:
    """Read one flavor. Raises FlavorNotFound."""
    found = catalogue.read(session.store)
    if name not in found.flavors:
        raise FlavorNotFound
    return Flavor(name, found.pools_of(name), capabilities(session.settings))


def flavors(session: Session, *, after: str, limit: int) -> list[Flavor]:
    """Return up to ``limit`` flavors after the name ``after``, by name."""
    found, shown = catalogue.read(session.store), capabilities(session.settings)
    names = [name for name in sorted(found.flavors) if name > after][:limit]
    return [Flavor(name, found.pools_of(name), shown) for name in names]


def put_flavor(session: Session, name: str, members: list[str] | None, *, must_exist: bool = False) -> Flavor:
    """Create or change a flavor so that it has exactly ``pools``. Each of them is removed from its former flavor.

    With None the flavor keeps its pools. Raises PoolUnknown; FlavorNotFound with ``must_exist``.
    """
    try:
        if not catalogue.put_flavor(session.store, name, FlavorRow(), members or (), must_exist=must_exist):
            raise FlavorNotFound
    except ScriptFailed as failed:
        _refuse_unknown(failed)
    return flavor(session, name)


def _refuse_unknown(failed: ScriptFailed) -> NoReturn:
    raise PoolUnknown(failed.detail) from None


def remove_flavor(session: Session, name: str) -> None:
    """Delete a flavor; its pools then have no flavor. A missing flavor is no error."""
    catalogue.remove_flavor(session.store, name)


def has_flavor(session: Session, name: str) -> bool:
    """Return whether the flavor exists."""
    return name in catalogue.read(session.store).flavors


def capabilities(settings: Settings) -> list[str]:
    """Return the capabilities of every pool, by Zaqar's names. DURABILITY depends on the service's setting."""
    durable = [] if settings.durability == "memory" else ["DURABILITY"]
    return ["FIFO", "CLAIMS", *durable, "AOD", "HIGH_THROUGHPUT"]


def _pool(found: Catalogue, name: str) -> Pool:
    row = found.pools[name]
    options: dict[str, Any] = msgspec.json.decode(row.options)
    return Pool(name, row.uri, row.weight, found.flavor_of.get(name, ""), options)
