"""What a process does again and again in the background: rounds that no fault ends, and leases on them.

With a lease, one process of all that use the store does a round, and the others leave it out.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from zaqar_core.core.session import Session, Shared
from zaqar_core.domain.errors import StoreUnavailable
from zaqar_core.store import script

_LEASE = script("lease").plain


class Rounds:
    """The rounds of one thread. One that fails is logged, and the next one is run: no exception ends the thread.

    The log writes each cause once a minute. A store that is away is not logged while the process stops.
    """

    def __init__(self, core: Shared, log: logging.Logger, failure: str) -> None:
        """``failure`` begins the line about a round that failed, such as "cannot write metrics"."""
        self._core = core
        self._log = log
        self._failure = failure

    def run(self, round_: Callable[[], object]) -> bool:
        """Run one round; return whether it did not fail."""
        try:
            round_()
        except StoreUnavailable as problem:
            if not (problem.is_logged or self._core.waiters.is_released):
                self._log.warning("%s, will retry: %s", self._failure, problem.reason)
            return False
        except Exception:  # a fault of one round must not end all later ones
            self._log.exception("%s, will retry", self._failure)
            return False
        return True

    def start(self, name: str, round_: Callable[[], object], pause_seconds: Callable[[], float]) -> None:
        """Run a round now and after each pause, in a daemon thread."""
        pause = threading.Event()

        def run() -> None:
            while not self._core.waiters.is_released:
                self.run(round_)
                pause.wait(pause_seconds())

        threading.Thread(target=run, name=name, daemon=True).start()


def is_mine(session: Session, lease: bytes, ms: int) -> bool:
    """Take a lease; return False if another process has it. It ends by itself: a round is left to the next process."""
    return bool(session.store.run(_LEASE, lease, [ms]))
