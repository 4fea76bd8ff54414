"""One process's share of the service: its slots, its waiters, the deployment's secret."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue

from zaqar_core.configuration.settings import Settings
from zaqar_core.core.router import Router, SingleRouter
from zaqar_core.core.session import Session
from zaqar_core.domain.encryption import Keyring, parse
from zaqar_core.domain.ids import MessageIds
from zaqar_core.domain.names import QueueRef
from zaqar_core.store import Slots, keys, readiness
from zaqar_core.store.wakeups import Waiting


class Core:
    """One process's share of the service, made once."""

    def __init__(self, settings: Settings, url: str, *, wrapped: Callable[[Core], Session] = Session) -> None:
        """Connect to the store and check that it can keep the durability asked for. ``wrapped`` makes the sessions.

        Raises StoreUnavailable with a line for the operator.
        """
        self.settings = settings
        self._new_session = wrapped
        self.slots = Slots(settings, url)
        self.waiting = Waiting(settings, url, self.slots.generation)
        store = self.slots.take()
        try:
            readiness.admit(store, settings)
            store.command("SET", keys.SECRET, os.urandom(32), "NX")
            self.secret: bytes = store.command("GET", keys.SECRET)
            shared: bytes | None = store.command("GET", keys.ENCRYPTION)
        finally:
            self.slots.give(store)
        self.ids = MessageIds(self.secret)
        known = settings.encryption_keys
        self.keyring = Keyring(
            parse(known if shared is None or shared.decode() in known else (*known, shared.decode()))
        )
        #: Keys of queues whose new messages are encrypted, as far as this process has met them.
        self.encrypted: set[bytes] = set()
        #: Keys of standard queues that have message groups, as far as this process has met them.
        self.grouped: set[bytes] = set()
        #: Sources of the move tasks that this process started: its runner begins with them at once.
        self.started_tasks: SimpleQueue[QueueRef] = SimpleQueue()
        #: What this process's notifier looks at next: queues with new subscriptions, and its own events.
        self.notifications: SimpleQueue[object] = SimpleQueue()
        self.waiting.start()

    def new_session(self) -> Session:
        """A session with a slot, which the caller closes. Raises StoreUnavailable when no slot comes free."""
        return self._new_session(self)

    def new_router(self) -> Router:
        """The way to the store for one session, with a slot."""
        return SingleRouter(self.slots)

    @contextmanager
    def session(self) -> Iterator[Session]:
        """A session for the time of the block. Raises StoreUnavailable when no slot comes free."""
        session = self.new_session()
        try:
            yield session
        finally:
            session.close()

    def close(self) -> None:
        """Release every wait and close every connection."""
        self.waiting.release_all()
        self.slots.close()
