"""None of the defects of Zaqar's own Redis driver exists here. Numbers are those of the list in docs/zaqar.md."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.zaqar.conftest import Zaqar
from zaqar_core.core.process import Core
from zaqar_core.domain.names import QueueRef

Advance = Callable[[float], None]


@pytest.fixture
def later(zaqar: Any, queue_name: str, advance: Any) -> Advance:
    """Moves the queue's clock forward by so many seconds."""
    return lambda seconds: advance(QueueRef(zaqar.project, "us-east-1", queue_name), seconds)


def claim(zaqar: Any, queue: str, limit: int = 20, **terms: int) -> tuple[str, list[Any]]:
    """The claim's path ("" when there is nothing) and its messages' bodies."""
    answer = zaqar.call("POST", f"/v2/queues/{queue}/claims?limit={limit}", terms)
    messages = answer.json["messages"] if answer.json else []
    return answer.headers.get("location", ""), [message["body"] for message in messages]


def listed(zaqar: Any, queue: str, query: str = "") -> list[Any]:
    return [m["body"] for m in zaqar.call("GET", f"/v2/queues/{queue}/messages?echo=true{query}").json["messages"]]


@pytest.mark.parametrize("ends", ["released", "expired"])
def test_1_the_end_of_a_claim_releases_no_message_of_another_claim(
    zaqar: Any, queue_name: str, later: Advance, ends: str
) -> None:
    zaqar.post(queue_name, 1, 2, 3, 4)
    first, bodies = claim(zaqar, queue_name, 1, ttl=60)
    assert bodies == [1]
    assert claim(zaqar, queue_name, 2, ttl=300)[1] == [2, 3]
    if ends == "released":
        zaqar.call("DELETE", first)
    else:
        later(60)
    assert claim(zaqar, queue_name)[1] == [1, 4]


def test_2_delayed_messages_behind_a_free_one_stay_delayed(zaqar: Any, queue_name: str, later: Advance) -> None:
    zaqar.call("PUT", f"/v2/queues/{queue_name}", {"_default_message_delay": 60})
    zaqar.post(queue_name, 1, delay=0)
    zaqar.post(queue_name, 2)
    assert claim(zaqar, queue_name)[1] == [1]
    assert zaqar.call("DELETE", f"/v2/queues/{queue_name}/messages?pop=20").json == {"messages": []}
    later(60)
    assert claim(zaqar, queue_name)[1] == [2]


def test_3_an_id_is_good_only_in_its_queue_and_project(zaqar: Any, queue_name: str) -> None:
    """It is neither returned nor deleted elsewhere, alone or in bulk; other keys of the store are not ids."""
    (href,) = zaqar.post(queue_name, 1)
    message_id = href.rsplit("/", 1)[1]
    path, _ = claim(zaqar, queue_name)
    claim_id = path.rsplit("/", 1)[1]
    stranger = zaqar.other_client()
    stranger.project = "stranger"
    for guest, queue in ((stranger, queue_name), (zaqar, queue_name + "-2")):
        guest.post(queue, 2)
        messages = f"/v2/queues/{queue}/messages"
        for found in (message_id, claim_id, "sf1:{secret}"):
            assert guest.call("GET", f"{messages}/{found}").status == 404
            assert guest.call("GET", f"{messages}?ids={found}").status == 404
            assert guest.call("DELETE", f"{messages}/{found}").status == 204
            assert guest.call("DELETE", f"{messages}?ids={found}").status == 204
        claims = f"/v2/queues/{queue}/claims/{claim_id}"
        assert guest.call("GET", claims).status == 404
        assert guest.call("PATCH", claims, {}).status == 404
        assert guest.call("DELETE", claims).status == 204
    assert zaqar.call("GET", path).json["messages"][0]["body"] == 1


def test_4_a_claimed_message_stays_beyond_its_ttl_until_claim_and_grace_end(
    zaqar: Any, queue_name: str, later: Advance
) -> None:
    (href,) = zaqar.post(queue_name, 1, ttl=60)
    path, _ = claim(zaqar, queue_name, ttl=300, grace=100)
    later(299)
    shown = zaqar.call("GET", href)
    assert (shown.status, shown.json["ttl"], shown.json["age"]) == (200, 400, 299)
    assert zaqar.call("PATCH", path, {"ttl": 60, "grace": 100}).status == 204
    later(59)
    assert zaqar.call("DELETE", path).status == 204
    assert zaqar.call("GET", href).status == 200
    later(101)
    assert zaqar.call("GET", href).status == 404


def test_5_an_expired_claim_is_404_at_once(zaqar: Any, queue_name: str, later: Advance) -> None:
    zaqar.post(queue_name, 1)
    path, _ = claim(zaqar, queue_name, ttl=60)
    later(60)
    stats = zaqar.call("GET", f"/v2/queues/{queue_name}/stats").json["messages"]
    assert (stats["claimed"], stats["free"], stats["total"]) == (0, 1, 1)
    assert zaqar.call("GET", path).status == 404


def walk(zaqar: Any, href: str, kind: str, deletes: bool) -> list[dict[str, Any]]:
    """What four pages of one show, or those until an empty one. ``deletes``: each is deleted before the next page."""
    seen = []
    for _ in range(4):
        page = zaqar.call("GET", href).json
        if not page[kind]:
            break
        [one] = page[kind]
        seen.append(one)
        href = page["links"][0]["href"]
        if deletes:
            zaqar.call("DELETE", one["href"])
    return seen


