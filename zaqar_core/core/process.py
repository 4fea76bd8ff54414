"""The core of one process: its store, its waiters and the deployment's secret."""

from __future__ import annotations

from collections.abc import Callable
from queue import SimpleQueue

from zaqar_core.configuration.settings import Settings
from zaqar_core.core.quotas import Quotas
from zaqar_core.core.router import Router, SingleRouter
from zaqar_core.core.secrets import Secrets
from zaqar_core.core.session import Session
from zaqar_core.domain.names import QueueRef
from zaqar_core.store import readiness
from zaqar_core.store.inspection import Watch
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
        #: Keys of queues that encrypt new messages, as far as this process knows.
        self.encrypted: set[bytes] = set()
        #: Keys of standard queues that have message groups, as far as this process knows.
        self.grouped: set[bytes] = set()
        #: Called when the store has lost its data, on any thread or task: what was cached of it is no longer true.
        self.when_emptied: list[Callable[[], object]] = [self.encrypted.clear, self.grouped.clear]
        readiness.admit(store, settings)
        self.secrets = Secrets(store, settings.encryption_keys, self._forget)
        store.terms.remembered, store.terms.is_in_service = self.secrets, True
        #: Sources of the move tasks that this process started. Its task runner takes them from here.
        self.started_tasks: SimpleQueue[QueueRef] = SimpleQueue()
        #: Events for this process's notifier: queues with new subscriptions, and its own events.
        self.notifications: SimpleQueue[object] = SimpleQueue()
        #: None: accounts have no quotas.
        self.quotas = Quotas.configured(settings)
        self._watch_of_store = Watch(store.inspect)
        self.waiters.start()
        self._watch_of_store.start()

    def _forget(self) -> None:
        for forget in self.when_emptied:
            forget()

    def session(self) -> Session:
        """Create a session."""
        return self._new_session(self)

    def close(self) -> None:
        """Release every wait and close every connection."""
        self._watch_of_store.stop()
        self.waiters.release_all()
        self.waiters.close()
        self.store.close()
