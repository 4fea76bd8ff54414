"""Check at start-up that the servers can keep the configured durability. Each error names the setting to change."""

from __future__ import annotations

from collections.abc import Mapping

from zaqar_core.configuration.settings import Durability, Settings
from zaqar_core.domain.errors import StoreUnavailable
from zaqar_core.store import catalogue, keys
from zaqar_core.store.single_server import Server, Store

#: Oldest version of the server, and oldest with WAITAOF.
REDIS_AT_LEAST = (7, 0)
WAITAOF_AT_LEAST = (7, 2)


def admit(store: Store, settings: Settings) -> None:
    """Check that a service with these settings may use the store; give an ephemeral store its encryption key.

    Raises StoreUnavailable with one line for the operator.
    """
    check(store, settings.durability)
    if not settings.pooling:
        catalogue.refuse_forgotten_pools(store)
    if settings.ephemeral and settings.encryption_keys:
        _share_key(store, settings.encryption_keys[-1])


def check(store: Store, durability: Durability) -> None:
    """Check every primary. Raises StoreUnavailable with one line for the operator."""
    for server in store.servers():
        facts = _facts(server)
        try:
            _check_mode(server, facts, is_cluster=store.is_cluster)
            _check_server(server, facts, durability)
        except StoreUnavailable as problem:
            if store.is_cluster:
                raise StoreUnavailable(f"node {server.name} of the cluster: {problem.reason}") from None
            raise


def _check_mode(server: Server, facts: Mapping[str, str], *, is_cluster: bool) -> None:
    if not is_cluster and facts.get("cluster_enabled") == "1":
        raise StoreUnavailable("this server is a node of a Redis cluster: use redis+cluster://host:port")
    if is_cluster and "cluster_state:ok" not in server.command("CLUSTER", "INFO").decode():
        raise StoreUnavailable("the cluster does not serve all hash slots (CLUSTER INFO: cluster_state is not ok)")


def _check_server(server: Server, facts: Mapping[str, str], durability: Durability) -> None:
    version = tuple(int(part) for part in facts.get("redis_version", "0.0").split(".")[:2])
    if version < REDIS_AT_LEAST:
        raise StoreUnavailable(
            f"the server is too old ({facts.get('redis_version')}): use Redis 7.0, Valkey 7.2 or later"
        )
    if facts.get("role") == "slave":
        raise StoreUnavailable("this server is a replica: use the address of the primary")
    if facts.get("maxmemory_policy", "noeviction") != "noeviction":
        raise StoreUnavailable(
            f"the server may evict messages: set maxmemory-policy noeviction (it is {facts['maxmemory_policy']})"
        )
    if durability == "memory":
        return
    if facts.get("aof_enabled") != "1":
        raise StoreUnavailable(
            f"durability {durability} needs appendonly yes on the server (or use --durability memory)"
        )
    if durability == "fsync" and (policy := _config(server, "appendfsync")) != "always":
        raise StoreUnavailable(
            f"durability fsync needs appendfsync always on the server, not {policy} (or use --durability memory)"
        )
    if durability == "replicated":
        if version < WAITAOF_AT_LEAST:
            raise StoreUnavailable("durability replicated needs WAITAOF: use Redis 7.2, Valkey 7.2 or later")
        if facts.get("connected_slaves", "0") == "0":
            raise StoreUnavailable("durability replicated needs a connected replica, but the server has none")


def _facts(server: Server) -> dict[str, str]:
    parts = ("server", "replication", "memory", "persistence", "cluster")
    text = "".join(server.command("INFO", part).decode() for part in parts)
    return dict(line.split(":", 1) for line in text.splitlines() if ":" in line)


def _config(server: Server, name: str) -> str:
    try:
        found = server.command("CONFIG", "GET", name)
    except StoreUnavailable:
        return "unknown (CONFIG is refused)"
    return found[1].decode() if found else "unknown"


def _share_key(store: Store, key: str) -> None:
    """Store the encryption key of an in-memory store, so that every process that uses it has the same key."""
    store.command("SET", keys.ENCRYPTION, key, "NX")
