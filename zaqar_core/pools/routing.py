"""The core and the router with pools: each call of a session goes to the deployment that has the queue."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from zaqar_core.configuration.settings import Settings
from zaqar_core.core.process import Core
from zaqar_core.core.rounds import Rounds
from zaqar_core.core.router import Arguments
from zaqar_core.core.session import Session
from zaqar_core.domain.errors import StoreUnavailable
from zaqar_core.domain.names import QueueRef
from zaqar_core.domain.randomness import randomness
from zaqar_core.pools.deployments import Deployment, Deployments
from zaqar_core.pools.placement import Placer
from zaqar_core.store import Compiled, ScriptFailed, Store, keys
from zaqar_core.store.conditions import StoreCondition

#: Interval between two reads of the catalogue's revision. Until then a process may use a pool's old address.
REFRESH_SECONDS = (1.0, 2.0)
_log = logging.getLogger("sqs_facade.pools")


def new_core(settings: Settings, url: str, *, wrapped: Callable[[Core], Session] = Session) -> Core:
    """Create the core, with pools if the setting ``pooling`` is on. Raises StoreUnavailable."""
    kind = PooledCore if settings.pooling else Core
    return kind(settings, url, wrapped=wrapped)


class PooledCore(Core):
    """The core of one process that uses the main store and pools."""

    def __init__(self, settings: Settings, url: str, *, wrapped: Callable[[Core], Session] = Session) -> None:
        super().__init__(settings, url, wrapped=wrapped)
        self.deployments = Deployments(settings, self.store, self.waiters)
        self.when_emptied.append(self.deployments.forget)
        self.router = PoolRouter(self.deployments)
        self.deployments.refresh(self.store, force=True)
        threading.Thread(target=self._watch, name="pools", daemon=True).start()

    def store_conditions(self) -> list[StoreCondition]:
        found = super().store_conditions()
        for pool in self.deployments.open_pools():
            found += pool.conditions()
        return found

    def close(self) -> None:
        super().close()
        self.deployments.close()

    def _watch(self) -> None:
        rounds = Rounds(self, _log, "cannot read the catalogue of pools")
        while not self.waiters.is_released:
            time.sleep(randomness.uniform(*REFRESH_SECONDS))
            rounds.run(lambda: self.deployments.refresh(self.session().store))


class PoolRouter:
    """Chooses the main store or a pool for each call.

    The cached deployment of a queue may be outdated. So when the queue is missing there, the router reads its placement
    from the catalogue once before it raises NOQUEUE.
    """

    __slots__ = ("deployments",)

    def __init__(self, deployments: Deployments) -> None:
        self.deployments = deployments

    def main(self) -> Store:
        return self.deployments.main.store()

    def run(self, function: Compiled, ref: QueueRef, arguments: Arguments, policy: bytes = b"") -> Any:
        cached = self.deployments.cached(ref)
        if cached is not None:
            try:
                return self._run_at(cached, function, ref, arguments, policy)
            except ScriptFailed as failed:
                if failed.word != "NOQUEUE":
                    raise
        [deployment] = self.deployments.look_up(self.main(), [ref])
        if deployment is cached:
            raise ScriptFailed("NOQUEUE", "")
        return self._run_at(deployment, function, ref, arguments, policy)

    def run_many(
        self, calls: Sequence[tuple[Compiled, QueueRef]], arguments: Arguments, each: Sequence[Arguments] = ()
    ) -> list[Any]:
        given: list[Arguments] = [[*arguments, *more] for more in each]
        given = given or [arguments] * len(calls)
        replies: list[Any] = [None] * len(calls)
        cached = [self.deployments.cached(ref) for _, ref in calls]
        self._run_at_each(
            {index: deployment for index, deployment in enumerate(cached) if deployment is not None},
            calls,
            given,
            replies,
        )
        missing = [index for index in range(len(calls)) if cached[index] is None or _is_missing(replies[index])]
        if missing:
            found = self.deployments.look_up(self.main(), [calls[index][1] for index in missing])
            moved = {
                index: deployment
                for index, deployment in zip(missing, found, strict=True)
                if deployment is not cached[index]
            }
            self._run_at_each(moved, calls, given, replies)
        return replies

    def command_at(self, ref: QueueRef, *words: bytes | str | int) -> Any:
        [deployment] = self.deployments.look_up(self.main(), [ref])
        return deployment.run(lambda store: store.command(*words))

    def create_queue(self, ref: QueueRef, arguments: Arguments, *, flavor: str | None, pool: str | None) -> list[Any]:
        reply = self._placer().create(ref, list(arguments), flavor=flavor, pool=pool)
        self.deployments.look_up(self.main(), [ref])
        return reply

    def delete_queue(self, ref: QueueRef) -> str:
        return self._placer().delete(ref)

    def forget_queue(self, ref: QueueRef) -> bool:
        return self._placer().forget(ref)

    def pools_of(self, refs: Sequence[QueueRef]) -> list[str]:
        return [deployment.name for deployment in self.deployments.look_up(self.main(), refs)]

    def stores(self) -> Iterator[Store]:
        """Iterate over the main store and each open pool that answers."""
        yield self.main()
        for pool in self.deployments.open_pools():
            try:
                yield pool.store()
            except StoreUnavailable as problem:
                _log.debug("left out a pool that is unavailable: %s", problem.reason)  # it logs its outage itself

    def pools_up(self) -> Mapping[str, bool]:
        return {pool.name: pool.is_up for pool in self.deployments.open_pools()}

    def _placer(self) -> Placer:
        return Placer(self.deployments)

    def _run_at(
        self, deployment: Deployment, function: Compiled, ref: QueueRef, arguments: Arguments, policy: bytes
    ) -> Any:
        return deployment.run(lambda store: store.run(function, keys.queue(ref), arguments, policy))

    def _run_at_each(
        self,
        deployments: dict[int, Deployment],
        calls: Sequence[tuple[Compiled, QueueRef]],
        arguments: Sequence[Arguments],
        replies: list[Any],
    ) -> None:
        """Run the calls with these indexes, each at its deployment, and store their replies by index.

        ``arguments`` are those of each call.
        """
        for deployment in set(deployments.values()):
            indexes = [index for index, one in deployments.items() if one is deployment]
            packed = [(calls[index][0], keys.queue(calls[index][1]), arguments[index]) for index in indexes]
            try:
                found = deployment.run(lambda store, packed=packed: store.run_many(packed))  # type: ignore[misc]
            except StoreUnavailable as problem:
                if deployment is self.deployments.main:
                    raise
                found = [problem] * len(indexes)
            for index, reply in zip(indexes, found, strict=True):
                replies[index] = reply


def _is_missing(reply: Any) -> bool:
    return isinstance(reply, ScriptFailed) and reply.word == "NOQUEUE"
