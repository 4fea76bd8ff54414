"""The part of each process that tells subscribers of new messages, its own and those that dead processes left.

One thread speaks with the store: it takes deliveries under a lease, hands them to a crew of threads, and reports what
became of them. The crew holds no execution slot: it only talks to subscribers. A process that dies leaves leases, and
another one delivers again when they end: at least once, not exactly once.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from urllib.parse import urlsplit

import orjson

from zaqar_core import queues
from zaqar_core.chance import chance
from zaqar_core.core import Core
from zaqar_core.errors import QueueNotFound, StoreUnavailable
from zaqar_core.names import QueueRef
from zaqar_core.notifications import content, deliveries, schedule
from zaqar_core.notifications.crew import Crew
from zaqar_core.notifications.deliveries import Delivery, Outcome
from zaqar_core.notifications.notice import Confirmations, NotDelivered, Notice, Way
from zaqar_core.waiting import Bell

#: Between two looks at which queues there are, and at each of them: covers bells lost with a dead process.
LOOK_SECONDS = (2.0, 4.0)
#: Added between two looks for each queue, so that many queues do not keep the store busy.
LOOK_SECONDS_A_QUEUE = 0.005
#: After the store failed, and between two looks at deliveries that take too long.
PAUSE_SECONDS = 1.0
#: Until a delivery is tried whose place has enough to do.
CROWDED_MS = 500
#: Until a delivery is tried that cannot be read, for want of a key perhaps.
UNREADABLE_MS = 60_000
#: A lease lasts twice a delivery's time, for it may wait for its place, and a little longer.
LEASE_SPARE_SECONDS = 5.0

#: Until a queue is looked at whose bell hangs, unless it rings: within the life of bells in the store.
FAR_SECONDS = 20.0

#: The queue's document in which Zaqar keeps the policy of retries.
_METADATA = "metadata"

_log = logging.getLogger("sqs_facade.notifications")


@dataclass(slots=True)
class _Job:
    """A delivery on its way. ``ends`` is the lease's end on this process's clock; ``place`` where it goes."""

    delivery: Delivery
    notice: Notice
    way: Way
    place: str
    ends: float


@dataclass(slots=True)
class _Ended:
    """A job is done, after so many seconds; ``failure`` is None if it arrived."""

    job: _Job
    seconds: float
    failure: NotDelivered | None


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
        #: What other threads report: queues to look at, jobs that ended.
        self._events: SimpleQueue[object] = core.notifications
        self._crew: Crew[_Job] = Crew(self._work, threads=settings.notification_threads)
        self._due: dict[QueueRef, float] = {}
        self._bells: dict[QueueRef, Bell] = {}
        self._outcomes: list[Outcome] = []
        self._look_at = 0.0
        self._tend_at = 0.0

    def start(self) -> None:
        threading.Thread(target=self._run, name="notifier", daemon=True).start()

    def _run(self) -> None:
        while not self._core.waiting.is_released:
            next_at = min([self._look_at, self._tend_at, *(self._due.values() if self._crew.free else ())])
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
        if self._outcomes:
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
                if isinstance(event, _Ended):
                    self._crew.ended(event.job.place, event.seconds)
                    self._outcomes.append(self._outcome(event))
                elif isinstance(event, QueueRef):
                    self._due[event] = 0.0
                event = self._events.get_nowait()

    def _look_around(self, now: float) -> None:
        """Every queue that may have something to tell is looked at, at some moment of the next interval."""
        with self._core.session() as session:
            found = deliveries.enlisted(session)
        interval = chance.uniform(*LOOK_SECONDS) + LOOK_SECONDS_A_QUEUE * len(found)
        self._look_at = now + interval
        for place, ref in enumerate(found):
            due = now + (interval * place / len(found) if ref in self._due else 0.0)
            self._due[ref] = min(self._due.get(ref, due), due)

    def _take(self, ref: QueueRef) -> None:
        bell = self._bells.get(ref)
        if bell is None:
            bell = self._bells[ref] = self._core.waiting.hang(lambda: self._events.put(ref))
        began = time.monotonic()
        with self._core.session() as session:
            taken = deliveries.take(
                session,
                ref,
                token=self._token,
                bell=bell.member,
                lease_ms=int(self._lease_seconds * 1000),
                most=self._crew.free,
            )
        if taken is None:
            self._core.waiting.take_down(self._bells.pop(ref))
            del self._due[ref]
            return
        self._due[ref] = began + (FAR_SECONDS if taken.wait_seconds is None else taken.wait_seconds)
        self._outcomes += [Outcome(ref, key, "back", UNREADABLE_MS) for key in taken.unreadable]
        for delivery in taken.deliveries:
            outcome = self._begin(delivery, began + self._lease_seconds)
            if outcome is not None:
                self._outcomes.append(outcome)
        if self._outcomes:
            self._events.put(None)

    def _begin(self, delivery: Delivery, ends: float) -> Outcome | None:
        """The crew has it; otherwise what became of it."""
        ref, key = delivery.ref, delivery.key
        way = self._ways.get(urlsplit(delivery.subscription.subscriber).scheme)
        if way is None:
            return Outcome(ref, key, "failed", reason="there is no way to deliver to that scheme")
        if delivery.kind == "message" and delivery.told is None:
            return Outcome(ref, key, "done")
        try:
            notice = self._notice(delivery)
            place = way.place(notice)
        except Exception:  # one notification's trouble must not stop the others
            _log.exception("a notification of queue %s cannot be made", ref.name)
            return Outcome(ref, key, "back", UNREADABLE_MS)
        if self._crew.give(place, _Job(delivery, notice, way, place, ends)):
            return None
        return Outcome(ref, key, "back", CROWDED_MS)

    def _notice(self, delivery: Delivery) -> Notice:
        subscription, ref = delivery.subscription, delivery.ref
        if delivery.told is not None:
            document = content.of_message(delivery.told, ref.name)
        else:
            document = self._confirmations(ref, subscription.id, delivery.kind)
        options = orjson.loads(subscription.options)
        return Notice(ref, delivery.kind, subscription.id, subscription.subscriber, options, document)

    def _work(self, job: _Job) -> None:
        """In a thread of the crew: never raises, and ends with a report."""
        failure: NotDelivered | None = None
        began = time.monotonic()
        try:
            if began + self._seconds > job.ends:
                raise _TooLate
            job.way.deliver(job.notice)
        except NotDelivered as problem:
            failure = problem
        except Exception:
            _log.exception("a delivery failed, queue %s", job.delivery.ref.name)
            failure = NotDelivered("it failed for a reason that is in the service's log")
        self._events.put(_Ended(job, time.monotonic() - began, failure))

    def _outcome(self, ended: _Ended) -> Outcome:
        delivery, failure = ended.job.delivery, ended.failure
        ref, key = delivery.ref, delivery.key
        if failure is None:
            return Outcome(ref, key, "done")
        if isinstance(failure, _TooLate):
            return Outcome(ref, key, "back")
        delay = None if failure.is_final else self._delay_seconds(delivery, ended.job.notice)
        if delay is not None:
            return Outcome(ref, key, "again", int(delay * 1000), failure.reason)
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

    def _give_back(self) -> None:
        """The process ends: what waits here is for others."""
        self._outcomes += [Outcome(job.delivery.ref, job.delivery.key, "back") for job in self._crew.dismiss()]
        with contextlib.suppress(StoreUnavailable):
            self._report()


class _TooLate(NotDelivered):
    """The lease would end before the delivery could."""

    def __init__(self) -> None:
        super().__init__("it waited too long")
