"""A pool that is down or hangs: requests for its queues fail, and all others continue."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.patience import PATIENCE_SECONDS, until
from tests.pools.conftest import SETTINGS, Server, made, new_ref
from tests.store.redrive import bodies, create_dead_letters, visible
from zaqar_core.background.housekeeping import Housekeeping
from zaqar_core.core import dead_letters, leases, messages, queues
from zaqar_core.core.session import Session
from zaqar_core.domain.errors import PoolUnfit, StoreUnavailable
from zaqar_core.domain.model import NewMessage, QueueSettings, SettingsChange
from zaqar_core.domain.names import QueueRef
from zaqar_core.pools import administration
from zaqar_core.pools.deployments import PoolDeployment
from zaqar_core.pools.routing import PooledCore

#: A request that waits for a store that does not answer takes as long.
PROMPT_SECONDS = SETTINGS.store_timeout_seconds


def sent(core: PooledCore, ref: QueueRef) -> bool:
    """Return whether a message was accepted."""
    session = core.session()
    try:
        messages.send(session, ref, [NewMessage(b"1")])
    except StoreUnavailable:
        return False
    return True


@pytest.fixture
def homes(pools: Any, session: Session) -> tuple[QueueRef, QueueRef]:
    """A queue in pool "a" and one in pool "b"."""
    return made(session, "a"), made(session, "b")


def test_a_killed_pool_does_not_affect_the_others(
    core: PooledCore, homes: tuple[QueueRef, QueueRef], servers: list[Server]
) -> None:
    """With ten requests for it per slot, requests for the other pool are prompt."""
    healthy, doomed = homes
    assert sent(core, healthy)
    assert sent(core, doomed)
    servers[2].kill()
    with ThreadPoolExecutor(40) as threads:
        lost = [threads.submit(sent, core, doomed) for _ in range(40)]
        slowest = 0.0
        for _ in range(50):
            began = time.monotonic()
            assert sent(core, healthy)
            slowest = max(slowest, time.monotonic() - began)
        assert not any(one.result(timeout=PATIENCE_SECONDS) for one in lost)
    assert slowest < PROMPT_SECONDS


def test_a_pool_that_has_left_the_catalogue_is_not_connected_to(core: PooledCore, pools: Any, session: Session) -> None:
    pool = core.deployments.named(session.store, "a")
    assert isinstance(pool, PoolDeployment)
    pool.close()
    with pytest.raises(StoreUnavailable):
        pool.store()
    assert "a" not in [one.name for one in core.deployments.open_pools()]


def test_a_pool_known_to_be_down_is_refused_at_once(
    core: PooledCore, homes: tuple[QueueRef, QueueRef], servers: list[Server]
) -> None:
    servers[2].kill()
    sent(core, homes[1])
    began = time.monotonic()
    assert not any(sent(core, homes[1]) for _ in range(20))
    assert time.monotonic() - began < PROMPT_SECONDS


def test_a_pool_that_comes_back_is_used_again(
    core: PooledCore, homes: tuple[QueueRef, QueueRef], servers: list[Server]
) -> None:
    """It had its data in memory, so the queue is lost; the name can be created again."""
    servers[2].kill()
    assert not sent(core, homes[1])
    servers[2].start()
    session = core.session()
    _make_again(session, homes[1])
    assert sent(core, homes[1])


def _make_again(session: Session, ref: QueueRef) -> None:
    def try_it() -> bool:
        try:
            queues.create(session, ref, QueueSettings(), creator="sqs")
        except StoreUnavailable:
            return False
        return True

    until(try_it, "the pool is used again")


def test_a_pool_that_hangs_blocks_few_threads(
    core: PooledCore, homes: tuple[QueueRef, QueueRef], servers: list[Server], processes: Callable[[], PooledCore]
) -> None:
    """The process is stopped, so only a time-out shows it. After the first one, requests are refused quickly."""
    healthy, hanging = homes
    assert sent(core, hanging)
    process = servers[2].process
    assert process is not None
    os.kill(process.pid, signal.SIGSTOP)
    try:
        with ThreadPoolExecutor(40) as threads:
            lost = [threads.submit(sent, core, hanging) for _ in range(40)]
            began = time.monotonic()
            assert sent(core, healthy)
            assert time.monotonic() - began < PROMPT_SECONDS
            assert not any(one.result(timeout=PATIENCE_SECONDS) for one in lost)
            # By now it is in doubt: one asks, the others do not wait for it.
            session = core.session()
            pool = core.deployments.named(session.store, "b")
            assert isinstance(pool, PoolDeployment)
            asking = threads.submit(sent, core, hanging)
            until(lambda: pool._probe.is_held, "one tries")
            began = time.monotonic()
            assert not any(threads.map(lambda _: sent(core, hanging), range(20)))
            assert time.monotonic() - began < PROMPT_SECONDS
            os.kill(process.pid, signal.SIGCONT)
            assert asking.result(timeout=PATIENCE_SECONDS)
            assert sent(core, hanging)
    finally:
        os.kill(process.pid, signal.SIGCONT)


def test_a_new_queue_goes_to_a_pool_that_answers(pools: Any, session: Session, servers: list[Server]) -> None:
    servers[1].kill()
    for _ in range(8):
        assert queues.create(session, new_ref(), QueueSettings(), creator="sqs").is_new
    assert len(servers[2].queues()) == 8


def test_a_receive_returns_its_messages_although_dead_letters_cannot_move(
    pools: Any, session: Session, core: PooledCore, servers: list[Server]
) -> None:
    """They move when the pool is back."""
    queue, letters = made(session, "a"), made(session, "b")
    change: dict[str, int | str] = {
        "dead_letter_queue": letters.name,
        "max_receive_count": 1,
        "visibility_timeout_seconds": 0,
    }
    queues.change(session, queue, SettingsChange(set=change))
    messages.send(session, queue, bodies("dead"))
    assert len(leases.receive(session, queue, max_messages=1)) == 1
    messages.send(session, queue, bodies("alive"))
    servers[2].kill()
    found = leases.receive(session, queue, max_messages=10)
    assert [one.body for one in found] == [b"alive"]
    assert visible(session, queue) == 1  # the living one; the other is on its way
    servers[2].start()
    _make_again(session, letters)
    until(lambda: _upkept(core, session, letters), "the dead letter has come")


def _upkept(core: PooledCore, session: Session, letters: QueueRef) -> bool:
    session.store.command("DEL", *(f"sf1:{{upkeep}}:{shard}" for shard in range(16)))
    Housekeeping(core).round()
    return visible(session, letters) == 1


def test_housekeeping_skips_a_pool_that_is_down(
    pools: Any, session: Session, core: PooledCore, servers: list[Server]
) -> None:
    healthy, doomed = made(session, "a"), made(session, "b")
    create_dead_letters(session, healthy, *bodies("1"))
    servers[2].kill()
    session.store.command("DEL", *(f"sf1:{{upkeep}}:{shard}" for shard in range(16)))
    Housekeeping(core).round()
    assert set(queues.names(session, healthy.project, healthy.region)) == {healthy.name, doomed.name}


def test_totals_leave_out_a_pool_that_is_down(pools: Any, session: Session, servers: list[Server]) -> None:
    for pool in ("a", "b"):
        messages.send(session, made(session, pool), bodies("1"))
    servers[2].kill()
    assert {pool: counts.visible for pool, counts in queues.totals(session).items()} == {"": 0, "a": 1}


def test_a_pool_that_is_down_cannot_be_registered(session: Session, servers: list[Server]) -> None:
    servers[2].kill()
    with pytest.raises(PoolUnfit):
        administration.put(session, "b", administration.PoolChange(servers[2].url, 1))


def test_the_health_report_names_the_pool_that_is_down(pools: Any, session: Session, servers: list[Server]) -> None:
    servers[2].kill()
    health = pools.call("GET", "/v2/health").json
    assert health["catalog_reachable"] is True
    assert [health[name]["storage_reachable"] for name in ("a", "b")] == [True, False]
    assert all(one["succeeded"] for one in health["a"]["operation_status"].values())


def test_known_sources_are_listed_before_the_error_that_some_may_be_missing(
    pools: Any, session: Session, servers: list[Server]
) -> None:
    letters, source, elsewhere = made(session, "a", "q-letters"), made(session, "a", "q-source"), made(session, "b")
    change = SettingsChange(set={"dead_letter_queue": letters.name, "max_receive_count": 1})
    for queue in (source, elsewhere):
        queues.change(session, queue, change)
    servers[2].kill()
    found = dead_letters.sources(session, letters)
    assert next(found) == source
    with pytest.raises(StoreUnavailable):
        next(found)
