"""The store, used by tasks that share its connections."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.deployments import IN_MEMORY, Server, deployed
from tests.eventloop.loops import on_loop
from tests.patience import until
from zaqar_core import eventloop
from zaqar_core.configuration.settings import Settings
from zaqar_core.domain.errors import StoreUnavailable
from zaqar_core.store import Store, script
from zaqar_core.store.connection import Link, pack
from zaqar_core.store.links import Generation
from zaqar_core.store.opening import open_store

_CREATE = script("create").plain


@pytest.fixture
def server() -> Iterator[Server]:
    with deployed() as found:
        yield found.server(*IN_MEMORY)


@pytest.fixture
def opened(server: Server) -> Iterator[Callable[..., Store]]:
    """Return a store on the server with these settings, or with a generation of its own."""
    url, stores = f"redis://127.0.0.1:{server.port}", list[Store]()

    def open_with(generation: Generation | None = None, **settings: Any) -> Store:
        stores.append(open_store(Settings(redis=url, durability="memory", **settings), url, generation or Generation()))
        return stores[-1]

    yield open_with
    for store in stores:
        store.close()


def clients(server: Server) -> int:
    """Connections to the server, less the one that asks."""
    return len(server.command("CLIENT", "LIST", "TYPE", "normal").splitlines()) - 1


def test_tasks_share_one_connection_and_each_gets_its_own_reply(server: Server, opened: Callable[..., Store]) -> None:
    store = opened()

    def asks(number: int) -> Callable[[], Any]:
        def ask() -> tuple[int, bytes, int]:
            store.command("SET", f"k{number}", number)
            return number, store.command("GET", f"k{number}"), clients(server)

        return ask

    found = on_loop(*(asks(number) for number in range(50)))
    assert {(number, int(value)) for number, value, _ in found} == {(number, number) for number in range(50)}
    assert {count for _, _, count in found} == {1}


def test_the_commands_of_one_turn_go_out_in_one_write(server: Server, opened: Callable[..., Store]) -> None:
    store = opened()

    def reads() -> int:
        return int(server.info("stats")["total_reads_processed"])

    on_loop(lambda: store.command("PING"))
    store = opened()
    before = 0

    def warms() -> None:
        nonlocal before
        store.command("PING")
        before = reads()

    def asks() -> None:
        eventloop.sleep(0.2)
        store.command("GET", "k")

    on_loop(warms, *[asks] * 100)
    assert reads() - before < 50


def test_a_thread_uses_a_connection_of_its_own(server: Server, opened: Callable[..., Store]) -> None:
    store = opened()
    assert store.command("PING") == b"PONG"

    def asks() -> int:
        store.command("PING")
        return clients(server)

    assert on_loop(asks) == [2]


def test_a_large_command_and_a_large_reply_pass_among_small_ones(server: Server, opened: Callable[..., Store]) -> None:
    store = opened()
    body = os.urandom(3_000_000)

    def large() -> bool:
        store.command("SET", "large", body)
        return bool(store.command("GET", "large") == body)

    def small() -> bool:
        return all(store.command("GET", "none") is None for _ in range(100))

    assert on_loop(large, small, large, small) == [True] * 4


def test_when_the_connection_is_lost_the_running_commands_fail_and_later_ones_work(
    server: Server, opened: Callable[..., Store]
) -> None:
    store = opened()

    def waits() -> str:
        try:
            store.command("BLPOP", "nothing", 0)
        except StoreUnavailable as problem:
            return f"{problem.is_disconnected} {problem.is_unsent}"
        return "no error"

    def kills() -> bytes:
        eventloop.sleep(0.1)
        server.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        eventloop.sleep(0.1)
        found: bytes = store.command("PING")
        return found

    assert on_loop(waits, waits, kills) == ["True False", "True False", b"PONG"]


def test_without_a_server_nothing_is_sent_and_the_error_says_so(server: Server, opened: Callable[..., Store]) -> None:
    store = opened()
    server.kill()

    def asks() -> bool:
        with pytest.raises(StoreUnavailable) as failed:
            store.command("PING")
        return failed.value.is_unsent

    assert on_loop(asks, asks) == [True, True]


def test_all_that_wait_for_a_connection_fail_with_the_one_attempt_to_open_it(
    server: Server, opened: Callable[..., Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened()
    server.kill()
    attempts: list[float] = []
    begun: list[None] = []
    real = Link.open

    def counted(link: Link, patience_seconds: float = 0.0) -> None:
        if threading.current_thread().name.startswith("connecting"):  # other threads may have lost other servers
            attempts.append(patience_seconds)
            until(lambda: len(begun) == 50, "all tasks wait")
        real(link, patience_seconds)

    monkeypatch.setattr(Link, "open", counted)

    def asks() -> str:
        begun.append(None)
        with pytest.raises(StoreUnavailable) as failed:
            store.command("PING")
        return failed.value.reason

    assert len(set(on_loop(*[asks] * 50))) == 1
    assert len(attempts) == 1


def test_a_server_that_hangs_is_given_up_after_the_time_out(server: Server, opened: Callable[..., Store]) -> None:
    store = opened(store_timeout_seconds=0.4)
    process = server.process
    assert process is not None

    def asks() -> str:
        store.command("PING")
        os.kill(process.pid, signal.SIGSTOP)
        try:
            with pytest.raises(StoreUnavailable) as failed:
                store.command("PING")
        finally:
            os.kill(process.pid, signal.SIGCONT)
        return failed.value.reason

    assert on_loop(asks) == ["connection lost: timed out"]


def test_a_connection_of_an_older_generation_ends_after_its_running_commands(
    server: Server, opened: Callable[..., Store]
) -> None:
    generation = Generation()
    store = opened(generation)

    def waits() -> Any:
        return store.command("BLPOP", "list", 0)

    def replaces() -> int:
        eventloop.sleep(0.05)
        generation.ended()
        store.command("PING")
        both = clients(server)
        store.command("RPUSH", "list", "x")
        return both

    found = on_loop(waits, replaces)
    assert sorted(found, key=str) == [2, [b"list", b"x"]]
    until(lambda: clients(server) <= 1, "the old connection is closed")


def test_functions_are_loaded_when_the_server_has_none(server: Server, opened: Callable[..., Store]) -> None:
    store = opened()

    def creates() -> Any:
        return store.run(_CREATE, b"sf1:{a~b:c:0}", ["0" * 16, "sqs", 60])[0]

    assert 1 in on_loop(creates, creates, creates)


def test_small_exchanges_do_not_wait_for_large_replies(server: Server, opened: Callable[..., Store]) -> None:
    """A key whose reply was large has its next ones on another connection."""
    store = opened()
    key = b"{queue}"
    server.command("SET", key + b":large", "x" * 100_000)

    def reads() -> list[int]:
        counts = []
        for _ in range(2):
            store._exchange(key, pack(("GET", key + b":large")), 1, returns_messages=True)
            counts.append(clients(server))
        store.command("PING")
        return counts

    assert on_loop(reads) == [[1, 2]]
