"""Measure what the queues of each account hold, for quotas. Runs in every process of a service with quotas.

A lease in the store lets one process measure at a time. It visits every queue: about 50 µs of the store's time each.
"""

from __future__ import annotations

import logging
from collections import Counter

from zaqar_core.core import queues
from zaqar_core.core.process import Core
from zaqar_core.core.quotas import Quotas
from zaqar_core.core.rounds import Rounds, is_mine
from zaqar_core.core.session import Session
from zaqar_core.domain.errors import StoreUnavailable
from zaqar_core.store import ScriptFailed, keys, registry, script

#: Between two measurements, and between two readings of their sums.
MEASURE_MS = 5_000
READ_SECONDS = 2.0
#: Records of a queue whose lengths are read. The mean of a sample stands for the others.
SAMPLE = 16
#: Queues measured in one round trip.
QUEUES_AT_ONCE = 50

_USAGE = script("usage")
_SUMS = script("usage_sums").plain
_log = logging.getLogger("sqs_facade.housekeeping")


class UsageMeter:
    """The measuring thread of one process."""

    def __init__(self, core: Core, quotas: Quotas) -> None:
        self._core = core
        self._quotas = quotas

    def start(self) -> None:
        """Start the daemon thread. While a round fails, the sums of the last one stay."""
        Rounds(self._core, _log, "cannot measure the queues for quotas").start(
            "usage", self.round, lambda: READ_SECONDS
        )

    def round(self) -> None:
        """Measure the queues if it is time, then read the sums. Raises StoreUnavailable."""
        session = self._core.session()
        if is_mine(session, keys.USAGE_LEASE, MEASURE_MS):
            self.measure()
        self._read(session)

    def _read(self, session: Session) -> None:
        """Read the sums of all projects and regions, and add them by account."""
        held: Counter[str] = Counter()
        in_flight: Counter[str] = Counter()
        found = session.store.command("HGETALL", keys.USAGE)
        for namespace, sums in zip(found[::2], found[1::2], strict=True):
            account, _ = keys.namespace(namespace)
            number, leased = map(int, sums.split())
            held[account] += number
            in_flight[account] += leased
        self._quotas.update(held, in_flight)

    def measure(self) -> None:
        """Measure all queues, and write the sums of each project and region. Raises StoreUnavailable."""
        store = self._core.session().store
        sums: list[bytes | str] = []
        for namespace in registry.namespaces(store):
            held, in_flight = self._sums(*keys.namespace(namespace))
            sums += [namespace, f"{held} {in_flight}"]
        store.run(_SUMS, keys.USAGE, sums)

    def _sums(self, project: str, region: str) -> tuple[int, int]:
        held = in_flight = 0
        session = self._core.session()
        for refs in queues.pages(session, project, region, limit=QUEUES_AT_ONCE):
            for reply in session.run_many(_USAGE, refs, [SAMPLE]):
                if not isinstance(reply, ScriptFailed | StoreUnavailable):  # of one pool: continue with the others
                    held += reply[0]
                    in_flight += reply[1]
        return held, in_flight
