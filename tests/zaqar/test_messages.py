"""Messages over HTTP: content, visibility and order."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from zaqar_core.core import leases, messages, queues
from zaqar_core.core.session import Session
from zaqar_core.domain.model import Attribute, NewMessage, QueueSettings
from zaqar_core.domain.names import QueueRef


@pytest.fixture
def sqs_queue(session: Session, zaqar: Any, queue_name: str) -> QueueRef:
    """A queue created by SQS in the client's project."""
    ref = QueueRef(zaqar.project, "us-east-1", queue_name)
    queues.create(session, ref, QueueSettings(), creator="sqs")
    return ref


def test_a_message_is_posted_read_listed_and_deleted(zaqar: Any, queue_name: str) -> None:
    path = f"/v2/queues/{queue_name}/messages"
    answer = zaqar.call("POST", path, {"messages": [{"body": {"n": 1}, "ttl": 120}, {"body": "two"}]})
    assert answer.status == 201
    hrefs = answer.json["resources"]
    ids = [href.rsplit("/", 1)[1] for href in hrefs]
    assert hrefs == [f"{path}/{text}" for text in ids]
    assert answer.headers["location"] == f"{path}?ids={','.join(ids)}"
    first = zaqar.call("GET", hrefs[0])
    assert first.status == 200
    assert first.json == {"id": ids[0], "href": hrefs[0], "ttl": 120, "age": 0, "body": {"n": 1}}
    assert zaqar.call("GET", path).json == {"messages": [], "links": []}
    listed = zaqar.call("GET", path + "?echo=true").json
    assert [message["body"] for message in listed["messages"]] == [{"n": 1}, "two"]
    assert [message["ttl"] for message in listed["messages"]] == [120, 3600]
    assert zaqar.call("DELETE", hrefs[0]).status == 204
    assert zaqar.call("DELETE", hrefs[0]).status == 204
    assert zaqar.call("GET", hrefs[0]).status == 404
    bulk = zaqar.call("GET", f"{path}?ids={ids[0]},{ids[1]}")
    assert [message["id"] for message in bulk.json["messages"]] == [ids[1]]
    assert zaqar.call("GET", f"{path}?ids={ids[0]}").status == 404
    assert zaqar.call("DELETE", f"{path}?ids={ids[0]},{ids[1]}").status == 204
    assert zaqar.call("GET", hrefs[1]).status == 404


@pytest.mark.parametrize(
    "body",
    [None, False, 0, "", [], {}, "text", 1.5, -(2**63), 2**63 - 1, {"a": [1, {"b": None}]}, "tab\t\r\n",
     "\x00", "\ufffe", "\U0010ffff", ["\uffff", {"\ufffe": "\x01"}], "é\u2028"],
)  # fmt: skip
def test_any_json_value_comes_back(zaqar: Any, queue_name: str, body: Any) -> None:
    (href,) = zaqar.post(queue_name, body)
    answer = zaqar.call("GET", href)
    assert answer.json["body"] == body
    assert type(answer.json["body"]) is type(body)


def test_paging_fills_each_page_and_outlives_the_marker(zaqar: Any, queue_name: str) -> None:
    for start in (0, 10):
        zaqar.post(queue_name, *range(start, start + 10))
    seen: list[int] = []
    href = f"/v2/queues/{queue_name}/messages?limit=3&echo=true"
    while True:
        page = zaqar.call("GET", href).json
        if not page["messages"]:
            break
        seen += [message["body"] for message in page["messages"]]
        zaqar.call("DELETE", page["messages"][-1]["href"])
        (link,) = page["links"]
        assert link["rel"] == "next"
        href = link["href"]
        assert "limit=3" in href
        assert "echo=true" in href
    assert seen == list(range(20))


def test_a_malformed_marker_gives_an_empty_page(zaqar: Any, queue_name: str) -> None:
    zaqar.post(queue_name, 1)
    answer = zaqar.call("GET", f"/v2/queues/{queue_name}/messages?echo=true&marker=xyz")
    assert (answer.status, answer.json) == (200, {"messages": [], "links": []})


def test_spellings_of_a_client_id_are_one_client(zaqar: Any, queue_name: str) -> None:
    zaqar.post(queue_name, 1)
    zaqar.client_id = zaqar.client_id.replace("-", "").upper()
    assert zaqar.call("GET", f"/v2/queues/{queue_name}/messages").json["messages"] == []
    assert len(zaqar.other_client().call("GET", f"/v2/queues/{queue_name}/messages").json["messages"]) == 1


def test_a_pop_returns_and_deletes_the_oldest_messages(zaqar: Any, queue_name: str) -> None:
    zaqar.post(queue_name, 1, "two", 3)
    path = f"/v2/queues/{queue_name}/messages"
    answer = zaqar.call("DELETE", path + "?pop=2")
    assert answer.status == 200
    assert [message["body"] for message in answer.json["messages"]] == [1, "two"]
    assert set(answer.json["messages"][0]) == {"id", "age", "ttl", "body", "claim_id", "claim_count"}
    assert len(zaqar.call("DELETE", path + "?pop=20").json["messages"]) == 1
    assert zaqar.call("DELETE", path + "?pop=1").json == {"messages": []}


