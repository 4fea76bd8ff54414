"""Every new connection is inspected before its first command, and every server while it is used."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.deployments import ON_DISK, deployed, in_step
from tests.eventloop.loops import on_loop
from tests.patience import ENDLESS_POLL_SECONDS, PATIENCE_SECONDS, until
from tests.private_valkey import PrivateValkey, private_valkey
from tests.store.traffic import core_on, made
from zaqar_core.configuration.setting_types import Durability
from zaqar_core.configuration.settings import Settings
from zaqar_core.core import dead_letters, leases, messages, queues
from zaqar_core.core.process import Core
from zaqar_core.domain.errors import StoreFull, StoreUnavailable, StoreUnfit
from zaqar_core.domain.model import NewMessage, QueueSettings
from zaqar_core.domain.names import QueueRef
from zaqar_core.pools.routing import PooledCore
from zaqar_core.store import catalogue, keys, script
from zaqar_core.store.inspection import Watch

DURABLE = ("--appendonly", "yes", "--appendfsync", "always")
CARELESS = ("--appendonly", "yes", "--appendfsync", "everysec")


@pytest.fixture
def server() -> Iterator[PrivateValkey]:
    with private_valkey(*DURABLE) as server:
        yield server


def configure(server: PrivateValkey, name: str, value: object) -> None:
    with server.client() as client:
        client.config_set(name, str(value))


def restart(server: PrivateValkey, *arguments: str) -> None:
    """Replace the server by one with other arguments and the same data, as a fail-over does."""
    server.kill()
    server._arguments = arguments
    server.start()


def in_thread(act: Callable[[], object]) -> object:
    return act()


def as_task(act: Callable[[], object]) -> object:
    [found] = on_loop(act)
    return found


@pytest.mark.parametrize("run", [in_thread, as_task])
@pytest.mark.parametrize("durability", ["fsync"])
def test_nothing_is_acknowledged_by_a_server_that_took_over_with_other_settings(
    server: PrivateValkey, durability: Durability, run: Callable[[Callable[[], object]], object]
) -> None:
    with core_on(server.url, durability) as core:
        ref = made(core.session(), "q")

        def is_refused() -> bool:
            try:
                messages.send(core.session(), ref, [NewMessage(b"1")])
            except StoreUnfit as problem:
                return "appendfsync" in problem.reason
            except StoreUnavailable:  # the connection to the former server
                return False
            raise AssertionError("acknowledged")

        core._watch_of_store.stop()
        restart(server, *CARELESS)
        until(lambda: run(is_refused), "the new server is refused")
        assert run(lambda: queues.get_with_counts(core.session(), ref)[1].visible) == 0


def test_a_problem_and_its_end_are_one_line_each(server: PrivateValkey, caplog: pytest.LogCaptureFixture) -> None:
    with core_on(server.url, "fsync") as core, caplog.at_level(logging.WARNING):
        core._watch_of_store.stop()
        configure(server, "appendfsync", "no")
        for _ in range(3):
            with pytest.raises(StoreUnfit, match="needs appendfsync always"):
                core.store.inspect()
        configure(server, "appendfsync", "always")
        for _ in range(3):
            core.store.inspect()
        lines = [one.message for one in caplog.records if one.name == "sqs_facade.store"]
        assert len(lines) == 2
        assert "needs appendfsync always" in lines[0]
        assert "is mended" in lines[1]


def test_a_full_store_is_one_line_and_so_is_its_end(server: PrivateValkey, caplog: pytest.LogCaptureFixture) -> None:
    with core_on(server.url, "fsync") as core, caplog.at_level(logging.WARNING):
        core._watch_of_store.stop()
        configure(server, "maxmemory", "100kb")
        for _ in range(3):
            with pytest.raises(StoreFull, match=r"out of memory.* maxmemory"):
                core.store.inspect()
        configure(server, "maxmemory", 0)
        for _ in range(3):
            core.store.inspect()
        assert len([one for one in caplog.records if one.name == "sqs_facade.store"]) == 2


def test_the_service_goes_back_to_work_by_itself(server: PrivateValkey) -> None:
    with core_on(server.url, "fsync") as core:
        ref = made(core.session(), "q")
        configure(server, "maxmemory-policy", "allkeys-lru")
        with pytest.raises(StoreUnfit):
            core.store.inspect()
        with pytest.raises(StoreUnfit, match="noeviction"):
            messages.send(core.session(), ref, [NewMessage(b"1")])
        configure(server, "maxmemory-policy", "noeviction")

        def is_sent() -> bool:
            try:
                return bool(messages.send(core.session(), ref, [NewMessage(b"1")]))
            except StoreUnfit:
                return False

        until(is_sent, "the watch has looked again")


def test_a_waiting_receive_outlasts_the_problem(server: PrivateValkey) -> None:
    with core_on(server.url, "fsync") as core:
        ref = made(core.session(), "q")

        def receives() -> int:
            return len(leases.receive(core.session(), ref, max_messages=1, wait_seconds=ENDLESS_POLL_SECONDS))

        def breaks_and_mends() -> int:
            until(lambda: core.waiters.asleep == 1, "the receive waits")
            configure(server, "appendfsync", "no")
            with pytest.raises(StoreUnfit):
                core.store.inspect()
            configure(server, "appendfsync", "always")
            core.store.inspect()
            messages.send(core.session(), ref, [NewMessage(b"1")])
            return 1

        with ThreadPoolExecutor() as threads:
            waiting = threads.submit(receives)
            breaks_and_mends()
            assert waiting.result(PATIENCE_SECONDS) == 1


def test_a_managed_server_that_refuses_config_is_used_as_at_the_start(server: PrivateValkey) -> None:
    with server.client() as client:
        client.execute_command("ACL", "SETUSER", "managed", "on", ">secret", "~*", "&*", "+@all", "-config")
    url = server.url.replace("unix://", "unix://managed:secret@")
    with core_on(url, "memory") as core:
        core.store.inspect()
        messages.send(core.session(), made(core.session(), "q"), [NewMessage(b"1")])
    with pytest.raises(StoreUnavailable, match="not unknown \\(CONFIG is refused\\)"):
        Core(Settings(redis=url, durability="fsync"), url)


def test_only_the_queues_of_an_unfit_pool_are_refused(server: PrivateValkey) -> None:
    with private_valkey(*DURABLE) as other:
        core = PooledCore(Settings(redis=server.url, durability="fsync", pooling=True, store_connections=4), server.url)
        try:
            main = made(core.session(), "in-main")
            catalogue.put_pool(core.store, "p", catalogue.PoolRow(other.url, 1), "other", "", None)
            pooled = made(core.session(), "in-pool")
            messages.send(core.session(), pooled, [NewMessage(b"1")])
            configure(other, "appendonly", "no")
            [pool] = core.deployments.open_pools()
            with pytest.raises(StoreUnfit, match=r"pool p: .*appendonly"):
                pool.store().inspect()
            with pytest.raises(StoreUnfit, match="appendonly"):
                messages.send(core.session(), pooled, [NewMessage(b"2")])
            messages.send(core.session(), main, [NewMessage(b"3")])
            core.store.inspect()
            assert queues.get_with_counts(core.session(), pooled)[1].visible == 1
        finally:
            core.close()


def test_a_server_that_wants_more_replicas_is_refused_by_name(server: PrivateValkey) -> None:
    with core_on(server.url, "fsync") as core:
        ref = made(core.session(), "q")
        core._watch_of_store.stop()
        configure(server, "min-replicas-to-write", 1)
        with pytest.raises(StoreUnfit, match="min-replicas-to-write"):
            messages.send(core.session(), ref, [NewMessage(b"1")])
        with pytest.raises(StoreUnfit, match=r"replicas \(0\) than its setting min-replicas-to-write"):
            core.store.inspect()


def test_replicated_needs_a_replica_all_the_time() -> None:
    with deployed() as found:
        primary = found.server(*ON_DISK)
        replica = found.server(*ON_DISK, "--replicaof", f"127.0.0.1 {primary.port}")
        until(lambda: in_step(replica), "the replica is in step")
        with core_on(f"redis://127.0.0.1:{primary.port}", "replicated") as core:
            ref = made(core.session(), "q")
            replica.command("REPLICAOF", "NO", "ONE")
            until(lambda: primary.info("replication")["connected_slaves"] == 0, "the replica has left")
            with pytest.raises(StoreUnfit, match="needs a connected replica"):
                core.store.inspect()
            with pytest.raises(StoreUnfit, match="needs a connected replica"):
                messages.send(core.session(), ref, [NewMessage(b"1")])


def test_the_watch_looks_again_after_a_fault() -> None:
    looks: list[int] = []

    def look() -> bool:
        looks.append(1)
        raise (StoreUnfit("no"), ValueError("fault"))[len(looks) % 2]

    watch = Watch(look)
    watch.start()
    until(lambda: len(looks) >= 3, "it looks again")
    watch.stop()


def test_a_move_that_cannot_be_finished_does_not_fail_its_receive(server: PrivateValkey) -> None:
    """A Zaqar queue's dead-letter queue is created when it is needed; a full store has no room for it."""
    with core_on(server.url, "fsync") as core:
        session, ref = core.session(), QueueRef("p", "r", "zaqars")
        settings = QueueSettings(dead_letter_queue="dead", max_receive_count=1)
        queues.create(session, ref, settings, creator="zaqar")
        messages.send(session, ref, [NewMessage(b"1")])
        leases.receive(session, ref, max_messages=1, visibility_seconds=0, wait_seconds=0)
        configure(server, "maxmemory", 1)
        assert leases.receive(session, ref, max_messages=1, visibility_seconds=0, wait_seconds=0) == []
        configure(server, "maxmemory", 0)
        session.store.command("HDEL", keys.queue(ref), "mover", "mover_until")  # as if its lease had ended
        dead_letters.finish_moves(session, ref)
        assert queues.get_with_counts(session, ref.sibling("dead"))[1].visible == 1
        assert session.run(script("counts"), ref, ["counts"])[0] == 0
