"""A primary with replicas under Sentinel: the service follows the current primary."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.deployments import IN_MEMORY, MASTER, ON_DISK, Deployed, Server, deployed, sentinel_group, until
from tests.patience import PATIENCE_SECONDS
from tests.store.traffic import Producer, core_on, is_sent, made, numbers_in, sleeping_poll
from zaqar_core.configuration.settings import Settings
from zaqar_core.core import messages, queues
from zaqar_core.core.process import Core
from zaqar_core.domain.errors import StoreUnavailable, StoreUnfit
from zaqar_core.domain.model import NewMessage
from zaqar_core.domain.names import QueueRef
from zaqar_core.store import keys

pytestmark = pytest.mark.slow

#: From the end of a primary to the first acknowledgement by the next one: down-after, votes, promotion, and a margin.
FAIL_OVER_SECONDS = 60.0


@pytest.fixture(scope="module")
def group() -> Iterator[Deployed]:
    """The servers stay for all tests of the module. Either of the two may be the primary."""
    with sentinel_group() as group:
        yield group


def primary(group: Deployed) -> Server:
    """Return the primary that the sentinels name."""
    port = int(group.sentinels[0].command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER)[1])
    return next(server for server in group.servers if server.port == port)


@pytest.mark.usefixtures("only_wakeups")
def test_nothing_acknowledged_as_replicated_is_lost_with_the_primary() -> None:
    """The service continues with the next primary, and wakes waiting receives."""
    with (
        sentinel_group(replicas=2, arguments=ON_DISK) as group,
        core_on(group.url, "replicated") as core,
        ThreadPoolExecutor() as pool,
    ):
        session = core.session()
        queue = made(session, "numbers")
        waited_on = made(session, "slept-through")
        producer = Producer(core, queue)
        producer.goes_on(PATIENCE_SECONDS)
        poll = sleeping_poll(core, pool, waited_on)
        group.servers[0].kill()
        producer.goes_on(FAIL_OVER_SECONDS)
        acknowledged = producer.stop()
        assert primary(group) is not group.servers[0]
        assert is_sent(core, waited_on)
        assert len(poll.result(PATIENCE_SECONDS)) == 1
        found = numbers_in(core, queue)
        assert set(acknowledged) <= set(found)
        assert len(found) == len(set(found))
        # one for what ran when the primary died, and those that met no primary
        assert producer.failed


def test_a_replica_with_other_settings_acknowledges_nothing_after_a_fail_over() -> None:
    with sentinel_group(arguments=ON_DISK) as group, core_on(group.url, "fsync") as core:
        queue = made(core.session(), "careless")
        group.servers[1].command("CONFIG", "SET", "appendfsync", "everysec")
        group.servers[0].kill()

        def is_refused() -> bool:
            try:
                messages.send(core.session(), queue, [NewMessage(b"1")])
            except StoreUnfit as problem:
                return "appendfsync" in problem.reason
            except StoreUnavailable:  # no primary yet
                return False
            raise AssertionError("acknowledged")

        until(is_refused, "the next primary is refused")
        group.servers[1].command("CONFIG", "SET", "appendfsync", "always")
        until(lambda: is_sent(core, queue), "the service goes back to work")
        assert queues.get_with_counts(core.session(), queue)[1].visible == 1


def offset(group: Deployed, at: int) -> int:
    """Return the replication offset of a server."""
    facts = group.servers[at].info("replication")
    return int(facts["master_repl_offset" if facts["role"] == "master" else "slave_repl_offset"])


def seq(group: Deployed, queue: QueueRef) -> int:
    """Return how many messages were sent to the queue, as the primary counts them."""
    return int(primary(group).command("HGET", keys.queue(queue), "seq"))


def test_a_planned_fail_over_is_followed(group: Deployed) -> None:
    """They do so at once, seconds before the former primary knows that it is a replica."""
    first = primary(group)
    with core_on(group.url) as core:
        session = core.session()
        queue = made(session, "planned")
        producer = Producer(core, queue)
        producer.goes_on(PATIENCE_SECONDS)
        until(lambda: group.sentinels[0].command("SENTINEL", "FAILOVER", MASTER), "a fail-over")
        until(lambda: primary(group) is not first, "a promotion")
        after = seq(group, queue)
        until(lambda: seq(group, queue) > after, "a send to the next one")
        producer.stop()
        assert producer.acknowledged[-1] in numbers_in(core, queue)


def test_all_connections_leave_a_server_that_became_a_replica() -> None:
    """Its READONLY error counts as the end of the connection."""
    with deployed() as found:
        first, second = found.server(*IN_MEMORY), found.server(*IN_MEMORY)
        with core_on(f"redis://127.0.0.1:{first.port}") as core:
            session = core.session()
            queue = made(session, "demoted")
            before = core.store._generation.number
            first.command("CONFIG", "SET", "replica-serve-stale-data", "yes")
            first.command("REPLICAOF", "127.0.0.1", second.port)
            with pytest.raises(StoreUnavailable, match=r"READONLY|this server is a replica"):
                messages.send(session, queue, [NewMessage(b"1")])
            assert core.store._generation.number > before


def test_an_unknown_master_is_one_line(group: Deployed) -> None:
    url = group.url.replace(f"/{MASTER}", "/nobody")
    with pytest.raises(StoreUnavailable, match="nobody"):
        Core(replace_url(url), url)


def replace_url(url: str) -> Settings:
    return Settings(redis=url, durability="memory")


def test_zaqars_form_of_the_url_finds_the_primary(group: Deployed) -> None:
    hosts = group.url.removeprefix("redis+sentinel://").partition("/")[0]
    with core_on(f"redis://{hosts}?master={MASTER}&socket_timeout=0.5") as core:
        session = core.session()
        messages.send(session, made(session, "as-zaqar-has-it"), [NewMessage(b"1")])


@pytest.mark.usefixtures("only_wakeups")
def test_connections_leave_a_primary_that_hangs(group: Deployed) -> None:
    """Neither its open connections nor the subscriber's end by themselves. The last test of the group."""
    hung = primary(group)
    with core_on(group.url) as core, ThreadPoolExecutor() as pool:
        session = core.session()
        queue = made(session, "hung")
        until(lambda: offset(group, 0) == offset(group, 1), "replication")
        poll = sleeping_poll(core, pool, queue)
        hung.hold()
        try:
            until(lambda: is_sent(core, queue), "a send", FAIL_OVER_SECONDS)
            assert len(poll.result(PATIENCE_SECONDS)) == 1
            assert primary(group) is not hung
        finally:
            hung.go_on()
