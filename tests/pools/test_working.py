"""Every operation works in every deployment, and between deployments."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from tests.patience import ENDLESS_POLL_SECONDS, PATIENCE_SECONDS, until
from tests.pools.conftest import PROJECT, Server, made, new_ref
from tests.store.redrive import bodies, create_dead_letters, move_all, taken, visible
from zaqar_core.background.housekeeping import Housekeeping
from zaqar_core.background.task_runner import TaskRunner
from zaqar_core.configuration.settings import Settings
from zaqar_core.core import claims, leases, messages, move_tasks, queues
from zaqar_core.core.session import Session
from zaqar_core.domain.errors import QueueNotFound
from zaqar_core.domain.model import NewMessage, SettingsChange, StoredMessage
from zaqar_core.domain.names import QueueRef
from zaqar_core.pools import administration
from zaqar_core.pools.routing import PooledCore
from zaqar_core.store import keys
from zaqar_core.web.hooks import virtual_clock


def tidied(core: PooledCore, session: Session) -> None:
    session.store.command("DEL", *(f"sf1:{{upkeep}}:{shard}" for shard in range(16)))
    Housekeeping(core).round()


def with_dead_letters(session: Session, source: str, dead: str) -> tuple[QueueRef, QueueRef]:
    """A queue and its dead-letter queue, in those pools; one receive is allowed, and each ends at once."""
    queue, letters = made(session, source), made(session, dead)
    change: dict[str, int | str] = {
        "dead_letter_queue": letters.name,
        "max_receive_count": 1,
        "visibility_timeout_seconds": 0,
    }
    queues.change(session, queue, SettingsChange(set=change))
    return queue, letters


@pytest.mark.parametrize(("source", "dead"), [("a", "b"), ("a", ""), ("", "b")])
def test_dead_letters_move_to_another_pool_and_back(pools: Any, session: Session, source: str, dead: str) -> None:
    queue, letters = with_dead_letters(session, source, dead)
    create_dead_letters(session, queue, *bodies("1", "2", "3"))
    assert (visible(session, queue), visible(session, letters)) == (0, 3)
    task = move_all(session, letters)
    assert (task.status, task.moved) == ("COMPLETED", 3)
    assert (visible(session, queue), visible(session, letters)) == (3, 0)
    queues.change(session, queue, SettingsChange(set={"visibility_timeout_seconds": 30}))
    assert [one.body for one in taken(session, queue)] == [b"1", b"2", b"3"]


def test_a_move_task_has_a_destination_in_another_pool(pools: Any, session: Session) -> None:
    queue, letters = with_dead_letters(session, "a", "b")
    create_dead_letters(session, queue, *bodies("1", "2"))
    destination = made(session, "a")
    assert move_all(session, letters, destination).moved == 2
    assert visible(session, destination) == 2


def test_another_process_runs_the_task(pools: Any, session: Session, processes: Callable[[], PooledCore]) -> None:
    queue, letters = with_dead_letters(session, "a", "b")
    create_dead_letters(session, queue, *bodies("1"))
    move_tasks.start(session, letters, destination=None, messages_per_second=None)
    runner = TaskRunner(processes())
    for _ in range(20):
        runner._scan_at = 0.0
        runner.round()
        if move_tasks.listed(session, letters, limit=1)[0].status == "COMPLETED":
            break
    assert visible(session, queue) == 1


def test_a_dead_letter_queue_is_created_in_a_pool_on_demand(
    pools: Any, session: Session, servers: list[Server]
) -> None:
    queue = made(session, "a", creator="zaqar")
    dead = queue.name + "-dead"
    change = SettingsChange(set={"dead_letter_queue": dead, "max_receive_count": 1, "visibility_timeout_seconds": 0})
    queues.change(session, queue, change)
    create_dead_letters(session, queue, *bodies("1"))
    assert visible(session, queue.sibling(dead)) == 1
    assert [dead in server.queues() for server in servers].count(True) == 1
    assert dead not in servers[0].queues()


@pytest.mark.parametrize("suffix", ["", ".fifo"])
def test_both_kinds_of_queue_work_in_a_pool(pools: Any, session: Session, suffix: str) -> None:
    ref = made(session, "b", new_ref().name + suffix)
    group = {"group": "g", "dedup_id": "d"} if suffix else {"group": "g"}
    messages.send(session, ref, [NewMessage(b"1", **group)])  # type: ignore[arg-type] # by table
    [one] = leases.receive(session, ref, max_messages=10)
    assert one.receipt is not None
    leases.change_visibility(session, ref, [(one.receipt, 0)])
    [one] = leases.receive(session, ref, max_messages=10)
    assert one.receipt is not None
    assert leases.delete_received(session, ref, [one.receipt]) == [None]
    assert queues.get_with_counts(session, ref)[1].visible == 0
    queues.purge_all(session, ref)


def test_claims_and_pages_work_in_a_pool(pools: Any, session: Session) -> None:
    ref = made(session, "b", creator="zaqar")
    messages.post(session, ref, bodies("1", "2", "3"), post_bytes=3)
    claim = claims.create(session, ref, ttl_seconds=60, grace_seconds=60, limit=2)
    assert claim is not None
    messages.delete_by_id(session, ref, claim.messages[0].id, claim_id=claim.id)
    claims.release(session, ref, claim.id)
    assert [one.body for one in messages.pop(session, ref, limit=10)] == [b"2", b"3"]


def test_many_queues_of_all_deployments_are_read_together(pools: Any, session: Session) -> None:
    refs = [made(session, pool) for pool in ("a", "b", "", "a")] + [new_ref()]
    for number, ref in enumerate(refs[:-1]):
        messages.send(session, ref, bodies(*"x" * number))
    found = queues.get_many(session, refs)
    assert [one and one.ref for one in found] == [*refs[:-1], None]
    totals = queues.totals(session)
    assert {pool: counts.visible for pool, counts in totals.items()} == {"": 2, "a": 3, "b": 1}


def test_a_deleted_queue_is_missing_in_what_is_read_together(
    pools: Any, session: Session, processes: Callable[[], PooledCore]
) -> None:
    one, two = made(session, "a"), made(session, "b")
    other = processes().session()
    queues.get_many(other, [one, two])
    queues.delete(session, one)
    queues.delete(session, two)
    made(session, "b", one.name)
    assert [queue is not None for queue in queues.get_many(other, [one, two])] == [True, False]


def test_housekeeping_removes_expired_messages_in_every_deployment(
    pools: Any, core: PooledCore, session: Session
) -> None:
    refs = [made(session, pool) for pool in ("", "a", "b")]
    for ref in refs:
        messages.send(session, ref, [NewMessage(b"1", ttl_seconds=60)])
    virtual_clock.advance(session, PROJECT, 100_000)
    tidied(core, session)
    for ref in refs:
        assert session.command_at(ref, "HLEN", keys.queue(ref) + b":m") == 0


def poll(core: PooledCore, threads: ThreadPoolExecutor, ref: QueueRef) -> Future[list[StoredMessage]]:
    """Start a receive; it waits when this returns."""
    before = core.waiters.asleep

    def run() -> list[StoredMessage]:
        session = core.session()
        return leases.receive(session, ref, max_messages=1, wait_seconds=ENDLESS_POLL_SECONDS)

    found = threads.submit(run)
    until(lambda: core.waiters.asleep > before, "the poll sleeps")
    return found


@pytest.mark.usefixtures("only_wakeups")
@pytest.mark.parametrize("home", ["a", ""])
def test_a_send_by_another_process_wakes_a_long_poll(
    pools: Any, core: PooledCore, session: Session, processes: Callable[[], PooledCore], home: str
) -> None:
    ref = made(session, home)
    with ThreadPoolExecutor(1) as threads:
        waiting = poll(core, threads, ref)
        other = processes().session()
        messages.send(other, ref, [NewMessage(b"1")])
        assert [one.body for one in waiting.result(timeout=PATIENCE_SECONDS)] == [b"1"]


@pytest.mark.usefixtures("only_wakeups")
def test_a_long_poll_ends_when_its_queue_is_created_again_elsewhere(
    pools: Any, core: PooledCore, session: Session
) -> None:
    ref = made(session, "a")
    with ThreadPoolExecutor(1) as threads:
        waiting = poll(core, threads, ref)
        queues.delete(session, ref)
        made(session, "b", ref.name)
        messages.send(session, ref, [NewMessage(b"of the successor")])
        with pytest.raises(QueueNotFound):
            waiting.result(timeout=PATIENCE_SECONDS)
    assert visible(session, ref) == 1


@pytest.mark.usefixtures("only_wakeups")
def test_polls_hold_no_slot_of_a_pool(pools: Any, core: PooledCore, session: Session) -> None:
    ref = made(session, "a")
    with ThreadPoolExecutor(12) as threads:
        waiting = [poll(core, threads, ref) for _ in range(12)]
        messages.send(session, ref, bodies(*"x" * 12))
        assert sum(len(one.result(timeout=PATIENCE_SECONDS)) for one in waiting) == 12


def test_the_test_clock_moves_the_time_of_queues_in_pools(pools: Any, session: Session) -> None:
    ref = made(session, "a")
    messages.send(session, ref, [NewMessage(b"1", delay_seconds=600)])
    assert leases.receive(session, ref, max_messages=1) == []
    virtual_clock.advance(session, PROJECT, 601_000)
    assert len(leases.receive(session, ref, max_messages=1)) == 1


def test_one_connection_to_each_deployment_is_enough_for_moves(main: Server, servers: list[Server]) -> None:
    """A request holds one connection at a time, so there is no deadlock."""
    core = PooledCore(Settings(durability="memory", store_connections=1, pooling=True), main.url)
    session = core.session()
    for name, server in (("a", servers[1]), ("b", servers[2])):
        administration.put(session, name, administration.PoolChange(server.url, 1))
    pairs = [with_dead_letters(session, *homes) for homes in (("a", "b"), ("b", "a"))]

    def work(number: int) -> None:
        queue, _ = pairs[number % 2]
        session = core.session()
        create_dead_letters(session, queue, *bodies("1", "2"))

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(work, range(12), timeout=30))
    session = core.session()
    assert sum(visible(session, one) for pair in pairs for one in pair) == 24
    core.close()
