"""Receives of one turn of the loop that become one call."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.eventloop.turns import (
    bodies,
    core_of_its_own,
    core_on_that_server,
    created,
    deletes,
    in_flight,
    in_one_turn,
    know_small_queues,
    put,
    receives,
    sends,
    server_of_its_own,
)
from tests.store import redrive
from zaqar_core import eventloop
from zaqar_core.core import messages, queues
from zaqar_core.core.process import Core
from zaqar_core.domain.errors import InFlightLimitReached
from zaqar_core.domain.model import NewMessage, SettingsChange
from zaqar_core.domain.names import QueueRef
from zaqar_core.store import keys

core = pytest.fixture(scope="module")(core_of_its_own)
know_small = pytest.fixture(autouse=True)(know_small_queues)
server = pytest.fixture(server_of_its_own)
own = pytest.fixture(core_on_that_server)


def test_receives_of_one_turn_are_one_call_and_the_earlier_ones_are_filled_first(core: Core, queue: QueueRef) -> None:
    put(core, queue, 10)
    turn = in_one_turn(core, queue, *(receives(core, queue, most) for most in (2, 1, 5, 10, 1)))
    assert [bodies(found) for found in turn.outcomes] == [
        [b"0", b"1"], [b"2"], [b"3", b"4", b"5", b"6", b"7"], [b"8", b"9"], [],
    ]  # fmt: skip
    assert turn.calls == 2  # the last one looked again
    assert in_flight(core, queue) == 10


def test_every_received_message_has_a_receipt_that_deletes_it_alone(core: Core, queue: QueueRef) -> None:
    put(core, queue, 5)
    turn = in_one_turn(core, queue, *[receives(core, queue)] * 5)
    receipts = [one.receipt for [one] in turn.outcomes]
    deletes(core, queue, receipts[1], receipts[3])()
    left = messages.get_many(core.session(), queue, [one.id for [one] in turn.outcomes])
    assert bodies(left) == [b"0", b"2", b"4"]
    assert {one.receive_count for [one] in turn.outcomes} == {1}


def test_receives_with_other_visibility_timeouts_are_calls_of_their_own(
    core: Core, queue: QueueRef, advance: Callable[[QueueRef, float], None]
) -> None:
    put(core, queue, 4)
    seconds = (10, 1000, 10, 1000)
    turn = in_one_turn(core, queue, *(receives(core, queue, visibility_seconds=one) for one in seconds))
    assert turn.calls == 2
    short = [found[0].body for found, one in zip(turn.outcomes, seconds, strict=True) if one == 10]
    advance(queue, 100)
    assert bodies(receives(core, queue, 10)()) == short


@pytest.mark.parametrize("seconds", [0, None], ids=["of the call", "of the queue"])
def test_messages_that_stay_visible_are_received_by_all(core: Core, queue: QueueRef, seconds: int | None) -> None:
    queues.change(core.session(), queue, SettingsChange(set={"visibility_timeout_seconds": 0}))
    put(core, queue, 8)
    turn = in_one_turn(core, queue, *[receives(core, queue, 2, visibility_seconds=seconds)] * 4)
    assert [bodies(found) for found in turn.outcomes] == [[b"0", b"1"]] * 4
    assert sorted(found[0].receive_count for found in turn.outcomes) == [1, 2, 3, 4]


def test_empty_receives_are_one_call(core: Core, queue: QueueRef) -> None:
    turn = in_one_turn(core, queue, *[receives(core, queue)] * 20)
    assert (turn.outcomes, turn.calls) == ([[]] * 20, 1)


def test_receives_beyond_the_limit_of_messages_in_flight_fail(own: Core) -> None:
    queue = created(own.session())
    put(own, queue, 10)
    turn = in_one_turn(own, queue, *[receives(own, queue, 2)] * 4)
    first, second, *others = turn.outcomes
    assert (bodies(first), bodies(second)) == ([b"0", b"1"], [b"2"])
    assert [type(one) for one in others] == [InFlightLimitReached] * 2


@pytest.mark.parametrize("wait", [0, 20])
def test_receives_move_dead_letters(core: Core, queue: QueueRef, wait: int) -> None:
    dead = redrive.dead_letter_queue_of(core.session(), queue)
    put(core, queue, 4)
    receives(core, queue, 3)()
    queues.change(core.session(), queue, SettingsChange(set={"visibility_timeout_seconds": 30}))
    turn = in_one_turn(core, queue, receives(core, queue, 2, wait_seconds=wait), receives(core, queue, 1))
    assert sorted(body for found in turn.outcomes for body in bodies(found)) == [b"3"]
    assert bodies(receives(core, dead, 10)()) == [b"0", b"1", b"2"]


def test_receives_that_wait_register_and_each_message_wakes_one(core: Core, queue: QueueRef) -> None:
    put(core, queue, 2)

    def waiting() -> int:
        return int(core.store.command("ZCARD", keys.queue(queue) + b":w"))

    def feeds() -> int:
        while waiting() < 3:
            eventloop.sleep(0.001)
        seen = waiting()
        for number in range(2, 5):
            sends(core, queue, b"%d" % number)()
        return seen

    turn = in_one_turn(core, queue, *[receives(core, queue, wait_seconds=20)] * 5, feeds)
    *found, seen = turn.outcomes
    assert seen == 3
    assert [bodies(one) for one in found[:2]] == [[b"0"], [b"1"]]
    assert sorted(one.body for got in found[2:] for one in got) == [b"2", b"3", b"4"]
    assert waiting() == 0


def test_receives_of_larger_messages_are_joined_to_smaller_calls(core: Core, queue: QueueRef) -> None:
    messages.send(core.session(), queue, [NewMessage(b"x" * 25_000)] * 8)
    assert in_one_turn(core, queue, *[receives(core, queue)] * 8).calls == 4
