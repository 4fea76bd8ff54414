"""Limits on the requests per second of an account and of a user, across all workers of all services on one store.

The store counts the requests of each second. A worker takes them in blocks, so that most requests need no round trip:
an allowance of 1000 is taken in 50 blocks. When the store has no more, the worker refuses until the next second.
Requests of a block that a worker does not use are lost, so the limit is exact from above and may be missed from below
by a block for each other worker.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable

from zaqar_core.access.principals import Principal
from zaqar_core.configuration.settings import Settings
from zaqar_core.core.session import Session
from zaqar_core.domain.errors import RequestsThrottled, StoreFull, StoreUnavailable
from zaqar_core.logs import remedies
from zaqar_core.logs.remedies import note_refusal
from zaqar_core.store import keys

#: Blocks of a second's allowance: a smaller one costs more round trips, a larger one wastes more.
_BLOCKS = 50
#: Callers in the table, which is cleared when it is full.
_MOST_CALLERS = 10_000
#: Time for which the store keeps the counts of a second; workers' clocks may differ by less.
_KEPT_SECONDS = 60


class _Allowance:
    """What a worker has left of one caller's requests in one second."""

    __slots__ = ("is_exhausted", "is_taking", "left", "second")

    def __init__(self, second: int) -> None:
        self.second = second
        self.left = 0
        #: Whether a block is being taken. Requests that come meanwhile take one each: a block for each of them would
        #: leave nothing to other workers.
        self.is_taking = False
        self.is_exhausted = False


class RateLimits:
    """The limits of one process. One instance serves all threads and tasks.

    ``per_account`` and ``per_user`` are requests per second; None: no limit.
    """

    def __init__(
        self, per_account: int | None, per_user: int | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        self._per_account = per_account
        self._per_user = per_user
        self._clock = clock
        self._mutex = threading.Lock()
        self._allowances: dict[str, _Allowance] = {}

    def require(self, session: Session, account: str, user: str = "") -> None:
        """Count one request. Raises RequestsThrottled. ``user`` is an ARN, "" where callers are not verified."""
        if self._per_user is not None and user and not self._admits(session, user, self._per_user):
            note_refusal(remedies.USER_RATE, user)
            raise RequestsThrottled
        if self._per_account is not None and not self._admits(session, f"account {account}", self._per_account):
            note_refusal(remedies.ACCOUNT_RATE, account)
            raise RequestsThrottled

    def require_of(self, session: Session, account: str, caller: Principal | None) -> None:
        """Count one request of a caller, None where callers are not verified. Raises RequestsThrottled."""
        self.require(session, account, caller.arn if caller is not None else "")

    def _admits(self, session: Session, caller: str, limit: int) -> bool:
        second = int(self._clock())
        with self._mutex:
            found = self._allowances.get(caller)
            if found is None or found.second != second:
                if len(self._allowances) >= _MOST_CALLERS:
                    self._allowances.clear()
                found = self._allowances[caller] = _Allowance(second)
            if found.left:
                found.left -= 1
                return True
            if found.is_exhausted:
                return False
            size = 1 if found.is_taking else max(1, limit // _BLOCKS)
            is_block = size > 1
            found.is_taking = found.is_taking or is_block
        granted = 0
        try:
            granted = _take(session, second, caller, limit, size)  # without the mutex: it may suspend the task
        finally:
            with self._mutex:
                found.left += max(0, granted - 1)
                found.is_exhausted = found.is_exhausted or granted == 0
                found.is_taking = found.is_taking and not is_block
        return granted > 0


def configured(settings: Settings) -> RateLimits | None:
    """Return the limits that the settings have, None without any."""
    per_account, per_user = settings.max_requests_per_second, settings.max_user_requests_per_second
    return None if per_account is per_user is None else RateLimits(per_account, per_user)


def _take(session: Session, second: int, caller: str, limit: int, size: int) -> int:
    """Take so many requests of the second's allowance from the store, and return how many are granted.

    A store that cannot count refuses nothing here: the request itself meets the same store.
    """
    key = keys.request_counts(second)
    try:
        store = session.store
        taken = int(store.command("HINCRBY", key, caller, size))
        if taken == size:
            with contextlib.suppress(StoreUnavailable, StoreFull):
                store.command("EXPIRE", key, _KEPT_SECONDS)
    except (StoreUnavailable, StoreFull):
        return size
    return min(size, max(0, limit - (taken - size)))
