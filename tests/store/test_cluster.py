"""A cluster: queues work on every node, and between nodes."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest
from redis.crc import key_slot

from tests.deployments import CLUSTER_SLOTS, Deployed, cluster, deployed
from tests.patience import PATIENCE_SECONDS
from tests.store import redrive
from tests.store.traffic import core_on, sleeping_poll
from zaqar_core.background.housekeeping import SHARDS, Housekeeping
from zaqar_core.configuration.settings import Settings
from zaqar_core.core import claims, leases, messages, queues
from zaqar_core.core.process import Core
from zaqar_core.core.session import Session
from zaqar_core.domain.errors import StoreFull, StoreUnavailable, StoreUnfit
from zaqar_core.domain.model import Counts, NewMessage
from zaqar_core.domain.names import QueueRef
from zaqar_core.store import keys, libraries, script
from zaqar_core.store.links import Generation
from zaqar_core.store.opening import open_store
from zaqar_core.store.readiness import check

NODES = 3
_numbers = count(1)


@pytest.fixture(scope="module")
def nodes() -> Iterator[Deployed]:
    with cluster(primaries=NODES, replicas=0) as nodes:
        yield nodes


@pytest.fixture(scope="module")
def core(nodes: Deployed) -> Iterator[Core]:
    with core_on(nodes.url) as core:
        yield core


def on_node(at: int, ending: str = "") -> QueueRef:
    """Return an unused queue whose keys are on that node."""
    step = CLUSTER_SLOTS // NODES
    while True:
        ref = QueueRef("000000000000", "us-east-1", f"q-{next(_numbers)}{ending}")
        if min(key_slot(keys.queue(ref)) // step, NODES - 1) == at:
            return ref


def made(session: Session, at: int, ending: str = "") -> QueueRef:
    return redrive.made(session, on_node(at, ending))


def new(text: str, group: str | None) -> NewMessage:
    return NewMessage(text.encode(), group=group, dedup_id=text if group else None)


@pytest.mark.parametrize("at", range(NODES))
@pytest.mark.parametrize(("ending", "group"), [("", None), ("", "tenant"), (".fifo", "group")])
def test_a_queue_delivers_its_messages(session: Session, at: int, ending: str, group: str | None) -> None:
    queue = made(session, at, ending)
    messages.send(session, queue, [new("1", group), new("2", group)])
    held = leases.receive(session, queue, max_messages=10, wait_seconds=0)
    assert [one.body for one in held] == [b"1", b"2"]
    assert leases.delete_received(session, queue, [one.receipt for one in held if one.receipt]) == [None, None]
    assert queues.get_with_counts(session, queue)[1] == Counts(0, 0, 0)


def test_many_queues_are_read_in_one_call(session: Session) -> None:
    """Each node is asked for its own queues; the results are in the order of the arguments."""
    refs = [made(session, at) for at in (0, 1, 2, 1, 0)]
    refs.insert(2, on_node(2))
    found = queues.get_many(session, refs)
    assert [queue and queue.ref for queue in found] == [*refs[:2], None, *refs[3:]]
    named = queues.names(session, "000000000000", "us-east-1")
    assert {ref.name for ref in (*refs[:2], *refs[3:])} <= set(named)


@pytest.mark.parametrize("at", range(NODES))
def test_claims_and_listings_work_in_a_cluster(session: Session, at: int) -> None:
    queue = made(session, at)
    messages.post(session, queue, [NewMessage(b"1"), NewMessage(b"2")], post_bytes=2)
    claim = claims.create(session, queue, ttl_seconds=60, grace_seconds=60, limit=1)
    assert claim is not None
    assert [one.body for one in redrive.looked_at(session, queue)] == [b"1", b"2"]
    claims.release(session, queue, claim.id)
    assert redrive.visible(session, queue) == 2


@pytest.mark.parametrize("ending", ["", ".fifo"])
def test_dead_letters_move_between_nodes_and_back(session: Session, ending: str) -> None:
    source, dead = made(session, 0, ending), made(session, 2, ending)
    group = "group" if ending else None
    redrive.set_dead_letter_queue(session, source, dead)
    redrive.create_dead_letters(session, source, new("1", group), new("2", group), new("3", group))
    assert redrive.visible(session, dead) == 3
    assert redrive.visible(session, source) == 0
    task = redrive.move_all(session, dead)
    assert (task.status, task.moved) == ("COMPLETED", 3)
    assert redrive.visible(session, source) == 3


@pytest.mark.usefixtures("only_wakeups")
@pytest.mark.parametrize("at", range(NODES))
def test_a_poll_is_woken_from_any_node(core: Core, session: Session, at: int) -> None:
    """The subscriber may listen at any node."""
    queue = made(session, at)
    with ThreadPoolExecutor() as pool:
        poll = sleeping_poll(core, pool, queue)
        messages.send(session, queue, [NewMessage(b"1")])
        assert [one.body for one in poll.result(PATIENCE_SECONDS)] == [b"1"]


def test_one_message_wakes_one_poll(session: Session) -> None:
    """In a cluster it is unknown whether a wake-up reached the poll of another process."""
    queue = made(session, 0)
    waiters = keys.queue(queue) + b":w"
    session.store.command("ZADD", waiters, *(word for n in range(5) for word in (9 * 10**12, f"sf1:process:other|{n}")))
    session.store.command("HSET", keys.queue(queue), "waits", 1)
    messages.send(session, queue, [NewMessage(b"1")])
    assert session.store.command("ZCARD", waiters) == 4


def test_housekeeping_reaches_the_queues_of_every_node(core: Core, session: Session) -> None:
    refs = [made(session, at) for at in range(NODES)]
    for ref in refs:
        messages.send(session, ref, [NewMessage(b"1", ttl_seconds=60)])
        session.run(script("clock"), ref, [61_000])
    for shard in range(SHARDS):
        session.store.command("DEL", keys.housekeeping_lease(shard))
    Housekeeping(core).round()
    assert [session.store.command("HLEN", keys.queue(ref) + b":m") for ref in refs] == [0] * NODES


def test_lost_libraries_are_loaded_into_a_node_again(nodes: Deployed, session: Session) -> None:
    refs = [made(session, at) for at in range(NODES)]
    libraries.tidy(session.store)
    for server in nodes.servers:
        server.command("FUNCTION", "FLUSH")
    assert [queue is not None for queue in queues.get_many(session, refs)] == [True] * NODES
    nodes.servers[1].command("FUNCTION", "FLUSH")
    messages.send(session, refs[1], [NewMessage(b"1")])


def test_every_primary_must_be_fit(nodes: Deployed) -> None:
    settings = Settings(redis=nodes.url, durability="memory")
    store = open_store(settings, nodes.url, Generation())
    unfit = nodes.servers[1]
    unfit.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    try:
        with pytest.raises(StoreUnavailable, match=rf"{unfit.port}.*noeviction"):
            check(store, "memory")
    finally:
        unfit.command("CONFIG", "SET", "maxmemory-policy", "noeviction")
    check(store, "memory")
    with pytest.raises(StoreUnavailable, match="appendonly yes"):
        check(store, "fsync")
    store.close()


def test_only_the_queues_of_an_unfit_node_are_refused(nodes: Deployed, core: Core, session: Session) -> None:
    refs = [made(session, at) for at in range(NODES)]
    unfit = nodes.servers[1]
    unfit.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    try:
        with pytest.raises(StoreUnfit, match=rf"{unfit.port}.*noeviction"):
            core.store.inspect()
        found = {one.node.rpartition(":")[2]: one.condition.state for one in core.store_conditions()}
        states = {str(one.port): "misconfigured" if one is unfit else "fit" for one in nodes.servers}
        assert found == states
        with pytest.raises(StoreUnfit, match="noeviction"):
            messages.send(session, refs[1], [NewMessage(b"1")])
        for at in (0, 2):
            messages.send(session, refs[at], [NewMessage(b"1")])
        replies = session.run_many(script("housekeeping"), refs, [1])
        assert [isinstance(reply, StoreUnfit) for reply in replies] == [False, True, False]
        assert queues.get_with_counts(session, refs[1])[1].visible == 0
    finally:
        unfit.command("CONFIG", "SET", "maxmemory-policy", "noeviction")
    core.store.inspect()
    messages.send(session, refs[1], [NewMessage(b"1")])


def test_a_full_node_can_be_emptied(nodes: Deployed, session: Session) -> None:
    refs = [made(session, at) for at in range(NODES)]
    for ref in refs:
        messages.send(session, ref, [NewMessage(b"1")])
    nodes.servers[1].command("CONFIG", "SET", "maxmemory", 1)
    try:
        with pytest.raises(StoreFull):
            messages.send(session, refs[1], [NewMessage(b"2")])
        messages.send(session, refs[0], [NewMessage(b"2")])
        [found] = leases.receive(session, refs[1], max_messages=9, visibility_seconds=30, wait_seconds=0)
        assert found.receipt
        assert leases.delete_received(session, refs[1], [found.receipt]) == [None]
        assert queues.get_with_counts(session, refs[1])[1] == Counts(0, 0, 0)
    finally:
        nodes.servers[1].command("CONFIG", "SET", "maxmemory", 0)


def test_a_cluster_node_is_refused_as_a_single_server(nodes: Deployed) -> None:
    url = f"redis://127.0.0.1:{nodes.servers[0].port}"
    with pytest.raises(StoreUnavailable, match=r"redis\+cluster://"):
        Core(Settings(redis=url, durability="memory"), url)


def test_a_single_server_is_refused_as_a_cluster() -> None:
    with deployed() as found:
        url = f"redis+cluster://127.0.0.1:{found.server().port}"
        with pytest.raises(StoreUnavailable, match="cluster support disabled"):
            Core(Settings(redis=url, durability="memory"), url)


def test_test_hooks_are_refused(nodes: Deployed) -> None:
    with pytest.raises(StoreUnavailable, match="test hooks do not work on a Redis cluster"):
        Core(Settings(redis=nodes.url, durability="memory", test_hooks=True), nodes.url)
