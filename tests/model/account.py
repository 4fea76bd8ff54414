"""An account of model queues: names, time, and what passes between queues."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from tests.model.fair_reference import FairQueue
from tests.model.fifo_reference import FifoQueue
from tests.model.reference import Answer, Handle, Message, Queue
from tests.model.words import Entry, Outcome, Seen, SettingsOf

#: How many messages of a queue may be in flight (a setting of the service).
NO_LIMIT = 120_000


class _Numbers(Iterator[int]):
    """1, 2 and so on. It can be copied, which itertools.count cannot from Python 3.14 on."""

    def __init__(self) -> None:
        self._last = 0

    def __next__(self) -> int:
        self._last += 1
        return self._last


class Account:
    """``now_ms`` is the time of all queues. Every act first lets time do its work.

    ``has_tenants``: messages of standard queues may have groups.
    """

    def __init__(
        self,
        now_ms: int,
        *,
        max_in_flight: int = NO_LIMIT,
        purge_interval_seconds: int = 0,
        has_tenants: bool = False,
    ) -> None:
        self.has_tenants = has_tenants
        self.now_ms = now_ms
        self.max_in_flight = max_in_flight
        self.purge_interval_seconds = purge_interval_seconds
        self.queues: dict[str, Queue] = {}
        self._lives = _Numbers()
        self._numbers = _Numbers()

    def advance(self, ms: int) -> None:
        self.now_ms += ms
        for queue in self.queues.values():
            queue.settle(self.now_ms)

    def create(self, name: str, settings: SettingsOf) -> None:
        """An existing queue is not changed."""
        if name not in self.queues:
            kind = FifoQueue if name.endswith(".fifo") else FairQueue if self.has_tenants else Queue
            self.queues[name] = kind(name, next(self._lives), settings)
            self.queues[name].settle(self.now_ms)

    def drop(self, name: str) -> Outcome:
        return Outcome.OK if self.queues.pop(name, None) else Outcome.NO_QUEUE

    def change(self, name: str, settings: SettingsOf, forgotten: Sequence[str] = ()) -> Outcome:
        """From now on; what a shorter retention makes too old is gone, what is gone does not come back."""
        queue = self.queues.get(name)
        if queue is None:
            return Outcome.NO_QUEUE
        if isinstance(queue, FifoQueue):
            with queue.freeing(self.now_ms):
                self._set(queue, settings, forgotten)
        else:
            self._set(queue, settings, forgotten)
        queue.settle(self.now_ms)
        return Outcome.OK

    def _set(self, queue: Queue, settings: SettingsOf, forgotten: Sequence[str]) -> None:
        queue.settings |= settings
        for name in forgotten:
            queue.settings.pop(name, None)

    def send(self, name: str, entries: Sequence[Entry]) -> list[int | Outcome]:
        queue = self.queues.get(name)
        if queue is None:
            return [Outcome.NO_QUEUE]
        return queue.send(entries, self.now_ms, islice(self._numbers, len(entries)))

    def receive(
        self, name: str, most: int, visibility_seconds: int | None, attempt_id: str | None = None
    ) -> list[tuple[Seen, Handle]] | Outcome:
        queue = self.queues.get(name)
        if queue is None:
            return Outcome.NO_QUEUE
        if attempt_id is not None and isinstance(queue, FifoQueue):
            again = queue.receive_again(attempt_id, visibility_seconds, self.now_ms)
            if again is not None:
                return again if isinstance(again, Outcome) else self._show(queue, again)
        free = self.max_in_flight - queue.counts(self.now_ms)[1]
        if free <= 0:
            return [] if queue.is_fifo else Outcome.OVER_LIMIT
        answer = queue.receive(min(most, free), visibility_seconds, self.now_ms)
        if attempt_id is not None and isinstance(queue, FifoQueue):
            queue.remember(attempt_id, answer)
        self._move(queue, answer.moved)
        return self._show(queue, answer)

    def _show(self, queue: Queue, answer: Answer) -> list[tuple[Seen, Handle]]:
        return [(queue.seen(message), handle) for message, handle in answer.given]

    def _move(self, source: Queue, moved: list[Message]) -> None:
        """What one receive takes out arrives in the order in which it was sent."""
        for message in sorted(moved, key=lambda message: message.place):
            assert source.dead_letter_queue is not None
            dead = self.queues[source.dead_letter_queue]
            dead.move_in(message, source.name, self.now_ms)
            dead.settle(self.now_ms)

    def extend(self, name: str, changes: Sequence[tuple[Handle, int]]) -> list[Outcome]:
        queue = self.queues.get(name)
        if queue is None:
            return [Outcome.NO_QUEUE]
        return [queue.extend(handle, seconds, self.now_ms) for handle, seconds in changes]

    def delete(self, name: str, handles: Sequence[Handle]) -> list[Outcome]:
        queue = self.queues.get(name)
        if queue is None:
            return [Outcome.NO_QUEUE]
        return queue.delete(handles, self.now_ms)

    def purge(self, name: str) -> Outcome:
        queue = self.queues.get(name)
        if queue is None:
            return Outcome.NO_QUEUE
        interval_ms = self.purge_interval_seconds * 1000
        if queue.purged_ms is not None and self.now_ms < queue.purged_ms + interval_ms:
            return Outcome.PURGE_IN_PROGRESS
        queue.purged_ms = self.now_ms
        queue.purge()
        return Outcome.OK

    def counts(self, name: str) -> tuple[int, int, int] | Outcome:
        queue = self.queues.get(name)
        return Outcome.NO_QUEUE if queue is None else queue.counts(self.now_ms)

    def next_events(self) -> list[int]:
        return sorted({instant for queue in self.queues.values() for instant in queue.next_events(self.now_ms)})
