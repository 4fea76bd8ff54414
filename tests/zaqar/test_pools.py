"""Pools as administrators manage them. How queues are placed is tested in tests/pools."""

from __future__ import annotations

from typing import Any

import pytest

from tests.pools.conftest import SETTINGS, Server, core, made, main, pools, processes, servers, zaqar
from zaqar_core.configuration.settings import Settings
from zaqar_core.core.process import Core
from zaqar_core.domain.errors import StoreUnavailable
from zaqar_core.rest.face import ZaqarFace

__all__ = ["core", "main", "pools", "processes", "servers", "zaqar"]


def test_a_pool_is_registered_and_shown(zaqar: Any, servers: list[Server]) -> None:
    document = {"uri": servers[1].url, "weight": 100, "options": {"a": [1]}}
    answer = zaqar.call("PUT", "/v2/pools/p", document)
    assert (answer.status, answer.headers["location"]) == (201, "/v2/pools/p")
    shown = {"href": "/v2/pools/p", "name": "p", "uri": servers[1].url, "weight": 100, "flavor": None}
    assert zaqar.call("GET", "/v2/pools/p").json == shown
    assert zaqar.call("GET", "/v2/pools/p?detailed=true").json == {**shown, "options": {"a": [1]}}


@pytest.mark.parametrize(
    "wrong",
    [
        {"weight": 1}, {"uri": "redis://127.0.0.1:1"}, {"uri": "redis://127.0.0.1:1", "weight": 1},
        {"uri": "URL", "weight": -1}, {"uri": "URL", "weight": 2**32}, {"uri": "URL", "weight": "big"},
        {"uri": "URL", "weight": True}, {"uri": -1, "weight": 1}, {"uri": [], "weight": 1},
        {"uri": "localhost:27017", "weight": 1}, {"uri": "mongodb://localhost", "weight": 1},
        {"uri": "URL?no_such_option=1", "weight": 1}, {"uri": "redis://[::1", "weight": 1},
        {"uri": "URL", "weight": 1, "options": "wee"}, {"uri": "URL", "weight": 1, "options": []},
        {"uri": "URL", "weight": 1, "flavor": 1}, {"uri": "URL", "weight": 1, "more": 1},
        {"uri": "URL" + "x" * 250, "weight": 1}, [], {},
    ],
)  # fmt: skip
def test_a_pool_with_wrong_input_is_refused(zaqar: Any, servers: list[Server], wrong: Any) -> None:
    if isinstance(wrong, dict) and isinstance(wrong.get("uri"), str):
        wrong["uri"] = wrong["uri"].replace("URL", servers[1].url)
    assert zaqar.call("PUT", "/v2/pools/p", wrong).status == 400
    assert zaqar.call("GET", "/v2/pools/p").status == 404


@pytest.mark.parametrize("name", ["i" * 65, "\u00e6\u00bc\u00a2", "a b", "a%b"])
def test_wrong_names_of_pools_and_flavors_are_refused(zaqar: Any, servers: list[Server], name: str) -> None:
    for path in (f"/v2/pools/{name}", f"/v2/flavors/{name}"):
        assert zaqar.call("PUT", path, {"uri": servers[1].url, "weight": 1}).status == 400
        assert zaqar.call("GET", path).status == 400


def test_a_deployment_that_is_not_as_durable_is_refused_with_the_reason(main: Server, servers: list[Server]) -> None:
    from tests.zaqar.conftest import Zaqar
    from zaqar_core.pools.routing import PooledCore

    core = PooledCore(SETTINGS, main.url)
    settings = Settings(durability="fsync", pooling=True, admin_mode=True)
    session = core.session()
    session.settings = settings
    answer = Zaqar(session, ZaqarFace(settings)).call("PUT", "/v2/pools/p", {"uri": servers[1].url, "weight": 1})
    core.close()
    assert answer.status == 400
    assert "appendonly yes" in answer.json["description"]


def test_credentials_are_shown_to_administrators_and_in_no_error(zaqar: Any, caplog: pytest.LogCaptureFixture) -> None:
    answer = zaqar.call("PUT", "/v2/pools/p", {"uri": "redis://user:s3cret@127.0.0.1:1/0", "weight": 1})
    assert answer.status == 400
    assert "s3cret" not in str(answer.json) + caplog.text
    answer = zaqar.call("PUT", "/v2/pools/p", {"uri": "redis://user:s3/cret@127.0.0.1:1/0", "weight": 1})
    assert "s3" not in str(answer.json) + caplog.text


