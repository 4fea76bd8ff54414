"""python-zaqarclient with a user's name and password, which finds the service in Keystone's catalogue."""

from __future__ import annotations

import pytest
from zaqarclient.queues import client as zaqarclient
from zaqarclient.transport import errors

from tests.conftest import Service
from tests.keystone.server import PASSWORD, Keystone


@pytest.fixture(scope="module")
def offered(keystone: Keystone, guarded: Service) -> Service:
    """The service, which the catalogue knows."""
    keystone.offer("messaging", guarded.url)
    return guarded


def _client(keystone: Keystone, who: str) -> zaqarclient.Client:
    options = {
        "os_auth_url": keystone.url,
        "os_username": who,
        "os_password": PASSWORD,
        "os_project_name": who,
        "os_user_domain_id": "default",
        "os_project_domain_id": "default",
    }
    return zaqarclient.Client(version=2, conf={"auth_opts": {"backend": "keystone", "options": options}})


def test_the_client_uses_queues_messages_and_claims(offered: Service, keystone: Keystone, queue_name: str) -> None:
    queue = _client(keystone, "one").queue(queue_name)
    queue.ensure_exists(force_create=True)
    queue.post([{"body": {"n": number}, "ttl": 100} for number in range(5)])
    claim = queue.claim(ttl=100, grace=100, limit=2)
    assert [message.body["n"] for message in claim] == [0, 1]
    assert [message.body["n"] for message in queue.pop(count=2)] == [2, 3]
    other = _client(keystone, "two").queue(queue_name)
    assert list(other.messages(echo=True)) == []


def test_the_client_uses_a_signed_url(offered: Service, keystone: Keystone, queue_name: str) -> None:
    queue = _client(keystone, "one").queue(queue_name)
    queue.ensure_exists(force_create=True)
    signed = queue.signed_url(paths=["messages"], methods=["GET", "POST"])
    options = {
        "signature": signed["signature"],
        "expires": signed["expires"],
        "methods": signed["methods"],
        "paths": signed["paths"],
        "os_project_id": signed["project"],
    }
    holder = zaqarclient.Client(
        offered.url, version=2, conf={"auth_opts": {"backend": "signed-url", "options": options}}
    )
    holder.queue(queue_name, auto_create=False).post([{"body": 1, "ttl": 100}])
    assert [message.body for message in queue.messages(echo=True)] == [1]


def test_the_client_reports_that_health_is_for_admins(offered: Service, keystone: Keystone) -> None:
    with pytest.raises(errors.ForbiddenError):
        _client(keystone, "one").health()
    assert _client(keystone, "admin").health()["storage_reachable"]