@pytest.mark.parametrize("deletes", [False, True])
def test_6_a_listing_in_pages_of_one_message_ends(zaqar: Any, queue_name: str, deletes: bool) -> None:
    zaqar.post(queue_name, 1, 2, 3)
    seen = walk(zaqar, f"/v2/queues/{queue_name}/messages?echo=true&limit=1", "messages", deletes)
    assert [message["body"] for message in seen] == [1, 2, 3]


@pytest.mark.parametrize("deletes", [False, True])
def test_6_a_listing_in_pages_of_one_queue_ends(zaqar: Any, deletes: bool) -> None:
    for name in ("a", "b", "c"):
        zaqar.call("PUT", f"/v2/queues/{name}")
    seen = walk(zaqar, "/v2/queues?limit=1", "queues", deletes)
    assert [queue["name"] for queue in seen] == ["a", "b", "c"]


def test_6_the_id_of_a_deleted_message_is_a_valid_marker(zaqar: Any, queue_name: str) -> None:
    hrefs = zaqar.post(queue_name, 1, 2, 3)
    marker = "&marker=" + hrefs[1].rsplit("/", 1)[1]
    assert listed(zaqar, queue_name, marker) == [3]
    zaqar.call("DELETE", hrefs[1])
    assert listed(zaqar, queue_name, marker) == [3]


@pytest.mark.parametrize("marker", ["", "&marker=", "&marker=0"])
def test_7_claimed_messages_are_listed_from_the_start(zaqar: Any, queue_name: str, marker: str) -> None:
    zaqar.post(queue_name, 1, 2)
    claim(zaqar, queue_name, 1)
    assert listed(zaqar, queue_name, "&include_claimed=true" + marker) == [1, 2]


def test_8_a_release_neither_extends_a_ttl_nor_restores_a_deleted_message(
    zaqar: Any, queue_name: str, later: Advance
) -> None:
    kept, deleted = zaqar.post(queue_name, 1, 2, ttl=200)
    path, _ = claim(zaqar, queue_name, ttl=100)
    zaqar.call("DELETE", f"{deleted}?claim_id={path.rsplit('/', 1)[1]}")
    later(50)
    assert zaqar.call("DELETE", path).status == 204
    assert listed(zaqar, queue_name) == [1]
    later(149)
    assert zaqar.call("GET", kept).status == 200
    later(1)
    assert zaqar.call("GET", kept).status == 404


def test_9_a_post_is_stored_as_a_whole_or_not_at_all(zaqar: Any, queue_name: str) -> None:
    """Bodies and index are written in one step."""
    zaqar.call("PUT", f"/v2/queues/{queue_name}", {"_max_messages_post_size": 100})
    path = f"/v2/queues/{queue_name}/messages"
    for bad in ({"body": "x" * 100}, {"body": 1, "ttl": 1}, {}):
        assert zaqar.call("POST", path, {"messages": [{"body": 1}, bad]}).status == 400
    assert zaqar.call("GET", f"/v2/queues/{queue_name}/stats").json["messages"]["total"] == 0


def test_10_dots_are_part_of_names(zaqar: Any) -> None:
    """Of queues, of dead-letter queues, of projects."""
    zaqar.call("PUT", "/v2/queues/a.b", {"_dead_letter_queue": "a.b.dead", "_max_claim_count": 1})
    zaqar.post("a.b", 1)
    zaqar.call("DELETE", claim(zaqar, "a.b")[0])
    assert claim(zaqar, "a.b")[1] == []
    assert listed(zaqar, "a.b.dead") == [1]
    assert [queue["name"] for queue in zaqar.call("GET", "/v2/queues").json["queues"]] == ["a.b", "a.b.dead"]
    other = zaqar.other_client()
    other.project = zaqar.project + ".a"
    assert listed(other, "b.dead") == []
    assert other.call("GET", "/v2/queues").json["queues"] == []


def test_11_a_new_queue_inherits_nothing_from_a_deleted_one(zaqar: Any, queue_name: str) -> None:
    (href,) = zaqar.post(queue_name, 1)
    path, _ = claim(zaqar, queue_name)
    zaqar.call("DELETE", f"/v2/queues/{queue_name}")
    zaqar.post(queue_name, 2)
    assert zaqar.call("GET", path).status == 404
    assert zaqar.call("GET", href).status == 404
    stats = zaqar.call("GET", f"/v2/queues/{queue_name}/stats").json["messages"]
    assert (stats["claimed"], stats["total"]) == (0, 1)
    assert zaqar.call("DELETE", path).status == 204
    assert listed(zaqar, queue_name) == [2]


def test_12_listings_filter_by_name_and_metadata(zaqar: Any) -> None:
    for name, color in (("apple", "red"), ("pear", "green"), ("pineapple", "red")):
        zaqar.call("PUT", f"/v2/queues/{name}", {"color": color})
    for query, names in (
        ("name=apple", ["apple", "pineapple"]), ("color=green", ["pear"]), ("name=^apple&color=red", ["apple"]),
        ("name=x", []),
    ):  # fmt: skip
        found = zaqar.call("GET", f"/v2/queues?{query}").json["queues"]
        assert [queue["name"] for queue in found] == names


def test_13_of_concurrent_creations_of_a_queue_one_gets_201(core: Core, zaqar: Any, queue_name: str) -> None:
    def put(number: int) -> int:
        session = core.session()
        one = Zaqar(session, zaqar.face, zaqar.project)
        return one.call("PUT", f"/v2/queues/{queue_name}", {"by": number}).status

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(put, range(12))) == [201] + [204] * 11
    assert zaqar.call("GET", f"/v2/queues/{queue_name}").json["by"] in range(12)
