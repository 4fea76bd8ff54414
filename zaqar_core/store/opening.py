"""Opens a store by its URL."""

from __future__ import annotations

from collections.abc import Callable

from zaqar_core.configuration.settings import Settings
from zaqar_core.domain.errors import StoreUnavailable
from zaqar_core.store import deployment
from zaqar_core.store.links import Generation
from zaqar_core.store.single_server import Store


def open_store(
    settings: Settings,
    url: str,
    generation: Generation,
    check: Callable[[], object] | None = None,
    *,
    name: str = "the store",
) -> Store:
    """Return the store of the URL, not yet connected. Raises StoreUrlInvalid; StoreUnavailable for an unusable cluster.

    ``generation`` is that of all its connections; for ``check`` see ``links.Links``; ``name`` is for logs.
    """
    if deployment.parse(url).kind != "cluster":
        return Store(settings, url, generation, check, name=name)
    from zaqar_core.store.cluster import ClusterStore  # imports redis-py's cluster support, which only clusters need

    if settings.has_test_hooks:
        raise StoreUnavailable("test hooks do not work on a Redis cluster: omit --test-hooks, or use one server")
    return ClusterStore(settings, url, generation, check, name=name)
