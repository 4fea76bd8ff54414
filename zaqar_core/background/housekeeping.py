"""Upkeep: what nobody asked for but time has made due: expired messages, old claims, unfinished moves, stale rows.

Any process does it; a short lease per shard of the registry keeps two from doing the same. Every step is bounded, and
nothing depends on it for correctness: operations see expiry by themselves.
"""

from __future__ import annotations

import logging
import threading
import time
import zlib

from zaqar_core.core import dead_letters, deliveries, move_tasks
from zaqar_core.core.process import Core
from zaqar_core.core.session import Session
from zaqar_core.domain.errors import StoreUnavailable
from zaqar_core.domain.names import QueueRef
from zaqar_core.domain.randomness import randomness
from zaqar_core.store import ScriptFailed, keys, libraries, registry, script

SHARDS = 16
LEASE_MS = 10_000
#: Seconds between two rounds of one process.
ROUND_SECONDS = 10.0
#: Messages forgotten per queue and step; a queue with more is visited again in the next round.
STEP = 500
#: Queues visited in one round trip.
QUEUES_AT_ONCE = 50
#: Between two looks for function libraries that no release uses any more.
LIBRARIES_SECONDS = 3600.0

_HOUSEKEEPING = script("housekeeping")
_log = logging.getLogger("sqs_facade.upkeep")


class Upkeep:
    """A daemon thread of one process."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def start(self) -> None:
        threading.Thread(target=self._run, name="upkeep", daemon=True).start()

    def _run(self) -> None:
        looked = -LIBRARIES_SECONDS
        while True:
            time.sleep(randomness.uniform(0.5, 1.5) * ROUND_SECONDS)
            try:
                self.round()
                if time.monotonic() - looked > LIBRARIES_SECONDS:
                    looked = time.monotonic()
                    with self._core.session() as session:
                        for store in session.every_store():
                            libraries.tidy(store)
            except StoreUnavailable as problem:
                _log.warning("upkeep waits for the store: %s", problem.reason)

    def round(self) -> None:
        """Every queue of every shard whose lease is free is tidied once. Holds a slot only for one step at a time."""
        for shard in range(SHARDS):
            with self._core.session() as session:
                if not session.store.command("SET", keys.upkeep(shard), "1", "NX", "PX", LEASE_MS):
                    continue
                namespaces = [name for name in registry.namespaces(session.store) if zlib.crc32(name) % SHARDS == shard]
            for namespace in namespaces:
                self._tidy(*keys.namespace(namespace))

    def _tidy(self, project: str, region: str) -> None:
        after = ""
        while True:
            with self._core.session() as session:
                names = registry.names(session.store, project, region, prefix="", after=after, limit=QUEUES_AT_ONCE)
                if not names:
                    return
                after = names[-1]
                refs = [QueueRef(project, region, name) for name in names]
                replies = session.run_many(_HOUSEKEEPING, refs, [STEP])
                for ref, reply in zip(refs, replies, strict=True):
                    if isinstance(reply, ScriptFailed):
                        _remove_stale_row(session, ref)
                        continue
                    if isinstance(reply, StoreUnavailable):
                        continue
                    try:
                        _finish(session, ref, *reply[1:])
                    except StoreUnavailable as problem:  # of another pool: the other queues' work goes on
                        _log.warning("upkeep of queue %s waits: %s", ref.name, problem.reason)


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
    """A row whose queue was never made, or is gone. One being made right now is given a round's time."""
    seen = registry.incarnation(session.store, ref)
    if seen is None:
        return
    marker = keys.registry(ref.project, ref.region) + b":stale"
    if session.store.command("HGET", marker, ref.name) == seen.encode():
        if session.router.forget_queue(ref):
            registry.leave(session.store, ref, seen)
        session.store.command("HDEL", marker, ref.name)
    else:
        session.store.command("HSET", marker, ref.name, seen)
