"""The setting message_delete_with_claim_id: in bulk only what was claimed can be deleted."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from zaqar_core.configuration.settings import Settings
from zaqar_core.core.session import Session
from zaqar_core.domain.names import QueueRef
from zaqar_core.rest.face import ZaqarFace

from .conftest import Zaqar

Advance = Callable[[QueueRef, float], None]


@pytest.fixture
def zaqar(session: Session) -> Zaqar:
    """A service with the setting ``message_delete_with_claim_id``."""
    return Zaqar(session, ZaqarFace(Settings(message_delete_with_claim_id=True)))


def ids(found: list[Any]) -> list[str]:
    return [(one if isinstance(one, str) else one["href"]).rsplit("/", 1)[1].partition("?")[0] for one in found]


def claim(zaqar: Zaqar, queue: str) -> tuple[str, list[str]]:
    """The id of a claim of one message, and the message's."""
    made = zaqar.call("POST", f"{queue}/claims?limit=1")
    return made.headers["location"].rsplit("/", 1)[1], ids(made.json["messages"])


def test_a_bulk_deletion_needs_the_claim_of_each_message(zaqar: Zaqar, queue_name: str) -> None:
    queue = f"/v2/queues/{queue_name}"
    zaqar.post(queue_name, 1, 2)
    (first, [one]), (second, [two]) = claim(zaqar, queue), claim(zaqar, queue)
    both = f"{queue}/messages?ids={one},{two}"
    assert zaqar.call("DELETE", both).status == 400
    assert zaqar.call("DELETE", f"{queue}/messages?claim_ids={first}").status == 400
    assert zaqar.call("DELETE", f"{both}&claim_ids={first}").status == 403
    assert len(zaqar.call("GET", both).json["messages"]) == 2
    assert zaqar.call("DELETE", f"{both}&claim_ids={first},{second}").status == 204
    assert zaqar.call("GET", both).status == 404


def test_a_message_without_a_claim_is_not_deleted(zaqar: Zaqar, queue_name: str) -> None:
    queue = f"/v2/queues/{queue_name}"
    posted = ids(zaqar.post(queue_name, 1, 2))
    mine, _ = claim(zaqar, queue)
    both = f"{queue}/messages?ids={','.join(posted)}"
    assert zaqar.call("DELETE", f"{both}&claim_ids={mine}").status == 400
    assert len(zaqar.call("GET", both).json["messages"]) == 2


@pytest.mark.parametrize("claim_id", ["no-uuid", "9f4628a1-5d41-48e7-9f67-7938c12d28ca"])
def test_an_unknown_claim_is_refused(zaqar: Zaqar, queue_name: str, claim_id: str) -> None:
    queue = f"/v2/queues/{queue_name}"
    zaqar.post(queue_name, 1)
    _, [one] = claim(zaqar, queue)
    assert zaqar.call("DELETE", f"{queue}/messages?ids={one}&claim_ids={claim_id}").status == 400
    assert zaqar.call("GET", f"{queue}/messages/{one}").status == 200


@pytest.mark.parametrize("end", ["lapsed", "released"])
def test_a_deletion_can_be_repeated_after_its_claims_have_ended(
    zaqar: Zaqar, queue_name: str, advance: Advance, end: str
) -> None:
    queue = f"/v2/queues/{queue_name}"
    zaqar.post(queue_name, 1, 2)
    (first, [one]), (second, [two]) = claim(zaqar, queue), claim(zaqar, queue)
    both = f"{queue}/messages?ids={one},{two}&claim_ids={first},{second}"
    assert zaqar.call("DELETE", both).status == 204
    if end == "lapsed":
        advance(QueueRef(zaqar.project, "us-east-1", queue_name), 300)
    else:
        assert zaqar.call("DELETE", f"{queue}/claims/{first}").status == 204
    assert zaqar.call("DELETE", both).status == 204
    assert zaqar.call("DELETE", f"{queue}/messages?ids={one}&claim_ids={uuid.uuid4()}").status == 204
    assert zaqar.call("DELETE", f"{queue}/messages?ids={one}&claim_ids=no-uuid").status == 400


def test_an_ended_claim_deletes_messages_that_were_not_received_since(
    zaqar: Zaqar, queue_name: str, advance: Advance
) -> None:
    queue = f"/v2/queues/{queue_name}"
    zaqar.post(queue_name, 1, 2)
    (first, [one]), (second, [two]) = claim(zaqar, queue), claim(zaqar, queue)
    advance(QueueRef(zaqar.project, "us-east-1", queue_name), 300)
    third, again = claim(zaqar, queue)
    assert again == [one]
    both = f"{queue}/messages?ids={one},{two}"
    assert zaqar.call("DELETE", f"{both}&claim_ids={first},{second}").status == 400
    assert len(zaqar.call("GET", both).json["messages"]) == 2
    assert zaqar.call("DELETE", f"{both}&claim_ids={third},{second}").status == 204
    assert zaqar.call("GET", both).status == 404


def test_messages_of_a_topic_have_no_claims(zaqar: Zaqar, queue_name: str) -> None:
    topic = f"/v2/topics/{queue_name}/messages"
    [one] = ids(zaqar.call("POST", topic, {"messages": [{"body": 1}]}).json["resources"])
    assert zaqar.call("DELETE", f"{topic}?ids={one}").status == 204
    assert zaqar.call("GET", f"{topic}/{one}").status == 404