def test_a_deployment_can_be_only_one_pool_under_any_address(pools: Any, servers: list[Server]) -> None:
    for uri in (servers[1].url, servers[1].url + "?db=0"):
        assert pools.call("PUT", "/v2/pools/c", {"uri": uri, "weight": 1}).status == 409
        assert pools.call("PATCH", "/v2/pools/b", {"uri": uri}).status == 409
    assert pools.call("PUT", "/v2/pools/c", {"uri": servers[1].url + "?db=1", "weight": 1}).status == 201


def test_putting_a_pool_again_changes_it(pools: Any, servers: list[Server]) -> None:
    pools.call("PUT", "/v2/flavors/f", {"pool_list": ["a"]})
    assert pools.call("PUT", "/v2/pools/a", {"uri": servers[1].url, "weight": 7}).status == 201
    shown = pools.call("GET", "/v2/pools/a").json
    assert (shown["weight"], shown["flavor"]) == (7, "f")


def test_a_patch_changes_only_the_given_fields(pools: Any, servers: list[Server]) -> None:
    answer = pools.call("PATCH", "/v2/pools/a", {"weight": 3, "location": 1, "options": {"a": 1}})
    assert (answer.status, answer.json["weight"], answer.json["uri"]) == (200, 3, servers[1].url)
    assert pools.call("GET", "/v2/pools/a?detailed=true").json["options"] == {"a": 1}
    assert pools.call("PATCH", "/v2/pools/none", {"weight": 1}).status == 404
    wrongs: list[Any] = [{"location": 1}, {"weight": -1}, {"uri": "a"}, {"options": 1}, {"flavor": []}]
    for wrong in wrongs:
        assert pools.call("PATCH", "/v2/pools/a", wrong).status == 400
    assert pools.call("PATCH", "/v2/pools/a").status == 400


def test_a_pool_with_queues_is_not_deleted(pools: Any, session: Any, servers: list[Server]) -> None:
    made(session, "a", "q")
    answer = pools.call("DELETE", "/v2/pools/a")
    assert (answer.status, answer.json["title"]) == (403, "Unable to delete")
    assert "it holds 1 queues" in answer.json["description"]
    pools.call("DELETE", "/v2/queues/q")
    assert pools.call("DELETE", "/v2/pools/a").status == 204
    assert pools.call("GET", "/v2/pools/a").status == 404
    assert pools.call("DELETE", "/v2/pools/a").status == 204


def test_a_pool_with_queues_keeps_its_deployment(pools: Any, session: Any, servers: list[Server]) -> None:
    """Another address of the same deployment is allowed."""
    made(session, "a", "q")
    assert pools.call("PATCH", "/v2/pools/a", {"uri": servers[0].url + "?db=1"}).status == 403
    pools.post("q", 1)
    assert pools.call("PATCH", "/v2/pools/a", {"uri": servers[1].url + "?db=0"}).status == 200
    assert [one["body"] for one in pools.call("GET", "/v2/queues/q/messages?echo=true").json["messages"]] == [1]
    assert pools.call("PATCH", "/v2/pools/b", {"uri": servers[0].url + "?db=1"}).status == 200


def test_pages_are_in_the_order_of_names(zaqar: Any, servers: list[Server]) -> None:
    assert zaqar.call("GET", "/v2/pools").json == {"pools": [], "links": []}
    for number in range(5):
        uri = f"{servers[1].url}?db={number}"
        assert zaqar.call("PUT", f"/v2/pools/p{number}", {"uri": uri, "weight": 1}).status == 201
    page = zaqar.call("GET", "/v2/pools?limit=3&detailed=true").json
    assert [pool["name"] for pool in page["pools"]] == ["p0", "p1", "p2"]
    assert page["pools"][0]["options"] == {}
    rest = zaqar.call("GET", page["links"][0]["href"]).json
    assert [pool["name"] for pool in rest["pools"]] == ["p3", "p4"]
    for wrong in ("0", "-1", "21", "x"):
        assert zaqar.call("GET", f"/v2/pools?limit={wrong}").status == 400


