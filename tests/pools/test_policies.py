"""Policies of queues in pools: the deployment that has a queue checks which policy decided."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.access.conftest import OTHER, OWNER, Worker, policy
from tests.credentials.signing import KEY, SECRET, USER, credentials
from tests.pools.conftest import SETTINGS, Server
from zaqar_core.access.policies import Policy
from zaqar_core.access.principals import Principal
from zaqar_core.access.users import Users
from zaqar_core.core.authorization import Authorizer
from zaqar_core.pools import administration
from zaqar_core.pools.routing import PooledCore
from zaqar_core.rest.face import ZaqarFace
from zaqar_core.web.envelope import Request

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


@pytest.mark.parametrize(
    ("policies", "may_change", "may_read"),
    [
        ("admin", True, True),
        ("observer", False, False),
        (
            '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}}',
            False,
            False,
        ),
        (
            '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "zaqar:pools:g*", "Resource": "*"}}',
            False,
            True,
        ),
    ],
    ids=["admin", "observer", "queues", "reader of pools"],
)
def test_a_user_needs_a_right_to_manage_pools(
    core: PooledCore, servers: list[Server], tmp_path: Path, policies: str, may_change: bool, may_read: bool
) -> None:
    known = credentials(tmp_path, USER.replace('["admin"]', f"[{policies!r}]"))
    zaqar = ZaqarFace(SETTINGS, Users(known), authorizer=Authorizer())
    basic = base64.b64encode(f"{KEY}:{SECRET}".encode()).decode()

    def status(method: str, path: str, document: object = None) -> int:
        environ = {"REQUEST_METHOD": method, "PATH_INFO": path, "HTTP_AUTHORIZATION": f"Basic {basic}"}
        environ |= {"HTTP_CLIENT_ID": "6f0f1d0a-6f2c-4c0e-9d1b-3f5a7c1e2b48", "HTTP_HOST": "localhost"}
        body = b"" if document is None else json.dumps(document).encode()
        return zaqar.answer(Request(method, path, "", body, environ), core.session()).status

    assert status("PUT", "/v2/pools/a", {"uri": servers[1].url, "weight": 1}) == (201 if may_change else 403)
    assert status("GET", "/v2/pools") == (200 if may_read else 403)
    assert status("PUT", "/v2/flavors/f", {"pool_list": ["a"]}) == (201 if may_change else 403)
    assert status("GET", "/v2/health") == (200 if may_change else 403)
    assert status("DELETE", "/v2/flavors/f") == (204 if may_change else 403)
    assert status("DELETE", "/v2/pools/a") == (204 if may_change else 403)
