"""Deployments that have queues: the main store and the pools, each with its own slots and wake-up subscriber.

A pool that is down must not block the threads of a process: its subscriber notices first, and then requests for the
pool fail at once. A pool that hangs gets one request at a time until it answers again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from zaqar_core.configuration.settings import Settings
from zaqar_core.domain.errors import StoreUnavailable
from zaqar_core.domain.names import QueueRef
from zaqar_core.store import Slots, Store, catalogue
from zaqar_core.store.catalogue import MAIN, Catalogue, Placement
from zaqar_core.store.wakeups import Waiters

#: Queues whose deployment a process remembers. The memory is cleared when it is full.
_MOST_KNOWN = 100_000
#: Between two attempts to open a pool that has never been reached.
_REOPEN_SECONDS = 1.0
#: How long a request waits for the one that probes a pool which did not answer.
_TRIAL_PATIENCE_SECONDS = 0.25


class Deployment:
    """The main store."""

    def __init__(self, name: str, slots: Slots | None) -> None:
        self.name = name
        #: The catalogue names another deployment, or none: this one gets no more requests.
        self.is_left = False
        self._slots = slots

    def take(self) -> Store:
        """A free slot. Raises StoreUnavailable."""
        assert self._slots is not None
        return self._slots.take()

    def give(self, store: Store) -> None:
        assert self._slots is not None
        self._slots.give(store)

    def answered(self) -> None:
        """Note that a request was answered."""

    def failed(self, store: Store) -> None:
        """Note that a request was refused, or not answered."""


class PoolDeployment(Deployment):
    """A pool. It is connected when it is first needed."""

    def __init__(self, name: str, uri: str, settings: Settings, beside: Waiters) -> None:
        super().__init__(name, None)
        self.uri = uri
        self._settings = settings
        self._beside = beside
        self._waiters: Waiters | None = None
        self._opening = threading.Lock()
        self._refused_at = -_REOPEN_SECONDS
        #: A connection was lost, and nothing was answered since.
        self._is_doubtful = False
        self._trial = threading.Lock()
        self._trying: Store | None = None

    @property
    def is_open(self) -> bool:
        return self._slots is not None

    def take(self) -> Store:
        """A free slot. Raises StoreUnavailable, at once where the pool is known to be down."""
        if self._slots is None:
            self._open()
        if self._is_down():
            raise self._away()
        if self._is_doubtful and self._trial.acquire(timeout=_TRIAL_PATIENCE_SECONDS):
            try:
                self._trying = super().take()
            except StoreUnavailable:
                self._trial.release()
                raise
            return self._trying
        if self._is_doubtful:
            raise self._away()
        store = super().take()
        if self._is_doubtful or self._is_down():  # while this waited for its slot
            self.give(store)
            raise self._away()
        return store

    def give(self, store: Store) -> None:
        super().give(store)
        if store is self._trying:
            self._trying = None
            self._trial.release()

    def answered(self) -> None:
        self._is_doubtful = False

    def failed(self, store: Store) -> None:
        # A node of a cluster may be away while the others answer.
        if not store.is_cluster and not store.is_open:
            self._is_doubtful = True

    def close(self) -> None:
        """Close every connection; requests that hold one fail."""
        self.is_left = True
        with self._opening:
            if self._waiters is not None and self._slots is not None:
                self._waiters.close()
                self._slots.close()

    def _open(self) -> None:
        with self._opening:
            if self._slots is not None:
                return
            if time.monotonic() - self._refused_at < _REOPEN_SECONDS:
                raise self._away()
            slots = Slots(self._settings, self.uri)
            waiters = Waiters(self._settings, self.uri, slots.generation, self._beside)
            try:
                waiters.start()
            except StoreUnavailable:
                self._refused_at = time.monotonic()
                raise
            self._waiters, self._slots = waiters, slots

    def _is_down(self) -> bool:
        return self._waiters is not None and not self._waiters.is_connected

    def _away(self) -> StoreUnavailable:
        return StoreUnavailable(f"pool {self.name} does not answer")


class Deployments:
    """All deployments of a process, its copy of the catalogue, and where queues were when it last looked."""

    def __init__(self, settings: Settings, slots: Slots, waiters: Waiters) -> None:
        self.main = Deployment(MAIN, slots)
        self._settings = settings
        self._waiters = waiters
        self._lock = threading.Lock()
        self._pools: dict[str, PoolDeployment] = {}
        self._known: dict[QueueRef, Deployment] = {}
        self.catalogue = Catalogue(-1, {}, {}, {})

    def known(self, ref: QueueRef) -> Deployment | None:
        """Where the queue was when this process last looked."""
        deployment = self._known.get(ref)
        return None if deployment is None or deployment.is_left else deployment

    def look_up(self, store: Store, refs: Sequence[QueueRef]) -> list[Deployment]:
        """Where the queues are by the catalogue; ``store`` is the main store, which has those without a placement.

        Raises StoreUnavailable.
        """
        found = [self.named(store, row.pool) if row else self.main for row in self.placements(store, refs)]
        if len(self._known) > _MOST_KNOWN:
            self._known.clear()
        self._known.update(zip(refs, found, strict=True))
        return found

    def placements(self, store: Store, refs: Sequence[QueueRef]) -> list[Placement | None]:
        """Read their placements; this process then has the catalogue in that revision or a later one."""
        revision, found = catalogue.placements(store, refs)
        if revision != self.catalogue.revision:
            self.refresh(store, force=True)
        return found

    def named(self, store: Store, pool: str) -> Deployment:
        """The deployment of that name. Raises StoreUnavailable when the catalogue does not have it."""
        if pool == MAIN:
            return self.main
        deployment = self._pools.get(pool)
        if deployment is None:
            self.refresh(store, force=True)
            deployment = self._pools.get(pool)
        if deployment is None:
            raise StoreUnavailable(f"there is no pool {pool}")
        return deployment

    def refresh(self, store: Store, *, force: bool = False) -> Catalogue:
        """Read the catalogue; stop using pools that are gone or have another address."""
        if not force and catalogue.revision(store) == self.catalogue.revision:
            return self.catalogue
        now = catalogue.read(store)
        left = []
        with self._lock:
            if now.revision >= self.catalogue.revision:
                self.catalogue = now
                for name, pool in list(self._pools.items()):
                    if name not in now.pools or now.pools[name].uri != pool.uri:
                        left.append(self._pools.pop(name))
                for name, row in now.pools.items():
                    if name not in self._pools:
                        self._pools[name] = PoolDeployment(name, row.uri, self._settings, self._waiters)
                if left:
                    self._known.clear()
        for pool in left:
            pool.close()
        return now

    def open_pools(self) -> list[PoolDeployment]:
        return [pool for pool in self._pools.values() if pool.is_open]

    def close(self) -> None:
        for pool in self._pools.values():
            pool.close()
