"""Where queues are created, and that a name never has two queues."""

from __future__ import annotations

import contextlib
import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.pools.conftest import SETTINGS, Server, made, new_ref
from zaqar_core.background.housekeeping import Housekeeping
from zaqar_core.configuration.settings import Settings
from zaqar_core.core import leases, messages, queues
from zaqar_core.core.process import Core
from zaqar_core.core.session import Session
from zaqar_core.domain.errors import QueueNotFound
from zaqar_core.domain.model import NewMessage, QueueSettings
from zaqar_core.pools import administration
from zaqar_core.pools.routing import PooledCore, PoolRouter
from zaqar_core.store import ScriptFailed, catalogue, keys, registry, script


def router(session: Session) -> PoolRouter:
    assert isinstance(session.router, PoolRouter)
    return session.router


def placement_of(session: Session, ref: Any) -> catalogue.Placement | None:
    return catalogue.placements(session.store, [ref])[1][0]


def test_without_a_pool_a_queue_is_in_the_main_store(session: Session, servers: list[Server]) -> None:
    ref = new_ref()
    queues.create(session, ref, QueueSettings(), creator="sqs")
    assert [ref.name in server.queues() for server in servers] == [True, False, False]
    messages.send(session, ref, [NewMessage(b"1")])
    assert [one.body for one in leases.receive(session, ref, max_messages=1)] == [b"1"]


def test_queues_are_spread_by_weight(pools: Any, session: Session, servers: list[Server]) -> None:
    pools.call("PATCH", "/v2/pools/a", {"weight": 30})
    for _ in range(60):
        queues.create(session, new_ref(), QueueSettings(), creator="sqs")
    a, b = len(servers[1].queues()), len(servers[2].queues())
    assert a + b == 60
    assert a > b > 2


def test_a_pool_of_weight_0_gets_no_queue(pools: Any, session: Session, servers: list[Server]) -> None:
    pools.call("PATCH", "/v2/pools/a", {"weight": 0})
    for _ in range(20):
        queues.create(session, new_ref(), QueueSettings(), creator="sqs")
    assert (len(servers[1].queues()), len(servers[2].queues())) == (0, 20)


def test_queues_stay_when_the_first_pool_is_registered(session: Session, zaqar: Any, servers: list[Server]) -> None:
    ref = new_ref()
    queues.create(session, ref, QueueSettings(), creator="zaqar")
    messages.post(session, ref, [NewMessage(b"1")], post_bytes=1)
    zaqar.call("PUT", "/v2/pools/a", {"uri": servers[1].url, "weight": 1})
    assert not queues.create(session, ref, QueueSettings(), creator="sqs").is_new
    assert queues.get_with_counts(session, ref)[1].visible == 1
    queues.delete(session, ref)
    assert queues.create(session, ref, QueueSettings(), creator="sqs").is_new
    assert [ref.name in server.queues() for server in servers] == [False, True, False]


def test_a_queue_created_before_pooling_has_no_placement_and_stays(main: Server, servers: list[Server]) -> None:
    """Created by a service without pooling."""
    ref = new_ref()
    plain = Core(Settings(durability="memory"), main.url)
    session = plain.session()
    queues.create(session, ref, QueueSettings(), creator="sqs")
    messages.send(session, ref, [NewMessage(b"1")])
    plain.close()
    pooled = PooledCore(SETTINGS, main.url)
    session = pooled.session()
    administration.put(session, "a", administration.PoolChange(servers[1].url, 1))
    assert not queues.create(session, ref, QueueSettings(), creator="sqs").is_new
    assert len(leases.receive(session, ref, max_messages=10)) == 1
    queues.delete(session, ref)
    assert queues.create(session, ref, QueueSettings(), creator="sqs").is_new
    pooled.close()
    assert [ref.name in server.queues() for server in servers] == [False, True, False]


@pytest.mark.parametrize("home", ["a", "b", ""])
def test_another_process_finds_a_queue_that_was_created_again_elsewhere(
    pools: Any, session: Session, processes: Callable[[], PooledCore], servers: list[Server], home: str
) -> None:
    """It cached the old placement and gets no message about the change; every operation uses the new one."""
    ref = made(session, "a")
    other = processes().session()
    messages.send(other, ref, [NewMessage(b"old")])
    queues.delete(session, ref)
    made(session, home, ref.name)
    messages.send(other, ref, [NewMessage(b"new")])
    assert [one.body for one in leases.receive(other, ref, max_messages=10)] == [b"new"]
    assert queues.get_with_counts(other, ref)[1].in_flight == 1
    assert sum(ref.name in server.queues() for server in servers) == 1


def test_a_deleted_queue_is_not_found_by_a_process_that_cached_it(
    pools: Any, session: Session, processes: Callable[[], PooledCore]
) -> None:
    ref = made(session, "a")
    other = processes().session()
    queues.get(other, ref)
    queues.delete(session, ref)
    with pytest.raises(QueueNotFound):
        messages.send(other, ref, [NewMessage(b"1")])
    with pytest.raises(QueueNotFound):
        queues.delete(other, ref)


def test_many_processes_that_create_one_queue_create_it_once(
    pools: Any, processes: Callable[[], PooledCore], servers: list[Server]
) -> None:
    cores = [processes(), processes()]

    def post(number: int) -> int:
        session = cores[number % 2].session()
        return len(messages.post(session, ref, [NewMessage(str(number).encode())], post_bytes=1))

    for _ in range(5):
        ref = new_ref()
        with ThreadPoolExecutor(12) as threads:
            assert sum(threads.map(post, range(24))) == 24
        assert sum(ref.name in server.queues() for server in servers) == 1
        session = cores[0].session()
        assert queues.get_with_counts(session, ref)[1].visible == 24


