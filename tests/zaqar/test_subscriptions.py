"""Subscriptions over HTTP: every status and every document."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from zaqar_core.core import queues
from zaqar_core.core.session import Session
from zaqar_core.domain.model import QueueSettings
from zaqar_core.domain.names import QueueRef

Advance = Callable[[QueueRef, float], None]


def subscribe(zaqar: Any, queue: str, subscriber: str = "http://example.com/", **more: Any) -> str:
    """The id of a new subscription."""
    answer = zaqar.call("POST", f"/v2/queues/{queue}/subscriptions", {"subscriber": subscriber, **more})
    assert answer.status == 201, answer
    found: str = answer.json["subscription_id"]
    return found


def listed(zaqar: Any, queue: str, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = zaqar.call("GET", f"/v2/queues/{queue}/subscriptions{query}").json["subscriptions"]
    return found


@pytest.fixture
def ref(zaqar: Any, queue_name: str) -> QueueRef:
    """The queue of that name in the client's project."""
    return QueueRef(zaqar.project, "us-east-1", queue_name)


def test_a_subscription_is_created_read_changed_and_deleted(
    zaqar: Any, queue_name: str, ref: QueueRef, advance: Advance
) -> None:
    path = f"/v2/queues/{queue_name}/subscriptions"
    made = zaqar.call("POST", path, {"subscriber": "http://example.com/x", "ttl": 600, "options": {"a": [1, "é"]}})
    assert (made.status, made.headers["location"], list(made.json)) == (201, path, ["subscription_id"])
    one = f"{path}/{made.json['subscription_id']}"
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", one.rsplit("/", 1)[1])
    advance(ref, 10)
    shown = {
        "id": made.json["subscription_id"],
        "source": queue_name,
        "subscriber": "http://example.com/x",
        "ttl": 600,
        "age": 10,
        "options": {"a": [1, "é"]},
        "confirmed": False,
    }
    assert zaqar.call("GET", one).json == shown
    assert listed(zaqar, queue_name) == [shown]
    changed = zaqar.call("PATCH", one, {"subscriber": "http://example.com/y", "ttl": 60, "options": {}})
    assert (changed.status, changed.headers["location"], changed.json) == (204, one, None)
    confirmed = zaqar.call("PUT", one + "/confirm", {"confirmed": True})
    assert (confirmed.status, confirmed.headers["location"]) == (204, one + "/confirm")
    shown |= {"subscriber": "http://example.com/y", "ttl": 60, "options": {}, "confirmed": True}
    assert zaqar.call("GET", one).json == shown
    assert zaqar.call("PUT", one + "/confirm", {"confirmed": False}).status == 204
    assert zaqar.call("GET", one).json["confirmed"] is False
    assert zaqar.call("DELETE", one).status == 204
    assert zaqar.call("DELETE", one).status == 204
    assert zaqar.call("GET", one).status == 404
    assert listed(zaqar, queue_name) == []


def test_a_subscription_creates_the_queue(zaqar: Any, queue_name: str) -> None:
    subscribe(zaqar, queue_name)
    assert [queue["name"] for queue in zaqar.call("GET", "/v2/queues").json["queues"]] == [queue_name]


def test_a_queue_created_by_sqs_can_have_subscriptions(
    zaqar: Any, session: Session, queue_name: str, ref: QueueRef
) -> None:
    queues.create(session, ref, QueueSettings(), creator="sqs")
    subscribe(zaqar, queue_name)
    assert queues.get(session, ref).creator == "sqs"


@pytest.mark.parametrize("name", ["groups", "order.fifo"])
def test_every_kind_of_queue_has_subscriptions(zaqar: Any, queue_name: str, name: str) -> None:
    queue = f"{queue_name}-{name}"
    zaqar.post(queue, 1)
    found = subscribe(zaqar, queue)
    assert [one["id"] for one in listed(zaqar, queue)] == [found]


def test_a_subscriber_has_one_subscription(zaqar: Any, queue_name: str) -> None:
    """Until it is confirmed, its id is returned again; afterwards the response is 409."""
    path = f"/v2/queues/{queue_name}/subscriptions"
    first = subscribe(zaqar, queue_name, ttl=600)
    assert subscribe(zaqar, queue_name, ttl=900) == first
    assert [one["ttl"] for one in listed(zaqar, queue_name)] == [600]
    zaqar.call("PUT", f"{path}/{first}/confirm", {"confirmed": True})
    again = zaqar.call("POST", path, {"subscriber": "http://example.com/"})
    assert (again.status, again.headers["location"], again.json["title"]) == (409, path, "Resource conflict")
    zaqar.call("DELETE", f"{path}/{first}")
    assert subscribe(zaqar, queue_name) != first


