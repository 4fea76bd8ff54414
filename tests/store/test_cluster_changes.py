"""A cluster that changes under traffic: slots move key by key, primaries crash."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis
from redis.crc import key_slot

from tests.deployments import (
    ON_DISK,
    Deployed,
    Server,
    cluster,
    cluster_arguments,
    in_step,
    meet,
    node_id,
    nodes_known,
    until,
)
from tests.patience import PATIENCE_SECONDS
from tests.store.traffic import Producer, core_on, is_sent, made, numbers_in, sleeping_poll
from zaqar_core.core import messages
from zaqar_core.core.session import Session
from zaqar_core.domain.errors import StoreUnavailable
from zaqar_core.domain.model import NewMessage
from zaqar_core.domain.names import QueueRef
from zaqar_core.store import keys

pytestmark = pytest.mark.slow

#: From the end of a primary to the first acknowledgement by its replica: node time-out, votes, and a margin.
FAIL_OVER_SECONDS = 60.0


@pytest.fixture
def nodes() -> Iterator[Deployed]:
    with cluster(replicas=1, arguments=ON_DISK) as nodes:
        yield nodes


class Migration:
    """Move a slot to another node as cluster tools do, key by key."""

    def __init__(self, nodes: Deployed, queue: QueueRef, to: Server) -> None:
        self.nodes, self.slot, self.to = nodes, key_slot(keys.queue(queue)), to
        self.origin = owner(nodes, self.slot)
        to.command("CLUSTER", "SETSLOT", self.slot, "IMPORTING", node_id(self.origin))
        self.origin.command("CLUSTER", "SETSLOT", self.slot, "MIGRATING", node_id(to))

    def keys_left(self) -> list[bytes]:
        found: list[bytes] = self.origin.command("CLUSTER", "GETKEYSINSLOT", self.slot, 100)
        return found

    def move(self, key: bytes) -> None:
        self.origin.command("MIGRATE", "127.0.0.1", self.to.port, key, 0, 5000)

    def finish(self) -> None:
        while left := self.keys_left():
            for key in left:
                self.move(key)
        for server in (self.to, self.origin, *self.nodes.servers):
            if server.info("replication")["role"] == "master":
                server.command("CLUSTER", "SETSLOT", self.slot, "NODE", node_id(self.to))


def owner(nodes: Deployed, slot: int) -> Server:
    """The server that serves the slot."""
    for start, end, primary, *_ in nodes.servers[0].command("CLUSTER", "SLOTS"):
        if start <= slot <= end:
            return next(server for server in nodes.servers if server.port == primary[1])
    raise AssertionError("nobody serves the slot")


def test_a_slot_that_moves_to_a_new_node_loses_nothing(nodes: Deployed) -> None:
    """No function runs while the keys are on two nodes; then the new node serves the slot."""
    with core_on(nodes.url) as core:
        session = core.session()
        queue = made(session, "on-its-way")
        producer = Producer(core, queue)
        producer.goes_on(PATIENCE_SECONDS)
        joined = nodes.server(*ON_DISK, *cluster_arguments())
        meet(nodes.servers[0], joined)
        until(lambda: all(nodes_known(one) == len(nodes.servers) for one in nodes.servers), "an acquaintance of all")
        until(lambda: b"cluster_state:ok" in joined.command("CLUSTER", "INFO"), "the new node's start")
        migration = Migration(nodes, queue, joined)
        for key in migration.keys_left()[:2]:
            migration.move(key)
        before = len(producer.acknowledged)
        until(lambda: producer.failed, "a refusal while the keys are in two places")
        assert len(producer.acknowledged) <= before + 1
        migration.finish()
        producer.goes_on(PATIENCE_SECONDS)
        acknowledged = producer.stop()
        assert owner(nodes, migration.slot) is joined
        found = numbers_in(core, queue)
        assert set(acknowledged) <= set(found)
        assert len(found) == len(set(found))
        # a refusal is no half send: there is no record that the order does not know
        key = keys.queue(queue)
        assert joined.command("HLEN", key + b":m") == joined.command("ZCARD", key + b":a") == len(found)


@pytest.mark.parametrize("moved", [":m", ":a", ""])
def test_no_script_runs_without_all_keys_of_its_queue(nodes: Deployed, moved: str) -> None:
    with core_on(nodes.url) as core:
        session = core.session()
        queue = made(session, "in-two-places")
        messages.send(session, queue, [NewMessage(b"1")])
        others = [server for server in nodes.servers[:3] if server is not owner(nodes, key_slot(keys.queue(queue)))]
        migration = Migration(nodes, queue, others[0])
        migration.move(keys.queue(queue) + moved.encode())
        with pytest.raises(StoreUnavailable, match=r"MOVING|ASK"):
            messages.send(session, queue, [NewMessage(b"2")])
        migration.finish()
        messages.send(session, queue, [NewMessage(b"3")])
    with core_on(nodes.url) as core:
        assert numbers_in(core, queue) == [1, 3]


def test_commands_follow_a_key_that_has_moved(nodes: Deployed) -> None:
    with core_on(nodes.url) as core:
        session = core.session()
        slot = key_slot(keys.MOVE_TASKS)
        origin = owner(nodes, slot)
        target = next(server for server in nodes.servers[:3] if server is not origin)
        target.command("CLUSTER", "SETSLOT", slot, "IMPORTING", node_id(origin))
        origin.command("CLUSTER", "SETSLOT", slot, "MIGRATING", node_id(target))
        assert session.store.command("SADD", keys.MOVE_TASKS, "a") == 1
        assert session.store.command("SMEMBERS", keys.MOVE_TASKS) == [b"a"]
        assert origin.command("CLUSTER", "COUNTKEYSINSLOT", slot) == 0


@pytest.mark.usefixtures("only_wakeups")
def test_nothing_acknowledged_as_replicated_is_lost_with_a_primary() -> None:
    """Its replica takes over, polls on its queues are woken, and queues on other nodes are not affected."""
    with cluster(replicas=3, arguments=ON_DISK) as nodes, core_on(nodes.url, "replicated") as core:
        victim = nodes.servers[0]
        session = core.session()
        queue, waited_on = (_on(session, nodes, victim, name) for name in ("numbers", "waited-on"))
        producer = Producer(core, queue)
        producer.goes_on(PATIENCE_SECONDS)
        spare = nodes.server(*ON_DISK, *cluster_arguments())  # so that the next primary has a replica as well
        meet(nodes.servers[1], spare)
        until(lambda: nodes_known(spare) == len(nodes.servers), "the spare's acquaintance")
        until(lambda: spare.command("CLUSTER", "REPLICATE", node_id(victim)), "a second replica")
        until(lambda: in_step(spare), "a second replica")
        with ThreadPoolExecutor() as pool:
            poll = sleeping_poll(core, pool, waited_on)
            victim.kill()
            producer.goes_on(FAIL_OVER_SECONDS)
            assert is_sent(core, waited_on)
            assert len(poll.result(PATIENCE_SECONDS)) == 1
        acknowledged = producer.stop()
        found = numbers_in(core, queue)
        assert set(acknowledged) <= set(found)
        assert len(found) == len(set(found))


def test_connections_leave_a_primary_that_hangs(nodes: Deployed) -> None:
    hung = nodes.servers[0]
    with core_on(nodes.url) as core:
        session = core.session()
        queue = _on(session, nodes, hung, "hung")
        until(lambda: nodes.servers[3].command("CLUSTER", "COUNTKEYSINSLOT", key_slot(keys.queue(queue))), "a replica")
        hung.hold()
        try:
            until(lambda: is_sent(core, queue), "a send", FAIL_OVER_SECONDS)
        finally:
            hung.go_on()


def test_a_slot_that_moves_at_once_is_followed(nodes: Deployed) -> None:
    """CLUSTER MIGRATESLOTS of Valkey 9: only calls at the moment of the change are refused."""
    with core_on(nodes.url) as core:
        session = core.session()
        queue = made(session, "moved-at-once")
        slot = key_slot(keys.queue(queue))
        origin = owner(nodes, slot)
        target = next(server for server in nodes.servers[:3] if server is not origin)
        producer = Producer(core, queue)
        producer.goes_on(PATIENCE_SECONDS)
        try:
            origin.command("CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", slot, slot, "NODE", node_id(target))
        except redis.ResponseError:
            producer.stop()
            pytest.skip("this server moves slots key by key only")
        until(lambda: owner(nodes, slot) is target, "the slot's move")
        producer.goes_on(PATIENCE_SECONDS)
        acknowledged = producer.stop()
        assert set(acknowledged) <= set(numbers_in(core, queue))
        assert producer.failed == []


def _on(session: Session, nodes: Deployed, server: Server, stem: str) -> QueueRef:
    """Create a queue that this server serves."""
    for number in range(1000):
        ref = QueueRef("000000000000", "us-east-1", f"{stem}-{number}")
        if owner(nodes, key_slot(keys.queue(ref))) is server:
            return made(session, ref.name)
    raise AssertionError("no name found")
