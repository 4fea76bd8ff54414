"""Which deployment a session's calls go to: the only one, or the one that has the queue (see ``pools.routing``)."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

from zaqar_core.domain.errors import StoreUnavailable
from zaqar_core.domain.names import QueueRef
from zaqar_core.store import Compiled, Slots, Store, catalogue, keys, registry, script

Arguments = Sequence[bytes | str | int]

# These are the same for every kind of queue.
_CREATE = script("create").plain
_DELETE = script("delete_queue").plain


class Router(Protocol):
    """One request's way to the store. It holds one slot at most. Every method may raise StoreUnavailable."""

    def main(self) -> Store:
        """The main store: registries, the catalogue of pools, and what belongs to no queue."""

    def run(self, function: Compiled, ref: QueueRef, arguments: Arguments) -> Any:
        """Run one function where the queue is. Raises ScriptFailed."""

    def run_many(self, calls: Sequence[tuple[Compiled, QueueRef]], arguments: Arguments) -> list[Any]:
        """Run one function on each queue, in one round trip for each deployment.

        ScriptFailed takes the place of a reply, and StoreUnavailable that of queues in a pool that does not answer.
        """

    def command_at(self, ref: QueueRef, *words: bytes | str | int) -> Any:
        """Run a plain command on keys of a queue."""

    def create_queue(self, ref: QueueRef, arguments: Arguments, *, flavor: str | None, pool: str | None) -> list[Any]:
        """List the queue and run the create function; its reply. ``arguments`` follow the incarnation.

        ``flavor`` and ``pool`` mean something only where there are pools. Raises FlavorUnusable.
        """

    def delete_queue(self, ref: QueueRef) -> str:
        """Delete the queue, which stays listed; its incarnation. Raises ScriptFailed."""

    def forget_queue(self, ref: QueueRef) -> bool:
        """Whether a queue that does not exist may be removed from the list."""

    def pools_of(self, refs: Sequence[QueueRef]) -> list[str]:
        """The pool of each queue; "" is the main store."""

    def stores(self) -> Iterator[Store]:
        """Each deployment that this process uses, one after the other."""

    def suspended(self) -> AbstractContextManager[None]:
        """Let other requests use the slot inside the block."""

    def close(self) -> None:
        """Give the slot back. A second call does nothing."""


class SingleRouter:
    """The way to the one deployment that a service without pools has."""

    __slots__ = ("_slots", "_store")

    def __init__(self, slots: Slots) -> None:
        self._slots = slots
        self._store: Store | None = slots.take()

    def main(self) -> Store:
        if self._store is None:
            raise StoreUnavailable("the slot was given back")
        return self._store

    def run(self, function: Compiled, ref: QueueRef, arguments: Arguments) -> Any:
        return self.main().run(function, keys.queue(ref), arguments)

    def run_many(self, calls: Sequence[tuple[Compiled, QueueRef]], arguments: Arguments) -> list[Any]:
        return self.main().run_many([(function, keys.queue(ref), arguments) for function, ref in calls])

    def command_at(self, ref: QueueRef, *words: bytes | str | int) -> Any:
        del ref
        return self.main().command(*words)

    def create_queue(self, ref: QueueRef, arguments: Arguments, *, flavor: str | None, pool: str | None) -> list[Any]:
        del flavor, pool
        incarnation = os.urandom(8).hex()
        registry.enter(self.main(), ref, incarnation)
        reply: list[Any] = self.run(_CREATE, ref, [incarnation, *arguments])
        if not reply[0]:
            registry.enter(self.main(), ref, dict(zip(reply[1::2], reply[2::2], strict=True))[b"inc"].decode())
        return reply

    def delete_queue(self, ref: QueueRef) -> str:
        incarnation: bytes = self.run(_DELETE, ref, [])
        return incarnation.decode()

    def forget_queue(self, ref: QueueRef) -> bool:
        del ref
        return True

    def pools_of(self, refs: Sequence[QueueRef]) -> list[str]:
        return [catalogue.MAIN] * len(refs)

    def stores(self) -> Iterator[Store]:
        yield self.main()

    @contextmanager
    def suspended(self) -> Iterator[None]:
        self.close()
        try:
            yield
        finally:
            self._store = self._slots.take()

    def close(self) -> None:
        store, self._store = self._store, None
        if store is not None:
            self._slots.give(store)
