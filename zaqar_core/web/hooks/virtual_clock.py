"""The virtual clock: tests move the time of all queues of a project forward, also of queues created later.

The store keeps one offset for each project; each of its queues has the same offset, set when the queue is created or
when the project's clock moves. Offsets only grow.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from zaqar_core.core import event_counts, queues, samples
from zaqar_core.core.session import Session
from zaqar_core.domain.errors import StoreFull
from zaqar_core.domain.names import QueueRef
from zaqar_core.store import ScriptFailed, Store, keys, registry, script

_CLOCK_TO = script("clock_to").plain  # the same for every kind of queue
#: Queues of one round trip.
_AT_ONCE = 100


def offset_ms(store: Store, project: str) -> int:
    """Return how far the project's time is ahead, in ms."""
    return int(store.command("HGET", keys.TEST_CLOCK, project) or 0)


def advance(session: Session, project: str, ms: int) -> int:
    """Move the time of all queues of the project forward and wake up their waiting receives. Return the new offset in
    ms.

    The queues get samples before, so that the minutes that pass have the metrics of now.
    """
    with suppress(StoreFull):
        event_counts.add_now(session)
    store = session.store
    offset = int(store.command("HINCRBY", keys.TEST_CLOCK, project, ms))
    for refs in queues_of(session, project):
        with suppress(StoreFull):
            samples.take(session, refs)
        session.call_many(_CLOCK_TO, refs, [offset])
    for namespace in registry.namespaces(session.store):
        if keys.namespace(namespace)[0] == project:
            registry.backdate_deletions(session.store, namespace, ms // 1000)
    return offset


def fields_of_a_new_queue(store: Store, project: str) -> list[bytes | str | int]:
    """Return the fields that the create script must write besides the settings."""
    offset = offset_ms(store, project)
    if not offset:
        return []
    seconds, micros = store.command("TIME")
    now = int(seconds) * 1000 + int(micros) // 1000 + offset
    return ["off", offset, "at", now, "mod", now, "now", now]


def catch_up(session: Session, ref: QueueRef) -> None:
    """Set the project's time in a queue just created. The clock may have moved during the creation, and that change
    did not include the new queue. By now the queue may be deleted again."""
    if offset := offset_ms(session.store, ref.project):
        with suppress(ScriptFailed):
            session.call(_CLOCK_TO, ref, [offset])


def queues_of(session: Session, project: str) -> Iterator[list[QueueRef]]:
    """Yield all queues of the project, in all regions, a page at a time."""
    for key in registry.namespaces(session.store):
        owner, region = keys.namespace(key)
        if owner == project:
            yield from queues.pages(session, project, region, limit=_AT_ONCE)
