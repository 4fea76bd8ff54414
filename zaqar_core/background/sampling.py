"""Sampling: the metrics of every queue, minute by minute. See ``core.samples``.

Once a minute one process writes a sample of every queue. If it ends in the middle of a round, the other queues have no
sample of that minute: the values of the sample before count for it. Every process adds the events that it has counted.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time

from zaqar_core.core import queues, samples
from zaqar_core.core.event_counts import EventCounts
from zaqar_core.core.process import Core
from zaqar_core.core.rounds import Rounds, is_mine
from zaqar_core.domain.errors import StoreUnavailable
from zaqar_core.domain.names import QueueRef
from zaqar_core.domain.randomness import randomness
from zaqar_core.store import keys, registry

#: When a round begins: seconds of the minute. Its samples stand for the whole minute, so it is late.
BEGIN_SECONDS = (32.0, 42.0)
#: Lease of one process on the round of a minute: longer than BEGIN_SECONDS, shorter than the time to the next round.
LEASE_MS = 30_000
#: Queues of one round trip. The store does nothing else meanwhile: 10 queues with messages take it about a millisecond.
QUEUES_AT_ONCE = 10
#: Each round trip is followed by a pause of so many times its duration.
PAUSE_PER_STEP = 4.0
#: A process adds the events that it has counted so often. A minute has a whole number of these times.
ADD_SECONDS = 15

_log = logging.getLogger("sqs_facade.sampling")


class Sampler:
    """The sampling thread of one process. It takes what ``core.traffic`` counts, unless ``metric_minutes`` is 0."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._stopping = threading.Event()
        self._rounds = Rounds(core, _log, "cannot write metrics")
        self._counting_since = time.time()
        self._round_at = time.monotonic() + _seconds_to_round(self._counting_since)
        self._events: EventCounts | None = None
        if core.settings.metric_minutes:
            self._events = core.traffic.event_counts = EventCounts(core.traffic)

    def start(self) -> None:
        """Start the thread, unless the setting ``metric_minutes`` is 0. It stops when the main thread has ended."""
        if not self._core.settings.metric_minutes:
            return
        threading.Thread(target=self._run, name="sampling", daemon=True).start()

        def stop() -> None:
            threading.main_thread().join()
            self.stop()

        threading.Thread(target=stop, name="sampling-exit", daemon=False).start()

    def stop(self) -> None:
        """End the thread, and add what was counted if the store answers."""
        self._stopping.set()
        with contextlib.suppress(StoreUnavailable):
            self.add()

    def _run(self) -> None:
        # By the monotonic clock: no round is delayed when the other one is set back.
        while True:
            now = time.time()
            add_at = (now // ADD_SECONDS + 1) * ADD_SECONDS
            if self._stopping.wait(max(min(self._round_at - time.monotonic(), add_at - now), 0.0)):
                return
            if time.time() >= add_at:
                self._rounds.run(self.add)
            if time.monotonic() >= self._round_at:
                self._round_at = time.monotonic() + _seconds_to_round(time.time())
                self._rounds.run(self.round)

    def add(self) -> None:
        """Add the events since the last call to the samples of the minute of that call. Raises StoreUnavailable."""
        if self._events is not None:
            minute, self._counting_since = int(self._counting_since // 60), time.time()
            self._events.end(minute)
            self._events.add(self._core.session())

    def round(self) -> None:
        """Write the samples of all queues unless another process does. Raises StoreUnavailable."""
        session = self._core.session()
        if is_mine(session, keys.SAMPLING, LEASE_MS):
            for namespace in registry.namespaces(session.store):
                self._sample(*keys.namespace(namespace))

    def _sample(self, project: str, region: str) -> None:
        if QueueRef(project, region, "").is_topic:
            return
        session, began = self._core.session(), time.monotonic()
        for refs in queues.pages(session, project, region, limit=QUEUES_AT_ONCE):
            samples.take(session, refs)
            time.sleep((time.monotonic() - began) * PAUSE_PER_STEP)
            began = time.monotonic()


def _seconds_to_round(now: float) -> float:
    """Return the time until this process begins the next round."""
    begin, second = randomness.uniform(*BEGIN_SECONDS), now % 60
    return begin - second + (60 if second >= BEGIN_SECONDS[0] else 0)