def test_v1_1_calls_a_flavor_a_group_and_returns_no_body_for_a_patch(zaqar: Any, servers: list[Server]) -> None:
    document = {"uri": servers[1].url, "weight": 1, "group": "g"}
    assert zaqar.call("PUT", "/v2/pools/p", document).status == 400
    answer = zaqar.call("PUT", "/v1.1/pools/p", document)
    assert (answer.status, answer.headers["location"]) == (201, "/v1.1/pools/p")
    answer = zaqar.call("PATCH", "/v1.1/pools/p", {"weight": 5})
    assert (answer.status, answer.json) == (200, None)
    assert zaqar.call("GET", "/v1.1/pools/p").json["weight"] == 5
    assert zaqar.call("GET", "/v2/pools/p").json["flavor"] == "g"
    assert zaqar.call("PUT", "/v1.1/flavors/g", {"capabilities": {}}).status == 201
    assert zaqar.call("PATCH", "/v1.1/flavors/g", {"capabilities": {}}).json is None
    assert zaqar.call("GET", "/v1.1/flavors/g").json["pool_list"] == ["p"]
    assert zaqar.call("PUT", "/v1.1/flavors/h", {"capabilities": {}}).status == 400


def test_v1_has_pools_for_callers_without_names(zaqar: Any, servers: list[Server]) -> None:
    nameless = {"headers": {"HTTP_CLIENT_ID": None, "HTTP_X_PROJECT_ID": None}}
    document = {"uri": servers[1].url, "weight": 1, "options": {"a": 1}}
    answer = zaqar.call("PUT", "/v1/pools/p", document, **nameless)
    assert (answer.status, answer.headers["location"], answer.json) == (201, "/v1/pools/p", None)
    shown = {"href": "/v1/pools/p", "name": "p", "uri": servers[1].url, "weight": 1, "flavor": None}
    answer = zaqar.call("GET", "/v1/pools/p?detailed=true", **nameless)
    assert (answer.status, answer.json) == (200, {**shown, "options": {"a": 1}})
    assert answer.headers["content-location"] == "/v1/pools/p?detailed=true"
    listed = zaqar.call("GET", "/v1/pools?limit=1", **nameless).json
    assert listed == {"pools": [shown], "links": [{"rel": "next", "href": "/v1/pools?limit=1&marker=p"}]}
    answer = zaqar.call("PATCH", "/v1/pools/p", {"weight": 5}, **nameless)
    assert (answer.status, answer.json) == (200, None)
    assert zaqar.call("GET", "/v2/pools/p").json["weight"] == 5
    assert zaqar.call("PATCH", "/v1/pools/p", {"name": "q"}, **nameless).status == 400
    assert zaqar.call("PATCH", "/v1/pools/none", {"weight": 5}, **nameless).status == 404
    assert zaqar.call("PUT", "/v1/pools/p", {"weight": 5}, **nameless).status == 400
    assert zaqar.call("DELETE", "/v1/pools/p", **nameless).status == 204
    assert zaqar.call("GET", "/v1/pools/p", **nameless).status == 404
    assert zaqar.call("GET", "/v1/flavors", **nameless).status == 404  # v1 never had them


@pytest.mark.parametrize(
    "settings",
    [Settings(), Settings(pooling=True), Settings(admin_mode=True)],
    ids=["none", "no admin mode", "no pooling"],
)
@pytest.mark.parametrize("path", ["pools", "pools/a", "flavors", "flavors/a"])
def test_pools_are_404_without_admin_mode_and_pooling(zaqar: Any, settings: Settings, path: str) -> None:
    zaqar.face = ZaqarFace(settings)
    for method in ("GET", "PUT", "POST", "OPTIONS"):
        for version in ("v1", "v1.1", "v2"):
            assert zaqar.call(method, f"/{version}/{path}").status == 404


def test_the_home_document_lists_pools_when_they_are_served(zaqar: Any) -> None:
    names = {"rel/pools", "rel/pool", "rel/flavors", "rel/flavor"}
    assert names <= zaqar.call("GET", "/v2/").json["resources"].keys()
    zaqar.face = ZaqarFace(Settings())
    assert names.isdisjoint(zaqar.call("GET", "/v2/").json["resources"])


def test_a_service_without_pooling_refuses_a_store_with_pools(pools: Any, main: Server) -> None:
    """Queues in pools would seem to be missing, and be created a second time."""
    with pytest.raises(StoreUnavailable, match="set pooling"):
        Core(Settings(durability="memory"), main.url)


def test_the_health_report_covers_each_pool(pools: Any, session: Any) -> None:
    made(session, "a", "q", creator="zaqar")
    pools.post("q", 1, 2, 3)
    pools.call("POST", "/v2/queues/q/claims?limit=2")
    health = pools.call("GET", "/v2/health").json
    assert health.keys() == {"catalog_reachable", "a", "b"}
    assert health["a"]["message_volume"] == {"free": 1, "claimed": 2, "total": 3}
    assert all(one["succeeded"] for one in health["b"]["operation_status"].values())
