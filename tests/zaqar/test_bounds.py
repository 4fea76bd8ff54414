"""Bounds of the stored data, on every path by which it can change."""

from __future__ import annotations

from typing import Any

import pytest

from tests.zaqar.conftest import Zaqar
from zaqar_core.configuration.settings import Settings
from zaqar_core.core.session import Session
from zaqar_core.domain import limits
from zaqar_core.rest.face import ZaqarFace

_PATCH = {"CONTENT_TYPE": "application/openstack-messaging-v2.0-json-patch"}


def test_patches_cannot_make_metadata_longer_than_its_limit(zaqar: Any, queue_name: str) -> None:
    """The limit applies to the whole metadata, not only to the part in one request."""
    path = f"/v2/queues/{queue_name}"
    zaqar.call("PUT", path)
    answers = [
        zaqar.call("PATCH", path, [{"op": "add", "path": f"/metadata/{key}", "value": "x" * 40_000}], headers=_PATCH)
        for key in ("a", "b")
    ]
    assert [answer.status for answer in answers] == [200, 400]


def test_a_negative_claim_count_is_refused(zaqar: Any, queue_name: str) -> None:
    """It would move every message to the dead-letter queue before its first claim."""
    asked = {"_max_claim_count": -1, "_dead_letter_queue": "dead"}
    assert zaqar.call("PUT", f"/v2/queues/{queue_name}", asked).status == 400


def test_a_filter_for_1_does_not_find_true(zaqar: Any, queue_name: str) -> None:
    """True and 1 are different values in JSON."""
    zaqar.call("PUT", f"/v2/queues/{queue_name}", {"flag": True})
    assert zaqar.call("GET", "/v2/queues?flag=1").json["queues"] == []


@pytest.mark.parametrize(
    ("path", "limit"),
    [
        ("/v2/queues/messages", 65_536),
        ("/v2/queues/messages/", 65_536),
        ("/v2/queues/messages/messages", 262_144),
        ("/v2/queues/q/messages/", 262_144),
    ],
)
def test_a_queue_called_messages_has_the_limit_of_a_queue(zaqar: Any, path: str, limit: int) -> None:
    """Only the messages of a queue may be as large as a post."""
    assert zaqar.face.body_limit({"PATH_INFO": path}) == limit


def test_a_message_with_the_longest_ttl_reads_back_whole(session: Session, queue_name: str) -> None:
    """A ttl has a fixed length in a record: one digit more would shift the body."""
    longest = limits.SETTABLE_SECONDS.most
    zaqar = Zaqar(session, ZaqarFace(Settings(max_message_ttl=longest, default_message_ttl=longest)))
    zaqar.call("PUT", f"/v2/queues/{queue_name}", {"_default_message_ttl": longest})
    zaqar.post(queue_name, "named", ttl=longest)
    zaqar.post(queue_name, "default")
    shown = zaqar.call("GET", f"/v2/queues/{queue_name}/messages?echo=true").json["messages"]
    assert [(one["body"], one["ttl"]) for one in shown] == [("named", longest), ("default", longest)]
