"""python-zaqarclient against the service over HTTP."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from zaqarclient.queues import client as zaqarclient


@pytest.fixture
def client(service: Any) -> Any:
    """A client in a project of its own."""
    options = {"os_project_id": uuid.uuid4().hex}
    return zaqarclient.Client(service.url, version=2, conf={"auth_opts": {"backend": "noauth", "options": options}})


def test_the_client_posts_claims_and_deletes(client: Any, queue_name: str) -> None:
    queue = client.queue(queue_name)
    queue.post([{"body": {"n": number}, "ttl": 100} for number in range(12)])
    claim = queue.claim(ttl=100, grace=100, limit=5)
    held = list(claim)
    assert [message.body for message in held] == [{"n": number} for number in range(5)]
    assert held[0].href.endswith(f"?claim_id={claim.id}")
    for message in held:
        message.delete()
    assert [message.body["n"] for message in queue.messages(echo=True, limit=3).stream()] == list(range(5, 12))
    assert [message.body["n"] for message in queue.pop(count=2)] == [5, 6]
    assert queue.stats["messages"]["free"] == 5


def test_a_deletion_is_repeated_after_its_claim(client: Any, queue_name: str) -> None:
    queue = client.queue(queue_name)
    queue.post({"body": "text"})
    claim = queue.claim(ttl=100, grace=100)
    (held,) = claim
    held.delete()
    held.delete()
    claim.delete()
    held.delete()
    assert list(queue.messages(echo=True, include_claimed=True)) == []


def test_the_client_sets_metadata_and_lists_queues(client: Any, queue_name: str) -> None:
    queue = client.queue(queue_name)
    queue.ensure_exists(force_create=True)
    queue.metadata(new_meta={"_default_message_ttl": 600, "mine": "x"})
    assert queue.metadata(force_reload=True)["_default_message_ttl"] == 600
    assert [found.name for found in client.queues(detailed=True)[0]] == [queue_name]
    queue.purge()
    queue.delete()
    assert list(client.queues()[0]) == []


def test_the_client_reads_one_message(client: Any, queue_name: str) -> None:
    queue = client.queue(queue_name)
    queue.post({"body": "text"})
    (listed,) = queue.messages(echo=True)
    message = queue.message(listed.id)
    assert message.body == "text"
    queue.delete_messages(listed.id)
    assert list(queue.messages(echo=True)) == []


def test_the_client_manages_subscriptions(client: Any, queue_name: str) -> None:
    made = client.subscription(queue_name, subscriber="http://example.com/a", ttl=600, options={"n": 1})
    client.subscription(queue_name, subscriber="http://example.com/b")
    assert made.ttl == 600
    found = list(client.subscriptions(queue_name, limit=1).stream())
    assert [(one.subscriber, one.options) for one in found] == [
        ("http://example.com/a", {"n": 1}),
        ("http://example.com/b", {}),
    ]
    made.update({"ttl": 60, "options": {"n": 2}})
    again = client.subscription(queue_name, id=made.id)
    assert (again.ttl, again.options, again.subscriber) == (60, {"n": 2}, "http://example.com/a")
    again.delete()
    assert [one.subscriber for one in client.subscriptions(queue_name)] == ["http://example.com/b"]
