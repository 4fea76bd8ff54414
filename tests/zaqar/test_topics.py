"""Topics over HTTP: like queues, in a namespace of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sqs_facade import addresses
from sqs_facade.addresses import Caller
from sqs_facade.errors import SqsError
from zaqar_core.configuration.settings import Settings
from zaqar_core.core import queues
from zaqar_core.core.session import Session
from zaqar_core.domain.model import QueueSettings
from zaqar_core.domain.names import QueueRef, topics_of
from zaqar_core.rest.patch import MEDIA_TYPE
from zaqar_core.store import keys, registry

DEFAULTS = {"_max_messages_post_size": 262_144, "_default_message_ttl": 3600, "_default_message_delay": 0}


def publish(zaqar: Any, topic: str, *bodies: Any, **more: int) -> list[str]:
    """Hrefs of messages with these bodies."""
    answer = zaqar.call(
        "POST", f"/v2/topics/{topic}/messages", {"messages": [{"body": body, **more} for body in bodies]}
    )
    assert answer.status == 201, answer
    hrefs: list[str] = answer.json["resources"]
    return hrefs


def test_a_topic_is_created_read_and_deleted(zaqar: Any, queue_name: str) -> None:
    path = f"/v2/topics/{queue_name}"
    assert zaqar.call("GET", path).json == DEFAULTS
    made = zaqar.call("PUT", path, {"mine": [1], "_default_message_ttl": 600})
    assert (made.status, made.headers["location"]) == (201, path)
    assert zaqar.call("PUT", path, {"mine": 2}).status == 204
    assert zaqar.call("GET", path).json == {**DEFAULTS, "mine": [1], "_default_message_ttl": 600}
    assert zaqar.call("DELETE", path).status == 204
    assert zaqar.call("DELETE", path).status == 204
    assert zaqar.call("GET", path).json == DEFAULTS


@pytest.mark.parametrize("metadata", [{"_default_message_ttl": 59}, {"_max_messages_post_size": 0}, []])
def test_wrong_metadata_is_refused(zaqar: Any, queue_name: str, metadata: Any) -> None:
    assert zaqar.call("PUT", f"/v2/topics/{queue_name}", metadata).status == 400
    assert zaqar.call("GET", "/v2/topics").json == {"topics": [], "links": []}


@pytest.mark.parametrize("below", ["", "/messages", "/stats"])
def test_wrong_names_are_refused(zaqar: Any, below: str) -> None:
    answer = zaqar.call("GET", f"/v2/topics/{'a' * 65}{below}")
    assert (answer.status, answer.json["title"]) == (400, "Invalid topic identification")


def test_metadata_is_patched(zaqar: Any, queue_name: str) -> None:
    path, headers = f"/v2/topics/{queue_name}", {"CONTENT_TYPE": MEDIA_TYPE}
    step = [{"op": "add", "path": "/metadata/new", "value": 1}]
    assert zaqar.call("PATCH", path, step, headers=headers).status == 404
    zaqar.call("PUT", path)
    changed = zaqar.call("PATCH", path, step, headers=headers)
    assert (changed.status, changed.json) == (200, {**DEFAULTS, "new": 1})
    assert zaqar.call("PATCH", path, step, headers={"CONTENT_TYPE": "application/json"}).status == 415
    wrong = [{"op": "replace", "path": "/metadata/none", "value": 1}]
    assert zaqar.call("PATCH", path, wrong, headers=headers).status == 409


def test_listing_pages_and_filters(zaqar: Any) -> None:
    for number in range(12):
        zaqar.call("PUT", f"/v2/topics/t{number:02}", {"even": number % 2})
    page = zaqar.call("GET", "/v2/topics?limit=5&detailed=true").json
    assert page["topics"][0] == {"name": "t00", "href": "/v2/topics/t00", "metadata": {**DEFAULTS, "even": 0}}
    [link] = page["links"]
    assert link == {"rel": "next", "href": "/v2/topics?limit=5&detailed=true&marker=t04"}
    assert zaqar.call("GET", link["href"]).json["topics"][0]["name"] == "t05"
    names = [row["name"] for row in zaqar.call("GET", "/v2/topics?even=1&limit=3").json["topics"]]
    assert names == ["t01", "t03", "t05"]
    found = zaqar.call("GET", "/v2/topics?name=1$&with_count=true").json
    assert ([row["name"] for row in found["topics"]], found["count"]) == (["t01", "t11"], 12)
    assert zaqar.call("GET", "/v2/topics?marker=zzz").json == {"topics": [], "links": []}
    assert zaqar.call("GET", "/v2/topics?limit=21").status == 400


def test_a_published_message_is_read_by_everybody_until_its_ttl(
    zaqar: Any, queue_name: str, advance: Callable[[QueueRef, float], None]
) -> None:
    hrefs = publish(zaqar, queue_name, {"n": 1}, "two", ttl=60)
    base = f"/v2/topics/{queue_name}/messages"
    assert all(href.startswith(f"{base}/") for href in hrefs)
    for reader in (zaqar.other_client(), zaqar.other_client()):
        seen = reader.call("GET", base).json["messages"]
        assert [(message["href"], message["body"]) for message in seen] == [
            (hrefs[0], {"n": 1}),
            (hrefs[1], "two"),
        ]
    assert zaqar.call("GET", base).json["messages"] == []
    assert len(zaqar.call("GET", f"{base}?echo=true").json["messages"]) == 2
    advance(QueueRef(zaqar.project, topics_of("us-east-1"), queue_name), 61)
    assert zaqar.call("GET", f"{base}?echo=true").json == {"messages": [], "links": []}


def test_a_reader_continues_from_the_marker(zaqar: Any, queue_name: str) -> None:
    publish(zaqar, queue_name, 1, 2, 3)
    reader, base = zaqar.other_client(), f"/v2/topics/{queue_name}/messages"
    page = reader.call("GET", f"{base}?limit=2").json
    [link] = page["links"]
    assert link["href"].startswith(f"{base}?limit=2&marker=")
    assert [message["body"] for message in reader.call("GET", link["href"]).json["messages"]] == [3]


def test_messages_are_read_by_id(zaqar: Any, queue_name: str) -> None:
    first, second, third = publish(zaqar, queue_name, 1, 2, 3)
    base = f"/v2/topics/{queue_name}/messages"
    ids = [href.rsplit("/", 1)[1] for href in (first, second, third)]
    assert zaqar.call("GET", first).json["body"] == 1
    assert [row["body"] for row in zaqar.call("GET", f"{base}?ids={','.join(ids)}").json["messages"]] == [1, 2, 3]
    assert zaqar.call("DELETE", first).status == 204
    assert zaqar.call("GET", first).status == 404
    assert zaqar.call("DELETE", f"{base}?ids={','.join(ids[:2])}").status == 204
    assert zaqar.call("GET", f"{base}?ids={','.join(ids)}").json["messages"][0]["body"] == 3


def test_stats_have_only_the_total(zaqar: Any, queue_name: str) -> None:
    path = f"/v2/topics/{queue_name}/stats"
    assert zaqar.call("GET", path).json == {"messages": {"total": 0}}
    hrefs = publish(zaqar, queue_name, 1, 2)
    found = zaqar.call("GET", path).json["messages"]
    assert set(found) == {"total", "oldest", "newest"}
    assert (found["total"], found["oldest"]["href"], found["newest"]["href"]) == (2, *hrefs)
    assert set(found["oldest"]) == {"href", "age", "created"}


def test_a_purge_deletes_messages(zaqar: Any, queue_name: str) -> None:
    path = f"/v2/topics/{queue_name}/purge"
    publish(zaqar, queue_name, 1)
    assert zaqar.call("POST", path, {"resource_types": ["claims"]}).status == 400
    assert zaqar.call("POST", path, {"resource_types": ["messages"]}).status == 204
    assert zaqar.call("GET", f"/v2/topics/{queue_name}/stats").json == {"messages": {"total": 0}}


def test_a_purge_deletes_delayed_messages(zaqar: Any, queue_name: str) -> None:
    zaqar.call("PUT", f"/v2/topics/{queue_name}", {"_default_message_delay": 60})
    publish(zaqar, queue_name, "late")
    assert zaqar.call("POST", f"/v2/topics/{queue_name}/purge").status == 204
    listed = zaqar.call("GET", f"/v2/topics/{queue_name}/messages?echo=true&include_delayed=true")
    assert listed.json["messages"] == []


def test_a_topic_limits_the_size_of_posts(zaqar: Any, queue_name: str) -> None:
    zaqar.call("PUT", f"/v2/topics/{queue_name}", {"_max_messages_post_size": 40})
    document = {"messages": [{"body": "x" * 40}]}
    assert zaqar.call("POST", f"/v2/topics/{queue_name}/messages", document).status == 400
    publish(zaqar, queue_name, "x")


def test_messages_of_topics_are_not_consumed(zaqar: Any, queue_name: str) -> None:
    publish(zaqar, queue_name, 1)
    assert zaqar.call("POST", f"/v2/topics/{queue_name}/claims", {}).status == 404
    assert zaqar.call("DELETE", f"/v2/topics/{queue_name}/messages?pop=1").status == 400
    assert zaqar.call("GET", f"/v2/topics/{queue_name}/stats").json["messages"]["total"] == 1


def test_a_topic_and_a_queue_may_have_one_name(zaqar: Any, queue_name: str) -> None:
    zaqar.call("PUT", f"/v2/queues/{queue_name}", {"is": "queue"})
    zaqar.call("PUT", f"/v2/topics/{queue_name}", {"is": "topic"})
    (href,) = publish(zaqar, queue_name, 1)
    assert zaqar.call("GET", href.replace("/topics/", "/queues/")).status == 404
    assert zaqar.call("GET", f"/v2/queues/{queue_name}/stats").json["messages"]["total"] == 0
    assert zaqar.call("DELETE", f"/v2/queues/{queue_name}").status == 204
    assert zaqar.call("GET", f"/v2/topics/{queue_name}").json["is"] == "topic"
    assert zaqar.call("GET", href).status == 200


def _visible(session: Session) -> int:
    return sum(counts.visible for counts in queues.totals(session).values())


def test_listings_of_queues_show_no_topics(
    session: Session, zaqar: Any, queue_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    zaqar.call("PUT", f"/v2/topics/{queue_name}", {"_dead_letter_queue": "dlq", "_max_claim_count": 1})
    publish(zaqar, queue_name, *range(5))
    assert zaqar.call("GET", "/v2/queues?with_count=true").json == {"queues": [], "links": []}
    assert queues.names(session, zaqar.project, "us-east-1") == []
    own = [one for one in registry.namespaces(session.store) if keys.namespace(one)[0] == zaqar.project]
    monkeypatch.setattr(registry, "namespaces", lambda store: own)  # messages of other tests come and go
    assert own
    assert _visible(session) == 0
    queues.create(session, QueueRef(zaqar.project, "us-east-1", "q"), QueueSettings(), creator="sqs")
    assert zaqar.call("GET", "/v2/topics?with_count=true").json["count"] == 1


@pytest.mark.parametrize("region", ["us-east-1%2Ftopics", "us-east-1%2ftopics"])
def test_no_address_of_sqs_names_a_topic(region: str) -> None:
    who = Caller("000000000000", "us-east-1")
    with pytest.raises(SqsError):
        addresses.queue(f"http://localhost/queue/{region}/000000000000/t", "/", who, Settings())
    assert addresses.of_arn("arn:aws:sqs:us-east-1/topics:000000000000:t", Settings()) is None


@pytest.mark.parametrize("path", ["/v1/topics/t", "/v1.1/topics/t", "/v1.1/topics"])
def test_older_versions_have_no_topics(zaqar: Any, path: str) -> None:
    assert zaqar.call("GET", path).status == 404


def test_the_home_document_has_topics(zaqar: Any) -> None:
    resources = zaqar.call("GET", "/v2").json["resources"]
    assert resources["rel/topic"]["href-template"] == "/v2/topics/{topic_name}"
    assert resources["rel/topic"]["hints"]["allow"] == ["PUT", "GET", "PATCH", "DELETE"]
    assert resources["rel/topic_messages"]["href-template"].startswith("/v2/topics/{topic_name}/messages{?marker,")
