"""The notifier of a process: it delivers notifications of new messages, also those that crashed processes left.

One thread uses the store: it takes runs of deliveries under a lease, passes them to a worker pool, and reports their
outcomes. The workers only talk to subscribers. When a process crashes, its leases
end and another process delivers again: delivery is at least once, not exactly once.
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
from zaqar_core.logs import cause
from zaqar_core.notifications import content, schedule, websockets
from zaqar_core.notifications.notification import Channel, Confirmations, Notification
from zaqar_core.notifications.runs import Ended, Run, Step, Tried
from zaqar_core.notifications.worker_pool import QUICK_SECONDS, WorkerPool
from zaqar_core.store.wakeups import WakeupCallback

#: Poll interval for the list of queues and for each queue. It covers wake-ups that were lost with a crashed process.
LIST_QUEUES_SECONDS = (2.0, 4.0)
#: Added to the poll interval for each queue, so that many queues do not keep the store busy.
LIST_QUEUES_SECONDS_PER_QUEUE = 0.005
#: Pause after the store failed, and between two checks for deliveries that take too long.
STORE_RETRY_SECONDS = 1.0
#: Delay of a run whose destination is at its concurrency limit.
DESTINATION_BUSY_MS = 500
#: Delay of a delivery that cannot be read, for example because its encryption key is missing.
UNREADABLE_MS = 60_000
#: A lease lasts twice the time-out of a delivery, which may wait for its destination, plus this.
LEASE_SPARE_SECONDS = 5.0
#: Delay before the outcome of a try is reported, together with others of its run. A run that ends is reported at once.
REPORT_SECONDS = 0.02
#: How long a stopping process waits for tries that have begun.
STOP_SECONDS = 0.5

#: Poll interval for queues that have a registered wake-up: shorter than the wake-up's life in the store.
WATCH_RENEWAL_SECONDS = 20.0

#: The queue's document that holds Zaqar's retry policy.
_METADATA = "metadata"

_log = logging.getLogger("sqs_facade.notifications")


class Notifier:
    """Takes deliveries from the store and has them delivered. One for each process."""

    def __init__(self, core: Core, channels: Mapping[str, Channel], confirmations: Confirmations) -> None:
        settings = core.settings
        self._core = core
        self._channels = channels
        self._confirmations = confirmations
        self._token = os.urandom(8).hex()
        self._lease_seconds = 2 * settings.notification_timeout_seconds + LEASE_SPARE_SECONDS
        self._seconds = settings.notification_timeout_seconds
        #: Reports of other threads: queues to check, tries and runs that ended.
        self._events: SimpleQueue[object] = core.notifications
        self._workers: WorkerPool[Run] = WorkerPool(
            lambda run: run.work(self._events.put), threads=settings.notification_threads
        )
        self._runs: set[Run] = set()
        self._due: dict[QueueRef, float] = {}
        self._watches: dict[QueueRef, WakeupCallback] = {}
        self._outcomes: list[Outcome] = []
        self._report_at = math.inf
        self._list_queues_at = 0.0
        self._check_overdue_at = 0.0
        self._thread = threading.Thread(target=self._run, name="notifier", daemon=True)

    def start(self) -> None:
        """Start the notifier's thread."""
        self._thread.start()

    def stop(self) -> None:
        """Return deliveries that have not begun, and wait briefly for the others. Releases all waits of the process."""
        self._core.waiters.release_all()
        self._events.put(None)
        self._thread.join(2 * STOP_SECONDS)

    def stop_at_exit(self) -> None:
        """Call :meth:`stop` when the main thread has ended. The interpreter waits for it, also in a server's worker."""

        def wait() -> None:
            threading.main_thread().join()
            self.stop()

        threading.Thread(target=wait, name="notifier-exit", daemon=False).start()

    def _run(self) -> None:
        while not self._core.waiters.is_released:
            next_at = min(
                [
                    self._list_queues_at,
                    self._check_overdue_at,
                    self._report_at,
                    *(self._due.values() if self._workers.free else ()),
                ]
            )
            try:
                self.round(max(next_at - time.monotonic(), 0.0))
            except StoreUnavailable as problem:
                if not problem.is_logged:
                    _log.warning("cannot deliver notifications: the store is unavailable: %s", problem.reason)
                time.sleep(STORE_RETRY_SECONDS)
            except Exception:  # an error of one notification must not stop the others
                _log.exception("a round of the notifier failed, will retry")
                time.sleep(STORE_RETRY_SECONDS)
        self._return_untried()

    def round(self, patience_seconds: float) -> None:
        """Process what other threads report within ``patience_seconds``, and everything that is due."""
        self._collect_events(patience_seconds)
        if time.monotonic() >= self._report_at:
            self._report()
        now = time.monotonic()
        if now >= self._check_overdue_at:
            self._check_overdue_at = now + STORE_RETRY_SECONDS
            for channel in set(self._channels.values()):
                channel.cancel_overdue()
        if now >= self._list_queues_at:
            self._list_queues(now)
        for ref in sorted((ref for ref, due in self._due.items() if due <= now), key=self._due.__getitem__):
            if self._workers.free <= 0:
                return
            try:
                self._take(ref)
            except StoreUnavailable as problem:
                self._due[ref] = time.monotonic() + STORE_RETRY_SECONDS
                self._skip_store(problem)

    def _skip_store(self, problem: StoreUnavailable) -> None:
        """Log that a pool is unavailable and go on with the others. Raises the problem where there are no pools."""
        if not self._core.settings.pooling:
            raise problem
        if not problem.is_logged:
            _log.warning("cannot deliver notifications of a queue: its pool is unavailable: %s", problem.reason)

    def _collect_events(self, patience_seconds: float) -> None:
        """Collect all reports; wait for the first one."""
        with contextlib.suppress(Empty):
            event = self._events.get(timeout=patience_seconds)
            while True:
                if isinstance(event, Tried | Outcome):
                    self._outcomes.append(self._outcome(event) if isinstance(event, Tried) else event)
                    self._report_at = min(self._report_at, time.monotonic() + REPORT_SECONDS)
                elif isinstance(event, Ended):
                    self._runs.discard(event.run)
                    self._workers.ended(event.run.destination, event.seconds)
                    self._report_at = 0.0
                elif isinstance(event, QueueRef):
                    self._due[event] = 0.0
                event = self._events.get_nowait()

    def _list_queues(self, now: float) -> None:
        """List the queues that may have deliveries, and spread their checks over the next interval."""
        session = self._core.session()
        found = deliveries.enlisted(session)
        interval = randomness.uniform(*LIST_QUEUES_SECONDS) + LIST_QUEUES_SECONDS_PER_QUEUE * len(found)
        self._list_queues_at = now + interval
        for index, ref in enumerate(found):
            due = now + (interval * index / len(found) if ref in self._due else 0.0)
            self._due[ref] = min(self._due.get(ref, due), due)

    def _take(self, ref: QueueRef) -> None:
        watch = self._watches.get(ref)
        if watch is None:
            watch = self._watches[ref] = self._core.waiters.register_callback(lambda: self._events.put(ref))
        began = time.monotonic()
        session = self._core.session()
        taken = deliveries.take(
            session,
            ref,
            token=self._token,
            wakeup=watch.member,
            lease_ms=int(self._lease_seconds * 1000),
            most=self._workers.free,
            whole_queue=websockets.PREFIX,
        )
        if taken is None:
            self._core.waiters.unregister_callback(self._watches.pop(ref))
            del self._due[ref]
            return
        self._due[ref] = began + (WATCH_RENEWAL_SECONDS if taken.wait_seconds is None else taken.wait_seconds)
        for leased in taken.runs:
            self._outcomes += [Outcome(ref, key, "untried_outside", UNREADABLE_MS) for key in leased.unreadable]
            self._begin(leased, began + self._lease_seconds)
        if self._outcomes:
            self._report_at = 0.0

    def _begin(self, leased: LeasedRun, ends: float) -> None:
        """Pass the deliveries to the workers, and note the outcomes of those that cannot be passed."""
        steps = [step for delivery in leased.deliveries if (step := self._prepare(delivery)) is not None]
        if not steps:
            return
        notification = steps[0].notification
        channel = self._channels[urlsplit(notification.subscriber).scheme]
        try:
            destination = channel.destination(notification)
        except Exception:  # an error of one notification must not stop the others
            _log.exception("cannot determine the destination of notifications of queue %s", notification.ref.name)
            for step in steps:
                self._outcomes.append(Outcome(notification.ref, step.delivery.key, "untried_outside", UNREADABLE_MS))
            return
        run = Run(
            steps, channel, destination, ends=ends, try_seconds=self._seconds, keeps_positions=leased.is_whole_queue
        )
        if self._workers.submit(run.destination, run):
            self._runs.add(run)
        else:
            self._outcomes += run.return_untried(DESTINATION_BUSY_MS)

    def _prepare(self, delivery: Delivery) -> Step | None:
        """Prepare a delivery. None: it is not tried now, and its outcome has been noted."""
        ref, key = delivery.ref, delivery.key
        if urlsplit(delivery.subscription.subscriber).scheme not in self._channels:
            reason = "the service has no channel for the subscriber's scheme"
            self._outcomes.append(Outcome(ref, key, "failed", reason=reason))
            return None
        if delivery.kind == "message" and delivery.outbox_message is None:
            self._outcomes.append(Outcome(ref, key, "done"))
            return None
        try:
            return Step(delivery, self._notification(delivery))
        except Exception:  # an error of one notification must not stop the others
            _log.exception("cannot create a notification of queue %s", ref.name)
            self._outcomes.append(Outcome(ref, key, "untried_outside", UNREADABLE_MS))
            return None

    def _notification(self, delivery: Delivery) -> Notification:
        subscription, ref = delivery.subscription, delivery.ref
        if delivery.outbox_message is not None:
            document = content.of_message(delivery.outbox_message, ref.name)
            attributes = delivery.outbox_message.message.system_attributes
        else:
            attributes = ()
            document = self._confirmations(ref, subscription.id, delivery.kind)
        options = orjson.loads(subscription.options)
        return Notification(ref, delivery.kind, subscription.id, subscription.subscriber, options, document, attributes)

    def _outcome(self, tried: Tried) -> Outcome:
        delivery, failure = tried.step.delivery, tried.failure
        ref, key = delivery.ref, delivery.key
        if failure is None:
            return Outcome(ref, key, "done")
        delay = None if failure.is_final else self._delay_seconds(delivery, tried.step.notification)
        if delay is not None:
            keeps_position = tried.run.keeps_positions and delay == 0 and tried.seconds <= QUICK_SECONDS
            return Outcome(
                ref, key, "retry_in_line" if keeps_position else "retry_outside", int(delay * 1000), failure.reason
            )
        _log.warning(
            "gave up a notification of queue %s, subscription %s, after %d tries: %s",
            ref.name,
            delivery.subscription.id,
            delivery.tries + 1,
            failure.reason,
            extra=cause("given up", ref, failure.reason),
        )
        return Outcome(ref, key, "failed", reason=failure.reason)

    def _delay_seconds(self, delivery: Delivery, notification: Notification) -> float | None:
        """Return the delay before the next try; None after the last one."""
        of_queue = None
        try:
            session = self._core.session()
            document = queues.get(session, delivery.ref).settings.documents.get(_METADATA)
            of_queue = orjson.loads(document).get("_retry_policy") if document else None
        except QueueNotFound:
            return None
        except StoreUnavailable:
            return STORE_RETRY_SECONDS
        policy = schedule.policy(of_queue, notification.options.get("_retry_policy"))
        return schedule.delay_seconds(policy, delivery.tries + 1)

    def _report(self) -> None:
        """Report the outcomes to the store. Those of an unavailable store are kept for the next report."""
        self._report_at = math.inf
        if not self._outcomes:
            return
        self._report_at = time.monotonic() + STORE_RETRY_SECONDS
        by_queue: dict[QueueRef, list[Outcome]] = {}
        for outcome in self._outcomes:
            by_queue.setdefault(outcome.ref, []).append(outcome)
        session = self._core.session()
        for ref, outcomes in by_queue.items():
            try:
                ended = deliveries.finish(session, ref, self._token, outcomes)
            except StoreUnavailable as problem:
                self._skip_store(problem)
                continue
            self._outcomes = [one for one in self._outcomes if one.ref != ref]
            self._due[ref] = 0.0
            if ended:
                self._stop_runs(ref, ended)
        if not self._outcomes:
            self._report_at = math.inf

    def _stop_runs(self, ref: QueueRef, ended: frozenset[str]) -> None:
        """Return what has not begun for subscriptions that have ended. The store drops it."""
        for run in self._runs:
            if run.ref == ref and run.subscription_id in ended and (untried := run.return_untried()):
                self._outcomes += untried
                self._report_at = 0.0

    def _return_untried(self) -> None:
        """Return what has not begun to other processes, and wait briefly for what has."""
        deadline = time.monotonic() + STOP_SECONDS
        for run in self._runs:
            self._outcomes += run.return_untried()
        with contextlib.suppress(StoreUnavailable):
            self._report()
            while self._runs and time.monotonic() < deadline:
                self._collect_events(max(deadline - time.monotonic(), 0.0))
                self._report()
