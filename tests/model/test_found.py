"""Differences that the state machines found, each as its shortest sequence of calls."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.model.account import NO_LIMIT, Account
from tests.model.drivers import START_MS, Clock, CoreDriver
from tests.model.pair import Pair
from tests.model.words import Entry
from zaqar_core.core.session import Session

Q, F = "q", "q.fifo"
PairMaker = Callable[..., Pair]


@pytest.fixture
def pair_with(session: Session, clock: Clock) -> PairMaker:
    def make(max_in_flight: int = NO_LIMIT) -> Pair:
        account = Account(START_MS, max_in_flight=max_in_flight, purge_interval_seconds=60)
        return Pair(account, CoreDriver(session, clock, max_in_flight=max_in_flight, purge_interval_seconds=60))

    return make


@pytest.fixture
def pair(pair_with: PairMaker) -> Pair:
    return pair_with()


def of(*groups: str) -> list[Entry]:
    """A message of each group, duplicates of nothing before."""
    of.serial += len(groups)  # type: ignore[attr-defined]
    return [
        Entry(b"x", group=group, dedup_id=str(of.serial + at))  # type: ignore[attr-defined]
        for at, group in enumerate(groups)
    ]


of.serial = 0  # type: ignore[attr-defined]


def test_a_receive_stays_within_the_in_flight_limit(pair_with: PairMaker) -> None:
    """The limit is the number of messages in flight (USERS 1b, settings.max_in_flight), not where receives begin to
    fail."""
    pair = pair_with(max_in_flight=4)
    pair.create(Q)
    pair.send(Q, *[Entry(b"x")] * 6)
    pair.receive(Q, 10)
    pair.check_counts()


def test_a_fifo_queue_at_its_in_flight_limit_returns_no_messages(pair_with: PairMaker) -> None:
    """At the in-flight limit a FIFO queue returns an empty response and no error."""
    pair = pair_with(max_in_flight=2)
    pair.create(F)
    pair.send(F, *of("a", "b", "c"))
    pair.receive(F, 2)
    pair.receive(F, 2)


@pytest.mark.parametrize("name", [Q, F])
def test_an_expired_message_stays_expired_under_a_longer_retention(pair: Pair, name: str) -> None:
    """Whether anybody happened to look in between must not matter."""
    pair.create(name, retention_seconds=60)
    pair.send(name, *of("a"))
    pair.advance(60_000)
    pair.change(name, {"retention_seconds": 120})
    pair.check_counts()


def test_deleting_an_expired_message_of_a_fifo_queue_is_no_error(pair: Pair) -> None:
    """Fact 84. The lease may have ended too, without a call that noticed it."""
    pair.create(F, retention_seconds=60)
    pair.send(F, *of("a"))
    [held] = pair.receive(F)
    pair.advance(60_000)
    pair.delete(F, held)


def test_a_dead_letter_in_a_fifo_queue_has_a_new_enqueue_time(pair: Pair) -> None:
    """Fact 108a."""
    pair.create("dead.fifo")
    pair.create(F, dead_letter_queue="dead.fifo", max_receive_count=1)
    pair.send(F, *of("a"))
    pair.receive(F)
    pair.advance(30_000)
    assert pair.receive(F) == []
    assert len(pair.receive("dead.fifo")) == 1


@pytest.mark.parametrize("act", ["send", "delete", "extend", "hold nothing"])
def test_groups_that_are_freed_in_one_call_take_turns_in_its_order(pair: Pair, act: str) -> None:
    """Facts 88 and 91: otherwise their order is that of a hash table."""
    names = [f"g{n}" for n in range(10)]
    pair.create(F)
    pair.send(F, *of(*names))
    if act in ("delete", "extend"):
        pair.send(F, *of(*names))
        held = [pair.receive(F, 1)[0] for _ in names][::-1]
        if act == "delete":
            pair.delete(F, *held)
        else:
            pair.extend(F, *[(one, 0) for one in held])
    elif act == "hold nothing":
        pair.receive(F, 10, 0)
    assert len(pair.receive(F, 10)) == 10


def test_an_attempt_whose_message_has_another_timeout_cannot_be_repeated(pair: Pair) -> None:
    """AWS's reference of ReceiveMessage: a retry returns the same messages if none of them was modified (deleted or
    had its visibility changed)."""
    pair.create(F)
    pair.send(F, *of("a", "b"))
    [held] = pair.receive(F, 1, None, "x")
    pair.extend(F, (held, 100))
    pair.receive(F, 1, None, "x")


def test_an_attempt_repeated_with_a_timeout_of_zero_makes_its_messages_visible(pair: Pair) -> None:
    """Fact 99, and "it resets the visibility timeout": to 0 then."""
    pair.create(F)
    pair.send(F, *of("a", "b"))
    pair.receive(F, 1, 30, "x")
    pair.receive(F, 1, 0, "x")
    pair.check_counts()


@pytest.mark.parametrize("is_counted", [False, True])
def test_an_expired_message_in_flight_does_not_lock_its_group(pair: Pair, is_counted: bool) -> None:
    """Facts 84 and 100: the lock ends with the message, whether anybody looked or not."""
    pair.create(F, retention_seconds=60)
    pair.send(F, *of("a"))
    pair.receive(F, 1, 300)
    pair.advance(100_000)
    pair.send(F, *of("a"))
    if is_counted:
        pair.check_counts()
    assert len(pair.receive(F)) == 1
