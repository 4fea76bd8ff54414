"""What a process holds of the core, and what a face holds while it answers one request."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from zaqar_core.errors import StoreUnavailable
from zaqar_core.ids import MessageIds
from zaqar_core.settings import Settings
from zaqar_core.store import Slots, Store, keys, readiness
from zaqar_core.waiting import Waiting


class Core:
    """One process's share of the service: its slots, its waiters, the deployment's secret. Made once."""

    def __init__(self, settings: Settings, url: str) -> None:
        """Connected and fit to keep the durability asked for. Raises StoreUnavailable with a line for the operator."""
        self.settings = settings
        self.slots = Slots(settings, url)
        self.waiting = Waiting(settings, url, self.slots.generation)
        store = self.slots.take()
        try:
            readiness.check(store, settings.durability)
            store.command("SET", keys.SECRET, os.urandom(32), "NX")
            self.secret: bytes = store.command("GET", keys.SECRET)
        finally:
            self.slots.give(store)
        self.ids = MessageIds(self.secret)
        self.waiting.start()

    @contextmanager
    def session(self) -> Iterator[Session]:
        """One slot for the time of the block. Raises StoreUnavailable when none comes free."""
        session = Session(self)
        try:
            yield session
        finally:
            session.close()

    def close(self) -> None:
        """Every wait is released, every connection closed."""
        self.waiting.release_all()
        self.slots.close()


class Session:
    """One request's hold of one execution slot (a Redis connection).

    The whole time a face parses, runs and writes it holds a slot; only :meth:`asleep` gives it back for a while.
    """

    __slots__ = ("_core", "_store", "ids", "secret", "settings", "waiting")

    def __init__(self, core: Core) -> None:
        self._core = core
        self.settings = core.settings
        self.secret = core.secret
        self.ids = core.ids
        self.waiting = core.waiting
        self._store: Store | None = core.slots.take()

    @property
    def store(self) -> Store:
        if self._store is None:
            raise StoreUnavailable("the slot was given back")
        return self._store

    @contextmanager
    def asleep(self) -> Iterator[None]:
        """The slot serves others inside the block; afterwards this request has one again."""
        self.close()
        try:
            yield
        finally:
            self._store = self._core.slots.take()

    def close(self) -> None:
        """The slot is free. Harmless when it already is."""
        store, self._store = self._store, None
        if store is not None:
            self._core.slots.give(store)