def test_concurrent_creations_and_deletions_never_leave_two_queues(
    pools: Any, processes: Callable[[], PooledCore], servers: list[Server]
) -> None:
    """Two processes, eight threads: at most one queue remains, and after its deletion no queue and no placement."""
    cores, ref = [processes(), processes()], new_ref()

    def act(number: int) -> str:
        session = cores[number % 2].session()
        if random.Random(number).random() < 0.3:
            try:
                queues.delete(session, ref)
            except QueueNotFound:
                return "none"
            return "deleted"
        messages.post(session, ref, [NewMessage(b"1")], post_bytes=1)
        return "posted"

    with ThreadPoolExecutor(8) as threads:
        outcomes = Counter(threads.map(act, range(200)))
        assert outcomes["posted"] > 100
        assert outcomes["deleted"] > 10
        assert sum(ref.name in server.queues() for server in servers) <= 1
    session = cores[0].session()
    with contextlib.suppress(QueueNotFound):
        queues.delete(session, ref)
    assert sum(ref.name in server.queues() for server in servers) == 0
    assert placement_of(session, ref) is None


def test_a_delayed_process_cannot_create_a_second_queue_of_the_name(
    pools: Any, session: Session, processes: Callable[[], PooledCore], servers: list[Server]
) -> None:
    """A creator stops between the placement and the queue, while others delete the name and create it elsewhere."""
    ref = new_ref()
    catalogue.write_placement(session.store, ref, "0123456789abcdef", "a")
    other = processes().session()
    # Another helps, deletes, and makes it in b.
    queues.create(other, ref, QueueSettings(), creator="sqs")
    assert ref.name in servers[1].queues()
    queues.delete(other, ref)
    made(other, "b", ref.name)
    place = router(session).deployments.named(session.store, "a")
    late: list[bytes | str | int] = ["0123456789abcdef", "sqs", 60, 9_999_999_999_999]
    with pytest.raises(ScriptFailed, match="GONE"):
        place.run(lambda store: store.run(script("create_placed").plain, keys.queue(ref), late))
    assert [ref.name in server.queues() for server in servers] == [False, False, True]


def test_a_deployment_creates_no_queue_after_the_deadline(pools: Any, session: Session) -> None:
    place, ref = router(session).deployments.named(session.store, "a"), new_ref()
    with pytest.raises(ScriptFailed, match="LATE"):
        place.run(lambda store: store.run(script("create_placed").plain, keys.queue(ref), ["0" * 16, "sqs", 60, 1]))


def test_the_placement_of_a_crashed_creation_is_replaced(pools: Any, session: Session, servers: list[Server]) -> None:
    ref, dead = new_ref(), "0123456789abcdef"
    catalogue.write_placement(session.store, ref, dead, "a")
    _make_older(servers[0], ref, dead)
    assert queues.create(session, ref, QueueSettings(), creator="sqs").is_new
    placed = placement_of(session, ref)
    assert placed is not None
    assert placed.incarnation != dead
    assert sum(ref.name in server.queues() for server in servers) == 1
    queues.delete(session, ref)


def _make_older(main: Server, ref: Any, life: str) -> None:
    with main.client() as client:
        client.hset(keys.POOLS + b":places", keys.address(ref), f"{life}|1|a")


def test_housekeeping_removes_the_placement_of_a_queue_that_was_never_created(
    pools: Any, core: PooledCore, session: Session
) -> None:
    ref = new_ref()
    registry.add(session.store, ref, "0123456789abcdef")
    catalogue.write_placement(session.store, ref, "0123456789abcdef", "a")
    for _ in range(2):
        other = core.session()
        other.store.command("DEL", *(f"sf1:{{upkeep}}:{shard}" for shard in range(16)))
        Housekeeping(core).round()
    assert placement_of(session, ref) is None
    assert queues.names(session, ref.project, ref.region) == []
    assert pools.call("DELETE", "/v2/pools/a").status == 204


def test_a_process_that_knows_a_pools_old_address_creates_no_queue_there(
    pools: Any, session: Session, core: PooledCore, processes: Callable[[], PooledCore], servers: list[Server]
) -> None:
    """An empty pool may be another deployment from one moment to the next."""
    deaf = processes()
    deaf.deployments._cached.clear()
    for pool in ("a", "b"):
        pools.call("PATCH", f"/v2/pools/{pool}", {"weight": 0 if pool == "b" else 10})
    deaf.deployments.refresh(session.store, force=True)
    old = servers[1].url
    assert deaf.deployments.catalogue.pools["a"].uri == old
    deaf.waiters.is_released = True  # its watch ends
    assert pools.call("PATCH", "/v2/pools/a", {"uri": servers[0].url + "?db=1"}).status == 200
    there = made(session, "a")
    other = deaf.session()
    ref = new_ref()
    queues.create(other, ref, QueueSettings(), creator="sqs")
    messages.send(other, ref, [NewMessage(b"1")])
    messages.send(other, there, [NewMessage(b"1")])
    assert ref.name not in servers[1].queues()
    assert [one.body for one in leases.receive(session, ref, max_messages=1)] == [b"1"]
