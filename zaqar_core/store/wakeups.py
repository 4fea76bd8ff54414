"""The long poll wake-up: the waiters of this process, and how a function in the store wakes them.

A receive that finds no message is registered in its queue's waiter set. The function that makes a message visible
publishes the number of a waiter on the channel of the waiter's process. Each process has one subscriber connection; it
is also the first connection to notice that the server has gone. The waiting itself is in ``core.leases.receive``.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import threading
import time
import uuid
from collections.abc import Callable

from zaqar_core.configuration.settings import Settings
from zaqar_core.eventloop import Signal, current_task
from zaqar_core.logs import remedies
from zaqar_core.logs.remedies import note_refusal
from zaqar_core.store import keys
from zaqar_core.store.connection import watch_switches
from zaqar_core.store.links import Generation
from zaqar_core.store.outages import Outages
from zaqar_core.store.rechecks import Rechecks
from zaqar_core.store.subscriber import Subscriber
from zaqar_core.store.wait_ends import WaitEnds

_log = logging.getLogger("sqs_facade.store")
#: How exactly the process keeps the times of checks without a wake-up.
_RECHECK_TICK_SECONDS = 0.5


class Waiter(Signal):
    """One waiting receive. ``member`` is its name in the queue's waiter set."""

    __slots__ = ("ends", "is_asleep", "is_ending", "is_recheck", "member", "number", "queue", "will_end")

    def __init__(self, number: int, channel: str, queue: bytes, ends: WaitEnds | None) -> None:
        """``ends`` are those of the waiter's loop; None in a thread."""
        super().__init__()
        self.ends = ends
        self.number = number
        #: The key of its queue.
        self.queue = queue
        self.is_asleep = False
        #: The receive ends when the time of the present wait is over.
        self.will_end = False
        #: It is one of the few whose end has begun: see WaitEnds.
        self.is_ending = False
        #: It was woken to check the queue without a wake-up from the store.
        self.is_recheck = False
        self.member = f"{channel}|{number}"

    def leave(self) -> None:
        """End the wait of a client that has gone. In a task, only callbacks and tasks of its loop may call it."""
        if self.ends is not None and not self.is_ending:
            self.ends.add(self)
        else:
            self.wake()

    def time_out(self) -> None:
        """End the wait of a task: its time is over. Only for the timer."""
        if self.ends is not None and self.will_end and not self.is_ending:
            self.ends.add(self)
        else:
            super().time_out()

    def unregistered(self) -> None:
        """Make room for the end of another waiter."""
        if self.is_ending and self.ends is not None:
            self.ends.ended()


class WakeupCallback:
    """A function that is called on each wake-up of ``member``, and whenever a wake-up may have been lost.

    It runs on the subscriber's thread or on the event loop, and must not block.
    """

    __slots__ = ("member", "number", "wake")

    def __init__(self, number: int, channel: str, callback: Callable[[], object]) -> None:
        self.number = number
        self.member = f"{channel}|{number}"
        self.wake = callback


