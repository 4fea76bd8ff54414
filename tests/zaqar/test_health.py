"""The health report."""

from __future__ import annotations

from typing import Any

import pytest

from zaqar_core.core import claims, queues
from zaqar_core.core.session import Session
from zaqar_core.domain.errors import StoreUnavailable

OPERATIONS = [
    "create_queue", "post_messages", "claim_messages", "list_messages", "delete_messages", "delete_claim",
    "bulk_delete_messages", "delete_queue",
]  # fmt: skip


def test_the_report_runs_every_operation(zaqar: Any) -> None:
    answer = zaqar.call("GET", "/v2/health")
    assert answer.status == 200
    assert answer.json["storage_reachable"] is True
    status = answer.json["operation_status"]
    assert list(status) == OPERATIONS
    assert all(set(one) == {"succeeded", "seconds", "ref"} for one in status.values())
    assert all(one["succeeded"] and one["seconds"] > 0 and one["ref"] is None for one in status.values())


def test_the_report_leaves_no_queue(session: Session, zaqar: Any) -> None:
    zaqar.call("GET", "/v2/health")
    assert queues.names(session, "health\nreport", "us-east-1") == []


def test_message_volume_is_that_of_all_queues_of_all_projects(zaqar: Any, queue_name: str) -> None:
    before = zaqar.call("GET", "/v2/health").json["message_volume"]
    zaqar.post(queue_name, 1, 2, 3)
    stranger = zaqar.other_client()
    stranger.project = zaqar.project + "-2"
    stranger.post(queue_name, 4)
    zaqar.call("POST", f"/v2/queues/{queue_name}/claims?limit=2")
    after = zaqar.call("GET", "/v2/health").json["message_volume"]
    assert {name: after[name] - before[name] for name in after} == {"free": 2, "claimed": 2, "total": 4}


def test_a_failed_operation_is_reported_and_the_others_still_run(zaqar: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "create", lambda *_, **__: None)
    status = zaqar.call("GET", "/v2/health").json["operation_status"]
    assert [name for name in OPERATIONS if not status[name]["succeeded"]] == [
        "claim_messages", "delete_messages", "delete_claim",
    ]  # fmt: skip
    assert status["claim_messages"]["ref"]


def test_the_report_says_that_the_store_cannot_be_reached(zaqar: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise StoreUnavailable("gone")

    monkeypatch.setattr(Session, "store", property(fail))
    answer = zaqar.call("GET", "/v2/health")
    assert (answer.status, answer.json["storage_reachable"]) == (200, False)
    assert zaqar.call("GET", "/v2/ping").status == 503
    assert zaqar.call("HEAD", "/v2/ping").status == 204
