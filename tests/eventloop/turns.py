"""Calls that tasks make in one turn of an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.conftest import own_store, running_core
from tests.deployments import IN_MEMORY, Server, deployed
from tests.eventloop.loops import on_loop
from zaqar_core import eventloop
from zaqar_core.core import claims, leases, messages, queues
from zaqar_core.core.process import Core
from zaqar_core.core.session import Session
from zaqar_core.domain.model import Claim, NewMessage, QueueSettings, Receipt, StoredMessage
from zaqar_core.domain.names import QueueRef
from zaqar_core.store import shared_links


@dataclass
class Turn:
    """What the functions have returned or raised, in their order, and how many calls of functions the store got."""

    outcomes: list[Any]
    calls: int


def core_of_its_own() -> Iterator[Core]:
    """A core whose store nothing else uses: tests count the functions that are called there."""
    with own_store() as url, running_core(url) as core:
        yield core


def server_of_its_own() -> Iterator[Server]:
    """A server of one test, which may change its settings."""
    with deployed() as found:
        yield found.server(*IN_MEMORY)


def core_on_that_server(server: Server) -> Iterator[Core]:
    """A core that allows three messages in flight."""
    with running_core(f"redis://127.0.0.1:{server.port}", max_in_flight=3) as core:
        yield core


def know_small_queues(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let one look at a queue be enough to know that its messages are small."""
    monkeypatch.setattr(shared_links, "_SMALL", shared_links._FEWEST + 1)


def look(core: Core, queue: QueueRef) -> None:
    """List the queue, so that this loop has a connection and knows that its messages are small."""
    messages.list_page(
        core.session(), queue, marker=None, limit=1, except_client_id=None, include_claimed=True, include_delayed=True
    )


def in_one_turn(core: Core, queue: QueueRef, *functions: Callable[[], Any]) -> Turn:
    """Run the functions as tasks of one loop that begin in the same turn."""

    def run() -> Turn:
        look(core, queue)
        return begin(core, *functions)

    [found] = on_loop(run)
    assert isinstance(found, Turn), found
    return found


def begin(core: Core, *functions: Callable[[], Any]) -> Turn:
    """Do the same in a task."""
    outcomes: dict[int, Any] = {}

    def keep(index: int, function: Callable[[], Any]) -> None:
        try:
            outcomes[index] = function()
        except Exception as problem:
            outcomes[index] = problem

    before = function_calls(core)
    loop = asyncio.get_running_loop()
    for index, function in enumerate(functions):
        loop.call_soon(eventloop.spawn, loop, keep, index, function)
    while len(outcomes) < len(functions):
        eventloop.sleep(0.001)
    return Turn([outcomes[index] for index in range(len(functions))], function_calls(core) - before)


def function_calls(core: Core) -> int:
    """Return how many functions the servers of the store have called."""
    lines = [line for server in core.store.servers() for line in server.command("INFO", "commandstats").splitlines()]
    counts = [line.partition(b"calls=")[2].partition(b",")[0] for line in lines if line.startswith(b"cmdstat_fcall:")]
    return sum(map(int, counts))


def created(session: Session, name: str = "q", **settings: Any) -> QueueRef:
    ref = QueueRef("000000000000", "us-east-1", name)
    queues.create(session, ref, QueueSettings(**settings), creator="sqs")
    return ref


def sends(core: Core, queue: QueueRef, *bodies: bytes, **how: Any) -> Callable[[], Any]:
    return lambda: messages.send(core.session(), queue, [NewMessage(body, **how) for body in bodies])


def receives(core: Core, queue: QueueRef, most: int = 1, **how: Any) -> Callable[[], list[StoredMessage]]:
    return lambda: leases.receive(core.session(), queue, max_messages=most, **{"wait_seconds": 0, **how})


def claims_of(core: Core, queue: QueueRef, most: int = 1, **how: Any) -> Callable[[], Claim | None]:
    times = {"ttl_seconds": 300, "grace_seconds": 60, **how}
    return lambda: claims.create(core.session(), queue, limit=most, **times)


def deletes(core: Core, queue: QueueRef, *receipts: Receipt | None) -> Callable[[], Any]:
    return lambda: leases.delete_received(core.session(), queue, [one for one in receipts if one is not None])


def put(core: Core, queue: QueueRef, count: int) -> None:
    messages.send(core.session(), queue, [NewMessage(b"%d" % number) for number in range(count)])


def bodies(found: Any) -> list[bytes]:
    return [one.body for one in found]


def in_flight(core: Core, queue: QueueRef) -> int:
    return queues.get_with_counts(core.session(), queue)[1].in_flight
