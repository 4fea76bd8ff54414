"""Sends and posts of one turn of the loop that become one call: each caller gets what it would have got by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.deployments import Server
from tests.eventloop.turns import (
    bodies,
    core_of_its_own,
    core_on_that_server,
    created,
    in_one_turn,
    know_small_queues,
    receives,
    sends,
    server_of_its_own,
)
from zaqar_core import eventloop
from zaqar_core.core import joinings, messages, queues, subscriptions
from zaqar_core.core.process import Core
from zaqar_core.domain.errors import MessageTooLong, PostTooLong, QueueNotFound, StoreFull, StoreUnavailable
from zaqar_core.domain.model import NewMessage, SettingsChange
from zaqar_core.domain.names import QueueRef
from zaqar_core.store import keys
from zaqar_core.store.joined_calls import JoinableCall, joined

core = pytest.fixture(scope="module")(core_of_its_own)
know_small = pytest.fixture(autouse=True)(know_small_queues)
server = pytest.fixture(server_of_its_own)
own = pytest.fixture(core_on_that_server)


def test_sends_of_one_turn_are_one_call_and_each_gets_the_id_of_its_message(core: Core, queue: QueueRef) -> None:
    turn = in_one_turn(core, queue, *(sends(core, queue, b"%d" % number) for number in range(20)))
    assert turn.calls == 1
    sent = [one for [one] in turn.outcomes]
    found = messages.get_many(core.session(), queue, [one.id for one in sent])
    assert bodies(found) == [b"%d" % number for number in range(20)]
    assert [one.sequence for one in sent] == list(range(1, 21))


@pytest.mark.parametrize(
    ("number", "size_bytes", "calls"), [(100, 1, 4), (10, 15_000, 3), (3, 17_000, 3)], ids=["many", "large", "larger"]
)
def test_a_joined_call_is_bounded(core: Core, queue: QueueRef, number: int, size_bytes: int, calls: int) -> None:
    turn = in_one_turn(core, queue, *[sends(core, queue, b"x" * size_bytes)] * number)
    assert turn.calls == calls
    assert [one.sequence for [one] in turn.outcomes] == list(range(1, number + 1))


def test_a_message_that_is_too_long_fails_its_own_send(core: Core, queue: QueueRef) -> None:
    queues.change(core.session(), queue, SettingsChange(set={"max_message_bytes": 1024}))
    sizes = (1, 2000, 2, 2000)
    turn = in_one_turn(core, queue, *(sends(core, queue, b"x" * size, size_bytes=size) for size in sizes))
    too_long = MessageTooLong(1024)
    assert [one if isinstance(one, MessageTooLong) else one.sequence for [one] in turn.outcomes] == [
        1, too_long, 2, too_long,
    ]  # fmt: skip


def test_each_send_keeps_its_own_delay(core: Core, queue: QueueRef) -> None:
    turn = in_one_turn(core, queue, *(sends(core, queue, b"%d" % delay, delay_seconds=delay) for delay in (0, 60, 0)))
    assert turn.calls == 1
    assert bodies(receives(core, queue, 10)()) == [b"0", b"0"]


def test_every_send_to_a_missing_queue_fails(core: Core, queue: QueueRef) -> None:
    missing = queue.sibling("missing")
    turn = in_one_turn(core, queue, *[sends(core, missing, b"x")] * 3)
    assert [type(one) for one in turn.outcomes] == [QueueNotFound] * 3


def test_sends_to_other_queues_of_other_forms_and_in_batches_are_calls_of_their_own(
    core: Core, queue: QueueRef
) -> None:
    other, fifo = created(core.session(), f"{queue.name}-2"), created(core.session(), f"{queue.name}.fifo")
    in_order = [sends(core, fifo, b"x", group="g", dedup_id=f"{number}") for number in range(3)]
    in_order.pop()()  # loads the functions
    batch = sends(core, queue, b"1", b"2")
    turn = in_one_turn(core, queue, sends(core, queue, b"x"), sends(core, other, b"x"), *in_order, batch)
    assert turn.calls == 5
    assert [one.sequence for one in turn.outcomes[-1]] == [2, 3]


def test_sends_to_a_queue_with_groups_that_this_process_does_not_know_are_stored(core: Core, queue: QueueRef) -> None:
    sends(core, queue, b"x", group="g")()
    core.grouped.clear()
    turn = in_one_turn(core, queue, *[sends(core, queue, b"x")] * 3)
    assert [one.sequence for [one] in turn.outcomes] == [2, 3, 4]


def test_a_full_store_refuses_all_sends_and_stores_none(own: Core, server: Server) -> None:
    queue = created(own.session())
    server.command("CONFIG", "SET", "maxmemory", 1)
    turn = in_one_turn(own, queue, *[sends(own, queue, b"x")] * 5)
    server.command("CONFIG", "SET", "maxmemory", 0)
    assert [type(one) for one in turn.outcomes] == [StoreFull] * 5
    assert queues.get_with_counts(own.session(), queue)[1].visible == 0


def test_the_outcome_of_each_send_is_unknown_when_the_connection_is_lost(own: Core, server: Server) -> None:
    queue = created(own.session())

    def kills() -> None:
        while not int(server.info("clients")["blocked_clients"]):
            eventloop.sleep(0.001)
        server.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        server.command("CLIENT", "UNPAUSE")

    def pauses() -> None:
        server.command("CLIENT", "PAUSE", 60_000, "WRITE")

    turn = in_one_turn(own, queue, pauses, *[sends(own, queue, b"x")] * 3, kills)
    _, *lost, _ = turn.outcomes
    assert [(type(one), one.is_unsent) for one in lost] == [(StoreUnavailable, False)] * 3


def test_the_outcome_of_each_send_is_unknown_when_the_reply_cannot_be_divided(
    core: Core, queue: QueueRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No task waits for ever, whatever is wrong with the code that divides."""
    monkeypatch.setattr(type(joinings.SENDS), "divide", lambda *_: [])
    turn = in_one_turn(core, queue, *[sends(core, queue, b"x")] * 3)
    assert [(type(one), one.is_unsent) for one in turn.outcomes] == [(StoreUnavailable, False)] * 3


