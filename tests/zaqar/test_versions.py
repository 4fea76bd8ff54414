"""v1.1 and v1: the same queues, with the rules of each version."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest

from tests.zaqar.conftest import Zaqar
from zaqar_core.configuration.loading import load
from zaqar_core.configuration.settings import Settings
from zaqar_core.core.session import Session
from zaqar_core.rest.dialect import V1, V1_1, Dialect
from zaqar_core.rest.face import ZaqarFace
from zaqar_core.rest.routes import ROUTES

PATCH = {"CONTENT_TYPE": "application/openstack-messaging-v2.0-json-patch"}


def post(zaqar: Any, queue: str, *bodies: Any) -> list[str]:
    """v1's way."""
    answer = zaqar.call("POST", f"/v1/queues/{queue}/messages", [{"body": body, "ttl": 60} for body in bodies])
    assert answer.status == 201, answer
    hrefs: list[str] = answer.json["resources"]
    return hrefs


@pytest.mark.parametrize("wanted", [(), ("1",), ("1.1",), ("1", "1.1")])
def test_only_enabled_versions_are_served_and_named(session: Session, wanted: tuple[str, ...]) -> None:
    zaqar = Zaqar(session, ZaqarFace(Settings(enable_deprecated_api_versions=wanted)))  # type: ignore[arg-type]
    assert [version["id"] for version in zaqar.call("GET", "/").json["versions"]] == [*wanted, "2"]
    for version in ("1", "1.1", "2"):
        served = version in (*wanted, "2")
        assert zaqar.call("GET", f"/v{version}/queues?detailed=1").status in ((200, 204) if served else (404,))


def test_the_setting_is_a_list_in_the_environment() -> None:
    name = "SQS_FACADE_ENABLE_DEPRECATED_API_VERSIONS"
    assert load({}, {name: "1.1"}).enable_deprecated_api_versions == ("1.1",)
    assert load({}, {name: ""}).enable_deprecated_api_versions == ()
    assert load({}, {}).enable_deprecated_api_versions == ("1", "1.1")


@pytest.mark.parametrize("prefix", ["/v1", "/v1.1", "/v2"])
def test_the_home_document_names_only_what_the_version_has(zaqar: Any, prefix: str) -> None:
    """Every template is a path of the version and has the methods that it names."""
    resources = zaqar.call("GET", prefix + "/").json["resources"]
    values = {"queue_name": "q", "topic_name": "t", "message_id": "m", "claim_id": "c", "subscription_id": "s"}
    for row in resources.values():
        path = row["href-template"].split("{?")[0].format(**values)
        assert path.startswith(prefix + "/")
        allowed = zaqar.call("OPTIONS", path).headers["allow"].split(", ")
        assert set(row["hints"]["allow"]) <= set(allowed)
    assert ("rel/queue_share" in resources) == ("rel/topic" in resources) == (prefix == "/v2")
    assert ("rel/queue-metadata" in resources) == (prefix == "/v1")
    assert ("rel/post-messages" in resources) == ("rel/post_messages" not in resources) == (prefix == "/v1")


#: Of Zaqar 18.0.0 and 21.0.3, the last that had them, in admin mode with pooling. HEAD of v1's queue is a GET as well.
UPSTREAM = {
    "1": {
        "": "GET", "queues": "GET", "queues/*": "GET HEAD PUT DELETE", "queues/*/stats": "GET",
        "queues/*/metadata": "GET PUT", "queues/*/messages": "GET POST DELETE", "queues/*/messages/*": "GET DELETE",
        "queues/*/claims": "POST", "queues/*/claims/*": "GET PATCH DELETE", "health": "GET HEAD", "pools": "GET",
        "pools/*": "GET PUT PATCH DELETE",
    },
    "1.1": {
        "": "GET", "queues": "GET", "queues/*": "GET PUT DELETE", "queues/*/stats": "GET",
        "queues/*/messages": "GET POST DELETE", "queues/*/messages/*": "GET DELETE", "queues/*/claims": "POST",
        "queues/*/claims/*": "GET PATCH DELETE", "ping": "GET HEAD", "health": "GET", "pools": "GET",
        "pools/*": "GET PUT PATCH DELETE", "flavors": "GET", "flavors/*": "GET PUT PATCH DELETE",
    },
}  # fmt: skip


@pytest.mark.parametrize("version", [V1, V1_1], ids=["v1", "v1.1"])
def test_an_old_version_has_the_paths_and_methods_that_it_had(version: Dialect) -> None:
    found: dict[str, set[str]] = {}
    for route in ROUTES:
        if version in route.versions:
            found.setdefault(re.sub("{[^}]*}", "*", route.path), set()).add(route.method)
    assert found == {path: set(methods.split()) for path, methods in UPSTREAM[version.id].items()}


