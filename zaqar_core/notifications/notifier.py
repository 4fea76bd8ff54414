"""The part of each process that tells subscribers of new messages, its own and those that dead processes left.

One thread speaks with the store: it takes runs of deliveries under a lease, hands them to a crew of threads, and
reports what became of them. The crew holds no execution slot: it only talks to subscribers. A process that dies leaves
leases, and another one delivers again when they end: at least once, not exactly once.
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
import threading
import time
from collections.abc import Mapping
from queue import Empty, SimpleQueue
from urllib.parse import urlsplit

import orjson

from zaqar_core.core import deliveries, queues
from zaqar_core.core.deliveries import Delivery, LeasedRun, Outcome
from zaqar_core.core.process import Core
from zaqar_core.domain.errors import QueueNotFound, StoreUnavailable
from zaqar_core.domain.names import QueueRef
from zaqar_core.domain.randomness import randomness
from zaqar_core.notifications import content, schedule, websockets
from zaqar_core.notifications.notification import Confirmations, Notice, Way
from zaqar_core.notifications.runs import Ended, Run, Step, Tried
from zaqar_core.notifications.worker_pool import QUICK_SECONDS, Crew
from zaqar_core.store.wakeups import WakeupCallback

#: Between two looks at which queues there are, and at each of them: covers bells lost with a dead process.
LOOK_SECONDS = (2.0, 4.0)
#: Added between two looks for each queue, so that many queues do not keep the store busy.
LOOK_SECONDS_A_QUEUE = 0.005
#: After the store failed, and between two looks at deliveries that take too long.
PAUSE_SECONDS = 1.0
#: Until a run is given again whose place has enough to do.
CROWDED_MS = 500
#: Until a delivery is tried that cannot be read, for want of a key perhaps.
UNREADABLE_MS = 60_000
#: A lease lasts twice a delivery's time, for it may wait for its place, and a little longer.
LEASE_SPARE_SECONDS = 5.0
#: Until the outcome of a try is reported, together with others of its run, which is reported as soon as it ends.
REPORT_SECONDS = 0.02
#: How long a process that ends waits for tries that have begun.
END_SECONDS = 0.5

#: Until a queue is looked at whose bell hangs, unless it rings: within the life of bells in the store.
FAR_SECONDS = 20.0

#: The queue's document in which Zaqar keeps the policy of retries.
_METADATA = "metadata"

_log = logging.getLogger("sqs_facade.notifications")


class Notifier:
    """One for a process."""

    def __init__(self, core: Core, ways: Mapping[str, Way], confirmations: Confirmations) -> None:
        settings = core.settings
        self._core = core
        self._ways = ways
        self._confirmations = confirmations
        self._token = os.urandom(8).hex()
        self._lease_seconds = 2 * settings.notification_timeout_seconds + LEASE_SPARE_SECONDS
        self._seconds = settings.notification_timeout_seconds
        #: What other threads report: queues to look at, tries and runs that ended.
        self._events: SimpleQueue[object] = core.notifications
        self._crew: Crew[Run] = Crew(lambda run: run.work(self._events.put), threads=settings.notification_threads)
        self._runs: set[Run] = set()
        self._due: dict[QueueRef, float] = {}
        self._watches: dict[QueueRef, WakeupCallback] = {}
        self._outcomes: list[Outcome] = []
        self._report_at = math.inf
        self._look_at = 0.0
        self._tend_at = 0.0
        self._thread = threading.Thread(target=self._run, name="notifier", daemon=True)

    def start(self) -> None:
        """Begin to tell subscribers, in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Give back what has not begun, and wait a moment for what has. Every wait of the process is released too."""
        self._core.waiters.release_all()
        self._events.put(None)
        self._thread.join(2 * END_SECONDS)

    def stop_at_exit(self) -> None:
        """Call :meth:`stop` when the main thread has ended. The interpreter waits for it, also in a server's worker."""

        def wait() -> None:
            threading.main_thread().join()
            self.stop()

        threading.Thread(target=wait, name="notifier-exit", daemon=False).start()

    def _run(self) -> None:
        while not self._core.waiters.is_released:
            next_at = min(
                [self._look_at, self._tend_at, self._report_at, *(self._due.values() if self._crew.free else ())]
            )
            try:
                self.round(max(next_at - time.monotonic(), 0.0))
            except StoreUnavailable as problem:
                _log.warning("notifications wait for the store: %s", problem.reason)
                time.sleep(PAUSE_SECONDS)
            except Exception:  # one notification's trouble must not stop the others
                _log.exception("a round of notifications failed")
                time.sleep(PAUSE_SECONDS)
        self._give_back()

    def round(self, patience_seconds: float) -> None:
        """What was reported within that time, or is due, is dealt with."""
        self._heed(patience_seconds)
        if time.monotonic() >= self._report_at:
            self._report()
        now = time.monotonic()
        if now >= self._tend_at:
            self._tend_at = now + PAUSE_SECONDS
            for way in set(self._ways.values()):
                way.cut_overdue()
        if now >= self._look_at:
            self._look_around(now)
        for ref in sorted((ref for ref, due in self._due.items() if due <= now), key=self._due.__getitem__):
            if self._crew.free <= 0:
                return
            try:
                self._take(ref)
            except StoreUnavailable as problem:
                self._due[ref] = time.monotonic() + PAUSE_SECONDS
                self._pass_over(problem)

    def _pass_over(self, problem: StoreUnavailable) -> None:
        """A pool that is away keeps no other from being told. Raises the problem where there is only one store."""
        if not self._core.settings.pooling:
            raise problem
        _log.warning("notifications of a queue wait for its store: %s", problem.reason)

    def _heed(self, patience_seconds: float) -> None:
        """All that was reported; the first report is waited for."""
        with contextlib.suppress(Empty):
            event = self._events.get(timeout=patience_seconds)
            while True:
                if isinstance(event, Tried | Outcome):
                    self._outcomes.append(self._outcome(event) if isinstance(event, Tried) else event)
                    self._report_at = min(self._report_at, time.monotonic() + REPORT_SECONDS)
                elif isinstance(event, Ended):
                    self._runs.discard(event.run)
                    self._crew.ended(event.run.place, event.seconds)
                    self._report_at = 0.0
                elif isinstance(event, QueueRef):
                    self._due[event] = 0.0
                event = self._events.get_nowait()

    def _look_around(self, now: float) -> None:
        """Every queue that may have something to tell is looked at, at some moment of the next interval."""
        with self._core.session() as session:
            found = deliveries.enlisted(session)
        interval = randomness.uniform(*LOOK_SECONDS) + LOOK_SECONDS_A_QUEUE * len(found)
        self._look_at = now + interval
        for place, ref in enumerate(found):
            due = now + (interval * place / len(found) if ref in self._due else 0.0)
            self._due[ref] = min(self._due.get(ref, due), due)

    def _take(self, ref: QueueRef) -> None:
        bell = self._watches.get(ref)
        if bell is None:
            bell = self._watches[ref] = self._core.waiters.register_callback(lambda: self._events.put(ref))
        began = time.monotonic()
        with self._core.session() as session:
            taken = deliveries.take(
                session,
                ref,
                token=self._token,
                wakeup=bell.member,
                lease_ms=int(self._lease_seconds * 1000),
                most=self._crew.free,
                whole_queue=websockets.PREFIX,
            )
        if taken is None:
            self._core.waiters.unregister_callback(self._watches.pop(ref))
            del self._due[ref]
            return
        self._due[ref] = began + (FAR_SECONDS if taken.wait_seconds is None else taken.wait_seconds)
        for leased in taken.runs:
            self._outcomes += [Outcome(ref, key, "skipped", UNREADABLE_MS) for key in leased.unreadable]
            self._begin(leased, began + self._lease_seconds)
        if self._outcomes:
            self._report_at = 0.0

    def _begin(self, leased: LeasedRun, ends: float) -> None:
        """Give the deliveries to the crew, and note the outcome of those that it does not get."""
        steps = [step for delivery in leased.deliveries if (step := self._step(delivery)) is not None]
        if not steps:
            return
        notice = steps[0].notice
        way = self._ways[urlsplit(notice.subscriber).scheme]
        try:
            place = way.place(notice)
        except Exception:  # one notification's trouble must not stop the others
            _log.exception("notifications of queue %s have no place", notice.ref.name)
            for step in steps:
                self._outcomes.append(Outcome(notice.ref, step.delivery.key, "skipped", UNREADABLE_MS))
            return
        run = Run(steps, way, place, ends=ends, try_seconds=self._seconds, keeps_places=leased.is_whole_queue)
        if self._crew.give(run.place, run):
            self._runs.add(run)
        else:
            self._outcomes += run.give_back(CROWDED_MS)

    def _step(self, delivery: Delivery) -> Step | None:
        """Prepare a delivery. None: it is not tried now, and its outcome has been noted."""
        ref, key = delivery.ref, delivery.key
        if urlsplit(delivery.subscription.subscriber).scheme not in self._ways:
            reason = "there is no way to deliver to that scheme"
            self._outcomes.append(Outcome(ref, key, "failed", reason=reason))
            return None
        if delivery.kind == "message" and delivery.outbox_message is None:
            self._outcomes.append(Outcome(ref, key, "done"))
            return None
        try:
            return Step(delivery, self._notice(delivery))
        except Exception:  # one notification's trouble must not stop the others
            _log.exception("a notification of queue %s cannot be made", ref.name)
            self._outcomes.append(Outcome(ref, key, "skipped", UNREADABLE_MS))
            return None

    def _notice(self, delivery: Delivery) -> Notice:
        subscription, ref = delivery.subscription, delivery.ref
        if delivery.outbox_message is not None:
            document = content.of_message(delivery.outbox_message, ref.name)
        else:
            document = self._confirmations(ref, subscription.id, delivery.kind)
        options = orjson.loads(subscription.options)
        return Notice(ref, delivery.kind, subscription.id, subscription.subscriber, options, document)

    def _outcome(self, tried: Tried) -> Outcome:
        delivery, failure = tried.step.delivery, tried.failure
        ref, key = delivery.ref, delivery.key
        if failure is None:
            return Outcome(ref, key, "done")
        delay = None if failure.is_final else self._delay_seconds(delivery, tried.step.notice)
        if delay is not None:
            keeps_place = tried.run.keeps_places and delay == 0 and tried.seconds <= QUICK_SECONDS
            return Outcome(ref, key, "at_once" if keeps_place else "again", int(delay * 1000), failure.reason)
        _log.warning(
            "a notification of queue %s, subscription %s, failed for good after %d tries: %s",
            ref.name,
            delivery.subscription.id,
            delivery.tries + 1,
            failure.reason,
        )
        return Outcome(ref, key, "failed", reason=failure.reason)

    def _delay_seconds(self, delivery: Delivery, notice: Notice) -> float | None:
        """Until the next try; None after the last one."""
        of_queue = None
        try:
            with self._core.session() as session:
                document = queues.get(session, delivery.ref).settings.documents.get(_METADATA)
            of_queue = orjson.loads(document).get("_retry_policy") if document else None
        except QueueNotFound:
            return None
        except StoreUnavailable:
            return PAUSE_SECONDS
        policy = schedule.policy(of_queue, notice.options.get("_retry_policy"))
        return schedule.delay_seconds(policy, delivery.tries + 1)

    def _report(self) -> None:
        """The store learns the outcomes. What it cannot be told now it is told later."""
        self._report_at = math.inf
        if not self._outcomes:
            return
        self._report_at = time.monotonic() + PAUSE_SECONDS
        by_queue: dict[QueueRef, list[Outcome]] = {}
        for outcome in self._outcomes:
            by_queue.setdefault(outcome.ref, []).append(outcome)
        with self._core.session() as session:
            for ref, outcomes in by_queue.items():
                try:
                    deliveries.finish(session, ref, self._token, outcomes)
                except StoreUnavailable as problem:
                    self._pass_over(problem)
                    continue
                self._outcomes = [one for one in self._outcomes if one.ref != ref]
                self._due[ref] = 0.0
        if not self._outcomes:
            self._report_at = math.inf

    def _give_back(self) -> None:
        """Give what has not begun to other processes, and wait a moment for what has."""
        deadline = time.monotonic() + END_SECONDS
        for run in self._runs:
            self._outcomes += run.give_back()
        with contextlib.suppress(StoreUnavailable):
            self._report()
            while self._runs and time.monotonic() < deadline:
                self._heed(max(deadline - time.monotonic(), 0.0))
                self._report()
