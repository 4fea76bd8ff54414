"""Where the service differs from Zaqar on purpose: each is named under "Differences from Zaqar" in the reference."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from zaqar_core.configuration.settings import Settings
from zaqar_core.core.session import Session
from zaqar_core.rest.face import ZaqarFace
from zaqar_core.rest.patch import MEDIA_TYPE

from .conftest import Answer, Zaqar


@pytest.fixture
def signing(session: Session) -> Zaqar:
    """A project of its own on a face that signs."""
    return Zaqar(session, ZaqarFace(Settings(signed_url_key="a secret")))


def test_a_pop_counts_as_a_receive(zaqar: Zaqar, queue_name: str) -> None:
    path = f"/v2/queues/{queue_name}"
    zaqar.post(queue_name, 1, 2)
    claim = zaqar.call("POST", f"{path}/claims?limit=1")
    assert zaqar.call("DELETE", claim.headers["location"]).status == 204
    popped = zaqar.call("DELETE", f"{path}/messages?pop=2").json["messages"]
    assert [(one["body"], one["claim_count"], one["claim_id"]) for one in popped] == [(1, 2, None), (2, 1, None)]


@pytest.mark.parametrize("delay", ["x", "5", -1, 901, 1.5, True, None, []])
@pytest.mark.parametrize("has_delay", [False, True])
def test_a_bad_delay_is_refused_on_every_queue(zaqar: Zaqar, queue_name: str, delay: Any, has_delay: bool) -> None:
    path = f"/v2/queues/{queue_name}"
    zaqar.call("PUT", path, {"_default_message_delay": 60} if has_delay else {})
    document = {"messages": [{"body": 1}, {"body": 2, "delay": delay}]}
    assert zaqar.call("POST", f"{path}/messages", document).status == 400
    assert zaqar.call("GET", f"{path}/stats").json["messages"]["total"] == 0


def test_a_good_delay_has_no_effect_on_a_queue_without_delay(zaqar: Zaqar, queue_name: str) -> None:
    zaqar.post(queue_name, 1, delay=900)
    assert len(zaqar.call("GET", f"/v2/queues/{queue_name}/messages?echo=true").json["messages"]) == 1


@pytest.mark.parametrize("version", ["/v1", "/v1.1"])
def test_older_versions_ignore_a_delay(zaqar: Zaqar, queue_name: str, version: str) -> None:
    zaqar.call("PUT", f"{version}/queues/{queue_name}")
    messages = [{"body": 1, "ttl": 60, "delay": "x"}]
    document = messages if version == "/v1" else {"messages": messages}
    assert zaqar.call("POST", f"{version}/queues/{queue_name}/messages", document).status == 201


@pytest.mark.parametrize("name", ["methods", "paths"])
@pytest.mark.parametrize("value", [[], None, "messages", ["BREW"], ["get"], [1], ["GET", "x"], ["messages", "stats"]])
def test_a_share_needs_known_methods_and_paths(signing: Zaqar, queue_name: str, name: str, value: Any) -> None:
    assert signing.call("POST", f"/v2/queues/{queue_name}/share", {name: value}).status == 400


def test_a_share_signs_each_method_and_path_once(signing: Zaqar, queue_name: str) -> None:
    asked = {"methods": ["GET", "GET"], "paths": ["messages", "messages"]}
    found = signing.call("POST", f"/v2/queues/{queue_name}/share", asked).json
    assert (found["methods"], found["paths"]) == (["GET"], [f"/v2/queues/{queue_name}/messages"])


def patch(zaqar: Zaqar, path: str, *operations: dict[str, Any]) -> Answer:
    return zaqar.call("PATCH", path, raw=orjson.dumps(operations), headers={"CONTENT_TYPE": MEDIA_TYPE})


def test_a_topic_is_patched_as_a_queue(zaqar: Zaqar, queue_name: str) -> None:
    path = f"/v2/topics/{queue_name}"
    change = {"op": "add", "path": "/metadata/mine", "value": 1}
    assert patch(zaqar, path, change).status == 404
    zaqar.call("PUT", path)
    changed = patch(zaqar, path, change)
    assert (changed.status, changed.json["mine"], changed.json["_default_message_ttl"]) == (200, 1, 3600)
    assert zaqar.call("GET", path).json == changed.json
    assert patch(zaqar, path, {"op": "replace", "path": "/metadata/other", "value": 1}).status == 409
    assert patch(zaqar, path, {"op": "remove", "path": "/metadata/other"}).status == 409


@pytest.mark.parametrize("collection", ["queues", "topics"])
@pytest.mark.parametrize(
    ("name", "value"),
    [("_retry_policy", {}), ("_flavor", "x"), ("_dead_letter_queue", "dead"), ("_max_claim_count", 3)],
)
def test_reserved_attributes_that_are_not_set_can_be_removed_and_replaced(
    zaqar: Zaqar, queue_name: str, collection: str, name: str, value: Any
) -> None:
    path = f"/v2/{collection}/{queue_name}"
    zaqar.call("PUT", path)
    assert patch(zaqar, path, {"op": "remove", "path": f"/metadata/{name}"}).status == 200
    changed = patch(zaqar, path, {"op": "replace", "path": f"/metadata/{name}", "value": value})
    assert (changed.status, changed.json[name]) == (200, value)


@pytest.mark.parametrize("below", ["", "/{0}", "/{0}/stats", "/{0}/messages", "/{0}/subscriptions"])
@pytest.mark.parametrize("collection", ["queues", "topics"])
def test_one_trailing_slash_is_ignored(zaqar: Zaqar, queue_name: str, collection: str, below: str) -> None:
    path = f"/v2/{collection}{below.format(queue_name)}"
    zaqar.call("PUT", f"/v2/{collection}/{queue_name}/")
    with_slash = zaqar.call("GET", f"{path}/")
    assert (with_slash.status, with_slash.json) == (200, zaqar.call("GET", path).json)
    assert zaqar.call("GET", f"{path}//").status != 200


def test_the_home_document_needs_no_slash(zaqar: Zaqar) -> None:
    assert zaqar.call("GET", "/v2").json == zaqar.call("GET", "/v2/").json
