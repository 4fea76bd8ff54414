"""The part of each process that does the work of move tasks, its own and those of processes that died."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from queue import Empty

from zaqar_core.core import move_tasks
from zaqar_core.core.process import Core
from zaqar_core.domain.errors import StoreUnavailable
from zaqar_core.domain.names import QueueRef
from zaqar_core.domain.randomness import randomness

#: Between two looks at which tasks there are: bounds how long a dead process's task rests, beside its lease.
LOOK_SECONDS = (1.0, 3.0)
#: After a step that failed.
RETRY_SECONDS = 1.0

_log = logging.getLogger("sqs_facade.move_tasks")


class TaskRunner:
    """A daemon thread. It holds an execution slot only for one bounded step at a time."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._name = os.urandom(8).hex()
        self._due: dict[QueueRef, float] = {}
        self._look_at = 0.0

    def start(self) -> None:
        threading.Thread(target=self._run, name="move-tasks", daemon=True).start()

    def _run(self) -> None:
        while not self._core.waiting.is_released:
            next_at = min([self._look_at, *self._due.values()])
            with contextlib.suppress(Empty):
                self._due[self._core.started_tasks.get(timeout=max(next_at - time.monotonic(), 0.0))] = 0.0
            self.round()

    def round(self) -> None:
        """Each task that is due is one step further."""
        now = time.monotonic()
        if now >= self._look_at:
            self._look_at = now + randomness.uniform(*LOOK_SECONDS)
            try:
                with self._core.session() as session:
                    for source in move_tasks.enlisted(session):
                        self._due.setdefault(source, now)
            except StoreUnavailable as problem:
                _log.warning("move tasks wait for the store: %s", problem.reason)
        for source in [source for source, due in self._due.items() if due <= now]:
            self._step(source)

    def _step(self, source: QueueRef) -> None:
        wait: float | None = RETRY_SECONDS
        try:
            with self._core.session() as session:
                wait = move_tasks.step(session, source, self._name)
        except StoreUnavailable as problem:
            _log.warning("a move task waits for the store: %s", problem.reason)
        except Exception:  # one queue's trouble must not stop the others' tasks
            _log.exception("a step of a move task failed, queue %s", source.name)
        if wait is None:
            del self._due[source]
        else:
            self._due[source] = time.monotonic() + wait
