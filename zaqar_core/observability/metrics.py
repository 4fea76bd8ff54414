"""The metrics of one process: its counters, and the states that other parts of the process keep."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from zaqar_core.configuration.settings import Settings
from zaqar_core.observability.counter_file import CounterFiles, CounterReader
from zaqar_core.observability.counting import NodeCounting
from zaqar_core.store.statistics import STATISTICS

if TYPE_CHECKING:
    from zaqar_core.access.reloading import Credentials
    from zaqar_core.core.process import Core
    from zaqar_core.web.audit_log import AuditLog
    from zaqar_core.web.server.server import Server

_log = logging.getLogger("sqs_facade.metrics")
#: Sweeps of the server that the lag of the loop is shown for: half a minute.
_LAGS = 60
_INTERVAL_SECONDS = 1.0

Totals = dict[tuple[str, str], int]


class Metrics:
    """What one process counts, in a file that the processes of its node read."""

    def __init__(self, settings: Settings) -> None:
        """Without the setting ``metrics``, no other process reads it: it is for the samples of queues then."""
        self.files = CounterFiles(settings.metrics_dir if settings.metrics else None)
        self.counting = NodeCounting(self.files)
        self._sources: list[Callable[[Totals], object]] = [_of_store]
        self._lags: deque[float] = deque(maxlen=_LAGS)
        #: Whether a server of the event loop publishes at its sweeps.
        self.has_server = False
        #: The server's own certificate ends then, in seconds of Unix time; None without TLS.
        self.certificate_expiry: Callable[[], float] | None = None

    def watch(self, core: Core, credentials: Credentials | None, audit: AuditLog | None) -> None:
        """Count what these keep."""

        def add(totals: Totals) -> None:
            totals["waits_shed", ""] = core.waiters.shed
            if credentials is not None:
                totals["credentials_reloads", "done"] = credentials.reloads
                totals["credentials_reloads", "failed"] = credentials.failed_reloads
            if audit is not None:
                totals["audit_dropped", ""] = audit.lost

        core.traffic = self.counting
        self._sources.append(add)

    def readers(self) -> Sequence[CounterReader]:
        """Return the readers of what all processes have counted. Other tasks run meanwhile."""
        self.files.catch_up()
        return self.files.readers()

    def publish(self, server: Server | None = None) -> None:
        """Write totals and states to the file. With a server, call it at its every sweep."""
        totals: Totals = {}
        for add in self._sources:
            add(totals)
        states = {"processes": 1}
        if server is not None:
            self._add_server(server, totals, states)
        self.counting.process.publish(totals, states)

    def publish_regularly(self) -> None:
        """Publish from a thread until the process ends: for a process without a server of its own."""
        pause = threading.Event()

        def run() -> None:
            while not pause.wait(_INTERVAL_SECONDS):
                try:
                    self.publish()
                except Exception:  # a fault must not end all later publications
                    _log.exception("cannot publish the state of the process, will retry")

        threading.Thread(target=run, name="metrics", daemon=True).start()

    def _add_server(self, server: Server, totals: Totals, states: dict[str, int]) -> None:
        counters = server.counters
        if not self.has_server:
            self.has_server = True
            self.counting.adopt_thread()
        self._lags.append(counters.lag_seconds)
        counters.lag_seconds = 0.0
        totals["accepted", ""] = counters.accepted
        totals["accepting_paused", ""] = counters.accepting_paused
        totals["abandoned", ""] = counters.abandoned
        totals["received_bytes", ""] = counters.bytes_in
        totals["sent_bytes", ""] = counters.bytes_out
        totals["long_turns", ""] = counters.long_turns
        for reason, number in counters.refused.items():
            totals["refused", reason] = number
        for reason, number in counters.shed.items():
            totals["shed", reason] = number
        states["connections"] = server.open_connections
        states["in_flight"] = counters.in_flight
        states["queued"] = counters.waiting_for_turn
        states["waits"] = counters.waits
        states["bodies"] = counters.bodies_being_read
        states["buffered_bytes"] = counters.buffered_bytes
        states["unsent_bytes"] = counters.unsent_bytes
        states["loop_lag"] = int(max(self._lags) * 1e6)


def _of_store(totals: Totals) -> None:
    totals["round_trips", ""] = STATISTICS.round_trips
    totals["store_failures", ""] = STATISTICS.failures
    totals["store_connections", ""] = STATISTICS.connections
