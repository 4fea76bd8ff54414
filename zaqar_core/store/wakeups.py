"""The long poll wake-up: the waiters of this process, and how a function in the store wakes them.

A receive that finds no message is registered in its queue's waiter set. The function that makes a message visible
publishes the number of a waiter on the channel of the waiter's process. Each process has one subscriber connection; it
is also the first connection to notice that the server has gone. The waiting itself is in ``core.leases.receive``.
"""

from __future__ import annotations

import itertools
import threading
import time
import uuid
from collections.abc import Callable

from zaqar_core.configuration.settings import Settings
from zaqar_core.domain.errors import StoreUnavailable
from zaqar_core.domain.randomness import randomness
from zaqar_core.eventloop import Signal
from zaqar_core.store import keys
from zaqar_core.store.connection import Link, pack, watch_switches
from zaqar_core.store.links import Generation

#: In each process one waiter of a queue checks the queue after a random time between these even without a wake-up,
#: since the process that was woken may have crashed.
RECHECK_SECONDS = (5.0, 10.0)
#: How exactly the process keeps these times.
_RECHECK_TICK_SECONDS = 0.5
#: A silent server is pinged after this time; after the same time without a reply the connection is closed.
SILENCE_SECONDS = 5.0


class Waiter(Signal):
    """One waiting receive. ``member`` is its name in the queue's waiter set."""

    __slots__ = ("is_recheck", "member", "number", "queue")

    def __init__(self, number: int, channel: str, queue: bytes) -> None:
        super().__init__()
        self.number = number
        #: The key of its queue.
        self.queue = queue
        #: It was woken to check the queue without a wake-up from the store.
        self.is_recheck = False
        self.member = f"{channel}|{number}"


class WakeupCallback:
    """A function that is called on each wake-up of ``member``, and whenever a wake-up may have been lost.

    It runs on the listener thread and must not block.
    """

    __slots__ = ("member", "number", "wake")

    def __init__(self, number: int, channel: str, callback: Callable[[], object]) -> None:
        self.number = number
        self.member = f"{channel}|{number}"
        self.wake = callback


class _Rechecks:
    """The waiters by queue, and when one of each queue checks it without a wake-up."""

    __slots__ = ("_lock", "_queues")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        #: For each queue the time of its next check and its waiters by number.
        self._queues: dict[bytes, tuple[float, dict[int, Waiter]]] = {}

    def add(self, waiter: Waiter) -> None:
        with self._lock:
            found = self._queues.get(waiter.queue)
            if found is None:
                found = self._queues[waiter.queue] = (_next_check(time.monotonic()), {})
            found[1][waiter.number] = waiter

    def remove(self, waiter: Waiter) -> None:
        with self._lock:
            _, waiters = self._queues.get(waiter.queue, (0.0, {}))
            waiters.pop(waiter.number, None)
            if not waiters:
                self._queues.pop(waiter.queue, None)

    def wake_due(self, now: float) -> None:
        """Wake one waiter of each queue whose time has come."""
        with self._lock:
            due = [(queue, waiters) for queue, (at, waiters) in self._queues.items() if at <= now]
            for queue, waiters in due:
                self._queues[queue] = (_next_check(now), waiters)
        for queue, _ in due:
            self.wake(queue)

    def wake(self, queue: bytes, *, instead_of: Waiter | None = None) -> None:
        """Wake one waiter of the queue, another one than ``instead_of``."""
        with self._lock:
            _, waiters = self._queues.get(queue, (0.0, {}))
            found = next((one for one in waiters.values() if one is not instead_of), None)
            if found is not None:
                found.is_recheck = True
        if found is not None:
            found.wake()


def _next_check(now: float) -> float:
    return now + randomness.uniform(*RECHECK_SECONDS)


