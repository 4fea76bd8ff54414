"""Policies of queues in pools: the deployment that has a queue checks which policy decided."""

from __future__ import annotations

from collections.abc import Callable

from tests.access.conftest import OTHER, OWNER, Worker, policy
from tests.pools.conftest import Server
from zaqar_core.access.policies import Policy
from zaqar_core.access.principals import Principal
from zaqar_core.pools import administration
from zaqar_core.pools.routing import PooledCore

ROOT = Principal(OWNER, f"arn:aws:iam::{OWNER}:root", OWNER)
SENDER = Principal(OTHER, f"arn:aws:iam::{OTHER}:user/a", "AIDA", "a", policies=(Policy.ADMINISTRATOR,))


def test_a_changed_policy_of_a_queue_in_a_pool_counts_at_every_process(
    processes: Callable[[], PooledCore], servers: list[Server]
) -> None:
    one = processes()
    administration.put(one.session(), "a", administration.PoolChange(servers[1].url, 1))
    first, second = Worker(one), Worker(processes())
    queue = first.call(ROOT, "CreateQueue", QueueName="q")[1]["QueueUrl"]
    assert servers[1].queues() == {"q"}
    for document, status in (("", 403), (policy({}), 200), (policy({}, {"Effect": "Deny"}), 403), (policy({}), 200)):
        attributes = {"Policy": document}
        assert first.call(ROOT, "SetQueueAttributes", QueueUrl=queue, Attributes=attributes)[0] == 200
        assert second.call(SENDER, "SendMessage", QueueUrl=queue, MessageBody="x")[0] == status
    assert second.call(SENDER, "DeleteQueue", QueueUrl=queue)[0] == 200
    assert servers[1].queues() == set()
