"""Claims of one turn of the loop become one call, and so do deletions of claimed messages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.eventloop.turns import (
    bodies,
    claims_of,
    core_of_its_own,
    in_flight,
    in_one_turn,
    know_small_queues,
    put,
    receives,
)
from tests.store import redrive
from zaqar_core.core import claims, messages, queues
from zaqar_core.core.process import Core
from zaqar_core.domain.errors import ClaimedByAnother, ClaimNotFound, MessageClaimed, MessageNotClaimed
from zaqar_core.domain.model import Claim, SettingsChange
from zaqar_core.domain.names import QueueRef

core = pytest.fixture(scope="module")(core_of_its_own)
know_small = pytest.fixture(autouse=True)(know_small_queues)


def removes(core: Core, queue: QueueRef, message_id: str, claim_id: str | None) -> Callable[[], Any]:
    return lambda: messages.delete_by_id(core.session(), queue, message_id, claim_id=claim_id)


def claimed(core: Core, queue: QueueRef, count: int) -> list[Claim]:
    """Send messages to the queue, and make one claim for each of them."""
    put(core, queue, count)
    return [claim for _ in range(count) if (claim := claims_of(core, queue)())]


def left(core: Core, queue: QueueRef, found: list[Claim]) -> list[bytes]:
    """Return the bodies of the claimed messages that still exist."""
    return bodies(messages.get_many(core.session(), queue, [one.id for claim in found for one in claim.messages]))


def test_claims_of_one_turn_are_one_call_and_the_earlier_ones_are_filled_first(core: Core, queue: QueueRef) -> None:
    put(core, queue, 5)
    turn = in_one_turn(core, queue, *[claims_of(core, queue, 2)] * 5)
    first, second, third, *others = turn.outcomes
    assert [bodies(one.messages) for one in (first, second, third)] == [[b"0", b"1"], [b"2", b"3"], [b"4"]]
    assert (others, turn.calls) == ([None, None], 1)
    assert in_flight(core, queue) == 5


def test_every_claim_holds_its_own_messages(core: Core, queue: QueueRef) -> None:
    put(core, queue, 3)
    turn = in_one_turn(core, queue, *[claims_of(core, queue)] * 3)
    held = [claims.get(core.session(), queue, one.id) for one in turn.outcomes]
    assert [bodies(one.messages) for one in held] == [[b"0"], [b"1"], [b"2"]]
    assert len(claims.in_force(core.session(), queue, limit=10)) == 3
    claims.release(core.session(), queue, turn.outcomes[1].id)
    assert bodies(receives(core, queue, 10)()) == [b"1"]


def test_claims_with_other_times_or_limits_are_calls_of_their_own(core: Core, queue: QueueRef) -> None:
    put(core, queue, 10)
    hows: list[tuple[int, dict[str, Any]]] = [
        (1, {}),
        (1, {"ttl_seconds": 600}),
        (1, {"grace_seconds": None}),
        (2, {}),
        (1, {}),
    ]
    turn = in_one_turn(core, queue, *(claims_of(core, queue, most, **how) for most, how in hows))
    assert turn.calls == 4
    assert [len(one.messages) for one in turn.outcomes] == [1, 1, 1, 2, 1]
    assert [one.ttl_seconds for one in turn.outcomes] == [300, 600, 300, 300, 300]


def test_a_claim_keeps_its_messages_for_its_time_and_grace(
    core: Core, queue: QueueRef, advance: Callable[[QueueRef, float], None]
) -> None:
    queues.change(core.session(), queue, SettingsChange(set={"retention_seconds": 60}))
    put(core, queue, 2)
    turn = in_one_turn(core, queue, *[claims_of(core, queue, grace_seconds=100)] * 2)
    assert turn.calls == 1
    advance(queue, 350)
    assert bodies(receives(core, queue, 10)()) == [b"0", b"1"]


def test_empty_claims_are_one_call(core: Core, queue: QueueRef) -> None:
    turn = in_one_turn(core, queue, *[claims_of(core, queue)] * 20)
    assert (turn.outcomes, turn.calls) == ([None] * 20, 1)
    assert claims.in_force(core.session(), queue, limit=10) == []


def test_claims_of_a_missing_queue_are_empty(core: Core, queue: QueueRef) -> None:
    assert in_one_turn(core, queue, *[claims_of(core, queue.sibling("missing"))] * 3).outcomes == [None] * 3


def test_claims_move_dead_letters(core: Core, queue: QueueRef) -> None:
    dead = redrive.dead_letter_queue_of(core.session(), queue)
    put(core, queue, 4)
    receives(core, queue, 3)()
    queues.change(core.session(), queue, SettingsChange(set={"visibility_timeout_seconds": 30}))
    turn = in_one_turn(core, queue, *[claims_of(core, queue)] * 3)
    assert [bodies(one.messages) for one in turn.outcomes if one] == [[b"3"]]
    assert bodies(receives(core, dead, 10)()) == [b"0", b"1", b"2"]


def test_deletions_of_one_turn_are_one_call_each_with_its_claim(core: Core, queue: QueueRef) -> None:
    found = claimed(core, queue, 10)
    turn = in_one_turn(core, queue, *(removes(core, queue, one.messages[0].id, one.id) for one in found[:9]))
    assert (turn.outcomes, turn.calls) == ([None] * 9, 1)
    assert left(core, queue, found) == [b"9"]
    assert in_flight(core, queue) == 1


def test_a_deletion_that_fails_fails_alone(core: Core, queue: QueueRef) -> None:
    found = claimed(core, queue, 4)
    ids = [one.messages[0].id for one in found]
    turn = in_one_turn(
        core,
        queue,
        removes(core, queue, ids[0], found[0].id),
        removes(core, queue, ids[1], found[0].id),
        removes(core, queue, ids[2], None),
        removes(core, queue, ids[3], "00000000-0000-4000-8000-000000000000"),
        removes(core, queue, ids[3], found[3].id),
    )
    assert [type(one) for one in turn.outcomes] == [
        type(None), ClaimedByAnother, MessageClaimed, ClaimNotFound, type(None),
    ]  # fmt: skip
    assert left(core, queue, found) == [b"1", b"2"]


def test_a_message_that_no_claim_holds_is_deleted_without_one(core: Core, queue: QueueRef) -> None:
    found = claimed(core, queue, 3)
    first, second, third = [one.messages[0].id for one in found]
    for one in found[1:]:
        claims.release(core.session(), queue, one.id)
    turn = in_one_turn(
        core,
        queue,
        removes(core, queue, second, None),
        removes(core, queue, third, found[0].id),
        removes(core, queue, first, found[0].id),
    )
    assert [type(one) for one in turn.outcomes] == [type(None), MessageNotClaimed, type(None)]
    assert bodies(receives(core, queue, 10)()) == [b"2"]


def test_a_message_that_several_delete_counts_once(
    core: Core, queue: QueueRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    [one, _] = claimed(core, queue, 2)
    counted: list[int] = []
    traffic = core.session().traffic
    monkeypatch.setattr(type(traffic), "count", lambda _, ref, event, number, size_bytes=0: counted.append(number))
    turn = in_one_turn(core, queue, *[removes(core, queue, one.messages[0].id, one.id)] * 4)
    assert (turn.outcomes, turn.calls) == ([None] * 4, 1)
    assert counted == [1, 0, 0, 0]
    assert in_flight(core, queue) == 1
