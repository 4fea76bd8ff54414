"""What a queue must do, said as plainly as Python allows: lists, dictionaries, and a clock that is a number.

Written from the facts about SQS and from DESIGN 5, never from the store's scripts. Nothing here is fast, and nothing
does input or output. Times are integer milliseconds. An instant that ends something (a lease, a delay, a life, five
minutes of deduplication) is already outside of it.

Where the real thing is free to choose, the docstring says so, and between what.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from tests.model.words import Entry, Outcome, Seen, SettingsOf

DEFAULT_RETENTION_SECONDS = 345_600
DEFAULT_VISIBILITY_SECONDS = 30
LARGEST_MESSAGE_BYTES = 1_048_576
LONGEST_HOLD_MS = 43_200_000


@dataclass(frozen=True, slots=True)
class Handle:
    """One receive of one message in one life of a queue."""

    life: int
    message: int
    receive: int
    received_ms: int


@dataclass(slots=True)
class Message:
    """``number`` is the model's name of it, the same in every queue it comes to. ``place`` orders it in its queue."""

    number: int
    entry: Entry
    sent_ms: int
    place: int
    delay_ms: int
    dedup_id: str | None = None
    source: str | None = None
    receive_count: int = 0
    first_received_ms: int | None = None
    lease: Handle | None = None
    lease_ends_ms: int = 0

    def is_held(self, now_ms: int) -> bool:
        return now_ms < self.lease_ends_ms


@dataclass(slots=True)
class Answer:
    """What a receive gave (``given``, with a handle for each) and what it took out for the dead-letter queue."""

    given: list[tuple[Message, Handle]] = field(default_factory=list)
    moved: list[Message] = field(default_factory=list)


