"""Check at start-up that the servers can keep the configured durability. Each error names the setting to change."""

from __future__ import annotations

from zaqar_core.configuration.setting_types import Durability
from zaqar_core.configuration.settings import Settings
from zaqar_core.domain.errors import StoreUnavailable
from zaqar_core.store import catalogue, keys
from zaqar_core.store.server_facts import Facts, problem, read_from
from zaqar_core.store.single_server import Server, Store


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
        facts = read_from(server.command)
        unfit = problem(facts, durability)
        found = _wrong_kind(server, facts, is_cluster=store.is_cluster) or (unfit and unfit.reason)
        if found:
            raise StoreUnavailable(f"node {server.name} of the cluster: {found}" if store.is_cluster else found)


def _wrong_kind(server: Server, facts: Facts, *, is_cluster: bool) -> str | None:
    if not is_cluster and facts.get("cluster_enabled") == "1":
        return "this server is a node of a Redis cluster: use redis+cluster://host:port"
    if is_cluster and "cluster_state:ok" not in server.command("CLUSTER", "INFO").decode():
        return "the cluster does not serve all hash slots (CLUSTER INFO: cluster_state is not ok)"
    return None


def _share_key(store: Store, key: str) -> None:
    """Store the encryption key of an in-memory store, so that every process that uses it has the same key."""
    if store.command("GET", keys.ENCRYPTION) is None:  # a full store refuses SET even where NX would do nothing
        store.command("SET", keys.ENCRYPTION, key, "NX")
