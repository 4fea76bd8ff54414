"""Undelivered notifications, as clients see them."""

from __future__ import annotations

import pytest

from tests.notifications.conftest import Subscriber, subscribe, texts
from tests.patience import until
from tests.zaqar.conftest import Zaqar
from zaqar_core.core import messages
from zaqar_core.core.process import Core
from zaqar_core.core.session import Session
from zaqar_core.domain.names import QueueRef
from zaqar_core.rest.face import ZaqarFace


@pytest.fixture
def zaqar(core: Core, session: Session, queue: QueueRef) -> Zaqar:
    """A client in the queue's project."""
    return Zaqar(session, ZaqarFace(core.settings), project=queue.project)


def test_a_failed_notification_is_listed_with_its_reason(
    session: Session, queue: QueueRef, subscriber: Subscriber, zaqar: Zaqar
) -> None:
    path = f"/v2/queues/{queue.name}/undelivered"
    subscriber.statuses = [404] * 3
    made = subscribe(session, queue, subscriber.url())
    ids = []
    for body in ("a", "b", "c"):
        [sent] = messages.send(session, queue, texts(body))
        assert not isinstance(sent, Exception)
        ids.append(sent.id)
        until(lambda: zaqar.call("GET", path).json["total"] == len(ids), "it is recorded")
    page = zaqar.call("GET", path + "?limit=2").json
    [first, second] = page["undelivered"]
    assert first == {
        "subscription_id": made,
        "subscriber": subscriber.url(),
        "tries": 1,
        "age": first["age"],
        "error": "the subscriber answered with status 404",
        "message": {"id": ids[2], "ttl": 3600, "body": "c"},
    }
    assert second["message"]["body"] == "b"
    assert page["links"] == [{"rel": "next", "href": path + "?limit=2&marker=2"}]
    last = zaqar.call("GET", page["links"][0]["href"]).json
    assert [one["message"]["body"] for one in last["undelivered"]] == ["a"]
    assert zaqar.call("GET", last["links"][0]["href"]).json == {"undelivered": [], "total": 3, "links": []}


def test_a_missing_queue_has_no_undelivered_notifications(zaqar: Zaqar) -> None:
    assert zaqar.call("GET", "/v2/queues/missing/undelivered").json == {"undelivered": [], "total": 0, "links": []}


@pytest.mark.parametrize("query", ["limit=0", "limit=21", "marker=x", "marker=-1"])
def test_wrong_parameters_are_refused(zaqar: Zaqar, query: str) -> None:
    assert zaqar.call("GET", f"/v2/queues/missing/undelivered?{query}").status == 400
