"""The thread of each process that runs move tasks: those it started, and those that a crashed process left behind."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from queue import Empty

from zaqar_core.core import move_tasks
from zaqar_core.core.process import Core
from zaqar_core.core.rounds import Rounds
from zaqar_core.domain.errors import StoreUnavailable
from zaqar_core.domain.names import QueueRef
from zaqar_core.domain.randomness import randomness
from zaqar_core.logs import cause

#: Interval between two reads of the list of tasks. With the lease of a task it bounds how long the task of a crashed
#: process stands still.
SCAN_SECONDS = (1.0, 3.0)
#: Pause after a step that failed.
RETRY_SECONDS = 1.0

_log = logging.getLogger("sqs_facade.move_tasks")


class TaskRunner:
    """Runs move tasks in a daemon thread, one bounded step at a time."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._name = os.urandom(8).hex()
        self._due: dict[QueueRef, float] = {}
        self._scan_at = 0.0
        self._rounds = Rounds(core, _log, "cannot read the list of move tasks")

    def start(self) -> None:
        """Start the daemon thread."""
        threading.Thread(target=self._run, name="move-tasks", daemon=True).start()

    def _run(self) -> None:
        while not self._core.waiters.is_released:
            next_at = min([self._scan_at, *self._due.values()])
            with contextlib.suppress(Empty):
                self._due[self._core.started_tasks.get(timeout=max(next_at - time.monotonic(), 0.0))] = 0.0
            self.round()

    def round(self) -> None:
        """Run one step of each task that is due."""
        now = time.monotonic()
        if now >= self._scan_at:
            self._scan_at = now + randomness.uniform(*SCAN_SECONDS)
            self._rounds.run(self._scan)
        for source in [source for source, due in self._due.items() if due <= now]:
            self._step(source)

    def _scan(self) -> None:
        now = time.monotonic()
        for source in move_tasks.enlisted(self._core.session()):
            self._due.setdefault(source, now)

    def _step(self, source: QueueRef) -> None:
        wait: float | None = RETRY_SECONDS
        try:
            session = self._core.session()
            wait = move_tasks.step(session, source, self._name)
        except StoreUnavailable as problem:
            if not problem.is_logged:
                _log.warning(
                    "the move task of queue %s cannot reach the store, will retry: %s",
                    source.name,
                    problem.reason,
                    extra=cause(problem.reason),
                )
        except Exception:  # a fault in one queue must not stop the tasks of others
            _log.exception("a step of the move task of queue %s failed, will retry", source.name)
        if wait is None:
            del self._due[source]
        else:
            self._due[source] = time.monotonic() + wait