class TestOneDotOne:
    """v1.1."""

    def test_metadata_is_the_queues_document_without_defaults(self, zaqar: Any, queue_name: str) -> None:
        path = f"/v1.1/queues/{queue_name}"
        assert (zaqar.call("GET", path).status, zaqar.call("GET", path).json) == (200, {})
        made = zaqar.call("PUT", path, {"mine": 1, "_default_message_ttl": 70})
        assert (made.status, made.headers["location"]) == (201, path)
        assert zaqar.call("PUT", path, {"mine": 2}).status == 204
        assert zaqar.call("GET", path).json == {"mine": 1, "_default_message_ttl": 70}
        assert zaqar.call("PUT", path + "2", {"_default_message_ttl": "x"}).status == 400

    @pytest.mark.parametrize(
        ("method", "below"), [("PATCH", ""), ("HEAD", ""), ("POST", "/purge"), ("POST", "/share"), ("GET", "/metadata")]
    )
    def test_additions_of_v2_are_missing(self, zaqar: Any, queue_name: str, method: str, below: str) -> None:
        answer = zaqar.call(method, f"/v1.1/queues/{queue_name}{below}", headers=PATCH)
        assert answer.status == (404 if below else 405)

    def test_listing_knows_neither_names_nor_filters_nor_counts(self, zaqar: Any) -> None:
        for name in ("a", "b"):
            zaqar.call("PUT", f"/v1.1/queues/{name}", {"mine": name})
        found = zaqar.call("GET", "/v1.1/queues?name=zzz&mine=7&with_count=true&detailed=true&limit=2").json
        assert found == {
            "queues": [{"name": n, "href": f"/v1.1/queues/{n}", "metadata": {"mine": n}} for n in ("a", "b")],
            "links": [{"rel": "next", "href": "/v1.1/queues?limit=2&detailed=true&marker=b"}],
        }
        assert zaqar.call("GET", "/v1.1/queues?marker=b").json == {"queues": [], "links": []}

    def test_messages_have_ids_and_a_default_ttl(self, zaqar: Any, queue_name: str) -> None:
        path = f"/v1.1/queues/{queue_name}/messages"
        posted = zaqar.call("POST", path, {"messages": [{"body": 1, "delay": 9999}]})
        assert (posted.status, set(posted.json)) == (201, {"resources"})
        (message,) = zaqar.call("GET", path + "?echo=true").json["messages"]
        assert message == {
            "id": message["id"], "href": f"{path}/{message['id']}", "ttl": 3600, "age": 0, "body": 1,
        }  # fmt: skip
        claim = zaqar.call("POST", f"/v1.1/queues/{queue_name}/claims")
        assert claim.json["messages"][0]["href"].startswith(f"{path}/{message['id']}?claim_id=")
        assert zaqar.call("GET", claim.headers["location"]).json["href"] == claim.headers["location"]
        assert zaqar.call("DELETE", path + "?pop=1").json == {"messages": []}
        assert zaqar.call("DELETE", claim.headers["location"]).status == 204
        assert zaqar.call("DELETE", path + "?pop=1").json["messages"][0]["claim_count"] == 2
        assert zaqar.call("POST", path, [{"body": 1}]).status == 400

    def test_delayed_messages_stay_hidden(self, zaqar: Any, queue_name: str) -> None:
        zaqar.call("PUT", f"/v2/queues/{queue_name}", {"_default_message_delay": 60})
        zaqar.post(queue_name, 1)
        listed = zaqar.call("GET", f"/v1.1/queues/{queue_name}/messages?echo=1&include_delayed=1").json
        assert listed == {"messages": [], "links": []}

    def test_client_and_project_are_required(self, zaqar: Any) -> None:
        for header in ("HTTP_CLIENT_ID", "HTTP_X_PROJECT_ID"):
            assert zaqar.call("GET", "/v1.1/queues", headers={header: None}).status == 400

    def test_ping_and_health_are_served(self, zaqar: Any) -> None:
        assert zaqar.call("GET", "/v1.1/ping").status == 204
        assert zaqar.call("HEAD", "/v1.1/ping").status == 204
        assert set(zaqar.call("GET", "/v1.1/health").json["message_volume"]) == {"free", "claimed", "total"}


