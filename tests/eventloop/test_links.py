"""Connections that are lost, replaced or interrupted."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from queue import Empty, SimpleQueue
from typing import Any

import pytest

from tests.deployments import IN_MEMORY, Server, deployed
from tests.eventloop.loops import on_loop
from tests.patience import until
from zaqar_core.configuration.settings import Settings
from zaqar_core.domain.errors import StoreUnavailable
from zaqar_core.store.connection import pack
from zaqar_core.store.links import Generation, Links

_ID = pack(("CLIENT", "ID"))


@pytest.fixture
def server() -> Iterator[Server]:
    with deployed() as found:
        yield found.server(*IN_MEMORY)


def links(port: int, generation: Generation, *, store_timeout_seconds: float = 10, **options: Any) -> Links:
    url = f"redis://127.0.0.1:{port}"
    settings = Settings(
        redis=url, durability="memory", store_connections=1, store_timeout_seconds=store_timeout_seconds
    )
    return Links(settings, url, generation, **options)


@pytest.mark.parametrize("in_tasks", [True, False], ids=["task", "thread"])
def test_a_server_that_cannot_be_reached_costs_the_others_no_connection(server: Server, in_tasks: bool) -> None:
    generation = Generation()
    reached, unreached = links(server.port, generation), links(1, generation, patience_seconds=0)

    def asks() -> tuple[Any, Any]:
        before = reached.exchange(_ID, 1)
        with pytest.raises(StoreUnavailable):
            unreached.exchange(_ID, 1)
        return before, reached.exchange(_ID, 1)

    before, after = on_loop(asks)[0] if in_tasks else asks()
    assert before == after


def test_threads_that_call_one_after_the_other_share_a_connection(server: Server) -> None:
    url = f"redis://127.0.0.1:{server.port}"
    found = Links(Settings(redis=url, durability="memory", store_connections=4), url, Generation())
    assert len({found.exchange(_ID, 1)[0] for _ in range(8)}) == 1


def test_a_connection_that_nobody_used_for_long_is_replaced(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    found = links(server.port, Generation())
    before = found.exchange(_ID, 1)
    later = time.monotonic() + 61
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert found.exchange(_ID, 1) != before


def test_a_thread_that_waits_too_long_for_a_reply_says_so(server: Server) -> None:
    found = links(server.port, Generation(), store_timeout_seconds=0.2)
    with pytest.raises(StoreUnavailable, match="timed out"):
        found.exchange(pack(("BLPOP", "nothing", 0)), 1)


class _Taken(SimpleQueue[Any]):
    """Free connections, of which none is free at once."""

    def get_nowait(self) -> Any:
        raise Empty


def test_a_thread_that_waited_for_a_connection_leaves_a_former_primary(server: Server) -> None:
    generation = Generation()
    found = links(server.port, generation, check=generation.ended)  # called after the wait
    before = found.exchange(_ID, 1)
    taken = _Taken()
    taken.put(found._free.get())
    found._free = taken
    assert found.exchange(_ID, 1) != before


def test_after_an_interrupted_exchange_the_next_one_gets_its_own_reply(server: Server) -> None:
    found = links(server.port, Generation())

    def interrupt() -> None:
        until(lambda: server.info("clients")["blocked_clients"] == 1, "the exchange waits")
        os.kill(os.getpid(), signal.SIGUSR1)

    def raises(*_: object) -> None:
        raise KeyboardInterrupt

    former = signal.signal(signal.SIGUSR1, raises)
    try:
        thread = threading.Thread(target=interrupt)
        thread.start()
        with pytest.raises(KeyboardInterrupt):
            found.exchange(pack(("BLPOP", "list", 0)), 1)
        thread.join()
    finally:
        signal.signal(signal.SIGUSR1, former)
    server.command("RPUSH", "list", "x")
    assert found.exchange(pack(("PING",)), 1) == [b"PONG"]


def test_a_task_opens_no_connection_of_a_store_that_was_closed(server: Server) -> None:
    found = links(server.port, Generation())

    def asks() -> str:
        found.exchange(_ID, 1)
        found.close()
        with pytest.raises(StoreUnavailable) as refused:
            found.exchange(_ID, 1)
        assert refused.value.is_unsent
        return refused.value.reason

    assert on_loop(asks) == ["the store is closed"]


def test_a_connection_that_opens_while_its_store_is_closed_is_closed_too(server: Server) -> None:
    found = links(server.port, Generation())

    def asks() -> str:
        try:
            found.exchange(_ID, 1)
        except StoreUnavailable as problem:
            return problem.reason
        return "open"

    assert on_loop(asks, found.close) == [None, "the store is closed"]
    until(lambda: server.info("clients")["connected_clients"] == 1, "only the one that asks is connected")
