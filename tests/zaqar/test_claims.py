"""Claims over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from zaqar_core.domain.names import QueueRef


def test_a_claim_is_created_read_updated_and_released(
    zaqar: Any, queue_name: str, advance: Callable[[QueueRef, float], None]
) -> None:
    queue = f"/v2/queues/{queue_name}"
    assert zaqar.call("POST", queue + "/claims").status == 204
    zaqar.post(queue_name, 1, 2, 3)
    made = zaqar.call("POST", queue + "/claims?limit=2", {"ttl": 100, "grace": 60, "other": 1})
    assert made.status == 201
    claim = made.headers["location"]
    claim_id = claim.rsplit("/", 1)[1]
    assert claim == f"{queue}/claims/{claim_id}"
    assert [message["body"] for message in made.json["messages"]] == [1, 2]
    first = made.json["messages"][0]
    assert set(first) == {"id", "href", "ttl", "age", "body"}
    assert first["href"] == f"{queue}/messages/{first['id']}?claim_id={claim_id}"
    assert [m["body"] for m in zaqar.call("GET", queue + "/messages?echo=1").json["messages"]] == [3]
    everything = zaqar.call("GET", queue + "/messages?echo=1&include_claimed=true").json["messages"]
    assert [message["body"] for message in everything] == [1, 2, 3]
    advance(QueueRef(zaqar.project, "us-east-1", queue_name), 10)
    shown = zaqar.call("GET", claim).json
    assert (shown["age"], shown["ttl"], shown["href"], len(shown["messages"])) == (10, 100, claim, 2)
    assert zaqar.call("PATCH", claim, {"ttl": 200}).status == 204
    shown = zaqar.call("GET", claim).json
    assert (shown["age"], shown["ttl"]) == (0, 200)
    assert zaqar.call("DELETE", first["href"].split("?")[0]).status == 403
    assert zaqar.call("DELETE", first["href"]).status == 204
    assert [message["body"] for message in zaqar.call("GET", claim).json["messages"]] == [2]
    assert zaqar.call("DELETE", claim).status == 204
    assert zaqar.call("DELETE", claim).status == 204
    assert zaqar.call("GET", claim).status == 404
    assert zaqar.call("PATCH", claim, {}).status == 404
    again = zaqar.call("POST", queue + "/claims")
    assert [message["body"] for message in again.json["messages"]] == [2, 3]


def test_an_href_names_a_claim_only_while_it_lasts(zaqar: Any, queue_name: str) -> None:
    """So a message that is free again can be deleted by the href in a listing."""
    (href,) = zaqar.post(queue_name, 1)
    claim = zaqar.call("POST", f"/v2/queues/{queue_name}/claims").headers["location"]
    assert zaqar.call("GET", href).json["href"] == f"{href}?claim_id={claim.rsplit('/', 1)[1]}"
    zaqar.call("DELETE", claim)
    (listed,) = zaqar.call("GET", f"/v2/queues/{queue_name}/messages?echo=true").json["messages"]
    assert listed["href"] == href
    assert zaqar.call("DELETE", listed["href"]).status == 204
    assert zaqar.call("GET", href).status == 404


def test_a_deletion_with_a_wrong_claim_is_refused(zaqar: Any, queue_name: str) -> None:
    (href, other) = zaqar.post(queue_name, 1, 2)
    queue = f"/v2/queues/{queue_name}"
    unknown = "00000000-0000-4000-8000-000000000000"
    for wrong in ("x", unknown):
        answer = zaqar.call("DELETE", f"{href}?claim_id={wrong}")
        assert (answer.status, answer.json["title"]) == (400, "Unable to delete")
    claims = [zaqar.call("POST", queue + "/claims?limit=1").headers["location"].rsplit("/", 1)[1] for _ in range(2)]
    assert zaqar.call("DELETE", f"{href}?claim_id={claims[1]}").status == 403
    zaqar.call("DELETE", f"{queue}/claims/{claims[1]}")
    third = zaqar.call("DELETE", f"{other}?claim_id={claims[0]}")
    assert third.status == 400
    assert zaqar.call("DELETE", f"{href}?claim_id={claims[0]}").status == 204


def test_a_claimed_message_stays_until_its_claim_and_grace_end(zaqar: Any, queue_name: str) -> None:
    zaqar.post(queue_name, 1, ttl=60)
    (message,) = zaqar.call("POST", f"/v2/queues/{queue_name}/claims", {"ttl": 300, "grace": 100}).json["messages"]
    assert message["ttl"] == 400


@pytest.mark.parametrize(
    "raw",
    [b"[]", b"1", b"x", b'{"ttl":59}', b'{"ttl":43201}', b'{"ttl":"60"}', b'{"grace":59}', b'{"grace":43201}',
     b'{"ttl":null}', b'{"grace":true}', b'{"ttl":60.0}'],
)  # fmt: skip
def test_a_creation_with_wrong_input_is_refused(zaqar: Any, queue_name: str, raw: bytes) -> None:
    zaqar.post(queue_name, 1)
    assert zaqar.call("POST", f"/v2/queues/{queue_name}/claims", raw=raw).status == 400


@pytest.mark.parametrize("raw", [b"", b"[]", b'{"ttl":59}', b'{"ttl":43201}', b'{"grace":43201}', b'{"grace":-1}'])
def test_an_update_with_wrong_input_is_refused(zaqar: Any, queue_name: str, raw: bytes) -> None:
    zaqar.post(queue_name, 1)
    claim = zaqar.call("POST", f"/v2/queues/{queue_name}/claims").headers["location"]
    assert zaqar.call("PATCH", claim, raw=raw).status == 400


@pytest.mark.parametrize("limit", ["0", "21", "x", "-1"])
def test_a_limit_out_of_bounds_is_refused(zaqar: Any, queue_name: str, limit: str) -> None:
    assert zaqar.call("POST", f"/v2/queues/{queue_name}/claims?limit={limit}").status == 400


def test_a_message_claimed_too_often_moves_to_the_dead_letter_queue(zaqar: Any, queue_name: str) -> None:
    queue, dead = f"/v2/queues/{queue_name}", f"{queue_name}.dead"
    zaqar.call("PUT", queue, {"_max_claim_count": 2, "_dead_letter_queue": dead})
    zaqar.post(queue_name, 1)
    for _ in range(2):
        claim = zaqar.call("POST", queue + "/claims")
        assert claim.status == 201
        zaqar.call("DELETE", claim.headers["location"])
    assert zaqar.call("POST", queue + "/claims").status == 204
    moved = zaqar.call("GET", f"/v2/queues/{dead}/messages?echo=true").json["messages"]
    assert [message["body"] for message in moved] == [1]
    assert dead in [row["name"] for row in zaqar.call("GET", "/v2/queues").json["queues"]]


def test_a_message_claimed_as_soon_as_it_is_posted_has_its_grace(zaqar: Any, queue_name: str) -> None:
    """Most of these claims are created in the millisecond of the post."""
    shown = []
    for _ in range(50):
        zaqar.post(queue_name, 1, ttl=60)
        made = zaqar.call("POST", f"/v2/queues/{queue_name}/claims", {"ttl": 60, "grace": 90})
        shown += [message["ttl"] for message in made.json["messages"]]
    assert shown == [150] * 50


def test_a_dead_letter_shows_the_ttl_that_it_keeps(
    zaqar: Any, queue_name: str, advance: Callable[[QueueRef, float], None]
) -> None:
    source = QueueRef(zaqar.project, "us-east-1", queue_name)
    target = source.sibling(f"{queue_name}.dead")
    queue, dead = f"/v2/queues/{source.name}", f"/v2/queues/{target.name}"
    zaqar.call("PUT", queue, {"_max_claim_count": 1, "_dead_letter_queue": target.name})
    zaqar.call("PUT", dead)
    zaqar.post(queue_name, 1, ttl=200)
    assert zaqar.call("POST", queue + "/claims", {"ttl": 60}).status == 201
    advance(source, 60)
    advance(target, 60)
    assert zaqar.call("POST", queue + "/claims").status == 204
    [moved] = zaqar.call("GET", f"{dead}/messages?echo=true").json["messages"]
    assert (moved["ttl"], moved["age"]) == (200, 60)
    advance(target, 139)
    assert zaqar.call("GET", moved["href"]).status == 200
    advance(target, 1)
    assert zaqar.call("GET", moved["href"]).status == 404
