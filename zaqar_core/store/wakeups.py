"""Waiting receives: who waits in this process, and how a script elsewhere wakes them.

One subscriber connection per process listens on the process's channel; a message names the waiter to wake. The same
connection is the first to see that the server went away.
"""

from __future__ import annotations

import itertools
import threading
import uuid
from collections.abc import Callable

from zaqar_core.configuration.settings import Settings
from zaqar_core.domain.errors import StoreUnavailable
from zaqar_core.domain.randomness import randomness
from zaqar_core.store import keys
from zaqar_core.store.connection import Link, pack, watch_switches
from zaqar_core.store.single_server import Generation

#: A waiter looks again after so many seconds even if nobody woke it: covers wakes lost with a dead process.
LOOK_AGAIN_SECONDS = (5.0, 10.0)
#: After so long without a word from the server it is asked whether it is there; as long again, and it is not.
SILENCE_SECONDS = 5.0


class Waiter:
    """One waiting receive. ``member`` is its name in the queue's waiter set."""

    __slots__ = ("_lock", "member", "number")

    def __init__(self, number: int, channel: str) -> None:
        self.number = number
        self.member = f"{channel}|{number}"
        self._lock = threading.Lock()
        self._lock.acquire()

    def sleep(self, seconds: float) -> None:
        """Until woken, at most so long. A wake that came before is not lost."""
        self._lock.acquire(timeout=max(seconds, 0.0))

    def wake(self) -> None:
        try:
            self._lock.release()
        except RuntimeError:
            return  # it is awake already


class QueueWatch:
    """Calls ``ring`` when a script wakes it by ``member``, and when such a wake may have been lost. Not to block."""

    __slots__ = ("member", "number", "wake")

    def __init__(self, number: int, channel: str, ring: Callable[[], object]) -> None:
        self.number = number
        self.member = f"{channel}|{number}"
        self.wake = ring


class Waiting:
    """All waiters of this process."""

    def __init__(self, settings: Settings, url: str, generation: Generation, beside: Waiting | None = None) -> None:
        """``beside`` is that of another deployment: its waiters are woken from this one too."""
        self.channel: str = beside.channel if beside else keys.process_channel(uuid.uuid4().hex[:16])
        #: Whether the server is there, as the subscriber sees it.
        self.is_connected = False
        self.asleep = 0
        self.shed = 0
        self.is_released = False
        #: Is given what comes on the channel beside waiters' numbers, by the listening thread: not to block.
        self.pushed: Callable[[bytes], object] | None = None
        self._most = settings.max_waits
        self._numbers = itertools.count(1)
        self._waiters: dict[int, Waiter | QueueWatch] = beside._waiters if beside else {}
        self._watched = 0
        self._lock = threading.Lock()
        self._url = url
        self._link = Link(url, settings.store_timeout_seconds)
        self._generation = generation

    def start(self) -> None:
        """Subscribed when it returns; a thread listens from then on."""
        self._subscribe()
        threading.Thread(target=self._listen, name="wakes", daemon=True).start()
        watch_switches(self._url, self._switched, lambda: self.is_released)

    def enter(self) -> Waiter | None:
        """A waiter that can be registered and woken from now on; None when no more may wait here."""
        if self.is_released:
            return None
        if len(self._waiters) - self._watched >= self._most:
            self.shed += 1
            return None
        waiter = Waiter(next(self._numbers), self.channel)
        self._waiters[waiter.number] = waiter
        return waiter

    def leave(self, waiter: Waiter) -> None:
        self._waiters.pop(waiter.number, None)

    def watch(self, ring: Callable[[], object]) -> QueueWatch:
        """A bell that can be registered and rung from now on."""
        bell = QueueWatch(next(self._numbers), self.channel, ring)
        self._waiters[bell.number] = bell
        self._watched += 1
        return bell

    def unwatch(self, bell: QueueWatch) -> None:
        if self._waiters.pop(bell.number, None):
            self._watched -= 1

    def nap(self, waiter: Waiter, seconds: float) -> None:
        """Sleep until woken, a jittered few seconds at most."""
        with self._lock:
            self.asleep += 1
        try:
            waiter.sleep(min(seconds, randomness.uniform(*LOOK_AGAIN_SECONDS)))
        finally:
            with self._lock:
                self.asleep -= 1

    def wake_all(self) -> None:
        for waiter in list(self._waiters.values()):
            waiter.wake()

    def release_all(self) -> None:
        """Nobody waits any more, now or later: waiting receives answer empty."""
        self.is_released = True
        self.wake_all()

    def _switched(self) -> None:
        """Another server is the primary now: nothing more goes to the former one."""
        self._generation.ended()
        self._link.interrupt()

    def close(self) -> None:
        """Nobody is woken from here any more."""
        self.is_released = True
        self._link.close()

    def _subscribe(self) -> None:
        self._link.open()
        self._link.send(pack(("SUBSCRIBE", self.channel)))
        if self._link.next_message(SILENCE_SECONDS) is None:
            self._link.close()
            raise StoreUnavailable("the server does not answer")
        self.is_connected = True

    def _listen(self) -> None:
        asked = False
        while not self.is_released:
            try:
                if not self._link.is_open:
                    self._subscribe()
                    self.wake_all()
                message = self._link.next_message(SILENCE_SECONDS)
                if message is None:
                    if asked:
                        raise StoreUnavailable("the server does not answer")
                    self._link.send(pack(("PING",)))
                asked = message is None
            except (StoreUnavailable, OSError):
                self.is_connected = False
                self._link.close()
                self._generation.ended()
                asked = False
                continue
            if isinstance(message, list) and message[0] == b"message":
                if not message[2].isdigit():
                    if self.pushed is not None:
                        self.pushed(message[2])
                    continue
                waiter = self._waiters.get(int(message[2]))
                if waiter is not None:
                    waiter.wake()
