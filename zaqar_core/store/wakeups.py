"""The long poll wake-up: the waiters of this process, and how a function in the store wakes them.

A receive that finds no message is registered in its queue's waiter set. The function that makes a message visible
publishes the number of a waiter on the channel of the waiter's process. Each process has one subscriber connection; it
is also the first connection to notice that the server has gone. The waiting itself is in ``core.leases.receive``.
"""

from __future__ import annotations

import itertools
import threading
import uuid
from collections.abc import Callable

from zaqar_core.configuration.settings import Settings
from zaqar_core.domain.errors import StoreUnavailable
from zaqar_core.domain.randomness import randomness
from zaqar_core.eventloop import Signal
from zaqar_core.store import keys
from zaqar_core.store.connection import Link, pack, watch_switches
from zaqar_core.store.links import Generation

#: A waiter checks its queue after a random time between these even without a wake-up, since the process that was woken
#: may have crashed.
RECHECK_SECONDS = (5.0, 10.0)
#: A silent server is pinged after this time; after the same time without a reply the connection is closed.
SILENCE_SECONDS = 5.0


class Waiter(Signal):
    """One waiting receive. ``member`` is its name in the queue's waiter set."""

    __slots__ = ("member", "number")

    def __init__(self, number: int, channel: str) -> None:
        super().__init__()
        self.number = number
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
        self._most = settings.max_waits
        self._numbers = itertools.count(1)
        self._waiters: dict[int, Waiter | WakeupCallback] = beside._waiters if beside else {}
        self._callbacks = 0
        self._lock = threading.Lock()
        self._url = url
        self._link = Link(url, settings.store_timeout_seconds)
        self._generation = generation

    def start(self) -> None:
        """Subscribe to the channel, then listen in a daemon thread. Raises StoreUnavailable."""
        self._subscribe()
        threading.Thread(target=self._listen, name="wake-ups", daemon=True).start()
        watch_switches(self._url, self._switched, lambda: self.is_released)

    def register(self) -> Waiter | None:
        """Create a waiter that wake-ups can reach; None when ``max_waits`` receives wait already, or after release."""
        if self.is_released or len(self._waiters) - self._callbacks >= self._most:
            return None
        waiter = Waiter(next(self._numbers), self.channel)
        self._waiters[waiter.number] = waiter
        return waiter

    def unregister(self, waiter: Waiter) -> None:
        """Remove the waiter. No wake-up reaches it any more."""
        self._waiters.pop(waiter.number, None)

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
        """Sleep until woken, for ``seconds`` or a random recheck interval at most."""
        with self._lock:
            self.asleep += 1
        try:
            waiter.wait(min(seconds, randomness.uniform(*RECHECK_SECONDS)))
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
