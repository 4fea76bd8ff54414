"""Execution slots: a worker's connections, each held by one request at a time."""

from __future__ import annotations

from queue import Empty, SimpleQueue

from zaqar_core.configuration.settings import Settings
from zaqar_core.domain.errors import StoreUnavailable
from zaqar_core.store import deployment
from zaqar_core.store.single_server import Generation, Store

#: How long a request waits for a slot before the service counts as overloaded.
SLOT_PATIENCE_SECONDS = 30.0


def open_store(settings: Settings, url: str, generation: Generation) -> Store:
    """A slot on whatever the URL names. Raises StoreUrlInvalid; StoreUnavailable for what it cannot do there."""
    if deployment.parse(url).kind != "cluster":
        return Store(settings, url, generation)
    from zaqar_core.store.cluster import ClusterStore  # redis-py's part for clusters is loaded only for one

    if settings.has_test_hooks:
        raise StoreUnavailable("test hooks do not work on a Redis cluster: leave out --test-hooks, or use one server")
    return ClusterStore(settings, url, generation)


class Slots:
    """All slots of a worker. Taking one bounds how many threads compete for the interpreter."""

    def __init__(self, settings: Settings, url: str) -> None:
        self.generation = Generation()
        self._free: SimpleQueue[Store] = SimpleQueue()
        self._all = [open_store(settings, url, self.generation) for _ in range(settings.execution_slots)]
        for store in self._all:
            self._free.put(store)

    def take(self) -> Store:
        """A free slot. Raises StoreUnavailable when none comes free in time: nothing was done."""
        try:
            return self._free.get(timeout=SLOT_PATIENCE_SECONDS)
        except Empty:
            raise StoreUnavailable("all execution slots are busy") from None

    def give(self, store: Store) -> None:
        self._free.put(store)

    def close(self) -> None:
        for store in self._all:
            store.close()
