"""Deletions of one turn of the loop that become one call; and tasks that make calls of all kinds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.eventloop.turns import (
    core_of_its_own,
    deletes,
    in_flight,
    in_one_turn,
    know_small_queues,
    put,
    receives,
    sends,
)
from zaqar_core.core import leases, messages, queues
from zaqar_core.core.process import Core
from zaqar_core.domain.errors import ReceiptInvalid
from zaqar_core.domain.model import QueueSettings
from zaqar_core.domain.names import QueueRef
from zaqar_core.store import OTHER_POLICY, ScriptFailed, keys

core = pytest.fixture(scope="module")(core_of_its_own)
know_small = pytest.fixture(autouse=True)(know_small_queues)


def test_deletions_of_one_turn_are_one_call(core: Core, queue: QueueRef) -> None:
    put(core, queue, 10)
    found = receives(core, queue, 10)()
    turn = in_one_turn(core, queue, *(deletes(core, queue, one.receipt) for one in [*found, found[0]]))
    assert (turn.outcomes, turn.calls) == ([[None]] * 11, 1)
    assert in_flight(core, queue) == 0


def test_a_handle_of_an_earlier_queue_of_that_name_fails_alone(core: Core, queue: QueueRef) -> None:
    put(core, queue, 1)
    [old] = receives(core, queue)()
    queues.delete(core.session(), queue)
    queues.create(core.session(), queue, QueueSettings(), creator="sqs")
    put(core, queue, 2)
    new = receives(core, queue, 2)()
    turn = in_one_turn(core, queue, *(deletes(core, queue, one.receipt) for one in (new[0], old, new[1])))
    assert [type(one) for [one] in turn.outcomes] == [type(None), ReceiptInvalid, type(None)]
    assert in_flight(core, queue) == 0


def test_calls_under_another_policy_are_calls_of_their_own(core: Core, queue: QueueRef) -> None:
    key, receive = keys.queue(queue), leases._RECEIVE.plain
    put(core, queue, 3)

    def receives_under(policy_hash: str) -> Callable[[], Any]:
        return lambda: core.store.run(receive, key, [b"1 -1 9", "0" * 16, 0], keys.policy(queue, policy_hash))

    turn = in_one_turn(core, queue, *map(receives_under, ("", "0" * 40, "", "0" * 40)))
    right, wrong = turn.outcomes[::2], turn.outcomes[1::2]
    assert turn.calls == 2
    assert [type(one) for one in right] == [bytes] * 2
    assert [isinstance(one, ScriptFailed) and one.word for one in wrong] == [OTHER_POLICY] * 2


def test_a_caller_sees_its_own_calls_in_their_order(core: Core, queue: QueueRef) -> None:
    """Each task sends, receives and deletes again and again, beside others that do the same."""

    def works() -> int:
        taken = 0
        for number in range(10):
            [sent] = sends(core, queue, b"%d" % number)()
            assert len(messages.get_many(core.session(), queue, [sent.id])) == 1
            for one in receives(core, queue)():
                deletes(core, queue, one.receipt)()
                assert messages.get_many(core.session(), queue, [one.id]) == []
                taken += 1
        return taken

    turn = in_one_turn(core, queue, *[works] * 12)
    assert sum(turn.outcomes) == 120  # of each message that a task has sent, it or an earlier one received it