def test_a_subscription_ends_after_its_ttl(zaqar: Any, queue_name: str, ref: QueueRef, advance: Advance) -> None:
    path = f"/v2/queues/{queue_name}/subscriptions"
    short, long = subscribe(zaqar, queue_name, "http://a/", ttl=60), subscribe(zaqar, queue_name, "http://b/", ttl=120)
    zaqar.call("PUT", f"{path}/{short}/confirm", {"confirmed": True})
    advance(ref, 60)
    assert [one["id"] for one in listed(zaqar, queue_name)] == [long]
    for method, target, document in (
        ("GET", f"{path}/{short}", None),
        ("PATCH", f"{path}/{short}", {"ttl": 60}),
        ("PUT", f"{path}/{short}/confirm", {"confirmed": True}),
    ):
        assert zaqar.call(method, target, document).status == 404
    assert subscribe(zaqar, queue_name, "http://a/") != short


def test_a_new_ttl_begins_now(zaqar: Any, queue_name: str, ref: QueueRef, advance: Advance) -> None:
    one = f"/v2/queues/{queue_name}/subscriptions/{subscribe(zaqar, queue_name, ttl=100)}"
    advance(ref, 90)
    zaqar.call("PATCH", one, {"ttl": 60})
    advance(ref, 50)
    assert zaqar.call("GET", one).json["age"] == 140
    advance(ref, 10)
    assert zaqar.call("GET", one).status == 404


def test_the_default_ttl_is_an_hour(zaqar: Any, queue_name: str) -> None:
    subscribe(zaqar, queue_name)
    assert listed(zaqar, queue_name)[0]["ttl"] == 3600


def test_pages_follow_the_order_of_creation(zaqar: Any, queue_name: str) -> None:
    path = f"/v2/queues/{queue_name}/subscriptions"
    made = [subscribe(zaqar, queue_name, f"http://{number}/") for number in range(5)]
    page = zaqar.call("GET", path + "?limit=2").json
    seen = [one["id"] for one in page["subscriptions"]]
    zaqar.call("DELETE", f"{path}/{seen[-1]}")
    while page["links"]:
        [link] = page["links"]
        assert (link["rel"], link["href"]) == ("next", f"{path}?limit=2&marker={seen[-1]}")
        page = zaqar.call("GET", link["href"]).json
        seen += [one["id"] for one in page["subscriptions"]]
    assert seen == made == sorted(made)
    assert page == {"subscriptions": [], "links": []}


def test_a_page_is_full_although_some_subscriptions_have_ended(
    zaqar: Any, queue_name: str, ref: QueueRef, advance: Advance
) -> None:
    for number in range(6):
        subscribe(zaqar, queue_name, f"http://{number}/", ttl=60 if number < 4 else 600)
    advance(ref, 60)
    assert len(listed(zaqar, queue_name, "?limit=2")) == 2


def test_a_missing_queue_has_none(zaqar: Any, queue_name: str) -> None:
    path = f"/v2/queues/{queue_name}/subscriptions"
    assert zaqar.call("GET", path).json == {"subscriptions": [], "links": []}
    assert zaqar.call("GET", path + "/x").status == 404
    assert zaqar.call("DELETE", path + "/x").status == 204
    assert zaqar.call("GET", "/v2/queues").json["queues"] == []


@pytest.mark.parametrize("query", ["limit=0", "limit=21", "limit=x", "limit=-1"])
def test_a_limit_out_of_bounds_is_refused(zaqar: Any, queue_name: str, query: str) -> None:
    assert zaqar.call("GET", f"/v2/queues/{queue_name}/subscriptions?{query}").status == 400


