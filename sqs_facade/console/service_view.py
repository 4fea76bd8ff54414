"""What the console shows of the service itself: the condition of its stores, and the pools. It asks no server."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

import msgspec

from zaqar_core.core.session import Session
from zaqar_core.domain.errors import StoreUnavailable
from zaqar_core.pools import administration
from zaqar_core.store.conditions import StoreCondition, worst


class ServiceView(msgspec.Struct, rename="camel"):
    """The service. Servers, pools and reasons are for administrators; others see ``is_ready`` and ``state`` only."""

    is_ready: bool
    state: str
    durability: str
    is_administrator: bool
    version: str = ""
    reason: str = ""
    remedy: str = ""
    servers: list[dict[str, Any]] = []
    pools: list[dict[str, Any]] = []


def read(session: Session, conditions: list[StoreCondition], version: str, *, is_administrator: bool) -> ServiceView:
    """Return the condition of the main store, and for administrators all that is known of each server."""
    main = worst([one for one in conditions if not one.pool])
    view = ServiceView(main.is_ready, main.state, session.settings.durability, is_administrator)
    if is_administrator:
        view.version, view.reason, view.remedy = version, main.reason, main.remedy
        view.servers = [_server(one) for one in conditions]
        if session.settings.pooling and main.accepts != "nothing":
            with contextlib.suppress(StoreUnavailable):
                view.pools = _pools(session)
    return view


def _server(one: StoreCondition) -> dict[str, Any]:
    """Return what an operator looks at first. Numbers are bytes, seconds and counts, None where they are not known."""
    facts, condition = one.facts, one.condition
    return {
        "pool": one.pool,
        "node": one.node,
        "state": condition.state,
        "isReady": condition.is_ready,
        "reason": condition.reason,
        "remedy": condition.remedy,
        "sinceMs": int(one.since * 1000),
        "roundTripMs": None if one.round_trip_seconds is None else one.round_trip_seconds * 1000,
        "program": "Valkey" if facts.get("server_name") == "valkey" else "Redis",
        "version": facts.get("valkey_version") or facts.get("redis_version", ""),
        "uptimeSeconds": _number(facts, "uptime_in_seconds"),
        "memoryBytes": _number(facts, "used_memory"),
        "memoryLimitBytes": _number(facts, "maxmemory") or None,
        "logsChanges": facts.get("aof_enabled") == "1",
        "logBytes": _number(facts, "aof_current_size"),
        "syncs": facts.get("appendfsync"),
        "replicas": _number(facts, "connected_slaves"),
    }


def _number(facts: Mapping[str, str], field: str) -> int | None:
    text = facts.get(field, "")
    return int(text) if text.isdigit() else None


def _pools(session: Session) -> list[dict[str, Any]]:
    """Return the pools without their URIs, which may contain credentials."""
    found = administration.all_pools(session)
    return [{"name": one.name, "weight": one.weight, "flavor": one.flavor} for one in found]