class Waiters:
    """All waiters and wake-up callbacks of this process at one deployment."""

    def __init__(self, settings: Settings, url: str, generation: Generation, beside: Waiters | None = None) -> None:
        """Create the subscriber. Wake-ups from this deployment also reach the waiters of ``beside``, another one's."""
        self.channel: str = beside.channel if beside else keys.process_channel(uuid.uuid4().hex[:16])
        #: Whether the subscriber connection is open.
        self.is_connected = False
        #: Those of the server, if this connection tells of them: it notices them also while no request runs.
        self.outages: Outages | None = None
        #: Waiters that sleep now.
        self.asleep = 0
        #: Receives that could not wait because too many did.
        self.shed = 0
        self.is_released: bool = False
        #: Called with each message on the channel that is not a waiter's number. It runs on the subscriber's thread or
        #: on the event loop, and must not block.
        self.pushed: Callable[[bytes], object] | None = None
        self._most = settings.max_waits
        self._numbers = itertools.count(1)
        self._waiters: dict[int, Waiter | WakeupCallback] = beside._waiters if beside else {}
        self._rechecks: Rechecks = beside._rechecks if beside else Rechecks()
        self._callbacks = 0
        self._lock = threading.Lock()
        self._url = url
        self._generation = generation
        self._ends: WaitEnds | None = None
        self._beside = beside
        self._subscriber = Subscriber(url, settings.store_timeout_seconds, self.channel, self)

    def start(self) -> None:
        """Subscribe to the channel and begin to listen. Raises StoreUnavailable."""
        self._subscriber.start()
        self.is_connected = True
        if self._beside is None:
            threading.Thread(target=self._recheck, name="rechecks", daemon=True).start()
        watch_switches(self._url, self._switched, lambda: self.is_released)

    def register(self, queue: bytes) -> Waiter | None:
        """Create a waiter for the queue of that key, which wake-ups can reach.

        None when ``max_waits`` receives wait already, or after release.
        """
        if self.is_released:
            return None
        if len(self._waiters) - self._callbacks >= self._most:
            self.shed += 1
            note_refusal(remedies.WAITS, f"{self._most:,}")
            return None
        waiter = Waiter(next(self._numbers), self.channel, queue, self._ends_of_caller())
        self._waiters[waiter.number] = waiter
        self._rechecks.add(waiter)
        return waiter

    def unregister(self, waiter: Waiter) -> None:
        """Remove the waiter. No wake-up reaches it any more."""
        self._waiters.pop(waiter.number, None)
        self._rechecks.remove(waiter)
        waiter.unregistered()

    def served(self, waiter: Waiter) -> None:
        """Record that the waiter found messages. If it had no wake-up, there may be more for another waiter."""
        if waiter.is_recheck:
            self._rechecks.wake(waiter.queue, instead_of=waiter)

    def register_callback(self, callback: Callable[[], object]) -> WakeupCallback:
        """Register a function that wake-ups call: see WakeupCallback."""
        registered = WakeupCallback(next(self._numbers), self.channel, callback)
        self._waiters[registered.number] = registered
        self._callbacks += 1
        return registered

    def unregister_callback(self, registered: WakeupCallback) -> None:
        """Remove the callback. A second call does nothing."""
        if self._waiters.pop(registered.number, None):
            self._callbacks -= 1

    def wait(self, waiter: Waiter, seconds: float, *, due_seconds: float | None = None) -> None:
        """Sleep until woken, for ``seconds`` at most; then the receive has to end, as soon as others that end allow.

        ``due_seconds`` is the time to a check of the queue.
        """
        waiter.is_recheck = False
        waiter.will_end = due_seconds is None or seconds <= due_seconds
        with self._lock:
            self.asleep += 1
        waiter.is_asleep = True
        try:
            waiter.wait(seconds if due_seconds is None else min(seconds, due_seconds))
        finally:
            waiter.is_asleep = False
            with self._lock:
                self.asleep -= 1

    def wake_all(self) -> None:
        """Wake every waiter and run every callback."""
        for waiter in list(self._waiters.values()):
            waiter.wake()

    def _check_all(self) -> None:
        """Let every waiter check its queue, and run every callback. Thousands of tasks do so in several turns."""
        by_loop: dict[WaitEnds, list[Waiter]] = {}
        for waiter in list(self._waiters.values()):
            if isinstance(waiter, Waiter) and waiter.ends is not None:
                by_loop.setdefault(waiter.ends, []).append(waiter)
            else:
                waiter.wake()
        for ends, waiters in by_loop.items():
            with contextlib.suppress(RuntimeError):  # the loop is closed, and its tasks with it
                ends.loop.call_soon_threadsafe(ends.check, waiters)

    def release_all(self) -> None:
        """End all waits and refuse new ones: waiting receives return no messages."""
        self.is_released = True
        self.wake_all()

    def _recheck(self) -> None:
        while not self.is_released:
            time.sleep(_RECHECK_TICK_SECONDS)
            try:
                self._rechecks.wake_due(time.monotonic())
            except Exception:  # a fault at one queue must not end the checks of all others
                _log.exception("a check of waiting receives failed, will retry")

    def _switched(self) -> None:
        """Leave the former primary after a fail-over: nothing may be written to it."""
        self._generation.ended()
        self._subscriber.interrupt()

    def close(self) -> None:
        """Close the subscriber connection. Wake-ups from this deployment no longer arrive."""
        self.is_released = True
        self._subscriber.close()

    def _ends_of_caller(self) -> WaitEnds | None:
        """Return the ends of the loop of the calling task, None in a thread."""
        task = current_task()
        loop = task.loop if task is not None else None
        ends = self._ends
        if ends is not None and ends.loop is not loop and ends.loop.is_closed():
            ends = self._ends = None
            self._subscriber.leave_loop()
        if loop is None:
            return None
        if ends is None or ends.loop is not loop:
            ends = self._ends = WaitEnds(loop)
        return ends

    # -- Called by the subscriber --------------------------------------------------------------------------------------

    @property
    def loop(self) -> asyncio.AbstractEventLoop | None:
        """The event loop of the tasks that wait, if tasks wait."""
        if self._beside is not None:
            return self._beside.loop
        return self._ends.loop if self._ends is not None else None

    def received(self, message: bytes) -> None:
        """Wake a waiter, run a callback, or pass the message on."""
        if not message.isdigit():
            if self.pushed is not None:
                self.pushed(message)
            return
        waiter = self._waiters.get(int(message))
        if waiter is not None:
            waiter.wake()

    def subscribed(self) -> None:
        """Let every waiter check its queue: wake-ups may have been lost."""
        self.is_connected = True
        if self.outages is not None:
            self.outages.end()
        self._check_all()

    def lost(self) -> None:
        """Have all connections replaced."""
        self.is_connected = False
        if self.outages is not None and not self.is_released:
            self.outages.begin("connection lost")
        self._generation.ended()
