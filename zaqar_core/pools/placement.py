"""Create and delete queues in one of several deployments, so that a name never has two queues at the same time.

A placement is a queue's entry in the catalogue: which incarnation, in which deployment. A deployment creates an
incarnation only for a process that read its placement shortly before, and at most once:

1. To create a queue, a process reads the deployment's time, then writes the placement, or reads one that is young. The
   deployment creates the queue only until CREATE_MS after that time, on the same clock. So no queue is created later
   than CREATE_MS after its placement was last read.
2. A placement is removed, or replaced by that of another incarnation, only after its incarnation was ruled out: it does
   not exist in its deployment and cannot be created there for RULED_OUT_MS. Deleting a queue rules it out in the same
   step. The catalogue refuses the removal when it comes more than DECIDE_MS after the main store's time that was read
   before the incarnation was ruled out.
3. DECIDE_MS and CREATE_MS together are shorter than RULED_OUT_MS. So when a placement is removed, a process that has
   read it earlier can no longer create its queue. A queue created later has another placement, so another incarnation.

A pool's name refers to the same deployment as long as placements name it: the catalogue refuses another one. The
catalogue must not have changed between the two reads of step 1, so that both refer to the deployment whose time was
read. Clocks of two servers are never compared. A process that was paused at any step gets GONE or LATE and starts over.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from zaqar_core.core.later_steps import later_step
from zaqar_core.domain.errors import FlavorUnusable, StoreUnavailable
from zaqar_core.domain.names import QueueRef
from zaqar_core.domain.randomness import randomness
from zaqar_core.eventloop import sleep
from zaqar_core.pools.deployments import Deployment, Deployments, Reply
from zaqar_core.store import ScriptFailed, Store, catalogue, keys, registry, script
from zaqar_core.store.catalogue import MAIN, Placement

_READ = script("get").plain
_CREATE = script("create_placed").plain
_DELETE = script("delete_queue").plain

#: Any process may create the queue of a younger placement. An older placement without a queue was left behind by a
#: crashed process and is replaced.
YOUNG_MS = 5_000
#: See the protocol above.
CREATE_MS = 5_000
DECIDE_MS = 20_000
RULED_OUT_MS = 60_000

#: Rounds of creating or deleting a queue. Each further round means that another process changed the queue.
_MOST_ROUNDS = 50
_PAUSE_SECONDS = (0.001, 0.02)


class Placer:
    """Runs the protocol above for one request."""

    def __init__(self, deployments: Deployments) -> None:
        self._deployments = deployments

    def create(self, ref: QueueRef, arguments: list[Any], *, flavor: str | None, pool: str | None) -> list[Any]:
        """Create the queue unless it exists; return the reply of the create function.

        A new queue goes to a pool of the flavor, to ``pool``, or to a pool chosen by weight. ``arguments`` are the
        creator, the default retention and the fields.

        Raises FlavorUnusable, StoreUnavailable.
        """
        own = os.urandom(8).hex()
        for _ in self._rounds():
            placement, deployment, began_ms = self._settled(ref, own, flavor, pool)
            incarnation = placement.incarnation
            found = deployment.run(partial(_read_queue, ref=ref))
            if found is not None:
                if incarnation:
                    self._main(partial(_list, ref=ref, incarnation=incarnation))
                return found
            self._main(partial(_list, ref=ref, incarnation=incarnation))
            create_arguments = [incarnation, *arguments[:2], began_ms + CREATE_MS, *arguments[2:]]
            try:
                return deployment.run(partial(_create_placed, ref=ref, arguments=create_arguments))
            except ScriptFailed:  # GONE or LATE: the placement needs another incarnation
                own = os.urandom(8).hex()
                self._replace(ref, placement, own, flavor, pool)
        raise StoreUnavailable(f"gave up: queue {ref.name} is being created and deleted concurrently; retry")

    def delete(self, ref: QueueRef) -> str:
        """Delete the queue and its placement; return its incarnation. Raises ScriptFailed NOQUEUE."""
        [placement] = self._main(lambda store: self._deployments.placements(store, [ref]))
        deployment = self._deployment_of(placement)
        incarnation = deployment.run(partial(_delete_placed, ref=ref))
        with later_step():
            self._forget(ref, incarnation)
        return incarnation

    def forget(self, ref: QueueRef) -> bool:
        """Remove the placement of a queue that does not exist; return whether the name has no placement now."""
        [placement] = self._main(lambda store: self._deployments.placements(store, [ref]))
        return placement is None or self._forget(ref, placement.incarnation)

    def _forget(self, ref: QueueRef, incarnation: str) -> bool:
        for _ in self._rounds():
            [placement] = self._main(lambda store: self._deployments.placements(store, [ref]))
            if placement is None or placement.incarnation != incarnation:
                return True
            if not self._rule_out(ref, placement):
                return False
            deadline = placement.now_ms + DECIDE_MS
            try:
                self._main(partial(catalogue.remove_placement, ref=ref, incarnation=incarnation, deadline_ms=deadline))
                return True
            except ScriptFailed:  # LATE
                continue
        return False

    def _settled(
        self, ref: QueueRef, own: str, flavor: str | None, pool: str | None
    ) -> tuple[Placement, Deployment, int]:
        """Return a placement that is young or has its queue, and its deployment; write one if necessary.

        The third value is the deployment's time, read before the placement.
        """
        for _ in self._rounds():
            [seen] = self._main(lambda store: self._deployments.placements(store, [ref]))
            if seen is None:
                # A queue that was created before pooling has no placement.
                main, now = self._deployments.main, self._main(partial(catalogue.now_ms, ref=ref))
                if self._main(partial(_read_queue, ref=ref)) is not None:
                    return Placement("", now, MAIN, now, self._deployments.catalogue.revision), main, now
                self._choose(ref, own, flavor, pool)
                continue
            deployment = self._deployment_of(seen)
            began_ms = deployment.run(partial(catalogue.now_ms, ref=ref))
            [placement] = self._main(lambda store: self._deployments.placements(store, [ref]))
            if placement is None or (placement.incarnation, placement.revision) != (seen.incarnation, seen.revision):
                continue
            if placement.now_ms - placement.since_ms < YOUNG_MS or deployment.run(partial(_read_queue, ref=ref)):
                return placement, deployment, began_ms
            self._replace(ref, placement, own, flavor, pool)
        raise StoreUnavailable(f"gave up: queue {ref.name} is being created and deleted concurrently; retry")

    def _replace(self, ref: QueueRef, placement: Placement, own: str, flavor: str | None, pool: str | None) -> None:
        """Replace a placement without a queue by one with incarnation ``own``, unless its queue exists after all."""
        [now] = self._main(lambda store: self._deployments.placements(store, [ref]))
        if now is not None and now.incarnation == placement.incarnation and self._rule_out(ref, now):
            self._choose(ref, own, flavor, pool, instead_of=now)

    def _choose(
        self, ref: QueueRef, own: str, flavor: str | None, pool: str | None, *, instead_of: Placement | None = None
    ) -> None:
        """Write a placement in a deployment that answers, unless another process has written one."""
        name = pool if pool is not None else self._pick(ref, flavor)
        expected, deadline = (instead_of.incarnation, instead_of.now_ms + DECIDE_MS) if instead_of else ("", 0)

        def write(store: Store) -> None:
            registry.add(store, ref, own)
            catalogue.write_placement(store, ref, own, name, instead_of=expected, deadline_ms=deadline)

        try:
            self._main(write)
        except ScriptFailed:  # NOPOOL or LATE: the next round reads the new state
            self._main(lambda store: self._deployments.refresh(store, force=True))

    def _pick(self, ref: QueueRef, flavor: str | None) -> str:
        """Choose a pool of the flavor, or one without flavor, by weight. Skip pools that do not answer."""
        now = self._main(self._deployments.refresh)
        if flavor is not None:
            names = now.pools_of(flavor)
            if flavor not in now.flavors or not any(now.pools[name].weight for name in names):
                raise FlavorUnusable(flavor, is_known=flavor in now.flavors)
        else:
            names = [name for name in now.pools if name not in now.flavor_of]
        weights = {name: now.pools[name].weight for name in names if now.pools[name].weight}
        problem: StoreUnavailable | None = None
        while weights:
            [name] = randomness.choices(list(weights), list(weights.values()))
            try:
                self._named(name).run(partial(catalogue.now_ms, ref=ref))
                return name
            except StoreUnavailable as unavailable:
                problem = unavailable
                del weights[name]
        if problem is not None:
            raise problem
        return MAIN

    def _rule_out(self, ref: QueueRef, placement: Placement) -> bool:
        """Rule out the placement's incarnation. False when its queue exists."""
        incarnation = placement.incarnation
        return self._deployment_of(placement).run(
            lambda store: catalogue.rule_out(store, ref, incarnation, RULED_OUT_MS)
        )

    def _deployment_of(self, placement: Placement | None) -> Deployment:
        return self._deployments.main if placement is None else self._named(placement.pool)

    def _named(self, pool: str) -> Deployment:
        return self._main(lambda store: self._deployments.named(store, pool))

    def _main(self, act: Callable[[Store], Reply]) -> Reply:
        return self._deployments.main.run(act)

    @staticmethod
    def _rounds() -> Iterator[int]:
        for number in range(_MOST_ROUNDS):
            if number > 1:
                sleep(randomness.uniform(*_PAUSE_SECONDS))
            yield number


def _create_placed(store: Store, ref: QueueRef, arguments: list[Any]) -> list[Any]:
    reply: list[Any] = store.run(_CREATE, keys.queue(ref), arguments)
    return reply


def _delete_placed(store: Store, ref: QueueRef) -> str:
    incarnation: bytes = store.run(_DELETE, keys.queue(ref), [RULED_OUT_MS])
    return incarnation.decode()


def _read_queue(store: Store, ref: QueueRef) -> list[Any] | None:
    try:
        found: list[Any] = store.run(_READ, keys.queue(ref), [])
    except ScriptFailed:
        return None
    return found


def _list(store: Store, ref: QueueRef, incarnation: str) -> None:
    if registry.incarnation(store, ref) != incarnation:
        registry.add(store, ref, incarnation)