class TestOne:
    """v1."""

    def test_a_missing_queue_is_404(self, zaqar: Any, queue_name: str) -> None:
        path = f"/v1/queues/{queue_name}"
        for method in ("GET", "HEAD"):
            assert zaqar.call(method, path).status == 404
        made = zaqar.call("PUT", path, raw=b"ignored")
        assert (made.status, made.headers["location"]) == (201, path)
        assert zaqar.call("PUT", path).status == 204
        for method in ("GET", "HEAD"):
            answer = zaqar.call(method, path)
            assert (answer.status, answer.json, answer.headers["content-location"]) == (204, None, path)
        assert zaqar.call("DELETE", path).status == 204
        assert zaqar.call("DELETE", path).status == 204

    def test_operations_that_need_a_queue_are_404_and_others_are_204(self, zaqar: Any, queue_name: str) -> None:
        path, unknown = f"/v1/queues/{queue_name}", uuid.uuid4()
        assert zaqar.call("GET", path + "/stats").status == 404
        assert zaqar.call("GET", path + "/metadata").status == 404
        assert zaqar.call("PUT", path + "/metadata", {}).status == 404
        assert zaqar.call("POST", path + "/messages", [{"body": 1, "ttl": 60}]).status == 404
        assert zaqar.call("GET", f"{path}/messages/{unknown}").status == 404
        assert zaqar.call("GET", f"{path}/claims/{unknown}").status == 404
        assert zaqar.call("GET", path + "/messages").status == 204
        assert zaqar.call("GET", f"{path}/messages?ids={unknown}").status == 204
        assert zaqar.call("POST", path + "/claims", {"ttl": 60, "grace": 60}).status == 204
        assert zaqar.call("DELETE", f"{path}/messages/{unknown}").status == 204
        assert zaqar.call("DELETE", f"{path}/messages?ids={unknown}").status == 204
        assert zaqar.call("DELETE", f"{path}/claims/{unknown}").status == 204
        assert zaqar.call("GET", path).status == 404

    def test_metadata_is_a_resource_that_does_not_change_settings(self, zaqar: Any, queue_name: str) -> None:
        zaqar.call("PUT", f"/v2/queues/{queue_name}", {"old": 1, "_default_message_ttl": 600, "_own": 2})
        path = f"/v1/queues/{queue_name}/metadata"
        shown = zaqar.call("GET", path)
        assert (shown.json, shown.headers["content-location"]) == ({"old": 1}, path)
        put = zaqar.call("PUT", path, {"new": [None]})
        assert (put.status, put.headers["location"]) == (204, path)
        assert zaqar.call("GET", path).json == {"new": [None]}
        v2 = zaqar.call("GET", f"/v2/queues/{queue_name}").json
        assert (v2["_default_message_ttl"], v2["_own"], v2["new"]) == (600, 2, [None])
        for raw in (b"", b"[]", b"x", b'{"_mine":1}'):
            assert zaqar.call("PUT", path, raw=raw).status == 400
        assert zaqar.call("GET", path).json == {"new": [None]}

    def test_listings_are_204_when_empty(self, zaqar: Any, queue_name: str) -> None:
        assert (zaqar.call("GET", "/v1/queues").status, zaqar.call("GET", "/v1/queues").json) == (204, None)
        zaqar.call("PUT", f"/v1/queues/{queue_name}")
        page = zaqar.call("GET", "/v1/queues?detailed=true&limit=1")
        assert page.headers["content-location"] == "/v1/queues?detailed=true&limit=1"
        assert page.json == {
            "queues": [{"name": queue_name, "href": f"/v1/queues/{queue_name}", "metadata": {}}],
            "links": [{"rel": "next", "href": f"/v1/queues?limit=1&detailed=true&marker={queue_name}"}],
        }
        assert zaqar.call("GET", page.json["links"][0]["href"]).status == 204
        assert zaqar.call("GET", f"/v1/queues/{queue_name}/messages").status == 204
        post(zaqar, queue_name, 1)
        assert zaqar.call("GET", f"/v1/queues/{queue_name}/messages?echo=1&marker=nonsense").status == 204

    def test_messages_are_a_bare_array_without_ids(self, zaqar: Any, queue_name: str) -> None:
        queue = f"/v1/queues/{queue_name}"
        zaqar.call("PUT", queue)
        posted = zaqar.call("POST", queue + "/messages", [{"body": n, "ttl": 70} for n in (1, 2)])
        assert (posted.status, posted.json["partial"]) == (201, False)
        first, second = posted.json["resources"]
        assert posted.headers["location"] == f"{queue}/messages?ids={first[-36:]},{second[-36:]}"
        shown = {"href": first, "ttl": 70, "age": 0, "body": 1}
        one = zaqar.call("GET", first)
        assert (one.json, one.headers["content-location"]) == (shown, first)
        both = zaqar.call("GET", posted.headers["location"])
        assert (both.json[0], len(both.json)) == (shown, 2)
        listed = zaqar.call("GET", queue + "/messages?echo=true&limit=1").json
        assert (set(listed), listed["messages"]) == ({"messages", "links"}, [shown])
        assert zaqar.call("GET", listed["links"][0]["href"]).json["messages"][0]["body"] == 2

    def test_claims_are_a_bare_array_and_need_ttl_and_grace(self, zaqar: Any, queue_name: str) -> None:
        queue = f"/v1/queues/{queue_name}"
        zaqar.call("PUT", queue)
        post(zaqar, queue_name, 1)
        for raw in (b"", b"{}", b'{"ttl":60}', b'{"grace":60}', b"[]", b'{"ttl":"60","grace":60}'):
            assert zaqar.call("POST", queue + "/claims", raw=raw).status == 400
        claim = zaqar.call("POST", queue + "/claims", {"ttl": 60, "grace": 60})
        assert claim.status == 201
        (message,) = claim.json
        assert set(message) == {"href", "ttl", "age", "body"}
        held = zaqar.call("GET", claim.headers["location"])
        assert held.json == {"age": 0, "ttl": 60, "href": claim.headers["location"], "messages": [message]}
        assert held.headers["content-location"] == claim.headers["location"]
        assert zaqar.call("PATCH", claim.headers["location"], {"grace": 60}).status == 400
        assert zaqar.call("PATCH", claim.headers["location"], {"ttl": 90}).status == 204
        assert zaqar.call("DELETE", message["href"]).status == 204
        assert zaqar.call("GET", claim.headers["location"]).json["messages"] == []

    @pytest.mark.parametrize(
        "raw",
        [b"", b"[]", b"{}", b'{"messages":[{"body":1,"ttl":60}]}', b'[{"body":1}]', b'[{"ttl":60}]', b"[1]",
         b'[{"body":1,"ttl":"60"}]', b'[{"body":1,"ttl":59}]', b'[{"body":1,"ttl":1209601}]', b"x"],
    )  # fmt: skip
    def test_a_post_with_wrong_input_is_refused(self, zaqar: Any, queue_name: str, raw: bytes) -> None:
        zaqar.call("PUT", f"/v1/queues/{queue_name}")
        assert zaqar.call("POST", f"/v1/queues/{queue_name}/messages", raw=raw).status == 400

    @pytest.mark.parametrize("query", ["", "?pop=1", "?ids=", "?ids=" + "a," * 21])
    def test_a_bulk_deletion_needs_ids(self, zaqar: Any, queue_name: str, query: str) -> None:
        assert zaqar.call("DELETE", f"/v1/queues/{queue_name}/messages{query}").status == 400

    def test_without_a_project_there_is_one_tenant_without_name(self, zaqar: Any, queue_name: str) -> None:
        anybody: dict[str, str | None] = {"HTTP_X_PROJECT_ID": None}
        path = f"/v1/queues/{queue_name}"
        assert zaqar.call("PUT", path, headers=anybody).status == 201
        assert zaqar.other_client().call("GET", path, headers=anybody).status == 204
        assert zaqar.call("GET", path).status == 404
        assert zaqar.call("GET", path, headers={"HTTP_X_PROJECT_ID": ""}).status == 400
        assert zaqar.call("DELETE", path, headers=anybody).status == 204

    def test_only_posting_and_listing_messages_need_a_client(self, zaqar: Any, queue_name: str) -> None:
        nobody: dict[str, str | None] = {"HTTP_CLIENT_ID": None}
        queue = f"/v1/queues/{queue_name}"
        assert zaqar.call("PUT", queue, headers=nobody).status == 201
        assert zaqar.call("POST", queue + "/messages", [{"body": 1, "ttl": 60}], headers=nobody).status == 400
        assert zaqar.call("GET", queue + "/messages", headers=nobody).status == 400
        (href,) = post(zaqar, queue_name, 1)
        assert zaqar.call("GET", href, headers=nobody).status == 200
        assert zaqar.call("GET", f"{queue}/messages?ids={href[-36:]}", headers=nobody).status == 200
        assert zaqar.call("POST", queue + "/claims", {"ttl": 60, "grace": 60}, headers=nobody).status == 201
        assert zaqar.call("GET", queue, headers={"HTTP_CLIENT_ID": "x"}).status == 400

    def test_health_is_a_ping(self, zaqar: Any) -> None:
        for method in ("GET", "HEAD"):
            assert zaqar.call(method, "/v1/health").status == 204
        assert zaqar.call("GET", "/v1/ping").status == 404


def test_the_versions_share_queues_and_messages(zaqar: Any, queue_name: str) -> None:
    """What one version posts, each of the others shows and deletes."""
    (first,) = zaqar.post(queue_name, {"n": 1})
    (second,) = post(zaqar, queue_name, {"n": 2})
    assert zaqar.call("GET", second.replace("/v1/", "/v2/")).json["body"] == {"n": 2}
    assert zaqar.call("GET", first.replace("/v2/", "/v1.1/")).json["body"] == {"n": 1}
    assert zaqar.call("DELETE", second.replace("/v1/", "/v1.1/")).status == 204
    assert zaqar.call("GET", second).status == 404
