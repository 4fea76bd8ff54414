"""The core of one process: its store, its waiters and the deployment's secret."""

from __future__ import annotations

import os
from collections.abc import Callable
from queue import SimpleQueue

from zaqar_core.configuration.settings import Settings
from zaqar_core.core.router import Router, SingleRouter
from zaqar_core.core.session import Session
from zaqar_core.domain.encryption import Keyring, parse
from zaqar_core.domain.ids import MessageIds
from zaqar_core.domain.names import QueueRef
from zaqar_core.store import keys, readiness
from zaqar_core.store.links import Generation
from zaqar_core.store.opening import open_store
from zaqar_core.store.wakeups import Waiters


class Core:
    """Everything of the core that the requests of one process share. Created once per process."""

    def __init__(self, settings: Settings, url: str, *, wrapped: Callable[[Core], Session] = Session) -> None:
        """Connect to the store and check that it can keep the configured durability. ``wrapped`` creates sessions.

        Raises StoreUnavailable with a line for the operator.
        """
        self.settings = settings
        self._new_session = wrapped
        generation = Generation()
        self.store = store = open_store(settings, url, generation)
        #: The way of every session to the store.
        self.router: Router = SingleRouter(store)
        self.waiters = Waiters(settings, url, generation)
        readiness.admit(store, settings)
        store.command("SET", keys.SECRET, os.urandom(32), "NX")
        self.secret: bytes = store.command("GET", keys.SECRET)
        shared: bytes | None = store.command("GET", keys.ENCRYPTION)
        self.ids = MessageIds(self.secret)
        known = settings.encryption_keys
        self.keyring = Keyring(
            parse(known if shared is None or shared.decode() in known else (*known, shared.decode()))
        )
        #: Keys of queues that encrypt new messages, as far as this process knows.
        self.encrypted: set[bytes] = set()
        #: Keys of standard queues that have message groups, as far as this process knows.
        self.grouped: set[bytes] = set()
        #: Sources of the move tasks that this process started. Its task runner takes them from here.
        self.started_tasks: SimpleQueue[QueueRef] = SimpleQueue()
        #: Events for this process's notifier: queues with new subscriptions, and its own events.
        self.notifications: SimpleQueue[object] = SimpleQueue()
        self.waiters.start()

    def session(self) -> Session:
        """Create a session."""
        return self._new_session(self)

    def close(self) -> None:
        """Release every wait and close every connection."""
        self.waiters.release_all()
        self.waiters.close()
        self.store.close()
