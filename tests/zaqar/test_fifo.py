"""FIFO queues over HTTP: the name decides, and the Client-ID is the group."""

from __future__ import annotations

from typing import Any

import pytest

from zaqar_core.core import leases, queues
from zaqar_core.core.session import Session
from zaqar_core.domain.model import QueueSettings
from zaqar_core.domain.names import QueueRef


@pytest.fixture
def fifo(queue_name: str) -> str:
    return queue_name + ".fifo"


def test_a_post_creates_the_queue_and_keeps_its_order(session: Session, zaqar: Any, fifo: str) -> None:
    zaqar.post(fifo, 1, 2)
    zaqar.post(fifo, 3)
    listed = zaqar.call("GET", f"/v2/queues/{fifo}/messages?echo=true").json["messages"]
    assert [message["body"] for message in listed] == [1, 2, 3]
    received = leases.receive(session, QueueRef(zaqar.project, "us-east-1", fifo), max_messages=1, wait_seconds=0)
    assert [(message.body, message.group) for message in received] == [(b"1", zaqar.client_id)]


def test_a_claimed_group_delivers_nothing_more(zaqar: Any, fifo: str) -> None:
    """Messages of one client are in order; those of another are free meanwhile."""
    assert zaqar.call("PUT", f"/v2/queues/{fifo}").status == 201
    zaqar.post(fifo, 1, 2)
    held = zaqar.call("POST", f"/v2/queues/{fifo}/claims?limit=1")
    assert [message["body"] for message in held.json["messages"]] == [1]
    assert zaqar.call("POST", f"/v2/queues/{fifo}/claims").status == 204
    zaqar.other_client().post(fifo, 3)
    other = zaqar.call("POST", f"/v2/queues/{fifo}/claims")
    assert [message["body"] for message in other.json["messages"]] == [3]
    zaqar.call("DELETE", held.json["messages"][0]["href"])
    rest = zaqar.call("POST", f"/v2/queues/{fifo}/claims")
    assert [message["body"] for message in rest.json["messages"]] == [2]


def test_equal_bodies_are_two_messages_unless_the_queue_is_content_based(
    session: Session, zaqar: Any, fifo: str
) -> None:
    zaqar.post(fifo, 1, 1)
    assert zaqar.call("GET", f"/v2/queues/{fifo}/stats").json["messages"]["total"] == 2
    by_content = "c-" + fifo
    ref = QueueRef(zaqar.project, "us-east-1", by_content)
    queues.create(session, ref, QueueSettings(content_based_deduplication=1), creator="sqs")
    first, second = zaqar.post(by_content, 1), zaqar.post(by_content, 1)
    assert first == second


def test_a_dead_letter_queue_is_of_the_same_type(zaqar: Any, queue_name: str, fifo: str) -> None:
    for queue, dead in ((queue_name, "d.fifo"), (fifo, "d")):
        asked = {"_dead_letter_queue": dead, "_max_claim_count": 1}
        assert zaqar.call("PUT", f"/v2/queues/{queue}", asked).status == 400
        zaqar.call("PUT", f"/v2/queues/{queue}")
        step = [{"op": "add", "path": "/metadata/_dead_letter_queue", "value": dead}]
        media = {"CONTENT_TYPE": "application/openstack-messaging-v2.0-json-patch"}
        assert zaqar.call("PATCH", f"/v2/queues/{queue}", step, headers=media).status == 400
