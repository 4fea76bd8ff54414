"""Queues over HTTP: metadata, patches, listings, counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from zaqar_core.core import queues
from zaqar_core.core.session import Session
from zaqar_core.domain.model import QueueSettings
from zaqar_core.domain.names import QueueRef
from zaqar_core.rest.patch import MEDIA_TYPE

DEFAULTS = {
    "_max_messages_post_size": 262_144,
    "_default_message_ttl": 3600,
    "_default_message_delay": 0,
    "_dead_letter_queue": None,
    "_dead_letter_queue_messages_ttl": None,
    "_max_claim_count": None,
    "_enable_encrypt_messages": False,
}


def patch(zaqar: Any, queue: str, *steps: dict[str, Any]) -> Any:
    return zaqar.call("PATCH", f"/v2/queues/{queue}", list(steps), headers={"CONTENT_TYPE": MEDIA_TYPE})


def test_a_queue_is_created_read_and_deleted(zaqar: Any, queue_name: str) -> None:
    path = f"/v2/queues/{queue_name}"
    assert zaqar.call("GET", path).json == DEFAULTS
    made = zaqar.call("PUT", path, {"mine": [1], "_default_message_ttl": 600, "_other": None})
    assert (made.status, made.headers["location"]) == (201, path)
    again = zaqar.call("PUT", path, {"mine": 2})
    assert (again.status, again.headers["location"]) == (204, path)
    shown = zaqar.call("GET", path).json
    assert shown == {**DEFAULTS, "mine": [1], "_default_message_ttl": 600, "_other": None}
    assert zaqar.call("DELETE", path).status == 204
    assert zaqar.call("DELETE", path).status == 204
    assert zaqar.call("GET", path).json == DEFAULTS


def test_reserved_attributes_are_settings_of_the_queue(session: Session, zaqar: Any, queue_name: str) -> None:
    zaqar.call(
        "PUT",
        f"/v2/queues/{queue_name}",
        {
            "_default_message_ttl": 600,
            "_default_message_delay": 5,
            "_dead_letter_queue": "dlq",
            "_max_claim_count": 3,
            "_dead_letter_queue_messages_ttl": 60,
            "_max_messages_post_size": 100,
        },
    )
    found = queues.get(session, QueueRef(zaqar.project, "us-east-1", queue_name)).settings
    assert found == QueueSettings(
        retention_seconds=600,
        delay_seconds=5,
        dead_letter_queue="dlq",
        max_receive_count=3,
        dead_letter_ttl_seconds=60,
        max_post_bytes=100,
    )


@pytest.mark.parametrize(
    "metadata",
    [
        {"_default_message_ttl": 59}, {"_default_message_ttl": 0}, {"_default_message_ttl": "60"},
        {"_default_message_ttl": True}, {"_default_message_ttl": 1_209_601}, {"_default_message_delay": 901},
        {"_default_message_delay": -1}, {"_max_messages_post_size": 0}, {"_max_messages_post_size": 262_145},
        {"_max_claim_count": "1"}, {"_dead_letter_queue": 1}, {"_dead_letter_queue": "a/b"},
        {"_dead_letter_queue_messages_ttl": 1}, {"_flavor": 1}, {"_retry_policy": []},
        {"_retry_policy": {"minimum_delay": "5"}}, {"_retry_policy": {"retries_with_no_delay": -1}},
        {"_retry_policy": {"maximum_delay": 10}}, {"_retry_policy": {"minimum_delay": 25}},
        {"_retry_policy": {"retry_backoff_function": "random"}}, {"_retry_policy": {"retry_backoff_function": []}},
        {"_retry_policy": {"ignore_subscription_override": 1}}, {"_retry_policy": {"minimum_delay": True}},
        {"_enable_encrypt_messages": 1}, {"_enable_encrypt_messages": True}, [], [1],
    ],
)  # fmt: skip
def test_wrong_metadata_is_refused(zaqar: Any, queue_name: str, metadata: Any) -> None:
    assert zaqar.call("PUT", f"/v2/queues/{queue_name}", metadata).status == 400
    assert zaqar.call("GET", "/v2/queues").json == {"queues": [], "links": []}


def test_a_retry_policy_is_kept(zaqar: Any, queue_name: str) -> None:
    policy = {"maximum_delay": 60, "minimum_delay": 50, "retry_backoff_function": "geometric", "mine": None}
    assert zaqar.call("PUT", f"/v2/queues/{queue_name}", {"_retry_policy": policy}).status == 201
    assert zaqar.call("GET", f"/v2/queues/{queue_name}").json["_retry_policy"] == policy


@pytest.mark.parametrize("name", ["a" * 65, "a" * 81, "a b", "a%", "\xc3\xa9", "a\n", "a:b", "a" * 70 + ".fifo"])
@pytest.mark.parametrize("below", ["", "/messages", "/messages/x", "/claims/x", "/stats"])
def test_wrong_names_are_refused(zaqar: Any, name: str, below: str) -> None:
    answer = zaqar.call("GET", f"/v2/queues/{name}{below}")
    assert (answer.status, answer.json["title"]) == (400, "Invalid queue identification")


def test_a_longer_sqs_name_is_addressed_where_it_exists(session: Session, zaqar: Any, queue_name: str) -> None:
    name = queue_name.ljust(80, "x")
    assert zaqar.call("PUT", f"/v2/queues/{name}").status == 400
    queues.create(session, QueueRef(zaqar.project, "us-east-1", name), QueueSettings(), creator="sqs")
    assert zaqar.call("GET", f"/v2/queues/{name}").json == {**DEFAULTS, "_default_message_ttl": 345_600}
    (href,) = zaqar.post(name, 1)
    assert zaqar.call("GET", href).status == 200


def test_metadata_is_patched(zaqar: Any, queue_name: str) -> None:
    zaqar.call("PUT", f"/v2/queues/{queue_name}", {"a/b": 1, "gone": 2, "_default_message_ttl": 600})
    answer = patch(
        zaqar,
        queue_name,
        {"op": "add", "path": "/metadata/new", "value": {"x": None}},
        {"op": "replace", "path": "/METADATA/a~1b", "value": 3},
        {"op": "remove", "path": "/metadata/gone"},
        {"op": "remove", "path": "/metadata/_default_message_ttl"},
        {"op": "remove", "path": "/metadata/_dead_letter_queue"},
        {"op": "replace", "path": "/metadata/_max_claim_count", "value": 4},
    )
    assert answer.status == 200
    assert answer.json == {**DEFAULTS, "new": {"x": None}, "a/b": 3, "_max_claim_count": 4}
    assert zaqar.call("GET", f"/v2/queues/{queue_name}").json == answer.json


@pytest.mark.parametrize(
    ("steps", "status"),
    [
        ([{"op": "replace", "path": "/metadata/none", "value": 1}], 409),
        ([{"op": "remove", "path": "/metadata/none"}], 409),
        ([{"op": "move", "path": "/metadata/a", "value": 1}], 400),
        ([{"op": "add", "path": "/metadata/a"}], 400),
        ([{"op": "add", "path": "/metadata/a/b", "value": 1}], 400),
        ([{"op": "add", "path": "/metadata//a", "value": 1}], 400),
        ([{"op": "add", "path": "/metadata/a/", "value": 1}], 400),
        ([{"op": "add", "path": "/metadata/a~2", "value": 1}], 400),
        ([{"op": "add", "path": "metadata/a", "value": 1}], 400),
        ([{"op": "add", "path": "/other/a", "value": 1}], 400),
        ([{"op": "add", "path": 1, "value": 1}], 400),
        ([{"op": [], "path": "/metadata/a", "value": 1}], 400),
        ([{"op": "add", "path": "/metadata/_default_message_ttl", "value": 1}], 400),
        ([1], 400),
    ],
)
def test_a_refused_patch_changes_nothing(zaqar: Any, queue_name: str, steps: list[Any], status: int) -> None:
    zaqar.call("PUT", f"/v2/queues/{queue_name}", {"a": 0})
    first = {"op": "add", "path": "/metadata/first", "value": 1}
    assert patch(zaqar, queue_name, first, *steps).status == status
    assert zaqar.call("GET", f"/v2/queues/{queue_name}").json == {**DEFAULTS, "a": 0}


def test_patch_needs_its_media_type_and_a_queue(zaqar: Any, queue_name: str) -> None:
    path, step = f"/v2/queues/{queue_name}", {"op": "add", "path": "/metadata/a", "value": 1}
    assert patch(zaqar, queue_name, step).status == 404
    zaqar.call("PUT", path)
    assert zaqar.call("PATCH", path, [step], headers={"CONTENT_TYPE": "application/json"}).status == 415
    for raw in (b"", b"{}", b"nope"):
        assert zaqar.call("PATCH", path, raw=raw, headers={"CONTENT_TYPE": MEDIA_TYPE}).status == 400


def test_queues_are_listed_in_pages(zaqar: Any) -> None:
    for number in range(12):
        zaqar.call("PUT", f"/v2/queues/q{number:02}", {"number": number, "even": number % 2 == 0})
    page = zaqar.call("GET", "/v2/queues").json
    assert [queue["name"] for queue in page["queues"]] == [f"q{number:02}" for number in range(10)]
    assert page["queues"][0] == {"name": "q00", "href": "/v2/queues/q00"}
    (link,) = page["links"]
    assert link == {"rel": "next", "href": "/v2/queues?marker=q09"}
    assert [queue["name"] for queue in zaqar.call("GET", link["href"]).json["queues"]] == ["q10", "q11"]
    assert zaqar.call("GET", "/v2/queues?marker=q11").json == {"queues": [], "links": []}
    assert zaqar.call("GET", "/v2/queues?marker=zzz").json == {"queues": [], "links": []}
    detailed = zaqar.call("GET", "/v2/queues?detailed=true&limit=1&with_count=true").json
    assert detailed["queues"][0]["metadata"] == {**DEFAULTS, "number": 0, "even": True}
    assert detailed["count"] == 12
    assert detailed["links"][0]["href"] == "/v2/queues?limit=1&detailed=true&with_count=true&marker=q00"
    assert [queue["name"] for queue in zaqar.call("GET", "/v2/queues?number=11").json["queues"]] == ["q11"]
    assert [queue["name"] for queue in zaqar.call("GET", "/v2/queues?name=11&limit=1").json["queues"]] == ["q11"]


@pytest.mark.parametrize("query", ["limit=0", "limit=21", "limit=x", "limit=-1", "detailed=maybe", "with_count=2"])
def test_a_listing_with_wrong_parameters_is_refused(zaqar: Any, query: str) -> None:
    assert zaqar.call("GET", f"/v2/queues?{query}").status == 400


def test_stats_count_messages_by_state(zaqar: Any, queue_name: str, advance: Callable[[QueueRef, float], None]) -> None:
    path = f"/v2/queues/{queue_name}/stats"
    assert zaqar.call("GET", path).json == {"messages": {"claimed": 0, "free": 0, "total": 0}}
    hrefs = zaqar.post(queue_name, 1, 2, 3)
    zaqar.call("POST", f"/v2/queues/{queue_name}/claims?limit=1")
    advance(QueueRef(zaqar.project, "us-east-1", queue_name), 7)
    found = zaqar.call("GET", path).json["messages"]
    assert (found["claimed"], found["free"], found["total"]) == (1, 2, 3)
    assert set(found["oldest"]) == {"href", "age", "created"}
    assert (found["oldest"]["href"], found["newest"]["href"]) == (hrefs[0], hrefs[2])
    assert found["oldest"]["age"] == 7
    assert zaqar.call("GET", found["oldest"]["href"]).status == 200


def test_a_purge_deletes_delayed_messages(
    zaqar: Any, queue_name: str, advance: Callable[[QueueRef, float], None]
) -> None:
    path = f"/v2/queues/{queue_name}"
    zaqar.call("PUT", path, {"_default_message_delay": 60})
    zaqar.post(queue_name, "late")
    zaqar.post(queue_name, "now", delay=0)
    assert zaqar.call("POST", path + "/purge", {"resource_types": ["messages"]}).status == 204
    assert zaqar.call("GET", path + "/stats").json["messages"] == {"claimed": 0, "free": 0, "total": 0}
    advance(QueueRef(zaqar.project, "us-east-1", queue_name), 60)
    assert zaqar.call("GET", path + "/messages?echo=true&include_delayed=true").json["messages"] == []


def test_a_message_that_a_purge_kept_can_be_deleted_or_released(zaqar: Any, queue_name: str) -> None:
    path = f"/v2/queues/{queue_name}"
    hrefs = zaqar.post(queue_name, 1, 2)
    claim = zaqar.call("POST", path + "/claims")
    assert zaqar.call("POST", path + "/purge").status == 204
    assert zaqar.call("DELETE", claim.json["messages"][0]["href"]).status == 204
    assert zaqar.call("DELETE", claim.headers["location"]).status == 204
    [left] = zaqar.call("GET", path + "/messages?echo=true").json["messages"]
    assert left["href"] == hrefs[1]
    assert zaqar.call("POST", path + "/purge").status == 204
    assert zaqar.call("GET", path + "/messages?echo=true").json["messages"] == []


def test_a_purge_keeps_claimed_messages(zaqar: Any, queue_name: str) -> None:
    path = f"/v2/queues/{queue_name}"
    assert zaqar.call("POST", path + "/purge").status == 204
    zaqar.post(queue_name, 1, 2)
    claim = zaqar.call("POST", path + "/claims?limit=1").headers["location"]
    documents: list[Any] = [
        {},
        {"resource_types": ["claims"]},
        {"resource_types": "messages"},
        {"resource_types": [[]]},
    ]
    for bad in documents:
        assert zaqar.call("POST", path + "/purge", bad).status == 400
    assert zaqar.call("POST", path + "/purge", {"resource_types": ["subscriptions"]}).status == 204
    assert zaqar.call("GET", path + "/stats").json["messages"]["total"] == 2
    assert zaqar.call("POST", path + "/purge", {"resource_types": ["messages"]}).status == 204
    assert zaqar.call("GET", path + "/stats").json["messages"]["total"] == 1
    assert zaqar.call("DELETE", claim).status == 204
