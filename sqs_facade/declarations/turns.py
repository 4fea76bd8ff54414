"""The right to apply declarations, which one process of all that use a store has at a time."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

from zaqar_core.core.session import Session
from zaqar_core.store import declared

#: How long a process that ends without giving the right back keeps others from it.
LEASE_MS = 10_000
_KEEP_SECONDS = 3.0


class Turns:
    """The turns of one process. Its threads may share them. Methods raise StoreUnavailable."""

    def __init__(self, new_session: Callable[[], Session]) -> None:
        self._new_session = new_session
        self._name = os.urandom(8).hex()
        self._lock = threading.Lock()
        self._kept_at = 0.0
        self._has_it = False

    def take(self) -> bool:
        """Take the right; return False if another process has it."""
        self._has_it = declared.hold(self._new_session().store, self._name, LEASE_MS)
        self._kept_at = time.monotonic()
        return self._has_it

    def goes_on(self) -> bool:
        """Keep the right for longer if it is time to; return whether this process still has it."""
        with self._lock:
            if time.monotonic() - self._kept_at > _KEEP_SECONDS:
                self.take()
            return self._has_it

    def give_back(self) -> None:
        """Let other processes have the right."""
        declared.release(self._new_session().store, self._name)
