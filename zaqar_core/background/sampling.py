"""Sampling: once a minute, one process writes a sample of every queue's metrics. See ``core.samples``.

A process that ends in the middle of a round leaves the other queues without a sample of that minute: the values of the
sample before count for it.
"""

from __future__ import annotations

import logging
import threading
import time

from zaqar_core.core import queues, samples
from zaqar_core.core.process import Core
from zaqar_core.domain.errors import StoreUnavailable
from zaqar_core.domain.names import QueueRef
from zaqar_core.domain.randomness import randomness
from zaqar_core.store import keys, registry, script

#: When a round begins: seconds of the minute. Its samples stand for the whole minute, so it is late.
BEGIN_SECONDS = (35.0, 45.0)
#: Lease of one process on the round of a minute: longer than BEGIN_SECONDS, shorter than the time to the next round.
LEASE_MS = 30_000
#: Queues of one round trip. The store does nothing else meanwhile: 10 queues with messages take it about a millisecond.
QUEUES_AT_ONCE = 10
#: Each round trip is followed by a pause of so many times its duration.
PAUSE_PER_STEP = 4.0

_LEASE = script("lease").plain
_log = logging.getLogger("sqs_facade.sampling")


class Sampler:
    """The sampling thread of one process."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def start(self) -> None:
        """Start the daemon thread, unless the setting ``metric_minutes`` is 0."""
        if self._core.settings.metric_minutes:
            threading.Thread(target=self._run, name="sampling", daemon=True).start()

    def _run(self) -> None:
        while not self._core.waiters.is_released:
            time.sleep(_seconds_to_round(time.time()))
            try:
                self.round()
            except StoreUnavailable as problem:
                if not problem.is_logged:
                    _log.warning("cannot write the samples of this minute: %s", problem.reason)

    def round(self) -> None:
        """Write the samples of all queues unless another process does."""
        session = self._core.session()
        if session.store.run(_LEASE, keys.SAMPLING, [LEASE_MS]):
            for namespace in registry.namespaces(session.store):
                self._sample(*keys.namespace(namespace))

    def _sample(self, project: str, region: str) -> None:
        if QueueRef(project, region, "").is_topic:
            return
        after = ""
        while True:
            began = time.monotonic()
            session = self._core.session()
            names = queues.names(session, project, region, after=after, limit=QUEUES_AT_ONCE)
            if not names:
                return
            samples.take(session, [QueueRef(project, region, name) for name in names])
            after = names[-1]
            time.sleep((time.monotonic() - began) * PAUSE_PER_STEP)


def _seconds_to_round(now: float) -> float:
    """Return the time until this process begins the next round."""
    begin, second = randomness.uniform(*BEGIN_SECONDS), now % 60
    return begin - second + (60 if second >= BEGIN_SECONDS[0] else 0)
