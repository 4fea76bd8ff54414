"""Housekeeping: remove messages past their retention, ended claims and stale rows, and finish interrupted moves.

Every process runs it. A short lease for each shard of the registry keeps two processes from doing the same work. Every
step is bounded. Correctness does not depend on housekeeping: each operation checks expiry by itself.
"""

from __future__ import annotations

import logging
import threading
import time
import zlib
from functools import partial
from typing import Any

from zaqar_core.core import dead_letters, deliveries, move_tasks, queues
from zaqar_core.core.process import Core
from zaqar_core.core.rounds import Rounds, is_mine
from zaqar_core.core.session import Session
from zaqar_core.domain.errors import StoreUnavailable
from zaqar_core.domain.names import QueueRef
from zaqar_core.domain.randomness import randomness
from zaqar_core.logs import cause
from zaqar_core.store import ScriptFailed, keys, libraries, registry, script

#: Parts of the registry, each with a lease of its own.
SHARDS = 16
#: Lease of one process on a shard.
LEASE_MS = 10_000
#: Mean time between two rounds of one process.
ROUND_SECONDS = 10.0
#: Messages that one step removes from a queue.
STEP = 500
#: Between two rounds, queues with more expired messages than a step removes get further steps. Each is followed by a
#: pause of so many times its duration.
PAUSE_PER_STEP = 4.0
#: Queues visited in one round trip.
QUEUES_AT_ONCE = 50
#: Interval between two removals of function libraries that no release uses any more.
LIBRARIES_SECONDS = 3600.0

_HOUSEKEEPING = script("housekeeping")
_log = logging.getLogger("sqs_facade.housekeeping")


class Housekeeping:
    """The housekeeping thread of one process."""

    def __init__(self, core: Core) -> None:
        self._core = core
        #: Queues with more expired messages than one step removes.
        self._unfinished: dict[QueueRef, None] = {}
        self._tidied_at = -LIBRARIES_SECONDS

    def start(self) -> None:
        """Start the daemon thread."""
        threading.Thread(target=self._run, name="housekeeping", daemon=True).start()

    def _run(self) -> None:
        rounds = Rounds(self._core, _log, "housekeeping failed")
        while not self._core.waiters.is_released:
            next_round = time.monotonic() + randomness.uniform(0.5, 1.5) * ROUND_SECONDS
            rounds.run(partial(self.reclaim, next_round))
            time.sleep(max(next_round - time.monotonic(), 0.0))
            rounds.run(self.round)
            rounds.run(self._tidy_libraries)

    def _tidy_libraries(self) -> None:
        if time.monotonic() - self._tidied_at > LIBRARIES_SECONDS:
            self._tidied_at = time.monotonic()
            for store in self._core.session().every_store():
                libraries.tidy(store)

    def round(self) -> None:
        """Tidy every queue of each shard whose lease is free."""
        for shard in range(SHARDS):
            session = self._core.session()
            if not is_mine(session, keys.housekeeping_lease(shard), LEASE_MS):
                continue
            namespaces = [name for name in registry.namespaces(session.store) if zlib.crc32(name) % SHARDS == shard]
            for namespace in namespaces:
                self._tidy(*keys.namespace(namespace))

    def reclaim(self, deadline: float) -> None:
        """Remove the expired messages that the last rounds have left, one step of each queue in turn.

        ``deadline`` is a time of ``time.monotonic``; what is left then is left to the next call.
        """
        while self._unfinished and (began := time.monotonic()) < deadline:
            ref = next(iter(self._unfinished))
            del self._unfinished[ref]
            [reply] = self._core.session().run_many(_HOUSEKEEPING, [ref], [STEP])
            self._note(ref, reply)
            time.sleep((time.monotonic() - began) * PAUSE_PER_STEP)

    def _note(self, ref: QueueRef, reply: Any) -> None:
        if not isinstance(reply, ScriptFailed | StoreUnavailable) and reply[1]:
            self._unfinished[ref] = None

    def _tidy(self, project: str, region: str) -> None:
        session = self._core.session()
        for refs in queues.pages(session, project, region, limit=QUEUES_AT_ONCE):
            replies = session.run_many(_HOUSEKEEPING, refs, [STEP])
            for ref, reply in zip(refs, replies, strict=True):
                if isinstance(reply, StoreUnavailable):
                    continue
                self._note(ref, reply)
                try:
                    if isinstance(reply, ScriptFailed):
                        _remove_stale_row(session, ref)
                    else:
                        _finish(session, ref, *reply[2:])
                except StoreUnavailable as problem:  # of one pool: continue with the other queues
                    if problem.is_logged:
                        continue
                    _log.warning(
                        "cannot tidy queue %s, will retry: %s", ref.name, problem.reason, extra=cause(problem.reason)
                    )


def _finish(
    session: Session, ref: QueueRef, intents: int, move_records: int, has_task: int, is_subscribed: int
) -> None:
    if intents:
        dead_letters.finish_moves(session, ref)
    if move_records:
        dead_letters.forget_stale_records(session, ref)
    if has_task:
        move_tasks.enlist(session, ref)
    if is_subscribed:
        deliveries.enlist(session, ref)


def _remove_stale_row(session: Session, ref: QueueRef) -> None:
    """Remove a registry row without a queue if it was stale in the round before: the queue may be under creation."""
    seen = registry.incarnation(session.store, ref)
    if seen is None:
        return
    marker = keys.registry(ref.project, ref.region) + b":stale"
    if session.store.command("HGET", marker, ref.name) == seen.encode():
        if session.router.forget_queue(ref):
            registry.remove(session.store, ref, seen)
        session.store.command("HDEL", marker, ref.name)
    else:
        session.store.command("HSET", marker, ref.name, seen)
