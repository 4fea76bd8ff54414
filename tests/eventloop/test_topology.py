"""The topology of a cluster, read by tasks."""

from __future__ import annotations

import pytest
import redis

from tests.deployments import IN_MEMORY, deployed
from tests.eventloop.loops import on_loop
from zaqar_core.store import deployment
from zaqar_core.store.deployment import Address
from zaqar_core.store.topology import Topology


def test_all_that_wait_for_the_topology_fail_with_the_one_attempt_to_read_it(monkeypatch: pytest.MonkeyPatch) -> None:
    attempts: list[Address] = []
    query = Topology._query

    def counted(self: Topology, address: Address) -> list[Address | None]:
        attempts.append(address)
        return query(self, address)

    monkeypatch.setattr(Topology, "_query", counted)
    with deployed() as found:
        server = found.server(*IN_MEMORY)
        topology = Topology(deployment.parse(f"redis+cluster://127.0.0.1:{server.port}"))
        server.hold()
        ended = on_loop(*[lambda: topology.node(0)] * 5)
    assert len(attempts) == 1
    assert all(isinstance(one, redis.RedisError) for one in ended)
