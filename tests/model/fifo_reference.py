"""What a FIFO queue must do beyond a standard one: groups, turns, deduplication, receive attempts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import combinations

from tests.model.reference import Answer, Handle, Message, Queue
from tests.model.words import OWN_ID, Entry, Outcome, SettingsOf

#: Of sends, and of receive attempts.
DEDUPLICATION_MS = 300_000


@dataclass(slots=True)
class Attempt:
    """One receive that named an attempt id. ``lease_ends_ms`` is where its leases stand if nobody touched them."""

    received_ms: int
    lease_ends_ms: int
    given: list[Handle] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Turn:
    """When a group began to wait: at ``at``, or as seen between ``first`` and ``last``.

    ``last`` is None until the queue is next looked at.
    """

    first: int
    at: int
    last: int | None

    def is_before(self, other: Turn) -> bool:
        if self.last == other.last:  # noticed by the same look
            return self.at < other.first
        return self.last is not None and self.last < other.first


class FifoQueue(Queue):
    """``turns`` holds the groups that may give a message now, with the turn at which each began to wait.

    The real thing is free in one way: what time or a change of settings does to a group need not be noticed before
    somebody does something to the group, or the next receive looks. So a group freed that way may come to stand behind
    one that began to wait meanwhile; and a group that lost its only messages that way, and got others before anybody
    looked, may have kept its old turn. Groups freed by time at the very same millisecond share a turn.
    """

    is_fifo = True

    def __init__(self, name: str, life: int, settings: SettingsOf) -> None:
        super().__init__(name, life, settings)
        self.turns: dict[str, Turn] = {}
        self.turn = 0
        self.unnoticed: dict[str, Turn] = {}
        self.settled_ms = 0
        self.is_scope_group = settings.get("deduplication_scope") == "messageGroup"  # fixed at creation (fact 94)
        self.preference: list[str] = []
        self.sends: dict[tuple[str, str], tuple[int, int]] = {}
        self.attempts: dict[str, Attempt] = {}

    # -- groups ----------------------------------------------------------------------------------------------------

    def delay_ends_ms(self, message: Message) -> int:
        """The queue's delay as it is now counts for old messages too."""
        return message.sent_ms + self.delay_ms

    def group(self, name: str) -> list[Message]:
        return [message for message in self.messages if message.entry.group == name]

    def may_give(self, now_ms: int) -> list[str]:
        """The groups whose first message is free (facts 89 and 90): a held one locks its group."""
        heads: dict[str, Message] = {}
        for message in self.messages:
            assert message.entry.group is not None
            heads.setdefault(message.entry.group, message)
        return [name for name, head in heads.items() if self.is_visible(head, now_ms)]

    @contextmanager
    def freeing(self, now_ms: int, act_on: str | None = None, *, is_served: bool = False) -> Iterator[None]:
        """Groups that may give after the block and could not before it go to the end of the turns (fact 91).

        ``act_on`` is the group of the message that somebody does something to; None means time, or a change of
        settings. ``is_served``: the group has just given, and goes to the end if it still may.
        """
        yield
        self.turn += 1
        by_itself = act_on is None
        now = Turn(self.turn, self.turn, None if by_itself else self.turn)
        before, self.turns = self.turns, {}
        for name in self.may_give(now_ms):
            old = self.unnoticed.get(name)
            self.turns[name] = before.get(name) or (replace(now, first=old.first) if old else now)
        if by_itself:
            self.unnoticed |= {name: turn for name, turn in before.items() if name not in self.turns}
        if act_on in self.turns:
            turn = self.turns[act_on]
            self.turns[act_on] = now if is_served else replace(turn, last=turn.last or self.turn)

    def look(self) -> None:
        """All groups that may give now have their turn."""
        self.turn += 1
        self.turns = {name: replace(turn, last=turn.last or self.turn) for name, turn in self.turns.items()}
        self.unnoticed = {}

    def is_free_to_choose(self) -> bool:
        """Whether the order of the groups is not wholly fixed now."""
        turns = list(self.turns.values())
        return any(not a.is_before(b) and not b.is_before(a) for a, b in combinations(turns, 2))

    def next_groups(self, waiting: dict[str, Turn]) -> list[str]:
        """Those of which none of the others is certainly before."""
        return [name for name, turn in waiting.items() if not any(other.is_before(turn) for other in waiting.values())]

    def settle(self, now_ms: int) -> None:
        """Everything that ended up to ``now_ms`` did so at its own instant, one after the other."""
        for instant in [*self.next_events(self.settled_ms), now_ms]:
            if instant <= now_ms:
                with self.freeing(instant):
                    super().settle(instant)
        self.settled_ms = now_ms

    def append(self, message: Message) -> None:
        with self.freeing(self.settled_ms, message.entry.group):
            super().append(message)

    def receive(self, most: int, visibility_seconds: int | None, now_ms: int) -> Answer:
        """Group after group by turn; of each from its head until one that is held or delayed (facts 88 and 90)."""
        answer = Answer()
        self.look()
        waiting = dict(self.turns)
        self.preference += waiting
        while waiting and len(answer.given) < most:
            name = min(self.next_groups(waiting), key=self.preference.index)
            del waiting[name]
            with self.freeing(now_ms, name, is_served=True):
                for message in self.group(name):
                    if len(answer.given) == most or not self.is_visible(message, now_ms):
                        break
                    self.give(message, visibility_seconds, now_ms, answer)
        return answer

    def extend(self, handle: Handle, seconds: int, now_ms: int) -> Outcome:
        message = self.find(handle.message)
        with self.freeing(now_ms, message.entry.group if message else None):
            return super().extend(handle, seconds, now_ms)

    def remove(self, message: Message, now_ms: int) -> None:
        with self.freeing(now_ms, message.entry.group):
            super().remove(message, now_ms)

    def is_live(self, handle: Handle, message: Message, now_ms: int) -> bool:
        """Only the lease's own handle, and only while the lease lasts (fact 82)."""
        return message.lease == handle and message.is_held(now_ms)

    def arrived(self, message: Message, source: str, now_ms: int) -> Message:
        """On FIFO a dead letter gets a new enqueue time (108a), and its id as its deduplication id (98)."""
        moved = super().arrived(message, source, now_ms)
        moved.dedup_id = OWN_ID
        moved.sent_ms = now_ms
        return moved

    # -- deduplication ---------------------------------------------------------------------------------------------

    def send(self, entries: Sequence[Entry], now_ms: int, numbers: Iterable[int]) -> list[int | Outcome]:
        """A call with a message that has no deduplication id sends nothing at all."""
        if not self.number("content_based_deduplication") and any(entry.dedup_id is None for entry in entries):
            return [Outcome.DEDUP_ID_MISSING]
        return super().send(entries, now_ms, numbers)

    def accept(self, entry: Entry, now_ms: int, number: int) -> int:
        """A duplicate gives the first message's number (fact 96), also when that is gone (fact 93)."""
        dedup_id = entry.dedup_id or hashlib.sha256(entry.body).hexdigest()
        key = (entry.group or "" if self.is_scope_group else "", dedup_id)
        first = self.sends.get(key)
        if first is not None and now_ms < first[1] + DEDUPLICATION_MS:
            return first[0]
        self.sends[key] = (number, now_ms)
        self.append(Message(number, entry, now_ms, self.next_place(), 0, dedup_id))
        return number

    def purge(self) -> None:
        """The history of deduplication goes too (fact 83)."""
        super().purge()
        self.turns = {}
        self.unnoticed = {}
        self.sends = {}
        self.attempts = {}

    # -- receive attempts ------------------------------------------------------------------------------------------

    def receive_again(self, attempt_id: str, visibility_seconds: int | None, now_ms: int) -> Answer | Outcome | None:
        """The same messages and handles, held anew (fact 99); None where this must be a receive of its own.

        That is so five minutes after the first one, and once the attempt's own timeout has ended. It cannot be repeated
        while any of the messages is gone, was received again or has another timeout (fact 125). Counted is only the
        first receive. An empty answer is not remembered.
        """
        attempt = self.attempts.get(attempt_id)
        if attempt is None or now_ms >= attempt.received_ms + DEDUPLICATION_MS:
            return None
        answer = Answer()
        has_ended = now_ms >= attempt.lease_ends_ms
        for handle in attempt.given:
            message = self.find(handle.message)
            if message is None or message.lease != handle:
                return Outcome.NOT_RETRYABLE
            is_as_left = not message.is_held(now_ms) if has_ended else message.lease_ends_ms == attempt.lease_ends_ms
            if not is_as_left:
                return Outcome.NOT_RETRYABLE
            answer.given.append((message, handle))
        if has_ended:
            del self.attempts[attempt_id]
            return None
        # Held again, or no longer: as if somebody had changed them one after the other.
        with self.freeing(now_ms):
            attempt.lease_ends_ms = now_ms + self.hold_ms(visibility_seconds)
            for message, _ in answer.given:
                message.lease_ends_ms = attempt.lease_ends_ms
        return answer

    def remember(self, attempt_id: str, answer: Answer) -> None:
        if answer.given:
            message, handle = answer.given[0]
            ends_ms = message.lease_ends_ms
            self.attempts[attempt_id] = Attempt(handle.received_ms, ends_ms, [handle for _, handle in answer.given])
