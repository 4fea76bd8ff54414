"""Pools and flavors, as administrators manage them. Where a queue goes is in ``placement``."""

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
from zaqar_core.store import ScriptFailed, candidate, catalogue
from zaqar_core.store.catalogue import Catalogue, FlavorRow, PoolRow

#: Tries of a change; each failed one means that somebody else changed the pool.
_MOST_TRIES = 16


@dataclass(slots=True)
class Pool:
    """``flavor`` "" is none. ``uri`` may hold credentials: it is for administrators' eyes, and for no log."""

    name: str
    uri: str
    weight: int
    flavor: str
    options: dict[str, Any]


@dataclass(slots=True)
class PoolChange:
    """What is None stays as it is, or is the default of a new pool."""

    uri: str | None = None
    weight: int | None = None
    flavor: str | None = None
    options: dict[str, Any] | None = None


@dataclass(slots=True)
class Flavor:
    """``pools`` in the order of names. ``capabilities`` are those that its pools have."""

    name: str
    pools: list[str]
    capabilities: list[str]


def get(session: Session, name: str) -> Pool:
    """Raises PoolNotFound."""
    found = catalogue.read(session.store)
    if name not in found.pools:
        raise PoolNotFound
    return _pool(found, name)


def page(session: Session, *, after: str, limit: int) -> list[Pool]:
    """The next pools in the order of names."""
    found = catalogue.read(session.store)
    return [_pool(found, name) for name in sorted(found.pools) if name > after][:limit]


def all_pools(session: Session) -> list[Pool]:
    """All pools in the order of names."""
    found = catalogue.read(session.store)
    return [_pool(found, name) for name in sorted(found.pools)]


def put(session: Session, name: str, wanted: PoolChange, *, must_exist: bool = False) -> Pool:
    """The pool is registered, or changed. Its deployment answers and keeps the service's durability.

    A pool with queues may get another address only of the same deployment. Raises PoolUnfit, PoolTaken, PoolInUse;
    PoolNotFound where it must be there already.
    """
    for _ in range(_MOST_TRIES):
        found = catalogue.read(session.store)
        before = found.pools.get(name)
        if before is None and (must_exist or wanted.uri is None or wanted.weight is None):
            raise PoolNotFound
        row = _changed(before, wanted)
        flavor = found.flavor_of.get(name, "") if wanted.flavor is None else wanted.flavor
        with session.asleep():  # no slot is held while another server is asked
            identity = _identity(session.settings, row.uri)
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
    raise StoreUnavailable("the pool is being changed all the time")


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
    """The pool is not registered, or never was. Raises PoolInUse while queues are in it, or a flavor needs it."""
    try:
        catalogue.remove_pool(session.store, name)
    except ScriptFailed as failed:
        if failed.word == "HELD":
            raise PoolInUse(queues=int(failed.detail)) from None
        raise PoolInUse(flavor=failed.detail) from None


def flavor(session: Session, name: str) -> Flavor:
    """Raises FlavorNotFound."""
    found = catalogue.read(session.store)
    if name not in found.flavors:
        raise FlavorNotFound
    return Flavor(name, found.pools_of(name), capabilities(session.settings))


def flavors(session: Session, *, after: str, limit: int) -> list[Flavor]:
    """The next flavors in the order of names."""
    found, shown = catalogue.read(session.store), capabilities(session.settings)
    names = [name for name in sorted(found.flavors) if name > after][:limit]
    return [Flavor(name, found.pools_of(name), shown) for name in names]


def put_flavor(session: Session, name: str, members: list[str] | None, *, must_exist: bool = False) -> Flavor:
    """The flavor has exactly these pools, which leave others for it; None leaves them as they are.

    Raises PoolUnknown; FlavorNotFound where it must be there already.
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
    """There is no such flavor; its pools belong to none."""
    catalogue.remove_flavor(session.store, name)


def has_flavor(session: Session, name: str) -> bool:
    return name in catalogue.read(session.store).flavors


def capabilities(settings: Settings) -> list[str]:
    """What every pool of this service can do, by Zaqar's names: a pool must keep the service's durability."""
    durable = [] if settings.durability == "memory" else ["DURABILITY"]
    return ["FIFO", "CLAIMS", *durable, "AOD", "HIGH_THROUGHPUT"]


def _pool(found: Catalogue, name: str) -> Pool:
    row = found.pools[name]
    options: dict[str, Any] = msgspec.json.decode(row.options)
    return Pool(name, row.uri, row.weight, found.flavor_of.get(name, ""), options)
