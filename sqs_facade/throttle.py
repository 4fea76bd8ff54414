"""A limit on requests per second, off by default: what RequestThrottled is for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

#: Accounts remembered; beyond it all begin anew.
_MOST_ACCOUNTS = 10_000


class Throttle:
    """A token bucket per account, in this process: with several workers each has its own.

    An account that was idle may make ``per_second`` requests at once.
    """

    def __init__(self, per_second: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = float(per_second)
        self._clock = clock
        self._mutex = threading.Lock()
        #: account -> requests left, and when that was counted
        self._left: dict[str, tuple[float, float]] = {}

    def admits(self, account: str) -> bool:
        """Whether one more request of the account may run now; it is counted if so."""
        now = self._clock()
        with self._mutex:
            left, since = self._left.get(account, (self._rate, now))
            left = min(self._rate, left + (now - since) * self._rate)
            if len(self._left) >= _MOST_ACCOUNTS:
                self._left.clear()
            self._left[account] = (left - 1 if left >= 1 else left, now)
            return left >= 1
