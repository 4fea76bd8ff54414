"""Deployments that hold queues: the main store and the pools, each with its own connections and wake-up subscriber.

A pool that is down must not block the requests of a process. Its subscriber connection notices the outage first, and
then requests for the pool fail at once. A pool that does not answer gets one request at a time until it answers.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from zaqar_core.configuration.settings import Settings
from zaqar_core.domain.errors import StoreUnavailable
from zaqar_core.domain.names import QueueRef
from zaqar_core.eventloop import Mutex, Threads
from zaqar_core.store import Store, catalogue
from zaqar_core.store.catalogue import MAIN, Catalogue, Placement
from zaqar_core.store.conditions import StoreCondition
from zaqar_core.store.inspection import Watch
from zaqar_core.store.links import Generation
from zaqar_core.store.opening import open_store
from zaqar_core.store.wakeups import Waiters

Reply = TypeVar("Reply")
_log = logging.getLogger("sqs_facade.pools")

#: Queues whose deployment a process caches. The cache is cleared when it is full.
_MOST_CACHED = 100_000
#: Interval between two tries to connect to a pool that has never been reached.
_REOPEN_SECONDS = 1.0
#: Time that a request waits for another one that probes a pool.
_PROBE_PATIENCE_SECONDS = 0.25
_opening = Threads(8, "pool-opening")


class Deployment:
    """The main store, or a pool (subclass)."""

    def __init__(self, name: str, store: Store | None) -> None:
        self.name = name
        #: The catalogue no longer has this deployment under its name: send it no more requests.
        self.is_retired = False
        self._store = store

    def store(self) -> Store:
        """Return its store. Raises StoreUnavailable, at once if the deployment is known to be down."""
        assert self._store is not None
        return self._store

    def run(self, act: Callable[[Store], Reply]) -> Reply:
        """Call ``act`` with its store. Raises StoreUnavailable, and what ``act`` raises."""
        return act(self.store())


class PoolDeployment(Deployment):
    """A pool. The first request connects to it."""

    def __init__(self, name: str, uri: str, settings: Settings, beside: Waiters) -> None:
        super().__init__(name, None)
        self.uri = uri
        self._settings = settings
        self._beside = beside
        self._waiters: Waiters | None = None
        self._watch: Watch | None = None
        self._opening = Mutex()
        self._refused_at = -_REOPEN_SECONDS
        #: A connection was lost, and no request was answered since. Requests then probe the pool one at a time.
        self._is_doubtful = False
        self._probe = Mutex()

    @property
    def is_open(self) -> bool:
        """Whether this process has connected to the pool."""
        return self._store is not None

    @property
    def is_up(self) -> bool:
        """Whether the pool answers, as far as this process knows."""
        return not (self._is_doubtful or self._is_down())

    def store(self) -> Store:
        """Return its store. Raises StoreUnavailable, at once if the pool is known to be down."""
        if self._store is None:
            self._open()
        if self._is_down():
            raise self._unavailable()
        return super().store()

    def run(self, act: Callable[[Store], Reply]) -> Reply:
        """Call ``act`` with its store. Raises StoreUnavailable, and what ``act`` raises."""
        store = self.store()
        if not self._is_doubtful:
            return self._observed(store, act)
        if not self._probe.acquire(_PROBE_PATIENCE_SECONDS):
            raise self._unavailable()
        try:
            return self._observed(store, act)
        finally:
            self._probe.release()

    def _observed(self, store: Store, act: Callable[[Store], Reply]) -> Reply:
        try:
            reply = act(store)
        except StoreUnavailable as problem:
            # In a cluster one node may be down while the others answer.
            if problem.is_disconnected and not store.is_cluster:
                self._is_doubtful = True
            raise
        self._is_doubtful = False
        return reply

    def conditions(self) -> list[StoreCondition]:
        """Return the condition of each of its servers; none before the first request."""
        return [] if self._store is None else self._store.conditions(self.name)

    def close(self) -> None:
        """Close every connection. Requests that hold a slot fail."""
        self.is_retired = True
        with self._opening:
            if self._waiters is not None and self._store is not None and self._watch is not None:
                self._watch.stop()
                self._waiters.close()
                self._store.close()

    def _open(self) -> None:
        with self._opening:
            if self._store is not None:
                return
            if self.is_retired:
                raise self._unavailable()  # nobody would close it again
            if time.monotonic() - self._refused_at < _REOPEN_SECONDS:
                raise self._unavailable()
            generation = Generation()
            store = open_store(self._settings, self.uri, generation, self._refuse_when_down, name=f"pool {self.name}")
            waiters = Waiters(self._settings, self.uri, generation, self._beside)
            waiters.outages = store.outages
            store.terms.is_in_service = True
            try:
                _opening.run(waiters.start)
            except StoreUnavailable as problem:
                self._refused_at = time.monotonic()
                _log.error("cannot connect to pool %s: %s; its queues are not available", self.name, problem.reason)
                raise
            self._waiters, self._store, self._watch = waiters, store, Watch(store.watch)
            self._watch.start()

    def _refuse_when_down(self) -> None:
        if self._is_doubtful or self._is_down():
            raise self._unavailable()

    def _is_down(self) -> bool:
        return self._waiters is not None and not self._waiters.is_connected

    def _unavailable(self) -> StoreUnavailable:
        return StoreUnavailable(f"pool {self.name} does not answer")


class Deployments:
    """The deployments of a process, its copy of the catalogue, and its cache of the deployment of each queue."""

    def __init__(self, settings: Settings, store: Store, waiters: Waiters) -> None:
        self.main = Deployment(MAIN, store)
        self._settings = settings
        self._waiters = waiters
        self._lock = threading.Lock()
        self._pools: dict[str, PoolDeployment] = {}
        self._cached: dict[QueueRef, Deployment] = {}
        self.catalogue = Catalogue(-1, {}, {}, {})

    def forget(self) -> None:
        """Forget a main store that has lost its data: the next refresh reads the catalogue, whatever its revision."""
        with self._lock:
            self.catalogue = Catalogue(-1, {}, {}, {})
            self._cached.clear()

    def cached(self, ref: QueueRef) -> Deployment | None:
        """Return the deployment that had the queue when this process last read its placement."""
        deployment = self._cached.get(ref)
        return None if deployment is None or deployment.is_retired else deployment

    def look_up(self, store: Store, refs: Sequence[QueueRef]) -> list[Deployment]:
        """Return the deployment of each queue by the catalogue; queues without a placement are in the main store.

        ``store`` is the main store. Raises StoreUnavailable.
        """
        found = [self.named(store, row.pool) if row else self.main for row in self.placements(store, refs)]
        if len(self._cached) > _MOST_CACHED:
            self._cached.clear()
        self._cached.update(zip(refs, found, strict=True))
        return found

    def placements(self, store: Store, refs: Sequence[QueueRef]) -> list[Placement | None]:
        """Read the placements of queues, and the catalogue if its revision has changed."""
        revision, found = catalogue.placements(store, refs)
        if revision != self.catalogue.revision:
            self.refresh(store, force=True)
        return found

    def named(self, store: Store, pool: str) -> Deployment:
        """Return the deployment of a pool. Raises StoreUnavailable if the catalogue does not have the pool."""
        if pool == MAIN:
            return self.main
        deployment = self._pools.get(pool)
        if deployment is None:
            self.refresh(store, force=True)
            deployment = self._pools.get(pool)
        if deployment is None:
            raise StoreUnavailable(f"pool {pool} is not in the catalogue")
        return deployment

    def refresh(self, store: Store, *, force: bool = False) -> Catalogue:
        """Read the catalogue; close pools that it no longer has, or has with another address."""
        if not force and catalogue.revision(store) == self.catalogue.revision:
            return self.catalogue
        now = catalogue.read(store)
        retired = []
        with self._lock:
            if now.revision >= self.catalogue.revision:
                self.catalogue = now
                for name, pool in list(self._pools.items()):
                    if name not in now.pools or now.pools[name].uri != pool.uri:
                        retired.append(self._pools.pop(name))
                for name, row in now.pools.items():
                    if name not in self._pools:
                        self._pools[name] = PoolDeployment(name, row.uri, self._settings, self._waiters)
                if retired:
                    self._cached.clear()
        for pool in retired:
            pool.close()
        return now

    def open_pools(self) -> list[PoolDeployment]:
        """Return the pools that this process has connected to."""
        return [pool for pool in self._pools.values() if pool.is_open]

    def close(self) -> None:
        """Close the connections to all pools."""
        for pool in self._pools.values():
            pool.close()