class Queue:
    """A standard queue. ``messages`` are in the order in which they were sent."""

    is_fifo = False

    def __init__(self, name: str, life: int, settings: SettingsOf) -> None:
        self.name = name
        self.life = life
        self.settings = dict(settings)
        self.messages: list[Message] = []
        self.places = 0
        self.receives = 0
        self.purged_ms: int | None = None

    # -- what the settings say -------------------------------------------------------------------------------------

    def number(self, name: str, default: int = 0) -> int:
        value = self.settings.get(name, default)
        assert isinstance(value, int)
        return value

    @property
    def delay_ms(self) -> int:
        return self.number("delay_seconds") * 1000

    def hold_ms(self, visibility_seconds: int | None) -> int:
        if visibility_seconds is None:
            visibility_seconds = self.number("visibility_timeout_seconds", DEFAULT_VISIBILITY_SECONDS)
        return visibility_seconds * 1000

    @property
    def dead_letter_queue(self) -> str | None:
        name = self.settings.get("dead_letter_queue")
        return str(name) if name is not None and "max_receive_count" in self.settings else None

    # -- what a message's state is ---------------------------------------------------------------------------------

    def life_ends_ms(self, message: Message) -> int:
        """The queue's retention as it is now counts for old messages too."""
        return message.sent_ms + self.number("retention_seconds", DEFAULT_RETENTION_SECONDS) * 1000

    def delay_ends_ms(self, message: Message) -> int:
        """On a standard queue the delay is fixed when the message is sent."""
        return message.sent_ms + message.delay_ms

    def is_delayed(self, message: Message, now_ms: int) -> bool:
        return not message.is_held(now_ms) and now_ms < self.delay_ends_ms(message)

    def is_visible(self, message: Message, now_ms: int) -> bool:
        return not message.is_held(now_ms) and not self.is_delayed(message, now_ms)

    def find(self, number: int) -> Message | None:
        return next((message for message in self.messages if message.number == number), None)

    def counts(self, now_ms: int) -> tuple[int, int, int]:
        """Visible, in flight, delayed (fact 52)."""
        return (
            sum(self.is_visible(message, now_ms) for message in self.messages),
            sum(message.is_held(now_ms) for message in self.messages),
            sum(self.is_delayed(message, now_ms) for message in self.messages),
        )

    def next_events(self, now_ms: int) -> list[int]:
        """Instants still to come at which something ends."""
        ends = {end for m in self.messages for end in (self.life_ends_ms(m), self.delay_ends_ms(m), m.lease_ends_ms)}
        return sorted(end for end in ends if end > now_ms)

    # -- what is done to it ----------------------------------------------------------------------------------------

    def settle(self, now_ms: int) -> None:
        """Time has come to ``now_ms``: what outlived its retention is gone, also in flight (fact 84)."""
        self.messages = [message for message in self.messages if now_ms < self.life_ends_ms(message)]

    def send(self, entries: Sequence[Entry], now_ms: int, numbers: Iterable[int]) -> list[int | Outcome]:
        """The number of each message, or why it was refused. A message too long fails alone."""
        found: list[int | Outcome] = []
        for entry, number in zip(entries, numbers, strict=False):
            if entry.size_bytes > self.number("max_message_bytes", LARGEST_MESSAGE_BYTES):
                found.append(Outcome.MESSAGE_TOO_LONG)
            else:
                found.append(self.accept(entry, now_ms, number))
        return found

    def accept(self, entry: Entry, now_ms: int, number: int) -> int:
        delay_ms = self.delay_ms if entry.delay_seconds is None else entry.delay_seconds * 1000
        self.append(Message(number, entry, now_ms, self.next_place(), delay_ms))
        return number

    def next_place(self) -> int:
        self.places += 1
        return self.places

    def append(self, message: Message) -> None:
        self.messages.append(message)

    def receive(self, most: int, visibility_seconds: int | None, now_ms: int) -> Answer:
        """The oldest visible messages, each leased. One received often enough is taken out instead (fact 101)."""
        answer = Answer()
        for message in [message for message in self.messages if self.is_visible(message, now_ms)]:
            if len(answer.given) == most:
                break
            self.give(message, visibility_seconds, now_ms, answer)
        return answer

    def give(self, message: Message, visibility_seconds: int | None, now_ms: int, answer: Answer) -> None:
        if self.dead_letter_queue is not None and message.receive_count >= self.number("max_receive_count"):
            self.messages.remove(message)
            answer.moved.append(message)
            return
        self.receives += 1
        message.lease = Handle(self.life, message.number, self.receives, now_ms)
        message.lease_ends_ms = now_ms + self.hold_ms(visibility_seconds)
        message.receive_count += 1
        if message.first_received_ms is None:
            message.first_received_ms = now_ms
        answer.given.append((message, message.lease))

    def move_in(self, message: Message, source: str, now_ms: int) -> None:
        """A dead letter arrives: same id, its count goes on; a standard queue keeps its enqueue time (fact 108a)."""
        self.append(self.arrived(message, source, now_ms))

    def arrived(self, message: Message, source: str, now_ms: int) -> Message:  # noqa: ARG002 - FIFO's needs it
        return replace(
            message, place=self.next_place(), source=source, delay_ms=0, lease=None, lease_ends_ms=0
        )  # fmt: skip

    def extend(self, handle: Handle, seconds: int, now_ms: int) -> Outcome:
        """A standard queue takes any handle of a message that is there, also after its timeout (fact 79)."""
        if handle.life != self.life:
            return Outcome.RECEIPT_INVALID
        message = self.find(handle.message)
        if message is None:
            return Outcome.NOT_IN_FLIGHT
        if not self.is_live(handle, message, now_ms):
            return Outcome.LEASE_EXPIRED
        if now_ms + seconds * 1000 > handle.received_ms + LONGEST_HOLD_MS:
            return Outcome.VISIBILITY_TOO_LONG
        message.lease_ends_ms = now_ms + seconds * 1000
        return Outcome.OK

    def delete(self, handles: Sequence[Handle], now_ms: int) -> list[Outcome]:
        """A standard queue deletes by any handle (fact 81); what is gone already is no error.

        All entries of a batch are judged by what was there before it.
        """
        outcomes = [self.judge_deletion(handle, now_ms) for handle in handles]
        for handle, outcome in zip(handles, outcomes, strict=True):
            message = self.find(handle.message)
            if outcome is Outcome.OK and message is not None:
                self.remove(message, now_ms)
        return outcomes

    def judge_deletion(self, handle: Handle, now_ms: int) -> Outcome:
        if handle.life != self.life:
            return Outcome.RECEIPT_INVALID
        message = self.find(handle.message)
        if message is not None and not self.is_live(handle, message, now_ms):
            return Outcome.LEASE_EXPIRED
        return Outcome.OK

    def remove(self, message: Message, now_ms: int) -> None:  # noqa: ARG002 - FIFO's needs it
        self.messages.remove(message)

    def is_live(self, handle: Handle, message: Message, now_ms: int) -> bool:  # noqa: ARG002 - FIFO's needs them
        """Whether the handle still has a say."""
        return True

    def purge(self) -> None:
        self.messages = []

    def seen(self, message: Message) -> Seen:
        """As a receiver sees it."""
        return Seen(
            number=message.number,
            body=message.entry.body,
            group=message.entry.group,
            dedup_id=message.dedup_id,
            sent_ms=message.sent_ms,
            receive_count=message.receive_count,
            first_received_ms=message.first_received_ms,
            source=message.source,
        )
