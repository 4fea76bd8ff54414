"""Making and deleting queues that may be in any of several deployments, so that a name never has two living queues.

A queue's place in the catalogue says where it is and which incarnation. A deployment makes an incarnation only for who
saw that place in the catalogue shortly before, and once at most:

1. Who makes a queue reads the deployment's time, then writes the place, or sees it while it is young. The deployment
   makes the queue only until MAKE_MS after that time, on the same clock. So no queue is made later than MAKE_MS after
   its place was last seen.
2. A place is removed, or given to another life, only after its incarnation was buried: it does not live in its
   deployment, and cannot be made there for BURIED_MS. Deleting a queue buries it in the same step. The catalogue
   refuses the removal when it comes more than DECIDE_MS after the main store's time read before the burial.
3. DECIDE_MS and MAKE_MS together are shorter than BURIED_MS. So when a place goes, whoever still holds the old one can
   no longer make its queue; what then is made is elsewhere, or of another incarnation.

A pool's name stands for the same deployment as long as it has places: the catalogue refuses another one. Between the
two looks of step 1 the catalogue must not have changed, so that both speak of the deployment whose time was read.
No two servers' clocks are compared. A process that was held up anywhere finds GONE or LATE and begins anew.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Protocol, TypeVar

from zaqar_core.chance import chance
from zaqar_core.errors import FlavorUnusable, StoreUnavailable
from zaqar_core.names import QueueRef
from zaqar_core.pools.deployments import Place, Places
from zaqar_core.store import ScriptFailed, Store, catalogue, keys, registry, script
from zaqar_core.store.catalogue import MAIN, Placed

_LOOK = script("create", writes=False).plain
_CREATE = script("create_placed").plain
_DELETE = script("delete_queue").plain

#: A place so young may have its queue made by anybody; an older one without a queue was left by who died.
YOUNG_MS = 5_000
MAKE_MS = 5_000
DECIDE_MS = 20_000
BURIED_MS = 60_000

#: Rounds of who makes or deletes a queue; each means that somebody else did something with it meanwhile.
_MOST_ROUNDS = 50
_PAUSE_SECONDS = (0.001, 0.02)

Reply = TypeVar("Reply")


class At(Protocol):
    """Runs something with a slot of a deployment. Raises StoreUnavailable."""

    def __call__(self, place: Place, act: Callable[[Store], Reply]) -> Reply: ...


class Placing:
    """The protocol, for one request. ``at`` gives it slots."""

    def __init__(self, places: Places, at: At) -> None:
        self._places = places
        self._at = at

    def make(self, ref: QueueRef, arguments: list[Any], *, flavor: str | None, pool: str | None) -> list[Any]:
        """The create script's reply: the queue is there. It was made now, in a pool of the flavor, in the one named, or
        by weight; or it was there before. ``arguments`` are creator, default retention and fields.

        Raises FlavorUnusable, StoreUnavailable.
        """
        own = os.urandom(8).hex()
        for _ in self._rounds():
            placed, place, began_ms = self._settled(ref, own, flavor, pool)
            life = placed.incarnation
            found = self._at(place, partial(_looked_at, ref=ref))
            if found is not None:
                if life:
                    self._main(partial(_list, ref=ref, life=life))
                return found
            self._main(partial(_list, ref=ref, life=life))
            asked = [life, *arguments[:2], began_ms + MAKE_MS, *arguments[2:]]
            try:
                return self._at(place, partial(_made, ref=ref, asked=asked))
            except ScriptFailed:  # GONE or LATE: the place is to be given to another life
                own = os.urandom(8).hex()
                self._replace(ref, placed, own, flavor, pool)
        raise StoreUnavailable("the queue is being made and deleted all the time")

    def delete(self, ref: QueueRef) -> str:
        """The queue is gone, and has no place; its incarnation. Raises ScriptFailed NOQUEUE."""
        [placed] = self._main(lambda store: self._places.placed(store, [ref]))
        place = self._place_of(placed)
        life = self._at(place, partial(_deleted, ref=ref))
        self._forget(ref, life)
        return life

    def forget(self, ref: QueueRef) -> bool:
        """Whether the name has no place now; its queue was never made, or is gone."""
        [placed] = self._main(lambda store: self._places.placed(store, [ref]))
        return placed is None or self._forget(ref, placed.incarnation)

    def _forget(self, ref: QueueRef, life: str) -> bool:
        for _ in self._rounds():
            [placed] = self._main(lambda store: self._places.placed(store, [ref]))
            if placed is None or placed.incarnation != life:
                return True
            if not self._bury(ref, placed):
                return False
            deadline = placed.now_ms + DECIDE_MS
            try:
                self._main(partial(catalogue.unplace, ref=ref, incarnation=life, deadline_ms=deadline))
                return True
            except ScriptFailed:  # LATE
                continue
        return False

    def _settled(self, ref: QueueRef, own: str, flavor: str | None, pool: str | None) -> tuple[Placed, Place, int]:
        """The queue's place, which is young or has its queue, and a time of that deployment from before it was seen."""
        for _ in self._rounds():
            [seen] = self._main(lambda store: self._places.placed(store, [ref]))
            if seen is None:
                # One from before there were pools has no place.
                main, now = self._places.main, self._main(partial(catalogue.now_ms, ref=ref))
                if self._main(partial(_looked_at, ref=ref)) is not None:
                    return Placed("", now, MAIN, now, self._places.catalogue.revision), main, now
                self._choose(ref, own, flavor, pool)
                continue
            place = self._place_of(seen)
            began_ms = self._at(place, partial(catalogue.now_ms, ref=ref))
            [placed] = self._main(lambda store: self._places.placed(store, [ref]))
            if placed is None or (placed.incarnation, placed.revision) != (seen.incarnation, seen.revision):
                continue
            if placed.now_ms - placed.since_ms < YOUNG_MS or self._at(place, partial(_looked_at, ref=ref)):
                return placed, place, began_ms
            self._replace(ref, placed, own, flavor, pool)
        raise StoreUnavailable("the queue is being made and deleted all the time")

    def _replace(self, ref: QueueRef, placed: Placed, own: str, flavor: str | None, pool: str | None) -> None:
        """A place without a queue is given to a life of its own, unless its queue is there after all."""
        [now] = self._main(lambda store: self._places.placed(store, [ref]))
        if now is not None and now.incarnation == placed.incarnation and self._bury(ref, now):
            self._choose(ref, own, flavor, pool, instead_of=now)

    def _choose(
        self, ref: QueueRef, own: str, flavor: str | None, pool: str | None, *, instead_of: Placed | None = None
    ) -> None:
        """The queue has a place in a deployment that answers, if nobody was faster."""
        name = pool if pool is not None else self._pick(ref, flavor)
        expected, deadline = (instead_of.incarnation, instead_of.now_ms + DECIDE_MS) if instead_of else ("", 0)

        def write(store: Store) -> None:
            registry.enter(store, ref, own)
            catalogue.place(store, ref, own, name, instead_of=expected, deadline_ms=deadline)

        try:
            self._main(write)
        except ScriptFailed:  # NOPOOL or LATE: the next round sees
            self._main(lambda store: self._places.refresh(store, force=True))

    def _pick(self, ref: QueueRef, flavor: str | None) -> str:
        """By weight, among those of the flavor or those that belong to none. Who does not answer is passed over."""
        now = self._main(self._places.refresh)
        if flavor is not None:
            names = now.pools_of(flavor)
            if flavor not in now.flavors or not any(now.pools[name].weight for name in names):
                raise FlavorUnusable(flavor, is_known=flavor in now.flavors)
        else:
            names = [name for name in now.pools if name not in now.flavor_of]
        weights = {name: now.pools[name].weight for name in names if now.pools[name].weight}
        problem: StoreUnavailable | None = None
        while weights:
            [name] = chance.choices(list(weights), list(weights.values()))
            try:
                self._at(self._named(name), partial(catalogue.now_ms, ref=ref))
                return name
            except StoreUnavailable as away:
                problem = away
                del weights[name]
        if problem is not None:
            raise problem
        return MAIN

    def _bury(self, ref: QueueRef, placed: Placed) -> bool:
        life = placed.incarnation
        return self._at(self._place_of(placed), lambda store: catalogue.bury(store, ref, life, BURIED_MS))

    def _place_of(self, placed: Placed | None) -> Place:
        return self._places.main if placed is None else self._named(placed.pool)

    def _named(self, pool: str) -> Place:
        return self._main(lambda store: self._places.named(store, pool))

    def _main(self, act: Callable[[Store], Reply]) -> Reply:
        return self._at(self._places.main, act)

    @staticmethod
    def _rounds() -> Iterator[int]:
        for number in range(_MOST_ROUNDS):
            if number > 1:
                time.sleep(chance.uniform(*_PAUSE_SECONDS))
            yield number


def _made(store: Store, ref: QueueRef, asked: list[Any]) -> list[Any]:
    reply: list[Any] = store.run(_CREATE, keys.queue(ref), asked)
    return reply


def _deleted(store: Store, ref: QueueRef) -> str:
    life: bytes = store.run(_DELETE, keys.queue(ref), [BURIED_MS])
    return life.decode()


def _looked_at(store: Store, ref: QueueRef) -> list[Any] | None:
    try:
        found: list[Any] = store.run(_LOOK, keys.queue(ref), ["", "", 0])
    except ScriptFailed:
        return None
    return found


def _list(store: Store, ref: QueueRef, life: str) -> None:
    if registry.incarnation(store, ref) != life:
        registry.enter(store, ref, life)
