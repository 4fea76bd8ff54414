"""A pool may be a cluster, or a primary that Sentinel names."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.deployments import Deployed, cluster, sentinel_group
from tests.pools.conftest import SETTINGS, Server, made, new_ref
from tests.store.redrive import bodies, create_dead_letters, move_all, visible
from zaqar_core.core import leases, messages, queues
from zaqar_core.core.session import Session
from zaqar_core.domain.errors import PoolTaken
from zaqar_core.domain.model import QueueSettings, SettingsChange
from zaqar_core.pools import administration
from zaqar_core.pools.routing import PooledCore


@pytest.fixture(scope="module", params=[cluster, sentinel_group], ids=["cluster", "sentinel"])
def deployed(request: pytest.FixtureRequest) -> Iterator[Deployed]:
    with request.param(replicas=0) as deployed:
        yield deployed


@pytest.fixture
def session(main: Server, servers: list[Server], deployed: Deployed) -> Iterator[Session]:
    """Pool "wide" is the deployment, pool "a" one server."""
    core = PooledCore(SETTINGS, main.url)
    session = core.session()
    administration.put(session, "wide", administration.PoolChange(deployed.url, 1))
    administration.put(session, "a", administration.PoolChange(servers[1].url, 0))
    yield session
    core.close()


def test_queues_are_created_in_the_pool_and_work(session: Session, servers: list[Server]) -> None:
    for _ in range(10):
        ref = new_ref()
        assert queues.create(session, ref, QueueSettings(), creator="sqs").is_new
        messages.send(session, ref, bodies("1"))
        [one] = leases.receive(session, ref, max_messages=1)
        assert one.receipt is not None
        assert leases.delete_received(session, ref, [one.receipt]) == [None]
        queues.delete(session, ref)
        assert queues.create(session, ref, QueueSettings(), creator="sqs").is_new
        queues.delete(session, ref)
    assert not any(server.queues() for server in servers)


def test_dead_letters_move_from_the_pool_and_back(session: Session) -> None:
    queue, letters = made(session, "wide"), made(session, "a")
    change: dict[str, int | str] = {
        "dead_letter_queue": letters.name,
        "max_receive_count": 1,
        "visibility_timeout_seconds": 0,
    }
    queues.change(session, queue, SettingsChange(set=change))
    create_dead_letters(session, queue, *bodies("1", "2"))
    assert visible(session, letters) == 2
    assert move_all(session, letters).moved == 2
    assert visible(session, queue) == 2


def test_the_pool_is_identified_by_any_of_its_addresses(session: Session, deployed: Deployed) -> None:
    with pytest.raises(PoolTaken):
        administration.put(session, "again", administration.PoolChange(deployed.url + "?socket_keepalive=1", 1))