REFUSED = (
    '"x"', "[1]", '{"subscriber":1}', '{"subscriber":""}', '{"subscriber":"fake"}', '{"subscriber":"email://x"}',
    '{"subscriber":"http://"}', '{"subscriber":"http:///x"}', '{"subscriber":"http://a b/"}',
    '{"subscriber":"http://a:x/"}', '{"subscriber":"http://a:70000/"}', '{"subscriber":"http://[::1"}',
    '{"subscriber":"mailto:"}', '{"subscriber":"mailto:nobody"}', '{"subscriber":"http://a/\\r\\nX: y"}',
    '{"subscriber":"trust+http://example.com/"}', '{"subscriber":"ftp://example.com/"}',
    '{"subscriber":"http://a/","ttl":59}', '{"subscriber":"http://a/","ttl":"60"}',
    '{"subscriber":"http://a/","ttl":60.5}', '{"subscriber":"http://a/","ttl":true}',
    '{"subscriber":"http://a/","ttl":9223372036854775807}', '{"subscriber":"http://a/","ttl":253402300799}',
    '{"subscriber":"http://a/","options":1}', '{"subscriber":"http://a/","options":[]}',
    '{"subscriber":"http://a/","options":{"post_headers":[]}}',
    '{"subscriber":"http://a/","options":{"post_headers":{"X":1}}}',
    '{"subscriber":"http://a/","options":{"post_headers":{"X":"a\\r\\nY: b"}}}',
    '{"subscriber":"http://a/","options":{"post_headers":{"X Y":"a"}}}',
    '{"subscriber":"http://a/","options":{"post_headers":{"Content-Length":"1"}}}',
    '{"subscriber":"http://a/","options":{"post_data":{}}}',
    '{"subscriber":"mailto:a@b.c","options":{"subject":"a\\nBcc: x"}}',
    '{"subscriber":"mailto:a@b.c?subject=a%0d%0aBcc:x"}', '{"subscriber":"mailto:a@b.c%0aBcc:x@y.z"}',
    '{"subscriber":"http://a/","options":{"_retry_policy":{"minimum_delay":30}}}',
    '{"subscriber":"http://a/","options":{"_retry_policy":1}}',
)  # fmt: skip


@pytest.mark.parametrize(
    "header",
    [
        "Host", "HOST", "Connection", "Content-Length", "Transfer-Encoding", "Keep-Alive", "Proxy-Connection",
        "Proxy-Authenticate", "Proxy-Authorization", "TE", "Trailer", "Trailers", "Upgrade", "HTTP2-Settings", "Expect",
    ],
)  # fmt: skip
def test_a_header_of_the_connection_is_not_set_by_a_subscription(zaqar: Any, queue_name: str, header: str) -> None:
    path = f"/v2/queues/{queue_name}/subscriptions"
    options = {"post_headers": {"X-Fine": "1", header: "x"}}
    created = zaqar.call("POST", path, {"subscriber": "http://a/", "options": options})
    assert (created.status, created.json["title"]) == (400, "Invalid API request")
    assert created.json["description"] == f'Option "post_headers" must not set the header {header}.'
    zaqar.call("POST", path, {"subscriber": "http://a/"})
    [subscription] = listed(zaqar, queue_name)
    changed = zaqar.call("PATCH", f"{path}/{subscription['id']}", {"options": options})
    assert (changed.status, changed.json["description"]) == (400, created.json["description"])


@pytest.mark.parametrize("raw", ["", "{}", "x", '{"ttl":60}', *REFUSED])
def test_a_creation_with_wrong_input_is_refused(zaqar: Any, queue_name: str, raw: str) -> None:
    answer = zaqar.call("POST", f"/v2/queues/{queue_name}/subscriptions", raw=raw.encode())
    assert (answer.status, set(answer.json)) == (400, {"title", "description"})
    assert listed(zaqar, queue_name) == []


@pytest.mark.parametrize("raw", ["", "{}", '{"other":1}', *REFUSED])
def test_an_update_with_wrong_input_is_refused(zaqar: Any, queue_name: str, raw: str) -> None:
    """All or nothing: valid fields of the same request are not applied."""
    one = f"/v2/queues/{queue_name}/subscriptions/{subscribe(zaqar, queue_name, 'http://b/')}"
    before = zaqar.call("GET", one).json
    assert zaqar.call("PATCH", one, raw=raw.encode()).status == 400
    assert {**zaqar.call("GET", one).json, "age": 0} == {**before, "age": 0}


@pytest.mark.parametrize("raw", ["", "{}", "[]", '{"confirmed":1}', '{"confirmed":"true"}', '{"confirmed":null}'])
def test_a_confirmation_with_wrong_input_is_refused(zaqar: Any, queue_name: str, raw: str) -> None:
    one = f"/v2/queues/{queue_name}/subscriptions/{subscribe(zaqar, queue_name)}"
    assert zaqar.call("PUT", one + "/confirm", raw=raw.encode()).status == 400


@pytest.mark.parametrize("unknown", ["x", "00000000-0001-8000-8000-000000000000", "%FF", "a|b"])
def test_an_unknown_subscription_is_404(zaqar: Any, queue_name: str, unknown: str) -> None:
    subscribe(zaqar, queue_name)
    one = f"/v2/queues/{queue_name}/subscriptions/{unknown}"
    assert zaqar.call("GET", one).status == 404
    assert zaqar.call("PATCH", one, {"ttl": 60}).status == 404
    assert zaqar.call("PUT", one + "/confirm", {"confirmed": True}).status == 404
    assert zaqar.call("DELETE", one).status == 204
    assert len(listed(zaqar, queue_name)) == 1


