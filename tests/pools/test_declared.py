"""Declared queues with pools: the flavor of a table decides where the queue is created."""

from __future__ import annotations

from typing import Any

import pytest

from sqs_facade.declarations import applying, plan
from sqs_facade.declarations.model import Declarations, Declared
from tests.pools.conftest import Server, new_ref
from zaqar_core.domain.names import QueueRef
from zaqar_core.pools.routing import PooledCore


def declared(ref: QueueRef, flavor: str | None) -> Declarations:
    metadata = {} if flavor is None else {"_flavor": flavor}
    return Declarations((Declared(ref=ref, table="queue.orders", flavor=flavor, metadata=metadata),))


@pytest.fixture
def flavored(pools: Any) -> None:
    """The flavor "fast" has the second pool."""
    assert pools.call("PUT", "/v2/flavors/fast", {"pool_list": ["b"]}).status == 201


def test_a_declared_queue_is_created_in_a_pool_of_its_flavor(
    flavored: None, core: PooledCore, servers: list[Server]
) -> None:
    ref = new_ref()
    assert applying.apply(core.session, declared(ref, "fast")).problems == []
    assert servers[2].queues() == {ref.name}
    assert plan.make(core.session(), declared(ref, "fast")).is_done


def test_a_flavor_that_does_not_exist_is_a_problem_until_it_does(pools: Any, core: PooledCore) -> None:
    ref = new_ref()
    [problem] = applying.apply(core.session, declared(ref, "fast")).problems
    assert problem.startswith("queue.orders: ")
    assert "flavor" in problem
    pools.call("PUT", "/v2/flavors/fast", {"pool_list": ["b"]})
    assert applying.apply(core.session, declared(ref, "fast")).problems == []


def test_the_flavor_of_an_existing_queue_cannot_be_changed(flavored: None, core: PooledCore) -> None:
    ref = new_ref()
    applying.apply(core.session, declared(ref, None))
    [problem] = applying.apply(core.session, declared(ref, "fast")).problems
    assert problem == ("queue.orders: The flavor of a queue cannot be changed: it decides where the queue is created.")
