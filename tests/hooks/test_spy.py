"""The spy records what was sent, moved, received and deleted. It does not change the queues."""

from __future__ import annotations

import json
import uuid

import requests

from tests.conftest import Service
from tests.hooks.conftest import Hooks
from tests.sqs.wire import Sqs, text


def actions(hooks: Hooks, **query: str) -> list[tuple[str, str]]:
    return [(event["action"], event["body"]) for event in hooks.events(**query)]


def test_the_events_of_a_message_are_recorded_in_order(sqs: Sqs, hooks: Hooks) -> None:
    hooks.post("spy")
    url = sqs.queue("q")
    sent = sqs.send(url, "a", MessageAttributes={"kind": text("test")})
    assert sqs.counts(url) == ("1", "0", "0")
    [found] = sqs.receive(url)
    for _ in range(2):
        sqs.call("DeleteMessage", QueueUrl=url, ReceiptHandle=found["ReceiptHandle"])
    events = hooks.events()
    assert [event["action"] for event in events] == ["sent", "received", "deleted"]
    assert {event["message_id"] for event in events} == {sent["MessageId"]}
    assert {event["queue"] for event in events} == {"q"}
    assert events[0]["attributes"] == {"kind": "test"}
    assert events[1]["receive_count"] == 1


def test_fifo_messages_have_their_group(sqs: Sqs, hooks: Hooks) -> None:
    hooks.post("spy")
    url = sqs.queue("q.fifo", FifoQueue="true", ContentBasedDeduplication="true")
    for _ in range(2):
        sqs.send(url, "a", MessageGroupId="g")
    [found] = sqs.receive(url)
    sqs.call("DeleteMessage", QueueUrl=url, ReceiptHandle=found["ReceiptHandle"])
    assert [(one["action"], one["group"]) for one in hooks.events()] == [
        ("sent", "g"),
        ("received", "g"),
        ("deleted", "g"),
    ]


def test_the_arrival_of_a_dead_letter_is_recorded(sqs: Sqs, hooks: Hooks) -> None:
    hooks.post("spy")
    arn = sqs.attributes(sqs.queue("dead"), "QueueArn")["QueueArn"]
    url = sqs.queue("work", RedrivePolicy=json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1}))
    sqs.send(url, "a")
    sqs.receive(url, VisibilityTimeout=0)
    sqs.receive(url)
    assert actions(hooks, queue="dead") == [("moved", "a")]


def test_events_of_both_dialects_are_recorded(service: Service, sqs: Sqs, hooks: Hooks) -> None:
    hooks.post("spy")
    headers = {"Client-ID": str(uuid.uuid4()), "X-Project-Id": sqs.account}
    url = f"{service.url}/v2/queues/q"
    document = {"messages": [{"body": {"n": 1}, "ttl": 300}, {"body": "two", "ttl": 300}]}
    requests.post(f"{url}/messages", json=document, headers=headers, timeout=10).raise_for_status()
    claim = requests.post(f"{url}/claims?limit=1", json={"ttl": 60, "grace": 60}, headers=headers, timeout=10)
    [claimed] = claim.json()["messages"]
    requests.delete(f"{service.url}{claimed['href']}", headers=headers, timeout=10).raise_for_status()
    sqs.receive(sqs.queue("q"))
    assert actions(hooks) == [
        ("sent", '{"n":1}'),
        ("sent", "two"),
        ("received", '{"n":1}'),
        ("deleted", '{"n":1}'),
        ("received", "two"),
    ]


def test_events_continue_from_a_position(service: Service, sqs: Sqs, hooks: Hooks) -> None:
    hooks.post("spy")
    url = sqs.queue("q")
    sqs.send(url, "a")
    query = {"account": sqs.account}
    last = requests.get(f"{service.url}/_test/spy", params=query, timeout=10).json()["last"]
    assert hooks.events(after=last) == []
    sqs.send(url, "b")
    assert [one["body"] for one in hooks.events(after=last)] == ["b"]


def test_nothing_is_recorded_without_a_spy(service: Service, sqs: Sqs, hooks: Hooks) -> None:
    hooks.post("spy")
    hooks.post("spy", on=False)
    sqs.send(sqs.queue("q"), "a")
    hooks.post("spy")
    assert hooks.events() == []


def test_a_position_that_is_not_valid_is_refused(service: Service, hooks: Hooks) -> None:
    hooks.post("spy")
    query = {"account": hooks.account, "after": "nonsense"}
    assert requests.get(f"{service.url}/_test/spy", params=query, timeout=10).status_code == 400
