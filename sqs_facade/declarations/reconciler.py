"""The thread of each worker that makes the store match the declarations, and says until then why it does not."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from sqs_facade.declarations import applying, plan
from sqs_facade.declarations.applying import Outcome
from sqs_facade.declarations.handover import Reader, Version
from sqs_facade.declarations.model import Defaults
from sqs_facade.declarations.turns import Turns
from zaqar_core.core.process import Core
from zaqar_core.core.rounds import Rounds
from zaqar_core.core.session import Session
from zaqar_core.domain.errors import StoreFull, StoreUnavailable
from zaqar_core.domain.names import QueueRef
from zaqar_core.logs.cause import EACH
from zaqar_core.store import declared

#: Interval at which a worker looks for a new version.
LOOK_SECONDS = 0.5
#: Interval at which a process that waits for another one looks again.
_TURN_SECONDS = 0.1
#: Pauses after a try that failed: the first, and the longest. Each is twice the one before.
_PAUSE_SECONDS = (0.5, 15.0)
#: How long a version counts as applied for workers that start later: about a day.
_DONE_SECONDS = 100_000
#: A line is logged once in that time, by one process.
_SILENT_SECONDS = 60
#: Problems that readiness names.
_MOST_NAMED = 5

_log = logging.getLogger("sqs_facade.declarations")


class Reconciler:
    """Applies each version of the declarations, one process of all that use the store at a time.

    A version is applied once for a service: what one worker has done, the others do not do again.
    """

    def __init__(self, core: Core, file: Path) -> None:
        self._core = core
        self._turns = Turns(core.session)
        self._reader = Reader(file)
        self._version = self._reader.newer()
        self._due = 0.0
        self._pause = _PAUSE_SECONDS[0]
        self._wake = threading.Event()
        #: Whether it has been logged that the store cannot be used.
        self._is_away = False
        #: How often the store has lost its data.
        self._losses = 0
        #: Why the process is not ready, "" if it is.
        self.problem = ""
        #: Held while the version becomes due, or done.
        self._lock = threading.Lock()
        self._wait_for("the declared queues have not been created yet")
        core.when_emptied.append(self._start_over)

    def defaults(self, ref: QueueRef) -> tuple[Mapping[str, str], Mapping[str, str]]:
        """Return the attributes and tags of a new queue by the present version."""
        found = Defaults() if self._version is None else self._version.declarations.defaults
        return found.attributes_of(ref), found.tags

    def start(self) -> None:
        """Start the daemon thread."""
        threading.Thread(target=self._run, name="declarations", daemon=True).start()

    def _start_over(self) -> None:
        """Apply the version again: the store has lost its data."""
        with self._lock:
            self._wait_for("the store has lost its data, and the declared queues have not been created again yet")
            self._losses += 1
            self._due = 0.0
        self._wake.set()

    def _wait_for(self, reason: str) -> None:
        """Be not ready until the version is applied, unless it declares nothing."""
        if self._version is not None and self._version.declarations.queues:
            self.problem = reason

    def _run(self) -> None:
        rounds = Rounds(self._core, _log, "cannot apply the declared queues")
        while not self._core.waiters.is_released:
            if not rounds.run(self.round):
                self._fail("an internal error occurred; see the log")
            self._wake.wait(min(LOOK_SECONDS, max(self._due - time.monotonic(), 0.01)))
            self._wake.clear()

    def round(self) -> None:
        """Look for a new version, and apply the present one if that is due."""
        if (newer := self._reader.newer()) is not None:
            self._version, self._due, self._pause = newer, 0.0, _PAUSE_SECONDS[0]
        if self._version is not None and time.monotonic() >= self._due:
            self._try(self._version)

    def _try(self, version: Version) -> None:
        session, losses = self._core.session(), self._losses
        try:
            if not declared.is_done(session.store, version.id):
                if not self._turns.take():
                    self._due = time.monotonic() + _TURN_SECONDS
                    return
                try:
                    if not declared.is_done(session.store, version.id) and not self._apply(session, version):
                        return
                finally:
                    self._turns.give_back()
        except StoreUnavailable as problem:
            if not (problem.is_logged or self._core.waiters.is_released or self._is_away):
                _log.warning("cannot apply the declared queues, will retry: %s", problem.reason)
                self._is_away = True
            self._fail(problem.reason)
            return
        self._is_away = False
        with self._lock:
            if losses == self._losses:
                self.problem, self._due = "", float("inf")

    def _apply(self, session: Session, version: Version) -> bool:
        """Apply the version; return whether all queues are as declared."""
        outcome = applying.apply(self._core.session, version.declarations, goes_on=self._goes_on)
        self._report(session, outcome)
        if outcome.problems:
            more = len(outcome.problems) - _MOST_NAMED
            named = "; ".join(outcome.problems[:_MOST_NAMED]) + (f"; and {more} more" if more > 0 else "")
            self._fail(named)
            return False
        with contextlib.suppress(StoreFull):  # workers that start later then compare once more
            declared.note_done(session.store, version.id, _DONE_SECONDS)
        return True

    def _goes_on(self) -> bool:
        return self._turns.goes_on() and not self._core.waiters.is_released

    def _fail(self, reason: str) -> None:
        self._wait_for(f"the declared queues cannot be applied: {reason}")
        self._due = time.monotonic() + self._pause
        self._pause = min(self._pause * 2, _PAUSE_SECONDS[1])

    def _report(self, session: Session, outcome: Outcome) -> None:
        for problem in outcome.problems:
            self._say(session, logging.ERROR, f"cannot apply a declared queue, will retry: {problem}")
        created = sum(one.queue is None for one in outcome.first.queues)
        changed = sum(one.queue is not None and not one.is_done for one in outcome.first.queues)
        if (created or changed) and not outcome.problems:
            _log.info("declared queues: %d created, %d changed", created, changed, extra=EACH)
        for ref in outcome.first.forgotten:
            name = plan.place(ref, session.settings)
            self._say(session, logging.WARNING, f"queue {name} is not declared any more; it stays as it is")

    def _say(self, session: Session, level: int, line: str) -> None:
        """Log a line unless a process of this store has done so within the last minute."""
        if declared.is_first_to_say(session.store, hashlib.sha256(line.encode()).hexdigest()[:32], _SILENT_SECONDS):
            _log.log(level, "%s", line)
