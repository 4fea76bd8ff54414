"""Durability ``replicated`` for tasks: the writes of one turn share a WAITAOF, and none counts without a replica."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from tests.deployments import ON_DISK, Deployed, deployed, in_step, until
from tests.eventloop.loops import on_loop
from tests.eventloop.turns import created, in_one_turn, receives, sends
from zaqar_core import eventloop
from zaqar_core.configuration.settings import Settings
from zaqar_core.core import joinings
from zaqar_core.core.process import Core
from zaqar_core.domain.errors import StoreUnavailable
from zaqar_core.store import Store
from zaqar_core.store.links import Generation
from zaqar_core.store.opening import open_store
from zaqar_core.store.shared_link import Channel


@pytest.fixture
def pair() -> Iterator[Deployed]:
    """A primary and its replica, both with an append-only file."""
    with deployed() as found:
        primary = found.server(*ON_DISK)
        replica = found.server(*ON_DISK, "--replicaof", f"127.0.0.1 {primary.port}")
        until(lambda: primary.info("replication").get("connected_slaves") == 1, "replication")
        until(partial(in_step, replica), "replication")
        yield found


@pytest.fixture
def generation() -> Generation:
    return Generation()


@pytest.fixture
def store(pair: Deployed, generation: Generation) -> Iterator[Store]:
    url = f"redis://127.0.0.1:{pair.servers[0].port}"
    opened = open_store(Settings(redis=url, durability="replicated"), url, generation)
    yield opened
    opened.close()


def calls(pair: Deployed, command: str) -> int:
    found = pair.servers[0].info("commandstats").get(f"cmdstat_{command}", {})
    return int(found.get("calls", 0))


def writes(store: Store, number: int) -> Callable[[], str]:
    def write() -> str:
        try:
            store.command("SET", f"k{number}", number)
        except StoreUnavailable as problem:
            return problem.reason
        return "confirmed"

    return write


def test_the_writes_of_one_turn_share_a_confirmation(pair: Deployed, store: Store) -> None:
    assert set(on_loop(*(writes(store, number) for number in range(100)))) == {"confirmed"}
    assert pair.servers[1].command("DBSIZE") == 100
    assert calls(pair, "waitaof") < 100


def test_without_its_replica_no_write_is_confirmed_and_reads_go_on(pair: Deployed, store: Store) -> None:
    assert on_loop(writes(store, 0)) == ["confirmed"]
    pair.servers[1].hold()
    try:
        found = on_loop(*(writes(store, number) for number in range(10)), lambda: store.command("GET", "k0"))
    finally:
        pair.servers[1].go_on()
    assert found.count(b"0") == 1
    assert found[0] == b"0"  # the read did not wait behind a WAITAOF
    assert set(found) - {b"0"} == {"0 of 1 replicas confirmed the write within 1 s"}


@pytest.mark.parametrize("way", ["task", "thread"])
def test_as_many_replicas_confirm_as_are_asked_for(pair: Deployed, generation: Generation, way: str) -> None:
    """Of two replicas, one that has not confirmed could be promoted."""
    url = f"redis://127.0.0.1:{pair.servers[0].port}"
    store = open_store(Settings(redis=url, durability="replicated", confirming_replicas=2), url, generation)

    def outcome() -> str:
        write = writes(store, 1)
        return on_loop(write)[0] if way == "task" else write()

    assert outcome() == "1 of 2 replicas confirmed the write within 1 s"
    second = pair.server(*ON_DISK, "--replicaof", f"127.0.0.1 {pair.servers[0].port}")
    until(partial(in_step, second), "replication")
    until(lambda: outcome() == "confirmed", "a confirmation")
    store.close()


def test_writes_are_confirmed_again_when_the_replica_is_back(pair: Deployed, store: Store) -> None:
    pair.servers[1].hold()
    try:
        assert on_loop(writes(store, 1)) == ["0 of 1 replicas confirmed the write within 1 s"]
    finally:
        pair.servers[1].go_on()

    until(lambda: on_loop(writes(store, 2)) == ["confirmed"], "a confirmation")


def test_a_write_is_not_confirmed_over_another_connection(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    exchange = Channel.exchange

    def loses_it(channel: Channel, packed: bytes, replies: int) -> list[Any]:
        found = exchange(channel, packed, replies)
        store.close()
        return found

    monkeypatch.setattr(Channel, "exchange", loses_it)
    # WAITAOF would return at once on a connection without writes.
    assert on_loop(writes(store, 1)) == ["connection lost: closed"]


def test_a_write_that_waited_for_a_connection_leaves_a_former_primary(
    pair: Deployed, store: Store, generation: Generation
) -> None:
    def connections() -> int:
        return int(pair.servers[0].info("stats")["total_connections_received"])

    def later(seconds: float, act: Callable[[], object]) -> Callable[[], object]:
        def acts() -> object:
            eventloop.sleep(seconds)
            return act()

        return acts

    before = connections()
    pair.servers[1].hold()
    try:
        busy = [later(number / 20, writes(store, number)) for number in range(4)]
        on_loop(*busy, later(0.25, writes(store, 4)), later(0.3, generation.ended))
    finally:
        pair.servers[1].go_on()
    assert connections() - before == 1 + 4 + 1  # the count's own, those of the first four, that of the last


def test_joined_calls_are_confirmed_for_each_caller(pair: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"redis://127.0.0.1:{pair.servers[0].port}"
    core = Core(Settings(redis=url, durability="replicated"), url)
    queue = created(core.session())
    sent = in_one_turn(core, queue, *[sends(core, queue, b"x")] * 10)
    received = in_one_turn(core, queue, *[receives(core, queue)] * 10)
    assert [one.sequence for [one] in sent.outcomes] == [one.sequence for [one] in received.outcomes]
    assert (sent.calls, received.calls) == (1, 1)
    with monkeypatch.context() as patched:
        patched.setattr(type(joinings.SENDS), "divide", lambda *_: [])
        unreadable = in_one_turn(core, queue, *[sends(core, queue, b"x")] * 3)
    assert [type(one) for one in unreadable.outcomes] == [StoreUnavailable] * 3
    pair.servers[1].hold()
    try:
        unconfirmed = in_one_turn(core, queue, *[sends(core, queue, b"x")] * 10)
    finally:
        pair.servers[1].go_on()
        core.close()
    assert {str(one) for one in unconfirmed.outcomes} == {"0 of 1 replicas confirmed the write within 1 s"}