@pytest.mark.parametrize(
    "query", ["", "?ids=&pop=", "?pop=1&ids=a", "?pop=0", "?pop=21", "?pop=x", "?ids=" + "a," * 21]
)
def test_a_bulk_deletion_with_wrong_input_is_refused(zaqar: Any, queue_name: str, query: str) -> None:
    answer = zaqar.call("DELETE", f"/v2/queues/{queue_name}/messages{query}")
    assert answer.status == 400
    assert answer.json["title"]
    assert answer.json["description"]


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"1", b'"a"', b"[]", b"{}", b"nope", b"\xff", b'{"messages":[]}', b'{"messages":[1]}', b'{"messages":{}}',
        b'{"messages":[{}]}', b'{"messages":[{"ttl":60}]}', b'{"messages":[{"body":1,"ttl":59}]}',
        b'{"messages":[{"body":1,"ttl":1209601}]}', b'{"messages":[{"body":1,"ttl":"60"}]}',
        b'{"messages":[{"body":1,"ttl":true}]}', b'{"messages":[{"body":1,"ttl":null}]}',
        b'{"messages":[{"body":1,"delay":-1}]}', b'{"messages":[{"body":1,"delay":901}]}',
        b'{"messages":[{"body":1e999}]}', b'{"messages":[{"body":NaN}]}', b'{"messages":[{"body":"\\ud800"}]}',
        b'{"messages":[{"body":9223372036854775808}]}', b'{"messages":[{"body":-9223372036854775809}]}',
        b'{"messages":[{"body":' + b"9" * 5000 + b"}]}", b'{"messages":' + b"[" * 3000,
        b'{"messages":[{"body":' + b"[" * 600 + b"]" * 600 + b"}]}", b'{"messages":[{"body":1}], "messages":[{}]}',
    ],
)  # fmt: skip
def test_a_refused_post_creates_no_queue(zaqar: Any, queue_name: str, raw: bytes) -> None:
    answer = zaqar.call("POST", f"/v2/queues/{queue_name}/messages", raw=raw)
    assert answer.status == 400
    assert answer.json["title"]
    assert zaqar.call("GET", "/v2/queues").json["queues"] == []


def test_a_queue_has_its_own_limit_of_post_size(zaqar: Any, queue_name: str) -> None:
    zaqar.call("PUT", f"/v2/queues/{queue_name}", {"_max_messages_post_size": 40})
    zaqar.post(queue_name, 1)
    answer = zaqar.call("POST", f"/v2/queues/{queue_name}/messages", {"messages": [{"body": "x" * 40}]})
    assert answer.status == 400


def test_delay_counts_only_on_a_delay_queue(zaqar: Any, queue_name: str) -> None:
    zaqar.post(queue_name, 1, delay=900)
    path = f"/v2/queues/{queue_name}/messages?echo=true"
    assert len(zaqar.call("GET", path).json["messages"]) == 1
    other = queue_name + "-d"
    zaqar.call("PUT", f"/v2/queues/{other}", {"_default_message_delay": 60})
    zaqar.post(other, 1)
    path = f"/v2/queues/{other}/messages?echo=true"
    assert zaqar.call("GET", path).json["messages"] == []
    assert len(zaqar.call("GET", path + "&include_delayed=true").json["messages"]) == 1


def test_ids_are_only_good_in_their_queue_and_project(zaqar: Any, queue_name: str) -> None:
    (href,) = zaqar.post(queue_name, 1)
    zaqar.post(queue_name + "-2", 2)
    elsewhere = href.replace(queue_name, queue_name + "-2")
    assert zaqar.call("GET", elsewhere).status == 404
    assert zaqar.call("DELETE", elsewhere).status == 204
    stranger = zaqar.other_client()
    stranger.project = "another"
    assert stranger.call("GET", href).status == 404
    assert zaqar.call("GET", href).status == 200


def test_an_sqs_message_is_a_string_and_shows_attributes_on_demand(
    session: Session, zaqar: Any, sqs_queue: QueueRef
) -> None:
    attributes = (Attribute("n", "Number", b"1"), Attribute("b", "Binary.x", b"\x00\xff"))
    messages.send(session, sqs_queue, [NewMessage(b'{"not": "parsed"}', attributes=attributes)])
    path = f"/v2/queues/{sqs_queue.name}/messages"
    (message,) = zaqar.call("GET", path).json["messages"]
    assert set(message) == {"id", "href", "ttl", "age", "body"}
    assert (message["body"], message["ttl"]) == ('{"not": "parsed"}', 345_600)
    (message,) = zaqar.call("GET", path + "?attributes=true").json["messages"]
    assert message["attributes"] == {
        "n": {"type": "Number", "value": "1"},
        "b": {"type": "Binary.x", "value": base64.b64encode(b"\x00\xff").decode()},
    }


@pytest.mark.parametrize(
    ("body", "text"),
    [("plain", b"plain"), ("", b'""'), ("\x00", b'"\\u0000"'), ("\uffff", b'"\\uffff"'), ([1, "a"], b'[1,"a"]')],
)
def test_sqs_receives_posted_bodies_as_text(
    session: Session, zaqar: Any, sqs_queue: QueueRef, body: Any, text: bytes
) -> None:
    zaqar.post(sqs_queue.name, body)
    (message,) = leases.receive(session, sqs_queue, max_messages=1, wait_seconds=0)
    assert message.body == text
    assert zaqar.call("DELETE", f"/v2/queues/{sqs_queue.name}/messages/{message.id}").status == 403
