"""What the console shows of the service itself: whether the store keeps what the service promises, and the pools."""

from __future__ import annotations

import contextlib
from typing import Any

import msgspec

from zaqar_core.core.session import Session
from zaqar_core.domain.errors import StoreUnavailable
from zaqar_core.pools import administration
from zaqar_core.store.server_facts import Facts, read_from


class ServiceView(msgspec.Struct, rename="camel"):
    """The service. ``problem`` says why it is not ready. Servers and pools are for administrators."""

    is_ready: bool
    problem: str | None = None
    version: str = ""
    durability: str = ""
    is_administrator: bool = False
    servers: list[dict[str, Any]] = []
    pools: list[dict[str, Any]] = []


def read(session: Session, version: str, *, is_administrator: bool) -> ServiceView:
    """Inspect the store. An administrator sees its servers, and why it is not ready; others only whether it is."""
    view = ServiceView(True, None, version, session.settings.durability, is_administrator)
    try:
        session.store.inspect()
    except StoreUnavailable as problem:
        view.is_ready = False
        view.problem = problem.reason if is_administrator else "The log of the service has the reason."
    if is_administrator:
        with contextlib.suppress(StoreUnavailable):  # reported above, or by the next look
            view.servers = [_server(one.name, read_from(one.command)) for one in session.store.servers()]
            view.pools = _pools(session)
    return view


def _server(name: str, facts: Facts) -> dict[str, Any]:
    """Return what an operator looks at first. Numbers are bytes, seconds and counts."""

    def number(field: str) -> int | None:
        text = facts.get(field, "")
        return int(text) if text.isdigit() else None

    return {
        "name": name,
        "program": "Valkey" if facts.get("server_name") == "valkey" else "Redis",
        "version": facts.get("valkey_version") or facts.get("redis_version", ""),
        "uptimeSeconds": number("uptime_in_seconds"),
        "memoryBytes": number("used_memory"),
        "memoryLimitBytes": number("maxmemory") or None,
        "logsChanges": facts.get("aof_enabled") == "1",
        "logBytes": number("aof_current_size"),
        "syncs": facts.get("appendfsync"),
        "replicas": number("connected_slaves"),
    }


def _pools(session: Session) -> list[dict[str, Any]]:
    """Return the pools without their URIs, which may contain credentials."""
    if not session.settings.pooling:
        return []
    found = administration.all_pools(session)
    return [{"name": one.name, "weight": one.weight, "flavor": one.flavor} for one in found]
