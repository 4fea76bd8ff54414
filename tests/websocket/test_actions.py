"""Every action, in both encodings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.websocket.conftest import Client
from zaqar_core.domain.names import QueueRef
from zaqar_core.rest.actions import ACTIONS

OPEN = Callable[..., Client]


def posted(client: Client, queue: str, *bodies: Any, **more: int) -> list[str]:
    """Ids of messages with these bodies."""
    status, body = client.call("message_post", queue_name=queue, messages=[{"body": one, **more} for one in bodies])
    assert status == 201, body
    ids: list[str] = body["message_ids"]
    return ids


def test_a_reply_repeats_its_request(client: Client, queue_name: str) -> None:
    answer = client.ask("queue_create", {"queue_name": queue_name, "metadata": {"mine": [1, None, "ö"]}})
    assert answer == {
        "request": {
            "action": "queue_create",
            "body": {"queue_name": queue_name, "metadata": {"mine": [1, None, "ö"]}},
            "api": "v2",
            "headers": client.headers,
        },
        "headers": {"status": 201},
        "body": f"Queue {queue_name} created.",
    }


def test_a_queue_is_created_changed_and_deleted(client: Client, queue_name: str) -> None:
    metadata = {"mine": {"deep": [1.5, "x", None, True]}, "_default_message_ttl": 600}
    assert client.call("queue_get", queue_name=queue_name) == (200, {})
    empty = {"messages": {"claimed": 0, "free": 0, "total": 0}}
    assert client.call("queue_get_stats", queue_name=queue_name) == (404, empty)
    assert client.call("queue_create", queue_name=queue_name, metadata=metadata)[0] == 201
    assert client.call("queue_create", queue_name=queue_name)[0] == 204
    assert client.call("queue_get", queue_name=queue_name) == (200, metadata)
    assert client.call("queue_get_stats", queue_name=queue_name) == (200, empty)
    [oldest, newest] = posted(client, queue_name, 1, 2)
    found = client.call("queue_get_stats", queue_name=queue_name)[1]["messages"]
    assert (found["total"], found["oldest"]["id"], found["newest"]["id"]) == (2, oldest, newest)
    assert set(found["oldest"]) == {"id", "age", "created"}
    assert client.call("queue_purge", queue_name=queue_name, resource_types=["messages"]) == (204, {})
    assert client.call("queue_get_stats", queue_name=queue_name) == (200, empty)
    assert client.call("queue_purge", queue_name=queue_name) == (204, {})
    assert client.call("queue_purge", queue_name=queue_name, resource_types=["claims"])[0] == 400
    assert client.call("queue_delete", queue_name=queue_name) == (204, f"Queue {queue_name} removed.")
    assert client.call("queue_get_stats", queue_name=queue_name)[0] == 404


def test_queues_are_listed_in_pages(client: Client) -> None:
    for number in range(12):
        client.call("queue_create", queue_name=f"q{number:02}", metadata={"number": number})
    status, page = client.call("queue_list")
    assert (status, set(page), len(page["queues"])) == (200, {"queues"}, 10)
    assert page["queues"][0] == {"name": "q00"}
    _, page = client.call("queue_list", marker="q09", limit=20, detailed=True, with_count=True)
    assert page["queues"] == [{"name": f"q{number}", "metadata": {"number": number}} for number in (10, 11)]
    assert page["count"] == 12
    _, page = client.call("queue_list", name="1$", limit=3)
    assert [queue["name"] for queue in page["queues"]] == ["q01", "q11"]
    assert client.call("queue_list", limit=21)[0] == 400


BODIES: list[Any] = [{"a": [1, -1, 2**53, 0.25]}, "text ö", None, False, [], 9_223_372_036_854_775_807]


def test_messages_are_posted_and_read(client: Client, open_client: OPEN, queue_name: str) -> None:
    ids = posted(client, queue_name, *BODIES, ttl=100)
    status, one = client.call("message_get", queue_name=queue_name, message_id=ids[0])
    assert (status, one["messages"]["id"], one["messages"]["body"]) == (200, ids[0], BODIES[0])
    assert list(one["messages"]) == ["id", "claim_id", "ttl", "age", "body"]
    status, many = client.call("message_get_many", queue_name=queue_name, message_ids=ids)
    assert (status, [message["body"] for message in many["messages"]]) == (200, BODIES)
    unknown = "11111111-1111-4111-8111-111111111111"
    assert client.call("message_get_many", queue_name=queue_name, message_ids=[unknown]) == (200, {"messages": []})
    assert client.call("message_get", queue_name=queue_name, message_id=unknown)[0] == 404
    assert client.call("message_list", queue_name=queue_name) == (200, {"messages": []})
    reader = open_client(is_binary=client.is_binary, project=client.project)
    status, page = reader.call("message_list", queue_name=queue_name, limit=4)
    assert (status, [message["body"] for message in page["messages"]]) == (200, BODIES[:4])
    _, page = reader.call("message_list", queue_name=queue_name, marker=page["messages"][-1]["id"])
    assert [message["body"] for message in page["messages"]] == BODIES[4:]
    _, page = client.call("message_list", queue_name=queue_name, echo=True)
    assert len(page["messages"]) == len(BODIES)


def test_a_message_may_have_a_delay_and_is_purged_all_the_same(client: Client, queue_name: str) -> None:
    client.call("queue_create", queue_name=queue_name, metadata={"_default_message_delay": 60})
    [late] = posted(client, queue_name, "late")
    [now] = posted(client, queue_name, "now", delay=0)
    _, page = client.call("message_list", queue_name=queue_name, echo=True)
    assert [message["id"] for message in page["messages"]] == [now]
    everything = {"queue_name": queue_name, "echo": True, "include_delayed": True}
    _, page = client.call("message_list", **everything)
    assert [message["id"] for message in page["messages"]] == [late, now]
    assert client.call("queue_purge", queue_name=queue_name)[0] == 204
    assert client.call("message_list", **everything) == (200, {"messages": []})


def test_messages_are_deleted(client: Client, queue_name: str) -> None:
    ids = posted(client, queue_name, 1, 2, 3, 4)
    assert client.call("message_delete", queue_name=queue_name, message_id=ids[0]) == (204, {})
    assert client.call("message_delete", queue_name=queue_name, message_id=ids[0]) == (204, {})
    assert client.call("message_delete_many", queue_name=queue_name, message_ids=ids[:2]) == (204, {})
    status, body = client.call("message_delete_many", queue_name=queue_name, pop=1)
    assert (status, [message["body"] for message in body["messages"]]) == (200, [3])
    assert client.call("queue_get_stats", queue_name=queue_name)[1]["messages"]["total"] == 1
    assert client.call("message_delete_many", queue_name=queue_name)[0] == 400
    assert client.call("message_delete_many", queue_name=queue_name, pop=1, message_ids=ids)[0] == 400


def test_a_claim_is_created_updated_and_released(
    client: Client, queue_name: str, advance: Callable[[QueueRef, float], None]
) -> None:
    assert client.call("claim_create", queue_name=queue_name) == (204, {"claim_id": None})
    ids = posted(client, queue_name, 1, 2, 3)
    status, claim = client.call("claim_create", queue_name=queue_name, ttl=100, grace=60, limit=2)
    assert (status, [message["id"] for message in claim["messages"]]) == (201, ids[:2])
    named = {"queue_name": queue_name, "claim_id": claim["claim_id"]}
    status, found = client.call("claim_get", **named)
    assert (status, found["ttl"], len(found["messages"])) == (200, 100, 2)
    assert client.call("message_delete", queue_name=queue_name, message_id=ids[0])[0] == 403
    assert client.call("message_delete", message_id=ids[0], **named) == (204, {})
    assert client.call("claim_update", ttl=200, **named) == (204, f"Claim {claim['claim_id']} updated.")
    advance(QueueRef(client.project, "us-east-1", queue_name), 150)
    assert client.call("claim_get", **named)[1]["age"] >= 150
    assert client.call("claim_update", **named)[0] == 204
    assert client.call("claim_delete", **named) == (204, f"Claim {claim['claim_id']} deleted.")
    assert client.call("claim_get", **named)[0] == 404
    assert client.call("claim_update", **named)[0] == 404
    assert client.call("message_delete", message_id=ids[1], **named)[0] == 400
    assert client.call("claim_create", queue_name=queue_name)[1]["messages"][0]["id"] == ids[1]


def test_a_deletion_is_repeated_after_its_claim(
    client: Client, queue_name: str, advance: Callable[[QueueRef, float], None]
) -> None:
    posted(client, queue_name, 1, 2)
    _, claim = client.call("claim_create", queue_name=queue_name, ttl=60, grace=60)
    done, late = ({"queue_name": queue_name, "message_id": one["id"]} for one in claim["messages"])
    assert client.call("message_delete", claim_id=claim["claim_id"], **done) == (204, {})
    advance(QueueRef(client.project, "us-east-1", queue_name), 60)
    assert client.call("message_delete", claim_id=claim["claim_id"], **done) == (204, {})
    assert client.call("message_delete", claim_id="11111111-1111-4111-8111-111111111111", **late)[0] == 400
    assert client.call("message_delete", claim_id=claim["claim_id"], **late) == (204, {})
    assert client.call("message_delete", claim_id="no-uuid", **late)[0] == 400
    assert client.call("queue_get_stats", queue_name=queue_name)[1]["messages"]["total"] == 0


def test_messages_of_a_claim_name_the_claim(client: Client, queue_name: str) -> None:
    ids = posted(client, queue_name, "a", "b")

    def call(action: str, **fields: Any) -> Any:
        """The messages of an answer, without their ages."""
        messages = client.call(action, queue_name=queue_name, **fields)[1]["messages"]
        rows = messages if isinstance(messages, list) else [messages]
        assert all(type(row.pop("age")) is int for row in rows)
        return rows

    free = [{"id": one, "claim_id": None, "ttl": 3600, "body": body} for one, body in zip(ids, "ab", strict=True)]
    assert call("message_list", echo=True) == free
    status, claim = client.call("claim_create", queue_name=queue_name, limit=1)
    claim_id = claim["claim_id"]
    assert (status, [one["claim_id"] for one in claim["messages"]]) == (201, [claim_id])
    held = {**free[0], "claim_id": claim_id}
    assert call("claim_get", claim_id=claim_id) == [held]
    assert call("message_list", echo=True, include_claimed=True) == free
    assert call("message_get", message_id=ids[0]) == free[:1]
    assert call("message_get_many", message_ids=ids) == free
    status, found = client.call("claim_get", queue_name=queue_name, claim_id=claim_id)
    assert (status, set(found), found["ttl"]) == (200, {"age", "ttl", "messages"}, 300)
    assert call("message_delete_many", pop=2) == [{**free[1], "claim_count": 1}]


@pytest.mark.parametrize(
    ("action", "fields"),
    [
        ("claim_create", {"ttl": 59}), ("claim_create", {"grace": 43_201}), ("claim_create", {"limit": 21}),
        ("claim_create", {"ttl": "60"}), ("claim_create", {"limit": "1"}), ("claim_create", {"limit": True}),
        ("message_post", {}), ("message_post", {"messages": []}), ("message_post", {"messages": [{"ttl": 60}]}),
        ("message_post", {"messages": [{"body": 1, "ttl": "60"}]}), ("message_post", {"messages": "x"}),
        ("message_post", {"messages": [{"body": "x" * 262_144}]}), ("message_list", {"echo": "yes"}),
        ("message_list", {"limit": 0}), ("message_get", {}), ("message_get", {"message_id": 1}),
        ("message_get", {"message_id": "../stats"}), ("message_get_many", {}),
        ("message_get_many", {"message_ids": []}),
        ("message_get_many", {"message_ids": [1]}), ("message_get_many", {"message_ids": ["x"] * 21}),
        ("message_delete_many", {"pop": 21}), ("message_delete_many", {"pop": "1"}), ("claim_get", {}),
        ("claim_update", {"claim_id": "11111111-1111-4111-8111-111111111111", "ttl": 59}),
        ("queue_create", {"metadata": []}), ("queue_create", {"metadata": "x"}),
        ("queue_create", {"metadata": {"_default_message_ttl": 1}}),
        ("queue_create", {"metadata": {"x": "y" * 65_536}}), ("queue_purge", {"resource_types": "messages"}),
    ],
)  # fmt: skip
def test_wrong_fields_are_refused_and_nothing_is_done(
    client: Client, queue_name: str, action: str, fields: dict[str, Any]
) -> None:
    status, body = client.call(action, queue_name=queue_name, **fields)
    assert status == 400, body
    assert body["error"]
    assert client.call("queue_list") == (200, {"queues": []})


@pytest.mark.parametrize("action", sorted(action for action in ACTIONS if "queue_name" in ACTIONS[action].names))
@pytest.mark.parametrize("name", [None, "", "a/b", "a b", "ö", "a" * 65, 1, [], "..//"])
def test_wrong_queue_names_are_refused(client: Client, action: str, name: Any) -> None:
    some = "11111111-1111-4111-8111-111111111111"
    fields = {"message_id": some, "claim_id": some, "subscription_id": some, "message_ids": [some]}
    status, body = client.call(action, queue_name=name, messages=[{"body": 1}], **fields)
    assert status == 400, body
    assert "queue" in body["error"]


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ({"Client-ID": None}, "Client-ID"), ({"Client-ID": ""}, "UUID"), ({"Client-ID": "x"}, "UUID"),
        ({"Client-ID": 1}, "Client-ID"), ({"X-Project-ID": None}, "X-Project-Id"), ({"X-Project-ID": ""}, "empty"),
        ({"X-Project-ID": "x" * 257}, "X-Project-Id"), ({"X-Project-ID": "health\nreport"}, "control"),
        ({"X-Project-ID": ["a"]}, "X-Project-ID"),
    ],
)  # fmt: skip
def test_wrong_headers_are_refused(client: Client, headers: dict[str, Any], told: str) -> None:
    answer = client.ask("queue_list", **headers)
    assert answer["headers"]["status"] == 400
    assert told in answer["body"]["error"]


def test_header_names_are_case_insensitive(client: Client) -> None:
    client.send({"action": "queue_list", "headers": {"client-id": client.client_id, "x-project-id": client.project}})
    assert client.receive()["headers"]["status"] == 200


def test_queues_and_messages_are_those_of_http(client: Client, zaqar_over_core: Any, queue_name: str) -> None:
    posted(client, queue_name, {"from": "frame"})
    http = zaqar_over_core(client.project)
    [message] = http.call("GET", f"/v2/queues/{queue_name}/messages").json["messages"]
    assert message["body"] == {"from": "frame"}
    http.post(queue_name, "from http")
    _, page = client.call("message_list", queue_name=queue_name)
    assert [message["body"] for message in page["messages"]] == ["from http"]
