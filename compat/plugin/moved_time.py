"""Follow time that a test moves forward with freezegun or time-machine."""

from __future__ import annotations

import os
import threading

from moto.core import utils

from ..launching import real_seconds
from . import shared

#: Smaller differences have other causes than a test: a process that was not scheduled, a clock that was corrected.
_LEAST_SECONDS = 0.5
#: A little more than the longest retention, after which nothing changes any more.
_MOST_SECONDS = 15 * 86_400.0

_mutex = threading.Lock()
#: Account -> (time that moto reads, real time) at its last request.
_seen: dict[str, tuple[float, float]] = {}


def _unlock() -> None:
    global _mutex
    _mutex = threading.Lock()


os.register_at_fork(after_in_child=_unlock)


def follow(account: str) -> None:
    """Move the clock of the account's queues by as much as the test moved time since the account's last request.

    The clock cannot be moved back: if the test moves time back, it goes on from there.
    """
    with _mutex:
        now, real = utils.unix_time(), real_seconds()
        before, real_before = _seen.get(account, (now, real))
        _seen[account] = now, real
        moved = now - before
        if moved > real - real_before + _LEAST_SECONDS:
            shared.facade().hook("clock", account=account, advance_seconds=min(moved, _MOST_SECONDS))


def forget() -> None:
    """Forget all times, after a reset of the service, which also resets its clocks."""
    with _mutex:
        _seen.clear()
