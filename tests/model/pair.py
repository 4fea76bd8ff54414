"""The model and the real service get the same calls, and every result is compared."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any

from tests.model.account import Account
from tests.model.drivers import Accepted, Driver, Received
from tests.model.fair_reference import FairQueue
from tests.model.fifo_reference import FifoQueue
from tests.model.reference import Handle
from tests.model.words import OWN_ID, Entry, Outcome, Seen, SettingsOf


@dataclass(frozen=True, slots=True)
class Held:
    """A handle of both: of the queue of that name, whatever became of it."""

    queue: str
    model: Handle
    real: Any

    def __repr__(self) -> str:
        return f"<message {self.model.message}, receive {self.model.receive}>"


class Pair:
    """Each method acts on both, asserts that they agree, and returns what they agreed on."""

    def __init__(self, account: Account, driver: Driver) -> None:
        self.account = account
        self.driver = driver
        self.numbers: dict[str, int] = {}
        self.ids: dict[int, str] = {}
        #: (life of a queue, message) -> sequence number there.
        self.sequences: dict[tuple[int, int], int] = {}
        self.handles: dict[Handle, Any] = {}

    def create(self, name: str, **settings: int | str) -> None:
        self.account.create(name, settings)
        self.driver.create(name, settings)

    def drop(self, name: str) -> None:
        assert self.driver.drop(name) == self.account.drop(name)

    def change(self, name: str, settings: SettingsOf | None = None, forgotten: Sequence[str] = ()) -> None:
        changed = self.account.change(name, settings or {}, forgotten)
        assert self.driver.change(name, settings or {}, forgotten) == changed

    def send(self, name: str, *entries: Entry) -> None:
        expected = self.account.send(name, entries)
        found = self.driver.send(name, entries)
        assert len(found) == len(expected), (found, expected)
        for real, model in zip(found, expected, strict=True):
            if isinstance(real, Accepted) and isinstance(model, int):
                self._name(real.id, model)
                self._follow(name, model, real.sequence)
            else:
                assert real == model

    def _name(self, real_id: str, number: int) -> None:
        """A message has one id and an id one message, for good."""
        assert self.numbers.setdefault(real_id, number) == number
        assert self.ids.setdefault(number, real_id) == real_id

    def _follow(self, name: str, number: int, sequence: int | None) -> None:
        """A message's sequence in a queue stays, and goes by the order in which the messages came there."""
        if sequence is None:
            return
        queue = self.account.queues[name]
        known = self.sequences.setdefault((queue.life, number), sequence)
        assert sequence == known
        places = {message.number: message.place for message in queue.messages}
        for other, place in places.items():
            other_sequence = self.sequences.get((queue.life, other))
            if number in places and other_sequence is not None:
                assert (other_sequence < sequence) == (place < places[number])

    def receive(
        self, name: str, most: int = 10, visibility_seconds: int | None = None, attempt_id: str | None = None
    ) -> list[Held]:
        """Where the model leaves a choice, it follows one that agrees with the answer and with the counts."""
        found = self.driver.receive(name, most, visibility_seconds, attempt_id)
        seen = found if isinstance(found, Outcome) else [self._seen(message) for message in found]
        queue = self.account.queues.get(name)
        if isinstance(queue, FairQueue) and not isinstance(found, Outcome):
            queue.wishes = [self.numbers[message.id] for message in found]
        ways = [
            (account, expected)
            for account in self._ways(name)
            for expected in [account.receive(name, most, visibility_seconds, attempt_id)]
        ]
        agreed = [(account, expected) for account, expected in ways if _shown(expected) == seen]
        assert agreed, f"received {seen}, expected {_shown(ways[0][1])}"
        if len({str(self._model_counts(account)) for account, _ in agreed}) > 1:
            real = {name: self.driver.counts(name) for name in self.account.queues}
            agreed = [way for way in agreed if self._model_counts(way[0]) == real]
            assert agreed, f"no choice that the model has leads to {real}"
        self.account, expected = agreed[0]
        if isinstance(found, Outcome) or isinstance(expected, Outcome):
            return []
        for message, (_, handle) in zip(found, expected, strict=True):
            self._follow(name, self.numbers[message.id], message.sequence)
            # A receive that is repeated gives the same handle.
            assert self.handles.setdefault(handle, message.handle) == message.handle
        return [Held(name, handle, message.handle) for message, (_, handle) in zip(found, expected, strict=True)]

    def _ways(self, name: str) -> list[Account]:
        """The account itself, or a copy for each order in which its groups may be served."""
        queue = self.account.queues.get(name)
        if not isinstance(queue, FifoQueue) or not queue.is_free_to_choose():
            return [self.account]
        ways = []
        for order in permutations(queue.turns):
            account = copy.deepcopy(self.account)
            chosen = account.queues[name]
            assert isinstance(chosen, FifoQueue)
            chosen.preference = list(order)
            ways.append(account)
        return ways

    def _model_counts(self, account: Account) -> dict[str, tuple[int, int, int] | Outcome]:
        return {name: account.counts(name) for name in account.queues}

    def _seen(self, message: Received) -> Seen:
        assert message.id in self.numbers, "an id that no send gave"
        return Seen(
            self.numbers[message.id],
            message.body,
            message.group,
            OWN_ID if message.dedup_id == message.id else message.dedup_id,
            message.sent_ms,
            message.receive_count,
            message.first_received_ms,
            message.source,
        )

    def extend(self, name: str, *changes: tuple[Held, int]) -> None:
        expected = self.account.extend(name, [(held.model, seconds) for held, seconds in changes])
        assert self.driver.extend(name, [(held.real, seconds) for held, seconds in changes]) == expected

    def delete(self, name: str, *held: Held) -> None:
        expected = self.account.delete(name, [one.model for one in held])
        found = self.driver.delete(name, [one.real for one in held])
        assert found == expected

    def purge(self, name: str) -> None:
        assert self.driver.purge(name) == self.account.purge(name)

    def advance(self, ms: int) -> None:
        self.account.advance(ms)
        self.driver.advance(ms)

    def check_counts(self) -> None:
        """Visible, in flight, delayed, of every queue."""
        for name in self.account.queues:
            assert (name, self.driver.counts(name)) == (name, self.account.counts(name))


def _shown(expected: list[tuple[Seen, Handle]] | Outcome) -> list[Seen] | Outcome:
    return expected if isinstance(expected, Outcome) else [seen for seen, _ in expected]
