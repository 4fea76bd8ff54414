"""Flavors, and queues with a flavor."""

from __future__ import annotations

from typing import Any

import pytest

from tests.pools.conftest import SETTINGS, Server, core, main, pools, processes, servers, zaqar
from tests.zaqar.test_identity import Tokens
from zaqar_core.configuration.settings import Settings
from zaqar_core.pools import administration
from zaqar_core.rest.face import ZaqarFace

__all__ = ["core", "main", "pools", "processes", "servers", "zaqar"]


@pytest.fixture
def flavored(pools: Any) -> Any:
    """Flavor "f" of pool "a"."""
    assert pools.call("PUT", "/v2/flavors/f", {"pool_list": ["a"]}).status == 201
    return pools


def test_a_flavor_is_created_and_read(flavored: Any) -> None:
    shown = {"href": "/v2/flavors/f", "name": "f", "pool_list": ["a"]}
    abilities = {"capabilities": ["FIFO", "CLAIMS", "AOD", "HIGH_THROUGHPUT"]}
    assert flavored.call("GET", "/v2/flavors/f").json == shown | abilities
    page = flavored.call("GET", "/v2/flavors?limit=1").json
    assert page["flavors"] == [shown]
    assert flavored.call("GET", page["links"][0]["href"]).json == {"flavors": [], "links": []}
    assert flavored.call("GET", "/v2/flavors?detailed=true").json["flavors"] == [shown | abilities]
    assert flavored.call("GET", "/v2/pools/a").json["flavor"] == "f"


def test_with_keystone_members_read_flavors_and_administrators_create_them(flavored: Any) -> None:
    """As in Zaqar's policy; pools, whose addresses hold passwords, are for administrators."""
    flavored.face = ZaqarFace(SETTINGS, Tokens())
    member, admin = ({"HTTP_X_AUTH_TOKEN": f"p {role}"} for role in ("member", "admin"))
    for path in ("/v2/flavors", "/v2/flavors/f", "/v1.1/flavors", "/v1.1/flavors/f"):
        assert flavored.call("GET", path, headers=member).status == 200
    document = {"pool_list": ["b"]}
    for method in ("PUT", "PATCH", "DELETE"):
        assert flavored.call(method, "/v2/flavors/f", document, headers=member).status == 403
    for path in ("/v2/pools", "/v2/pools/a", "/v1.1/pools"):
        assert flavored.call("GET", path, headers=member).status == 403
        assert flavored.call("GET", path, headers=admin).status == 200
    assert flavored.call("PATCH", "/v2/flavors/f", document, headers=admin).status == 200


def test_only_a_durable_service_claims_durability() -> None:
    assert "DURABILITY" not in administration.capabilities(SETTINGS)
    assert "DURABILITY" in administration.capabilities(Settings(durability="fsync"))


@pytest.mark.parametrize(
    "wrong",
    [
        {}, {"capabilities": {}}, {"pool_list": []}, {"pool_list": 1}, {"pool_list": [1]}, {"pool_list": ["none"]},
        {"pool_list": ["a", "none"]}, {"pool_list": ["a"], "more": 1}, [],
    ],
)  # fmt: skip
def test_a_flavor_with_wrong_input_is_refused(pools: Any, wrong: Any) -> None:
    assert pools.call("PUT", "/v2/flavors/g", wrong).status == 400
    assert pools.call("GET", "/v2/flavors/g").status == 404
    assert pools.call("GET", "/v2/pools/a").json["flavor"] is None


def test_a_patch_changes_the_pools(flavored: Any) -> None:
    answer = flavored.call("PATCH", "/v2/flavors/f", {"pool_list": ["b"], "location": 1})
    assert (answer.status, answer.json["pool_list"]) == (200, ["b"])
    assert flavored.call("GET", "/v2/pools/a").json["flavor"] is None
    assert flavored.call("PATCH", "/v2/flavors/f", {"capabilities": {}}).status == 400
    assert flavored.call("PATCH", "/v2/flavors/f", {"pool_list": ["none"]}).status == 400
    assert flavored.call("PATCH", "/v2/flavors/g", {"pool_list": ["a"]}).status == 404


def test_a_queue_of_a_flavor_is_created_in_its_pools(flavored: Any, servers: list[Server]) -> None:
    for number in range(5):
        assert flavored.call("PUT", f"/v2/queues/f{number}", {"_flavor": "f"}).status == 201
        assert flavored.call("PUT", f"/v2/queues/n{number}").status == 201
    assert servers[1].queues() == {f"f{number}" for number in range(5)}
    assert servers[2].queues() == {f"n{number}" for number in range(5)}
    assert flavored.call("GET", "/v2/queues/f0").json["_flavor"] == "f"


def test_a_queue_created_by_its_first_post_is_in_a_pool_without_flavor(flavored: Any, servers: list[Server]) -> None:
    flavored.post("lazy", 1)
    assert servers[2].queues() == {"lazy"}


def test_an_unknown_flavor_is_refused(flavored: Any) -> None:
    assert flavored.call("PUT", "/v2/queues/q", {"_flavor": "none"}).status == 400
    flavored.call("PUT", "/v2/queues/q", {"_flavor": "f"})
    assert flavored.call("PUT", "/v2/queues/q", {"_flavor": "none"}).status == 400
    patch = {"CONTENT_TYPE": "application/openstack-messaging-v2.0-json-patch"}
    change = [{"op": "replace", "path": "/metadata/_flavor", "value": "none"}]
    assert flavored.call("PATCH", "/v2/queues/q", change, headers=patch).status == 400


def test_a_flavor_whose_pools_have_no_weight_is_refused(flavored: Any) -> None:
    flavored.call("PATCH", "/v2/pools/a", {"weight": 0})
    assert flavored.call("PUT", "/v2/queues/q", {"_flavor": "f"}).status == 400


def test_the_last_pool_of_a_flavor_is_not_deleted(flavored: Any) -> None:
    answer = flavored.call("DELETE", "/v2/pools/a")
    assert answer.status == 403
    assert "it is the only pool of flavor f" in answer.json["description"]
    flavored.call("PATCH", "/v2/flavors/f", {"pool_list": ["a", "b"]})
    assert flavored.call("DELETE", "/v2/pools/a").status == 204
    assert flavored.call("GET", "/v2/flavors/f").json["pool_list"] == ["b"]


def test_a_pool_leaves_its_flavor_by_patch(flavored: Any) -> None:
    assert flavored.call("PATCH", "/v2/pools/a", {"flavor": ""}).json["flavor"] is None
    assert flavored.call("DELETE", "/v2/pools/a").status == 204
    assert flavored.call("PUT", "/v2/queues/q", {"_flavor": "f"}).status == 400


def test_a_deleted_flavor_leaves_its_pools_and_queues(flavored: Any, servers: list[Server]) -> None:
    flavored.call("PUT", "/v2/queues/q", {"_flavor": "f"})
    flavored.post("q", 1)
    assert flavored.call("DELETE", "/v2/flavors/f").status == 204
    assert flavored.call("GET", "/v2/flavors/f").status == 404
    assert flavored.call("DELETE", "/v2/flavors/f").status == 204
    assert flavored.call("GET", "/v2/queues/q/stats").json["messages"]["total"] == 1
    assert flavored.call("GET", "/v2/pools/a").json["flavor"] is None
