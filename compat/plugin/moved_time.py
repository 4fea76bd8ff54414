"""Time that a test moves with freezegun or time-machine: the service follows it forward."""

from __future__ import annotations

import os
import threading

from moto.core import utils

from ..launching import real_seconds
from . import shared

#: Less than this is not a test's doing: a process that was not scheduled, a clock that was corrected.
_LEAST_SECONDS = 0.5
#: The longest retention, and a little: nothing changes later.
_MOST_SECONDS = 15 * 86_400.0

_mutex = threading.Lock()
#: By account, at its last call: the time that moto would see, and the real one.
_seen: dict[str, tuple[float, float]] = {}


def _unlock() -> None:
    global _mutex
    _mutex = threading.Lock()


os.register_at_fork(after_in_child=_unlock)


def follow(account: str) -> None:
    """If time was moved forward since the account's last call, it is so much later in all its queues.

    Backward it cannot go: then it goes on from there.
    """
    with _mutex:
        now, real = utils.unix_time(), real_seconds()
        before, real_before = _seen.get(account, (now, real))
        _seen[account] = now, real
        moved = now - before
        if moved > real - real_before + _LEAST_SECONDS:
            shared.facade().hook("clock", account=account, advance_seconds=min(moved, _MOST_SECONDS))


def forget() -> None:
    """The service was emptied, and has no virtual time."""
    with _mutex:
        _seen.clear()
