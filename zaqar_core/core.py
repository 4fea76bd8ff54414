"""What a process holds of the core, and what a face holds while it answers one request."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from zaqar_core.encryption import Keyring, parse
from zaqar_core.errors import StoreUnavailable
from zaqar_core.ids import MessageIds
from zaqar_core.names import QueueRef
from zaqar_core.settings import Settings
from zaqar_core.store import Compiled, Script, ScriptFailed, Slots, Store, catalogue, keys, readiness, registry, script
from zaqar_core.waiting import Waiting

if TYPE_CHECKING:
    from zaqar_core.pools.deployments import Place, Places

# These are the same for every kind of queue.
_CREATE = script("create").plain
_DELETE = script("delete_queue").plain

#: Queues with message groups that a process remembers; beyond it, it learns anew.
_MOST_GROUPED = 100_000
#: The same of queues whose messages are encrypted.
_MOST_ENCRYPTED = 100_000


class Core:
    """One process's share of the service: its slots, its waiters, the deployment's secret. Made once."""

    def __init__(self, settings: Settings, url: str, *, session_kind: Callable[[Core], Session] | None = None) -> None:
        """Connected and fit to keep the durability asked for. ``session_kind`` makes a session of another kind than
        Session. Raises StoreUnavailable with a line for the operator."""
        self.settings = settings
        self.new_session: Callable[[Core], Session] = session_kind or Session
        self.slots = Slots(settings, url)
        self.waiting = Waiting(settings, url, self.slots.generation)
        store = self.slots.take()
        try:
            readiness.check(store, settings.durability)
            self.refuse_forgotten_pools(store)
            store.command("SET", keys.SECRET, os.urandom(32), "NX")
            self.secret: bytes = store.command("GET", keys.SECRET)
            if settings.ephemeral and settings.encryption_keys:
                readiness.share_key(store, settings.encryption_keys[-1])
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
        #: Sources of the move tasks that this process started; its runner begins with them at once.
        self.started_tasks: SimpleQueue[QueueRef] = SimpleQueue()
        #: What this process's notifier looks at next: queues with new subscriptions, and its own events.
        self.notifications: SimpleQueue[object] = SimpleQueue()
        self.waiting.start()

    @contextmanager
    def session(self) -> Iterator[Session]:
        """One slot for the time of the block. Raises StoreUnavailable when none comes free."""
        session = self.new_session(self)
        try:
            yield session
        finally:
            session.close()

    def refuse_forgotten_pools(self, store: Store) -> None:
        """Raises StoreUnavailable where queues may be in pools: without pooling they would seem to be gone."""
        catalogue.refuse_forgotten_pools(store)

    def close(self) -> None:
        """Every wait is released, every connection closed."""
        self.waiting.release_all()
        self.slots.close()


class Session:
    """One request's hold of one execution slot (a Redis connection).

    The whole time a face parses, runs and writes it holds a slot; only :meth:`asleep` gives it back for a while.
    """

    __slots__ = (
        "_core", "_place", "_places", "_store", "encrypted", "ids", "keyring", "notifications", "secret", "settings",
        "started_tasks", "waiting",
    )  # fmt: skip

    def __init__(self, core: Core) -> None:
        self._core = core
        self.settings = core.settings
        self.secret = core.secret
        self.keyring = core.keyring
        self.encrypted = core.encrypted
        self.ids = core.ids
        self.waiting = core.waiting
        self.started_tasks = core.started_tasks
        self.notifications = core.notifications
        self._store: Store | None = core.slots.take()
        # Only where there are pools: see PooledSession.
        self._place: Place
        self._places: Places

    @property
    def store(self) -> Store:
        return self._held()

    def _held(self) -> Store:
        """The slot, whichever deployment it is of."""
        if self._store is None:
            raise StoreUnavailable("the slot was given back")
        return self._store

    def call(self, compiled: Compiled, ref: QueueRef, arguments: Sequence[bytes | str | int]) -> Any:
        """The reply of a script that is the same for every kind of queue. Raises ScriptFailed, StoreUnavailable."""
        return self._held().run(compiled, keys.queue(ref), arguments)

    def call_many(
        self, compiled: Compiled, refs: Sequence[QueueRef], arguments: Sequence[bytes | str | int]
    ) -> list[Any]:
        """The same on many queues in one round trip; errors as in run_many."""
        return self._held().run_many([(compiled, keys.queue(ref), arguments) for ref in refs])

    def command_at(self, ref: QueueRef, *words: bytes | str | int) -> Any:
        """A plain command on keys of a queue."""
        del ref
        return self.store.command(*words)

    def make_queue(
        self,
        ref: QueueRef,
        arguments: Sequence[bytes | str | int],
        *,
        flavor: str | None = None,
        pool: str | None = None,
    ) -> list[Any]:
        """The create script's reply, and the queue is listed. ``arguments`` follow the incarnation. ``flavor`` and
        ``pool`` mean something only where there are pools."""
        del flavor, pool
        incarnation = os.urandom(8).hex()
        registry.enter(self.store, ref, incarnation)
        reply: list[Any] = self.call(_CREATE, ref, [incarnation, *arguments])
        if not reply[0]:
            registry.enter(self.store, ref, dict(zip(reply[1::2], reply[2::2], strict=True))[b"inc"].decode())
        return reply

    def unmake_queue(self, ref: QueueRef) -> str:
        """The queue and what is in it are gone; its incarnation. It is still listed. Raises ScriptFailed."""
        incarnation: bytes = self.call(_DELETE, ref, [])
        return incarnation.decode()

    def forget_queue(self, ref: QueueRef) -> bool:
        """Whether a queue that is not there may be taken from the list."""
        del ref
        return True

    def pools_of(self, refs: Sequence[QueueRef]) -> list[str]:
        """The pool of each queue; "" is the main store."""
        return [catalogue.MAIN] * len(refs)

    def every_store(self) -> Iterator[Store]:
        """Each deployment that this process uses, one after the other."""
        yield self.store

    def run(
        self, script: Script, ref: QueueRef, arguments: Sequence[bytes | str | int], *, has_groups: bool = False
    ) -> Any:
        """The script's reply on that queue, in the kind that the queue is of. One round trip, two where a standard
        queue turns out to have message groups. Raises ScriptFailed, StoreUnavailable."""
        key, store = keys.queue(ref), self._held()
        if ref.name.endswith(".fifo"):
            return store.run(script.fifo, key, arguments)
        if not has_groups and key not in self._core.grouped:
            try:
                return store.run(script.plain, key, arguments)
            except ScriptFailed as failed:
                if failed.word != "GROUPED":
                    raise
                self._remember_groups(key)
        return store.run(script.fair, key, arguments)

    def run_many(self, script: Script, refs: Sequence[QueueRef], arguments: Sequence[bytes | str | int]) -> list[Any]:
        """The same on many queues in one round trip. A script's own word takes the place of its reply, and
        StoreUnavailable that of queues in a pool that does not answer."""
        store = self._held()

        def calls(places: Sequence[int]) -> list[tuple[Compiled, bytes, Sequence[bytes | str | int]]]:
            return [(self._kind_of(script, refs[place]), keys.queue(refs[place]), arguments) for place in places]

        replies = store.run_many(calls(range(len(refs))))
        wrong = [at for at, reply in enumerate(replies) if isinstance(reply, ScriptFailed) and reply.word == "GROUPED"]
        for place in wrong:
            self._remember_groups(keys.queue(refs[place]))
        for place, reply in zip(wrong, store.run_many(calls(wrong)), strict=True):
            replies[place] = reply
        return replies

    def _kind_of(self, script: Script, ref: QueueRef) -> Compiled:
        if ref.is_fifo:
            return script.fifo
        return script.fair if keys.queue(ref) in self._core.grouped else script.plain

    def _remember_groups(self, key: bytes) -> None:
        if len(self._core.grouped) >= _MOST_GROUPED:
            self._core.grouped.clear()
        self._core.grouped.add(key)

    def remember_encryption(self, ref: QueueRef, *, is_encrypted: bool) -> None:
        """New messages of the queue are, or are not, to be encrypted."""
        if not is_encrypted:
            self.encrypted.discard(keys.queue(ref))
            return
        if len(self.encrypted) >= _MOST_ENCRYPTED:
            self.encrypted.clear()
        self.encrypted.add(keys.queue(ref))

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