@pytest.mark.parametrize(("owner", "part"), [(type(joinings.SENDS), "join"), (JoinableCall, "pack")])
def test_no_task_waits_for_ever_when_calls_cannot_be_joined_or_packed(
    core: Core, queue: QueueRef, monkeypatch: pytest.MonkeyPatch, owner: type, part: str
) -> None:
    def fails(*_: Any) -> None:
        raise UnicodeEncodeError("utf-8", "x", 0, 1, "surrogates not allowed")

    with monkeypatch.context() as patched:
        patched.setattr(owner, part, fails)
        turn = in_one_turn(core, queue, *[sends(core, queue, b"x")] * 3, receives(core, queue))
    assert {type(one) for one in turn.outcomes} == {StoreUnavailable}
    assert sends(core, queue, b"x")()[0].sequence == 1


def test_a_task_that_ends_with_an_error_does_not_keep_the_others_of_its_call_waiting() -> None:
    arguments: list[bytes | str | int] = ["s", 0, 99, b"record", b"1 -1 0"]
    terms = joinings.SENDS.terms(arguments)
    assert terms is not None
    call, got = JoinableCall(messages._SEND.plain, b"q", b"", arguments, terms), list[Any]()

    def ends(found: Any) -> None:
        raise SystemExit

    [(_, resume, _)] = joined([(call, got.append, 1), (call, ends, 1), (call, ends, 1), (call, got.append, 1)])
    with pytest.raises(SystemExit):
        resume([4])
    assert got == [[1], [4]]


def test_joined_sends_wake_a_waiter_for_each_message_past_many_of_a_process_that_is_gone(
    core: Core, queue: QueueRef
) -> None:
    waiting, later = keys.queue(queue) + b":w", 10**14
    core.store.command("HSET", keys.queue(queue), "waits", 1)
    gone = [word for number in range(65) for word in (later, f"gone|{number}")]
    live = [word for number in range(20) for word in (later + 1, f"{core.waiters.channel}|{10**9 + number}")]
    core.store.command("ZADD", waiting, *gone, *live)
    turn = in_one_turn(core, queue, *[sends(core, queue, b"x")] * 20)
    assert turn.calls == 1
    assert core.store.command("ZCARD", waiting) == 0


def test_functions_are_loaded_for_sends_of_one_turn(own: Core, server: Server) -> None:
    queue = created(own.session())

    def forgets() -> None:
        server.command("FUNCTION", "FLUSH")

    turn = in_one_turn(own, queue, forgets, *[sends(own, queue, b"x")] * 3)
    assert sorted(one.sequence for [one] in turn.outcomes[1:]) == [1, 2, 3]


def test_each_message_of_joined_sends_is_a_post_of_its_own_for_subscribers(core: Core, queue: QueueRef) -> None:
    """The messages of one post are delivered one after the other."""
    subscriptions.create(core.session(), queue, subscriber="http://127.0.0.1:9/", options=b"{}", ttl_seconds=60)
    in_one_turn(core, queue, *[sends(core, queue, b"x")] * 5)
    assert core.store.command("ZCARD", keys.queue(queue) + b":np") == 0
    sends(core, queue, b"1", b"2")()
    assert core.store.command("ZCARD", keys.queue(queue) + b":np") == 1


def posts(core: Core, queue: QueueRef, body: bytes, **how: Any) -> Callable[[], Any]:
    return lambda: messages.post(core.session(), queue, [NewMessage(body, **how)], post_bytes=len(body))


def test_posts_of_one_turn_are_one_call_and_keep_their_ttl(
    core: Core, queue: QueueRef, advance: Callable[[QueueRef, float], None]
) -> None:
    turn = in_one_turn(core, queue, *(posts(core, queue, b"%d" % ttl, ttl_seconds=ttl) for ttl in (900, 100, 800)))
    assert turn.calls == 1
    assert [one.sequence for [one] in turn.outcomes] == [1, 2, 3]
    advance(queue, 500)
    assert bodies(receives(core, queue, 10)()) == [b"900", b"800"]


def test_a_post_that_is_too_long_fails_alone(core: Core, queue: QueueRef) -> None:
    queues.change(core.session(), queue, SettingsChange(set={"max_post_bytes": 10}))
    turn = in_one_turn(core, queue, *(posts(core, queue, b"x" * size) for size in (10, 11, 5)))
    assert [type(one) for one in turn.outcomes] == [list, PostTooLong, list]
    assert turn.outcomes[1].limit_bytes == 10


def test_posts_to_a_missing_queue_create_it(core: Core, queue: QueueRef) -> None:
    missing = queue.sibling(f"{queue.name}-missing")
    turn = in_one_turn(core, queue, *(posts(core, missing, b"%d" % number) for number in range(3)))
    assert [one.sequence for [one] in turn.outcomes] == [1, 2, 3]
