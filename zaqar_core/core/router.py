"""Routers: choose the deployment for each call of a session. With pools the router is in ``pools.routing``."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from zaqar_core.domain.names import QueueRef
from zaqar_core.store import Compiled, Store, catalogue, keys, registry, script

Arguments = Sequence[bytes | str | int]

# These are the same for plain, fair and FIFO queues.
_CREATE = script("create").plain
_DELETE = script("delete_queue").plain


class Router(Protocol):
    """Chooses the deployment for a call. Any method may raise StoreUnavailable."""

    def main(self) -> Store:
        """Return the main store, which has the registries, the catalogue of pools and all data outside of queues."""

    def run(self, function: Compiled, ref: QueueRef, arguments: Arguments, policy: bytes = b"") -> Any:
        """Run a function at the deployment that has the queue. ``policy``: see ``Store.run``. Raises ScriptFailed."""

    def run_many(self, calls: Sequence[tuple[Compiled, QueueRef]], arguments: Arguments) -> list[Any]:
        """Run one function on each queue, in one round trip for each deployment.

        A reply is ScriptFailed if the function failed, and StoreUnavailable if the queue's pool does not answer.
        """

    def command_at(self, ref: QueueRef, *words: bytes | str | int) -> Any:
        """Run a plain command on a key of the queue."""

    def create_queue(self, ref: QueueRef, arguments: Arguments, *, flavor: str | None, pool: str | None) -> list[Any]:
        """Register the queue and run the create function; return its reply. ``arguments`` follow the incarnation.

        ``flavor`` and ``pool`` are ignored without pools. Raises FlavorUnusable.
        """

    def delete_queue(self, ref: QueueRef) -> str:
        """Delete the queue; return its incarnation. The caller removes it from the registry. Raises ScriptFailed."""

    def forget_queue(self, ref: QueueRef) -> bool:
        """Remove the placement of a queue that does not exist; return whether its registry row may be removed."""

    def pools_of(self, refs: Sequence[QueueRef]) -> list[str]:
        """Return the pool of each queue; "" is the main store."""

    def stores(self) -> Iterator[Store]:
        """Iterate over the deployments that this process uses."""

    def pools_up(self) -> Mapping[str, bool]:
        """Return whether each pool answers that this process uses, as far as it knows."""


class SingleRouter:
    """The router of a service without pools: every call goes to the only deployment."""

    __slots__ = ("_store",)

    def __init__(self, store: Store) -> None:
        self._store = store

    def main(self) -> Store:
        return self._store

    def run(self, function: Compiled, ref: QueueRef, arguments: Arguments, policy: bytes = b"") -> Any:
        return self._store.run(function, keys.queue(ref), arguments, policy)

    def run_many(self, calls: Sequence[tuple[Compiled, QueueRef]], arguments: Arguments) -> list[Any]:
        return self._store.run_many([(function, keys.queue(ref), arguments) for function, ref in calls])

    def command_at(self, ref: QueueRef, *words: bytes | str | int) -> Any:
        del ref
        return self._store.command(*words)

    def create_queue(self, ref: QueueRef, arguments: Arguments, *, flavor: str | None, pool: str | None) -> list[Any]:
        del flavor, pool
        incarnation = os.urandom(8).hex()
        registry.add(self._store, ref, incarnation)
        reply: list[Any] = self.run(_CREATE, ref, [incarnation, *arguments])
        if not reply[0]:
            registry.add(self._store, ref, dict(zip(reply[1::2], reply[2::2], strict=True))[b"inc"].decode())
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
        yield self._store

    def pools_up(self) -> Mapping[str, bool]:
        return {}