class Waiters:
    """All waiters and wake-up callbacks of this process at one deployment."""

    def __init__(self, settings: Settings, url: str, generation: Generation, beside: Waiters | None = None) -> None:
        """Create the subscriber. Wake-ups from this deployment also reach the waiters of ``beside``, another one's."""
        self.channel: str = beside.channel if beside else keys.process_channel(uuid.uuid4().hex[:16])
        #: Whether the subscriber connection is open.
        self.is_connected = False
        #: Waiters that sleep now.
        self.asleep = 0
        self.is_released = False
        #: Called with each message on the channel that is not a waiter's number. It runs on the listener thread and
        #: must not block.
        self.pushed: Callable[[bytes], object] | None = None
        self._is_first = beside is None
        self._most = settings.max_waits
        self._numbers = itertools.count(1)
        self._waiters: dict[int, Waiter | WakeupCallback] = beside._waiters if beside else {}
        self._rechecks: _Rechecks = beside._rechecks if beside else _Rechecks()
        self._callbacks = 0
        self._lock = threading.Lock()
        self._url = url
        self._link = Link(url, settings.store_timeout_seconds)
        self._generation = generation

    def start(self) -> None:
        """Subscribe to the channel, then listen in a daemon thread. Raises StoreUnavailable."""
        self._subscribe()
        threading.Thread(target=self._listen, name="wake-ups", daemon=True).start()
        if self._is_first:
            threading.Thread(target=self._recheck, name="rechecks", daemon=True).start()
        watch_switches(self._url, self._switched, lambda: self.is_released)

    def register(self, queue: bytes) -> Waiter | None:
        """Create a waiter for the queue of that key, which wake-ups can reach.

        None when ``max_waits`` receives wait already, or after release.
        """
        if self.is_released or len(self._waiters) - self._callbacks >= self._most:
            return None
        waiter = Waiter(next(self._numbers), self.channel, queue)
        self._waiters[waiter.number] = waiter
        self._rechecks.add(waiter)
        return waiter

    def unregister(self, waiter: Waiter) -> None:
        """Remove the waiter. No wake-up reaches it any more."""
        self._waiters.pop(waiter.number, None)
        self._rechecks.remove(waiter)

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

    def wait(self, waiter: Waiter, seconds: float) -> None:
        """Sleep until woken, for ``seconds`` at most."""
        waiter.is_recheck = False
        with self._lock:
            self.asleep += 1
        try:
            waiter.wait(seconds)
        finally:
            with self._lock:
                self.asleep -= 1

    def wake_all(self) -> None:
        """Wake every waiter and run every callback."""
        for waiter in list(self._waiters.values()):
            waiter.wake()

    def release_all(self) -> None:
        """End all waits and refuse new ones: waiting receives return no messages."""
        self.is_released = True
        self.wake_all()

    def _recheck(self) -> None:
        while not self.is_released:
            time.sleep(_RECHECK_TICK_SECONDS)
            self._rechecks.wake_due(time.monotonic())

    def _switched(self) -> None:
        """Leave the former primary after a fail-over: no slot may write to it."""
        self._generation.ended()
        self._link.interrupt()

    def close(self) -> None:
        """Close the subscriber connection. Wake-ups from this deployment no longer arrive."""
        self.is_released = True
        self._link.close()

    def _subscribe(self) -> None:
        self._link.open()
        self._link.send(pack(("SUBSCRIBE", self.channel)))
        if self._link.next_message(SILENCE_SECONDS) is None:
            self._link.close()
            raise StoreUnavailable(f"the server did not answer SUBSCRIBE within {SILENCE_SECONDS:.0f} s")
        self.is_connected = True

    def _listen(self) -> None:
        is_pinged = False
        while not self.is_released:
            try:
                if not self._link.is_open:
                    self._subscribe()
                    self.wake_all()
                message = self._link.next_message(SILENCE_SECONDS)
                if message is None:
                    if is_pinged:
                        raise StoreUnavailable(f"the server did not answer PING within {SILENCE_SECONDS:.0f} s")
                    self._link.send(pack(("PING",)))
                is_pinged = message is None
            except (StoreUnavailable, OSError):
                self.is_connected = False
                self._link.close()
                self._generation.ended()
                is_pinged = False
                continue
            if isinstance(message, list) and message[0] == b"message":
                if not message[2].isdigit():
                    if self.pushed is not None:
                        self.pushed(message[2])
                    continue
                waiter = self._waiters.get(int(message[2]))
                if waiter is not None:
                    waiter.wake()
