"""One pass over the queues for the page: those that are shown, then some of the others, which are summed in turns.

The queues that are shown are the first ones in the order of account, region and name. So all processes and nodes show
the same ones, and a pass costs as much as they are, however many queues there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from zaqar_core.core import queue_gauges, queues
from zaqar_core.core.known_queues import KnownQueues
from zaqar_core.core.queue_gauges import GAUGES, Gauges
from zaqar_core.core.session import Session
from zaqar_core.domain.batches import batched
from zaqar_core.domain.names import QueueRef
from zaqar_core.eventloop import Pauses
from zaqar_core.store import keys, registry

#: Queues that are looked at in one round trip: the server of a store works on it for a quarter of a millisecond.
_LOOKED_AT_ONCE = 16
#: Queues of the others that are counted in one round trip, for as long.
_COUNTED_AT_ONCE = 4
#: All pauses of a pass.
_PAUSES_SECONDS = 0.2
#: Queues of a pass beyond those that are shown.
_OTHERS_AT_ONCE = 100
#: Names read in one round trip.
_NAMES = 500


@dataclass(slots=True)
class Sums:
    """The sums over queues."""

    queues: int = 0
    visible: int = 0
    in_flight: int = 0
    delayed: int = 0
    #: The greatest.
    oldest_age_ms: int = 0
    outbox: int = 0
    retries: int = 0

    def add(self, one: Gauges) -> None:
        """Add a queue."""
        self.queues += 1
        self.visible += one.visible
        self.in_flight += one.in_flight
        self.delayed += one.delayed
        self.oldest_age_ms = max(self.oldest_age_ms, one.oldest_age_ms)
        self.outbox += one.outbox
        self.retries += one.retries


@dataclass(slots=True)
class Found:
    """What a pass found. ``shown`` has None for a queue in a pool that does not answer."""

    shown: dict[QueueRef, Gauges | None] = field(default_factory=dict)
    #: The sums of the others, as the last complete turn over them found; None if all queues are shown.
    others: Sums | None = None


class QueuePass:
    """Reads queues. Only one pass runs at a time; it may block, and other tasks run meanwhile."""

    def __init__(self, most: int) -> None:
        """``most`` is the number of queues that are shown."""
        self._most = most
        self._gauges = KnownQueues(GAUGES)
        self._others = Sums()
        # The turn over the other queues: what it has summed, the last queue that it has read, and whether one is over.
        self._turn = Sums()
        self._after: QueueRef | None = None
        self._had_turn = False

    def run(self, session: Session) -> Found:
        """Read the queues. Raises StoreUnavailable."""
        found, last = Found(), None
        pauses = Pauses(_PAUSES_SECONDS)
        for refs in batched(islice(_listed(session), self._most), _LOOKED_AT_ONCE):
            for ref, one in zip(refs, self._gauges.read(session, refs), strict=True):
                found.shown[ref] = one
            last = refs[-1]
            pauses.step()
        self._gauges.keep(len(found.shown), found.shown.__contains__)
        if len(found.shown) >= self._most:
            self._go_on(session, last, pauses)
            found.others = self._others if self._had_turn else self._turn
            if not found.others.queues:
                found.others = None
        # A queue that was deleted while it was read is not there; one in a pool that is down still is.
        if not session.settings.pooling:
            found.shown = {ref: one for ref, one in found.shown.items() if one is not None}
        return found

    def _go_on(self, session: Session, last: QueueRef | None, pauses: Pauses) -> None:
        """Go on with the turn over the queues after ``last``; begin the next one in the next pass."""
        if self._after is None or (last is not None and order(self._after) < order(last)):
            self._after = last
        number = 0
        for refs in batched(islice(_listed(session, self._after), _OTHERS_AT_ONCE), _COUNTED_AT_ONCE):
            for one in queue_gauges.read(session, refs):
                if one is not None:
                    self._turn.add(one)
            number += len(refs)
            self._after = refs[-1]
            pauses.step()
        if number < _OTHERS_AT_ONCE:
            self._others, self._turn, self._after, self._had_turn = self._turn, Sums(), None, True


def order(ref: QueueRef) -> tuple[bytes, bytes]:
    """Return the place of a queue in the order of a pass."""
    return keys.registry(ref.project, ref.region), ref.name.encode()


def _listed(session: Session, after: QueueRef | None = None) -> Iterator[QueueRef]:
    """Iterate over all queues and topics in their order, after a queue. Names are read as they are needed."""
    store, start = session.store, b"" if after is None else keys.registry(after.project, after.region)
    for namespace in sorted(one for one in registry.namespaces(store) if one >= start):
        project, region = keys.namespace(namespace)
        last = after.name if after is not None and namespace == start else ""
        for refs in queues.pages(session, project, region, limit=_NAMES, after=last):
            yield from refs
