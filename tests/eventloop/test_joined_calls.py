"""Random calls, joined and one by one: callers get the same, and the queues hold the same."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest

from tests.eventloop.loops import on_loop
from tests.eventloop.turns import begin, core_of_its_own, know_small_queues, look
from zaqar_core.core import claims, leases, messages, queues
from zaqar_core.core.process import Core
from zaqar_core.domain.errors import CoreError
from zaqar_core.domain.model import NewMessage, QueueSettings, Receipt, Sent, StoredMessage
from zaqar_core.domain.names import QueueRef
from zaqar_core.store import joined_calls, keys, script

core = pytest.fixture(scope="module")(core_of_its_own)
know_small = pytest.fixture(autouse=True)(know_small_queues)
#: The delay and the timeout are longer than the test takes. No step of the clock is a multiple of either.
DELAY_SECONDS, TIMEOUT_SECONDS, STEPS = 600, 3000, (700, 3500, 90_000)
TURNS = 30

#: Which claim a deletion names: that of its message, none, or another one.
CLAIM_CHOICES = ("own", "own", "own", "none", "other")

Call = tuple[str, Any]


def random_turns(seed: int) -> list[list[Call]]:
    """Return turns of calls that can be joined with each other: between others any order would be right."""
    chance = random.Random(seed)
    length, timeout, most, grace = 1, None, 1, None

    def send() -> list[NewMessage]:
        size = chance.choice([1, 10, 200, 200, 5_000, 20_000])
        new = NewMessage(b"%09d" % chance.randrange(10**9) * (size // 9 + 1), size_bytes=size)
        new.delay_seconds = chance.choice([None, None, None, 0, DELAY_SECONDS])
        return [new] * length

    makes: dict[str, Callable[[], Any]] = {
        "send": send,
        "receive": lambda: (chance.choice([1, 1, 1, 2, 10]), timeout),
        "delete": lambda: [chance.randrange(1000) for _ in range(chance.choice([1, 1, 1, 4]))],
        "claim": lambda: (most, grace),
        "remove": lambda: (chance.randrange(1000), chance.choice(CLAIM_CHOICES)),
        "release": lambda: chance.randrange(1000),
        "advance": lambda: chance.choice(STEPS),
    }
    turns = []
    for kind in chance.choices([*makes], [6, 5, 3, 3, 4, 2, 1], k=TURNS):
        length, timeout = chance.choice([1, 1, 1, 1, 3]), chance.choice([None, None, None, 0, TIMEOUT_SECONDS])
        most, grace = chance.choice([1, 1, 1, 2, 10]), chance.choice([None, 0, 50_000])
        turns.append([(kind, makes[kind]()) for _ in range(1 if kind == "advance" else chance.randint(1, 12))])
    return turns


def seen(message: StoredMessage) -> tuple[object, ...]:
    return message.body, message.sequence, message.receive_count, message.ttl_seconds


class Run:
    """Calls on a new queue whose dead-letter queue gets what was received twice."""

    def __init__(self, core: Core, queue: QueueRef) -> None:
        session = core.session()
        self._core = core
        self.queue, self.dead = queue.sibling(f"{queue.name}-run"), queue.sibling(f"{queue.name}-dead")
        queues.create(session, self.dead, QueueSettings(), creator="sqs")
        settings = QueueSettings(
            visibility_timeout_seconds=TIMEOUT_SECONDS,
            retention_seconds=80_000,
            max_message_bytes=10_000,
            dead_letter_queue=self.dead.name,
            max_receive_count=2,
        )
        queues.create(session, self.queue, settings, creator="sqs")
        self._receipts: list[Receipt] = []
        self._claimed: list[tuple[str, str]] = []
        self.calls = 0

    def outcomes(self, turns: Sequence[Sequence[Call]]) -> list[list[Any]]:
        """Make the calls of each turn at the same time; return what they got."""

        def run() -> list[list[Any]]:
            look(self._core, self.queue)
            return [self._turn(calls) for calls in turns]

        [found] = on_loop(run)
        assert isinstance(found, list), found
        return found

    def _turn(self, calls: Sequence[Call]) -> list[Any]:
        turn = begin(self._core, *(lambda kind=kind, how=how: getattr(self, kind)(how) for kind, how in calls))
        self.calls += turn.calls
        for outcome, (kind, _) in zip(turn.outcomes, calls, strict=True):
            if kind == "receive":
                self._receipts += [one.receipt for one in outcome]
                outcome[:] = [seen(one) for one in outcome]
            elif kind == "claim" and outcome:
                self._claimed += [(one.id, outcome[0].id) for one in outcome[0].messages]
                outcome[:] = [seen(one) for one in outcome[0].messages]
        return turn.outcomes

    def send(self, new: Sequence[NewMessage]) -> list[Any]:
        found = messages.send(self._core.session(), self.queue, new)
        return [one.sequence if isinstance(one, Sent) else one for one in found]

    def receive(self, how: tuple[int, int | None]) -> list[Any]:
        return leases.receive(
            self._core.session(), self.queue, max_messages=how[0], visibility_seconds=how[1], wait_seconds=0
        )

    def delete(self, numbers: Sequence[int]) -> list[Any]:
        found = leases.delete_received(self._core.session(), self.queue, self._chosen(numbers))
        return [type(one) for one in found]

    def claim(self, how: tuple[int, int | None]) -> list[Any]:
        most, grace = how
        claim = claims.create(
            self._core.session(), self.queue, ttl_seconds=TIMEOUT_SECONDS, grace_seconds=grace, limit=most
        )
        return [claim] if claim else []

    def remove(self, which: tuple[int, str]) -> Any:
        """Delete a claimed message. Return the class of the error, or None."""
        number, choice = which
        if not self._claimed:
            return None
        message, own = self._claimed[number % len(self._claimed)]
        claim = {"own": own, "none": None, "other": self._claimed[number * 7 % len(self._claimed)][1]}[choice]
        try:
            messages.delete_by_id(self._core.session(), self.queue, message, claim_id=claim)
        except CoreError as problem:
            return type(problem)
        return None

    def release(self, number: int) -> list[Any]:
        changes = [(receipt, 0) for receipt in self._chosen([number])]
        return [type(one) for one in leases.change_visibility(self._core.session(), self.queue, changes)]

    def advance(self, seconds: int) -> None:
        self._core.session().run(script("clock"), self.queue, [seconds * 1000])

    def _chosen(self, numbers: Sequence[int]) -> list[Receipt]:
        return [self._receipts[number % len(self._receipts)] for number in numbers] if self._receipts else []

    def content(self) -> dict[str, Any]:
        """Return the content of the queue, without the values that differ in each run: times and random bytes."""

        def read(part: str, *words: str | int) -> list[bytes]:
            found: list[bytes] = self._core.store.command(words[0], keys.queue(self.queue) + part.encode(), *words[1:])
            return found

        states = read(":s", "HGETALL")
        decoded = {seq: msgspec.msgpack.decode(state) for seq, state in zip(states[::2], states[1::2], strict=True)}
        dead = leases.receive(self._core.session(), self.dead, max_messages=10, wait_seconds=0)
        return {
            "messages": sorted(read(":m", "HKEYS")),
            "order": read(":a", "ZRANGE", 0, -1, "WITHSCORES"),
            "leases": sorted(read(":l", "ZRANGE", 0, -1)),
            "ends": sorted(read(":e", "ZRANGE", 0, -1)),
            "delays": sorted(read(":d", "ZRANGE", 0, -1)),
            "states": {seq: (state[1], bool(state[3]), state[4:]) for seq, state in decoded.items()},
            "moves": read(":mo", "ZRANGE", 0, -1),
            "dead": [(one.body, one.receive_count) for one in dead],
        }


@pytest.mark.parametrize("seed", range(6))
def test_joined_calls_do_what_single_ones_do(
    core: Core, queue: QueueRef, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    turns = random_turns(seed)
    joined = Run(core, queue)
    got, content = joined.outcomes(turns), joined.content()
    monkeypatch.setattr(joined_calls, "MOST_MESSAGES", 1)
    single = Run(core, queue.sibling(f"{queue.name}-single"))
    for number, (one, other) in enumerate(zip(got, single.outcomes(turns), strict=True)):
        assert one == other, (number, turns[number])
    assert content == single.content()
    assert joined.calls < single.calls