def test_an_update_cannot_set_the_subscriber_of_another_subscription(zaqar: Any, queue_name: str) -> None:
    path = f"/v2/queues/{queue_name}/subscriptions"
    first, second = (subscribe(zaqar, queue_name, f"http://{name}/") for name in "ab")
    assert zaqar.call("PATCH", f"{path}/{second}", {"subscriber": "http://a/", "ttl": 60}).status == 409
    assert zaqar.call("GET", f"{path}/{second}").json["ttl"] == 3600
    assert zaqar.call("PATCH", f"{path}/{second}", {"subscriber": "http://b/", "ttl": 60}).status == 204
    assert zaqar.call("PATCH", f"{path}/{first}", {"subscriber": "http://c/"}).status == 204
    assert zaqar.call("PATCH", f"{path}/{second}", {"subscriber": "http://a/"}).status == 204


def test_a_new_subscriber_has_not_confirmed(zaqar: Any, queue_name: str) -> None:
    one = f"/v2/queues/{queue_name}/subscriptions/{subscribe(zaqar, queue_name)}"
    zaqar.call("PUT", one + "/confirm", {"confirmed": True})
    zaqar.call("PATCH", one, {"ttl": 600})
    assert zaqar.call("GET", one).json["confirmed"] is True
    zaqar.call("PATCH", one, {"subscriber": "http://other/"})
    assert zaqar.call("GET", one).json["confirmed"] is False


def test_subscriptions_of_other_projects_and_queues_are_not_visible(
    zaqar: Any, session: Session, queue_name: str
) -> None:
    """An id is valid only under its own queue."""
    found = subscribe(zaqar, queue_name)
    subscribe(zaqar, queue_name + "-2")
    assert zaqar.call("GET", f"/v2/queues/{queue_name}-2/subscriptions/{found}").status == 404
    zaqar.call("DELETE", f"/v2/queues/{queue_name}-2/subscriptions/{found}")
    other = type(zaqar)(session, zaqar.face)
    assert other.call("GET", f"/v2/queues/{queue_name}/subscriptions/{found}").status == 404
    assert len(listed(zaqar, queue_name)) == 1


def test_a_deleted_queue_leaves_none_to_its_successor(zaqar: Any, queue_name: str) -> None:
    subscribe(zaqar, queue_name)
    zaqar.call("DELETE", f"/v2/queues/{queue_name}")
    zaqar.call("PUT", f"/v2/queues/{queue_name}")
    assert listed(zaqar, queue_name) == []


@pytest.mark.parametrize(
    ("asked", "messages", "subscriptions"),
    [
        (None, 0, 0),
        ({"resource_types": ["messages"]}, 0, 1),
        ({"resource_types": ["subscriptions"]}, 1, 0),
        ({"resource_types": []}, 1, 1),
    ],
)
def test_a_purge_deletes_the_named_resource_types(
    zaqar: Any, queue_name: str, asked: Any, messages: int, subscriptions: int
) -> None:
    zaqar.post(queue_name, 1)
    subscribe(zaqar, queue_name)
    assert zaqar.call("POST", f"/v2/queues/{queue_name}/purge", asked).status == 204
    assert zaqar.call("GET", f"/v2/queues/{queue_name}/stats").json["messages"]["total"] == messages
    assert len(listed(zaqar, queue_name)) == subscriptions
    subscribe(zaqar, queue_name)


@pytest.mark.parametrize("prefix", ["/v1", "/v1.1"])
def test_older_versions_have_no_subscriptions(zaqar: Any, queue_name: str, prefix: str) -> None:
    zaqar.call("PUT", f"/v2/queues/{queue_name}")
    assert zaqar.call("GET", f"{prefix}/queues/{queue_name}/subscriptions").status == 404


@pytest.mark.parametrize(
    ("path", "method", "allow"),
    [
        ("", "PUT", "GET, OPTIONS, POST"),
        ("/x", "POST", "DELETE, GET, OPTIONS, PATCH"),
        ("/x/confirm", "GET", "OPTIONS, PUT"),
    ],
)
def test_other_methods_are_not_allowed(zaqar: Any, queue_name: str, path: str, method: str, allow: str) -> None:
    answer = zaqar.call(method, f"/v2/queues/{queue_name}/subscriptions{path}")
    assert (answer.status, answer.headers["allow"]) == (405, allow)
