"""The core where queues are spread over pools: as Core and Session, with each queue's own deployment behind them."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from zaqar_core.chance import chance
from zaqar_core.core import Core, Session
from zaqar_core.errors import StoreUnavailable
from zaqar_core.names import QueueRef
from zaqar_core.pools.deployments import Place, Places
from zaqar_core.pools.placement import Placing, Reply
from zaqar_core.settings import Settings
from zaqar_core.store import Compiled, Script, ScriptFailed, Store

#: Between two looks at the catalogue's revision: until then a process may use a pool's old address.
LOOK_SECONDS = (1.0, 2.0)
_log = logging.getLogger("sqs_facade.pools")


def new_core(settings: Settings, url: str, *, session_kind: Callable[[Core], Session] | None = None) -> Core:
    """The core that the settings ask for: with pools or without. Raises StoreUnavailable."""
    kind = PooledCore if settings.pooling else Core
    return kind(settings, url, session_kind=session_kind)


class PooledCore(Core):
    """A process's share of the main store and of the pools."""

    def __init__(self, settings: Settings, url: str, *, session_kind: Callable[[Core], Session] | None = None) -> None:
        super().__init__(settings, url, session_kind=session_kind or PooledSession)
        self.places = Places(settings, self.slots, self.waiting)
        with self.session() as session:
            self.places.refresh(session.store, force=True)
        threading.Thread(target=self._watch, name="pools", daemon=True).start()

    def close(self) -> None:
        super().close()
        self.places.close()

    def refuse_forgotten_pools(self, store: Store) -> None:
        """They are not forgotten here."""

    def _watch(self) -> None:
        while not self.waiting.is_released:
            time.sleep(chance.uniform(*LOOK_SECONDS))
            try:
                with self.session() as session:
                    self.places.refresh(session.store)
            except StoreUnavailable as problem:
                if not self.waiting.is_released:
                    _log.warning("the catalogue of pools waits for the store: %s", problem.reason)


