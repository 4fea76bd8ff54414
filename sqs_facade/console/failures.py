"""Failed attempts to sign in: how long the next one has to wait.

Each worker counts its own. Attempts from one address wait after a few failures. Attempts with one key wait much later,
so that nobody locks a user out by failing in the user's name.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable

#: Failures that cost nothing, of an address and of a key.
_FREE_OF_SOURCE, _FREE_OF_KEY = 5, 50
_MOST_SECONDS = 300
#: A row is forgotten after this time without a failure.
_KEPT_SECONDS = 60 * 60
_MOST_ROWS = 10_000


class Failures:
    """Counts failures. The rows of the oldest failures are dropped when there are too many."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        #: Key id or address -> number of failures, time of the last one.
        self._rows: OrderedDict[tuple[str, str], tuple[int, float]] = OrderedDict()

    def wait_seconds(self, key_id: str, source: str) -> int:
        """Return how long the next attempt must wait; 0 if it need not."""
        return max(self._wait(("source", source), _FREE_OF_SOURCE), self._wait(("key", key_id), _FREE_OF_KEY))

    def note(self, key_id: str, source: str) -> None:
        """Count a failure."""
        now = self._clock()
        for row in (("source", source), ("key", key_id)):
            number, last = self._rows.pop(row, (0, now))
            self._rows[row] = (1 if now - last > _KEPT_SECONDS else number + 1, now)
        while len(self._rows) > _MOST_ROWS:
            self._rows.popitem(last=False)

    def forget(self, key_id: str, source: str) -> None:
        """Forget the failures of a key and an address, after a success."""
        for row in (("source", source), ("key", key_id)):
            self._rows.pop(row, None)

    def _wait(self, row: tuple[str, str], free: int) -> int:
        number, last = self._rows.get(row, (0, 0.0))
        if number < free:
            return 0
        pause = min(2.0 ** min(number - free, 20), _MOST_SECONDS)
        return max(0, math.ceil(last + pause - self._clock()))
