"""The API of the console: reads in one pass, changes by operations of SQS, and errors in their words."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from typing import Any

import pytest

from sqs_facade.console import service_view
from sqs_facade.console.overview import Pass, Row, seen
from tests.console.conftest import Browser, Sited
from zaqar_core.access.policies import Policy
from zaqar_core.access.principals import Principal
from zaqar_core.core import claims, leases, messages, queues, subscriptions
from zaqar_core.core.known_queues import KnownQueues
from zaqar_core.core.queue_figures import FIGURES
from zaqar_core.core.session import Session
from zaqar_core.domain.model import NewMessage, QueueSettings
from zaqar_core.domain.names import QueueRef
from zaqar_core.store.conditions import Condition, StoreCondition

REGION = "us-east-1"
#: Text that would do something if any part of the way took it for markup.
HOSTILE = "</script><img src=x onerror=alert(1)>&\u202e\u2028{{1}}"


@pytest.fixture
def session(open_site: Sited) -> Session:
    return open_site.core.session()


def created(browser: Browser, name: str, **attributes: str) -> QueueRef:
    browser.done("CreateQueue", {"QueueName": name, "Attributes": attributes})
    return QueueRef(browser.account, REGION, name)


def listed(browser: Browser, **parameters: Any) -> list[str]:
    return [one["name"] for one in browser.done("queues", fresh=1, **parameters)["queues"]]


def test_a_queue_has_its_numbers_in_the_overview(local: Browser, session: Session) -> None:
    ref = created(local, "q")
    messages.send(session, ref, [NewMessage(b"x") for _ in range(3)])
    messages.send(session, ref, [NewMessage(b"x", delay_seconds=60)])
    leases.receive(session, ref, max_messages=1, wait_seconds=0)
    found = local.done("queues", fresh=1)
    [row] = found["queues"]
    assert (row["visible"], row["inFlight"], row["delayed"], row["sent"]) == (2, 1, 1, 4)
    assert row["oldestAge"] >= 0
    assert (found["visible"], found["inFlight"], found["delayed"], found["total"]) == (2, 1, 1, 1)


def test_the_overview_is_searched_sorted_and_paged(local: Browser, session: Session) -> None:
    for name, number in (("alpha", 1), ("beta", 3), ("gamma", 2)):
        ref = created(local, name)
        messages.send(session, ref, [NewMessage(b"x") for _ in range(number)])
    local.done("TagQueue", {"QueueUrl": "gamma", "Tags": {"team": "Shop"}})
    assert listed(local) == ["alpha", "beta", "gamma"]
    assert listed(local, descending=1) == ["gamma", "beta", "alpha"]
    assert listed(local, order="visible", descending=1) == ["beta", "gamma", "alpha"]
    assert listed(local, search="MA team=shop") == ["gamma"]
    assert listed(local, order="visible", offset=1, limit=1) == ["gamma"]
    found = local.done("queues", search="a", limit=1)
    assert (found["matching"], found["total"], len(found["queues"])) == (3, 3, 1)


@pytest.mark.parametrize("parameters", [{"limit": "501"}, {"limit": "x"}, {"offset": "-1"}, {"offset": "\uff19"}])
def test_numbers_that_are_not_valid_are_refused(local: Browser, parameters: dict[str, str]) -> None:
    assert local.refused("queues", **parameters) == (400, "InvalidRequest")


@pytest.mark.parametrize("path", ["queues", "session", "SendMessage"])
def test_a_query_of_too_many_parameters_is_refused(local: Browser, path: str) -> None:
    assert local.refused(path, **{f"a{number}": "1" for number in range(40)}) == (400, "InvalidRequest")


def test_many_consoles_cost_one_pass(local: Browser, session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """And a pass costs a round trip for some hundreds of queues, not one for each."""
    for number in range(3):
        created(local, f"q{number}")
    passes: list[int] = []
    read = queues.figures

    def counted(session: Session, refs: list[QueueRef]) -> Any:
        passes.append(len(refs))
        return read(session, refs)

    monkeypatch.setattr(queues, "figures", counted)
    local.done("queues", fresh=1)
    for _ in range(10):
        assert local.done("queues")["total"] == 3
    assert passes == [3]


def test_a_queue_is_shown_with_its_relations(local: Browser, session: Session) -> None:
    dead, ref = created(local, "dead"), created(local, "q")
    arn = f"arn:aws:sqs:{REGION}:{local.account}:dead"
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 2})
    local.done("SetQueueAttributes", {"QueueUrl": "q", "Attributes": {"RedrivePolicy": policy}})
    local.done("TagQueue", {"QueueUrl": "q", "Tags": {"b": "2", "a": "1"}})
    messages.send(session, ref, [NewMessage(b"x") for _ in range(2)])
    claim = claims.create(session, ref, ttl_seconds=60, grace_seconds=0, limit=2)
    subscriptions.create(session, ref, subscriber="https://example.org/h", options=b'{"secret": 1}', ttl_seconds=60)
    assert claim is not None
    found = local.done("queue", queue="q")
    assert json.loads(found["attributes"]["RedrivePolicy"])["deadLetterTargetArn"] == arn
    assert found["tags"]["rows"] == [["a", "1"], ["b", "2"]]
    assert [(one["id"], one["held"]) for one in found["claims"]["rows"]] == [(claim.id, 2)]
    [subscription] = found["subscriptions"]["rows"]
    assert (subscription["subscriber"], subscription["isConfirmed"]) == ("https://example.org/h", False)
    assert "secret" not in json.dumps(found)
    assert found["zaqar"] == {"_dead_letter_queue": "dead", "_max_claim_count": 2}
    local.done("queues", fresh=1)
    assert local.done("queue", queue=dead.name)["sources"] == ["q"]


def test_messages_are_shown_without_being_received(local: Browser, session: Session) -> None:
    ref = created(local, "q")
    for body in ("plain", HOSTILE, '{"a": 1}'):
        local.done("SendMessage", {"QueueUrl": "q", "MessageBody": body})
    leases.receive(session, ref, max_messages=1, wait_seconds=0)
    for _ in range(2):
        found = local.done("messages", queue="q", inFlight=1)["messages"]
        assert [one["body"] for one in found] == ["plain", HOSTILE, '{"a": 1}']
        assert [one.get("isInFlight", False) for one in found] == [True, False, False]
        assert [one.get("receiveCount", 0) for one in found] == [1, 0, 0]
    assert [one["body"] for one in local.done("messages", queue="q")["messages"]] == [HOSTILE, '{"a": 1}']


def test_messages_come_in_pages_and_long_bodies_are_cut(local: Browser, session: Session) -> None:
    ref = created(local, "q")
    long = "é" * 5_000
    messages.send(session, ref, [NewMessage(long.encode()), *(NewMessage(b"%d" % at) for at in range(30))])
    first = local.done("messages", queue="q")
    second = local.done("messages", queue="q", after=first["after"])
    assert [one["body"] for one in first["messages"][1:] + second["messages"]] == [str(at) for at in range(30)]
    assert second["after"] is None
    cut = first["messages"][0]
    assert (cut["isCut"], cut["bodyBytes"], cut["body"]) == (True, 10_000, "é" * 1_000)
    assert local.done("message", queue="q", id=cut["id"])["body"] == long
    assert local.refused("message", queue="q", id=str(uuid.uuid4())) == (404, "MessageNotFound")


@pytest.mark.parametrize("name", ["q", "q.fifo"])
def test_one_message_is_deleted_also_while_it_is_in_flight(local: Browser, session: Session, name: str) -> None:
    fifo = {"MessageGroupId": "g", "MessageDeduplicationId": "d"} if name.endswith(".fifo") else {}
    ref = created(local, name, **({"FifoQueue": "true"} if fifo else {}))
    sent = local.done("SendMessage", {"QueueUrl": name, "MessageBody": "x", **fifo})["MessageId"]
    leases.receive(session, ref, max_messages=1, wait_seconds=0)
    for _ in range(2):
        local.done("delete-message", {}, queue=name, id=sent)
    assert local.done("messages", queue=name, inFlight=1)["messages"] == []


def test_a_message_is_sent_with_all_that_sqs_has(local: Browser) -> None:
    created(local, "q")
    sent = {
        "QueueUrl": "q",
        "MessageBody": "x",
        "DelaySeconds": 60,
        "MessageGroupId": "g",
        "MessageAttributes": {
            "n": {"DataType": "Number", "StringValue": "1"},
            "b": {"DataType": "Binary", "BinaryValue": "AAE="},
        },
    }
    local.done("SendMessage", sent)
    [found] = local.done("messages", queue="q", delayed=1)["messages"]
    assert found["isDelayed"]
    assert found["system"]["MessageGroupId"] == "g"
    assert sorted(one["value"] for one in found["attributes"]) == ["1", "AAE="]


ERRORS = [
    ("SetQueueAttributes", {"Attributes": {"DelaySeconds": "901"}}, "InvalidAttributeValue", "DelaySeconds"),
    ("SendMessage", {"MessageBody": ""}, "MissingParameter", "MessageBody"),
    ("SendMessage", {"MessageBody": "\0"}, "InvalidMessageContents", "#x0"),
    ("SendMessage", {"MessageBody": 1}, "MalformedInput", ""),
    ("TagQueue", {"Tags": {"": "x"}}, "InvalidParameterValue", "Tag keys"),
    ("CreateQueue", {"QueueName": "a b"}, "InvalidParameterValue", "alphanumeric"),
    ("StartMessageMoveTask", {"SourceArn": "x"}, "InvalidParameterValue", "format"),
]


@pytest.mark.parametrize(("operation", "asked", "code", "words"), ERRORS)
def test_errors_are_those_of_sqs(local: Browser, operation: str, asked: Any, code: str, words: str) -> None:
    created(local, "q")
    answer = local.call(
        operation, asked if "QueueName" in asked or "SourceArn" in asked else {"QueueUrl": "q", **asked}
    )
    assert answer.status_code == 400
    assert answer.json is not None
    assert answer.json["code"] == code
    assert words in answer.json["message"]


@pytest.mark.parametrize("name", ["", "none", "../x", "a/b", "é", "x" * 300, "%00"])
def test_a_queue_that_does_not_exist_is_an_error(local: Browser, name: str) -> None:
    for path in ("queue", "messages"):
        assert local.refused(path, queue=name) == (400, "NonExistentQueue")


def test_dead_letters_are_moved_back(local: Browser) -> None:
    created(local, "dead")
    created(local, "q")
    arn = f"arn:aws:sqs:{REGION}:{local.account}:dead"
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 2})
    local.done("SetQueueAttributes", {"QueueUrl": "q", "Attributes": {"RedrivePolicy": policy}})
    local.done("SendMessage", {"QueueUrl": "dead", "MessageBody": "x"})
    local.done("StartMessageMoveTask", {"SourceArn": arn, "DestinationArn": arn.replace("dead", "q")})
    [task] = local.done("ListMessageMoveTasks", {"SourceArn": arn})["Results"]
    assert task["ApproximateNumberOfMessagesToMove"] == 1


def test_a_queue_is_purged_and_deleted(local: Browser) -> None:
    created(local, "q")
    local.done("SendMessage", {"QueueUrl": "q", "MessageBody": "x"})
    local.done("PurgeQueue", {"QueueUrl": "q"})
    assert local.done("messages", queue="q")["messages"] == []
    assert local.refused("PurgeQueue", {"QueueUrl": "q"}) == (403, "PurgeQueueInProgress")
    local.done("DeleteQueue", {"QueueUrl": "q"})
    assert listed(local) == []


def test_queues_of_zaqar_are_shown_in_their_account(local: Browser, session: Session) -> None:
    project = f"!{local.account}"  # the first of all that other tests have made: only so many are listed
    queues.create(session, QueueRef(project, REGION, "a.b-c"), QueueSettings(), creator="zaqar")
    local.account = project
    assert listed(local) == ["a.b-c"]
    assert local.done("queue", queue="a.b-c")["creator"] == "zaqar"
    local.done("SendMessage", {"QueueUrl": "a.b-c", "MessageBody": "x"})
    assert [project, REGION] in local.done("session")["places"]


def test_changes_need_the_token_of_the_page(local: Browser) -> None:
    token, local.token = local.token, ""
    assert local.refused("CreateQueue", {"QueueName": "q"}) == (403, "TokenInvalid")
    local.token = token[:-1] + ("0" if token[-1] != "0" else "1")
    assert local.refused("CreateQueue", {"QueueName": "q"}) == (403, "TokenInvalid")
    assert local.refused("delete-message", {}, queue="q", id="x") == (403, "TokenInvalid")


def test_a_change_is_a_post_with_json(local: Browser) -> None:
    assert local.request("GET", "CreateQueue").status_code == 405
    assert local.request("PUT", "CreateQueue", {"QueueName": "q"}).status_code == 405
    assert local.request("POST", "CreateQueue", {"QueueName": "q"}, Content_Type="text/plain").status_code == 415
    assert local.refused("ReceiveMessage", {"QueueUrl": "q"}) == (404, "NotFound")


def test_what_a_caller_sees_ends_with_its_policies() -> None:
    """A version of a user may be at the address of a former one."""
    document = {"Statement": {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}}
    before, after = (
        Principal("123456789012", "arn:aws:iam::123456789012:user/ann", "AIDA", "ann", policies=policies)
        for policies in ((Policy.parse(document),), ())
    )
    found = Pass({"q": Row("q", visible=3)}, {}, {}, KnownQueues(FIGURES), 0.0, 0.0)
    values = (before.arn, "127.0.0.1")
    assert seen(found, before, values, lambda *_: True).sums.visible == 3
    assert seen(found, after, values, lambda *_: False).sums.visible == 0
    assert seen(found, replace(after), values, lambda *_: True).sums.visible == 0  # remembered: an equal caller


@pytest.mark.parametrize("is_administrator", [True, False])
def test_administrators_see_why_a_store_is_not_fit(session: Session, is_administrator: bool) -> None:
    facts = {"server_name": "valkey", "valkey_version": "9.1.2", "used_memory": "99", "maxmemory": "100"}
    full = Condition("full", "frees", "no memory is left", "raise maxmemory")
    conditions = [StoreCondition("", "", full, 0.0, facts), StoreCondition("p", "", Condition("gone", "nothing"), 0.0)]
    found = service_view.read(session, conditions, "1", is_administrator=is_administrator)
    assert (found.is_ready, found.state) == (False, "full")
    assert (found.reason, found.remedy) == (("no memory is left", "raise maxmemory") if is_administrator else ("", ""))
    assert [one["state"] for one in found.servers] == (["full", "gone"] if is_administrator else [])
    if is_administrator:
        assert (found.servers[0]["memoryBytes"], found.servers[0]["memoryLimitBytes"]) == (99, 100)


def test_the_condition_of_the_service_is_shown(local: Browser) -> None:
    found = local.done("service")
    assert (found["isReady"], found["state"], found["isAdministrator"]) == (True, "fit", True)
    [server] = found["servers"]
    assert server["program"] in ("Valkey", "Redis")
