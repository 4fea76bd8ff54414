"""Execution slots: a worker's connections, each held by one request at a time."""

from __future__ import annotations

from queue import Empty, SimpleQueue

from zaqar_core.configuration.settings import Settings
from zaqar_core.domain.errors import StoreUnavailable
from zaqar_core.store import deployment
from zaqar_core.store.single_server import Generation, Store

#: How long a request waits for a slot before it fails.
SLOT_PATIENCE_SECONDS = 30.0


def open_store(settings: Settings, url: str, generation: Generation) -> Store:
    """Create a slot for the deployment of the URL. Raises StoreUrlInvalid; StoreUnavailable for an unusable cluster."""
    if deployment.parse(url).kind != "cluster":
        return Store(settings, url, generation)
    from zaqar_core.store.cluster import ClusterStore  # imports redis-py's cluster support, which only clusters need

    if settings.has_test_hooks:
        raise StoreUnavailable("test hooks do not work on a Redis cluster: omit --test-hooks, or use one server")
    return ClusterStore(settings, url, generation)


class Slots:
    """All slots of a worker. They also bound the number of threads that compete for the GIL."""

    def __init__(self, settings: Settings, url: str) -> None:
        self.generation = Generation()
        self._free: SimpleQueue[Store] = SimpleQueue()
        self._all = [open_store(settings, url, self.generation) for _ in range(settings.execution_slots)]
        for store in self._all:
            self._free.put(store)

    def acquire(self) -> Store:
        """Take a free slot. Raises StoreUnavailable, before anything was sent, when none comes free in time."""
        try:
            return self._free.get(timeout=SLOT_PATIENCE_SECONDS)
        except Empty:
            raise StoreUnavailable(
                f"all execution slots were busy for {SLOT_PATIENCE_SECONDS:.0f} s; the setting slots adds more"
            ) from None

    def release(self, store: Store) -> None:
        """Give a slot back."""
        self._free.put(store)

    def close(self) -> None:
        """Close the connections of all slots, including taken ones."""
        for store in self._all:
            store.close()