class PooledSession(Session):
    """Holds a slot of one deployment at a time: of the main store, or of the pool whose queue it works on.

    What a process knows of a queue's place may be old: then there is no such queue any more, and the catalogue is asked
    once before that is believed.
    """

    __slots__ = ()

    def __init__(self, core: Core) -> None:
        super().__init__(core)
        assert isinstance(core, PooledCore)
        self._places = core.places
        self._place = core.places.main

    @property
    def store(self) -> Store:
        """The main store."""
        return self._slot(self._places.main)

    def run(
        self, script: Script, ref: QueueRef, arguments: Sequence[bytes | str | int], *, has_groups: bool = False
    ) -> Any:
        """As Session.run, where the queue is."""
        return self._there(ref, lambda: Session.run(self, script, ref, arguments, has_groups=has_groups))

    def call(self, compiled: Compiled, ref: QueueRef, arguments: Sequence[bytes | str | int]) -> Any:
        """As Session.call, where the queue is."""
        return self._there(ref, lambda: Session.call(self, compiled, ref, arguments))

    def run_many(self, script: Script, refs: Sequence[QueueRef], arguments: Sequence[bytes | str | int]) -> list[Any]:
        """As Session.run_many, a round trip for each deployment."""
        return self._everywhere(refs, lambda some: Session.run_many(self, script, some, arguments))

    def call_many(
        self, compiled: Compiled, refs: Sequence[QueueRef], arguments: Sequence[bytes | str | int]
    ) -> list[Any]:
        """As Session.call_many, a round trip for each deployment."""
        return self._everywhere(refs, lambda some: Session.call_many(self, compiled, some, arguments))

    def command_at(self, ref: QueueRef, *words: bytes | str | int) -> Any:
        """As Session.command_at, where the queue is."""
        [place] = self._places.look_up(self.store, [ref])
        return self.at(place, lambda store: store.command(*words))

    def make_queue(
        self,
        ref: QueueRef,
        arguments: Sequence[bytes | str | int],
        *,
        flavor: str | None = None,
        pool: str | None = None,
    ) -> list[Any]:
        """As Session.make_queue, in a pool. Raises FlavorUnusable."""
        made = self._placing().make(ref, list(arguments), flavor=flavor, pool=pool)
        self._places.look_up(self.store, [ref])
        return made

    def unmake_queue(self, ref: QueueRef) -> str:
        """As Session.unmake_queue, wherever it is."""
        return self._placing().delete(ref)

    def forget_queue(self, ref: QueueRef) -> bool:
        """As Session.forget_queue: its place is gone first."""
        return self._placing().forget(ref)

    def pools_of(self, refs: Sequence[QueueRef]) -> list[str]:
        """As Session.pools_of."""
        return [place.name for place in self._places.look_up(self.store, refs)]

    def every_store(self) -> Iterator[Store]:
        """As Session.every_store; pools that do not answer are passed over."""
        yield self.store
        for pool in self._places.open_pools():
            try:
                yield self._slot(pool)
            except StoreUnavailable as problem:
                _log.warning("a pool is passed over: %s", problem.reason)

    @contextmanager
    def asleep(self) -> Iterator[None]:
        """As Session.asleep; afterwards a slot is taken when it is needed."""
        self.close()
        yield

    def close(self) -> None:
        store, self._store = self._store, None
        if store is not None:
            self._place.give(store)

    @property
    def places(self) -> Places:
        return self._places

    def at(self, place: Place, act: Callable[[Store], Reply]) -> Reply:
        """``act`` with a slot of that deployment. Raises StoreUnavailable, and what ``act`` raises."""
        store = self._slot(place)
        try:
            reply = act(store)
        except StoreUnavailable:
            place.failed(store)
            raise
        place.answered()
        return reply

    def _slot(self, place: Place) -> Store:
        if self._store is None or self._place is not place:
            self.close()
            self._store = place.take()
            self._place = place
        return self._store

    def _placing(self) -> Placing:
        return Placing(self._places, self.at)

    def _there(self, ref: QueueRef, act: Callable[[], Any]) -> Any:
        known = self._places.known(ref)
        if known is not None:
            try:
                return self.at(known, lambda _: act())
            except ScriptFailed as failed:
                if failed.word != "NOQUEUE":
                    raise
        [place] = self._places.look_up(self.store, [ref])
        if place is known:
            raise ScriptFailed("NOQUEUE", "")
        return self.at(place, lambda _: act())

    def _everywhere(self, refs: Sequence[QueueRef], act: Callable[[Sequence[QueueRef]], list[Any]]) -> list[Any]:
        """The replies; StoreUnavailable takes the place of those of a pool that does not answer."""
        replies: list[Any] = [None] * len(refs)
        known = [self._places.known(ref) for ref in refs]
        self._gather(refs, {at: place for at, place in enumerate(known) if place is not None}, act, replies)
        asked = [at for at in range(len(refs)) if known[at] is None or _is_missing(replies[at])]
        if asked:
            found = self._places.look_up(self.store, [refs[at] for at in asked])
            fresh = {at: place for at, place in zip(asked, found, strict=True) if place is not known[at]}
            self._gather(refs, fresh, act, replies)
        return replies

    def _gather(
        self,
        refs: Sequence[QueueRef],
        places: dict[int, Place],
        act: Callable[[Sequence[QueueRef]], list[Any]],
        replies: list[Any],
    ) -> None:
        for place in set(places.values()):
            there = [number for number, one in places.items() if one is place]
            try:
                found = self._act_at(place, act, [refs[number] for number in there])
            except StoreUnavailable as problem:
                if place is self._places.main:
                    raise
                found = [problem] * len(there)
            for number, reply in zip(there, found, strict=True):
                replies[number] = reply

    def _act_at(
        self, place: Place, act: Callable[[Sequence[QueueRef]], list[Any]], some: Sequence[QueueRef]
    ) -> list[Any]:
        return self.at(place, lambda _: act(some))


def _is_missing(reply: Any) -> bool:
    return isinstance(reply, ScriptFailed) and reply.word == "NOQUEUE"
