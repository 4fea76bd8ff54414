"""Limit the requests per second of an account, for the error RequestThrottled. Off by default."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

#: Number of accounts in the table; the table is cleared when it is full.
_MOST_ACCOUNTS = 10_000


class Throttle:
    """A token bucket per account. Each worker process has buckets of its own.

    An idle account may send a burst of ``per_second`` requests.
    """

    def __init__(self, per_second: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = float(per_second)
        self._clock = clock
        self._mutex = threading.Lock()
        #: account -> (requests left, time of that count)
        self._left: dict[str, tuple[float, float]] = {}

    def admits(self, account: str) -> bool:
        """Return whether one more request of the account may run now, and count it if so."""
        now = self._clock()
        with self._mutex:
            left, since = self._left.get(account, (self._rate, now))
            left = min(self._rate, left + (now - since) * self._rate)
            if len(self._left) >= _MOST_ACCOUNTS:
                self._left.clear()
            self._left[account] = (left - 1 if left >= 1 else left, now)
            return left >= 1
