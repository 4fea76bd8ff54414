"""Large commands and replies take turns, so that small ones pass between them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from tests.deployments import IN_MEMORY, Server, deployed
from tests.eventloop.loops import on_loop
from zaqar_core import eventloop
from zaqar_core.configuration.settings import Settings
from zaqar_core.core import leases, messages, queues
from zaqar_core.core.process import Core
from zaqar_core.domain.errors import StoreUnavailable
from zaqar_core.domain.model import NewMessage, QueueSettings
from zaqar_core.domain.names import QueueRef
from zaqar_core.store.shared_link import SharedLink
from zaqar_core.store.turns import Turns

QUEUE = QueueRef("000000000000", "us-east-1", "q")
#: A receive returns so much. Five of them may run at the same time.
REPLY_BYTES = 200_000


@pytest.fixture
def server() -> Iterator[Server]:
    with deployed() as found:
        yield found.server(*IN_MEMORY)


@pytest.fixture
def core(server: Server) -> Iterator[Core]:
    url = f"redis://127.0.0.1:{server.port}"
    core = Core(Settings(redis=url, durability="memory"), url)
    queues.create(core.session(), QUEUE, QueueSettings(), creator="sqs")
    yield core
    core.close()


def receive(core: Core) -> None:
    """Receive without hiding, so that others receive the same messages."""
    leases.receive(core.session(), QUEUE, max_messages=10, visibility_seconds=0)


def send_large(core: Core) -> None:
    messages.send(core.session(), QUEUE, [NewMessage(b"x" * (REPLY_BYTES // 10))] * 10)


def largest_output(server: Server) -> int:
    """Return the most bytes that the server had to keep for one connection, of late."""
    return int(server.info("clients")["client_recent_max_output_buffer"])


@pytest.mark.parametrize("is_known", [True, False])
def test_large_replies_that_are_asked_for_at_once_do_not_pile_up_in_the_server(
    core: Core, server: Server, is_known: bool
) -> None:
    send_large(core)
    is_ready = not is_known

    def learns() -> None:
        nonlocal is_ready
        if is_known:
            receive(core)
            is_ready = True

    def receives() -> None:
        while not is_ready or eventloop.running() < 150:
            eventloop.sleep(0)
        receive(core)

    on_loop(learns, *[receives] * 150, *[lambda: eventloop.sleep(0.1)] * 5)
    assert largest_output(server) < 8 * REPLY_BYTES


def test_a_send_passes_many_large_receives(core: Core) -> None:
    send_large(core)
    order: list[str] = []

    def receives() -> None:
        receive(core)
        order.append("receive")

    def sends() -> None:
        messages.send(core.session(), QUEUE, [NewMessage(b"small")])
        order.append("send")

    def begins() -> None:
        receive(core)
        loop = asyncio.get_running_loop()
        for function in (*[receives] * 50, sends):
            loop.call_soon(eventloop.spawn, loop, function)
        while len(order) < 51:
            eventloop.sleep(0.001)

    on_loop(begins)
    assert order.index("send") < 25


def test_many_receives_of_small_messages_run_at_the_same_time(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    messages.send(core.session(), QUEUE, [NewMessage(b"small")] * 10)
    now, most, exchange = 0, 0, SharedLink.exchange

    def counted(link: SharedLink, packed: bytes, replies: int, generation: int, *, changes: bool) -> list[Any]:
        nonlocal now, most
        now += 1
        most = max(most, now)
        try:
            return exchange(link, packed, replies, generation, changes=changes)
        finally:
            now -= 1

    monkeypatch.setattr(SharedLink, "exchange", counted)

    def receives() -> None:
        for _ in range(3):
            receive(core)

    on_loop(*[receives] * 100)
    assert most > 30


def test_after_a_large_send_a_queue_with_small_messages_begins_anew(core: Core, server: Server) -> None:
    def begins() -> None:
        for _ in range(70):
            receive(core)
        send_large(core)
        loop = asyncio.get_running_loop()
        for _ in range(100):
            loop.call_soon(eventloop.spawn, loop, receive, core)
        eventloop.sleep(0)
        while eventloop.running() > 1:
            eventloop.sleep(0.001)

    on_loop(begins)
    assert largest_output(server) < 8 * REPLY_BYTES


def test_turns_are_taken_in_order_and_a_large_one_goes_alone() -> None:
    turns, inside, seen = Turns(10), 0, list[tuple[int, int]]()

    def takes(size: int) -> None:
        nonlocal inside
        turns.enter(size)
        inside += size
        seen.append((size, inside))
        eventloop.sleep(0.001)
        inside -= size
        turns.leave(size)

    on_loop(*[partial(takes, size) for size in (4, 6, 5, 30, 1)])
    assert [size for size, _ in seen] == [4, 6, 5, 30, 1]
    assert all(total <= 10 or total == size for size, total in seen)
    assert turns.is_free


def test_all_that_wait_for_a_turn_fail_together() -> None:
    turns = Turns(1)
    problem = StoreUnavailable("gone", is_disconnected=True, is_unsent=True)

    def holds() -> None:
        turns.enter(1)
        eventloop.sleep(0.001)
        turns.fail(problem)
        turns.leave(1)

    ended = on_loop(holds, *[lambda: turns.enter(1)] * 3)
    assert [str(one) for one in ended if isinstance(one, StoreUnavailable)] == [str(problem)] * 3
    assert turns.is_free
