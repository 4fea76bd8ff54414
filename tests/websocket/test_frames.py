"""A frame that is not valid gets an error reply, and the connection stays open."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from websockets.exceptions import ConnectionClosed

from tests.websocket.conftest import Client

pack = msgspec.msgpack.encode


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def still_answers(client: Client) -> None:
    assert client.call("queue_list") == (200, {"queues": []})


@pytest.mark.parametrize(
    "data",
    [
        "", "{", "nope", "1", "null", '"x"', "[]", "[1]", "{}", '{"action": 1}', '{"action": null}', '{"action": []}',
        '{"action": "queue_list", "body": []}', '{"action": "queue_list", "body": "["}',
        '{"action": "queue_list", "headers": []}', '{"action": "queue_list", "headers": "x"}', '{"action": NaN}',
        '{"action": "queue_list", "body": {"limit": 100000000000000000000}}', '{"action": "\\ud800"}',
        '{"action": "x", "body": ' + "[" * 2000 + "]" * 2000 + "}", "\0\0",
        '{"action": "x", "body": {"a":' + "[" * 900 + "]" * 900 + "}}",
    ],
)  # fmt: skip
def test_text_that_is_not_a_frame_is_400(open_client: Callable[..., Client], data: str) -> None:
    client = open_client()
    client.connection.send(data)
    answer = client.receive()
    assert answer["headers"]["status"] == 400
    assert answer["body"]["error"]
    assert answer["request"]["api"] == "v2"
    still_answers(client)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\xc1", "The frame is not MessagePack."),
        (b"\xa1\xff", "The frame is not MessagePack."),
        (b"\x91" * 2000 + b"\x01", "The frame is nested too deeply."),
    ],
)
def test_a_binary_frame_that_cannot_be_read_is_explained(
    open_client: Callable[..., Client], data: bytes, said: str
) -> None:
    client = open_client(is_binary=True)
    client.connection.send(data)
    assert client.receive()["body"]["error"].endswith(said)


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\xc1", b"\x82", b"\xa5abc", pack(1), pack([1]), pack("x"), pack({}), pack({1: 2}), b'{"action": "ping"}',
        pack({"action": "queue_list"}) + b"\x01", b"\xdd\xff\xff\xff\xff", b"\x91" * 2000 + b"\x01",
        pack({"action": "queue_list", "body": {1: 2}}), pack({"action": "queue_list", "body": {"x": b"bin"}}),
        pack({"action": "queue_list", "body": {"x": math.nan}}),
        pack({"action": "queue_list", "body": {"x": -math.inf}}), pack({"action": "queue_list", "body": {"x": 2**63}}),
        pack({"action": "queue_list", "body": {"x": msgspec.msgpack.Ext(5, b"x")}}),
        b"\x82\xa6action\xaaqueue_list\xa4body\x81\xa1x\xd6\xff\x00\x00\x00\x00", b"\x81\xa6action\xa2\xff\xff",
        pack({"action": "queue_list", "body": {"x": nested(400)}}),
    ],
)  # fmt: skip
def test_bytes_that_are_not_a_frame_are_400(open_client: Callable[..., Client], data: bytes) -> None:
    client = open_client(is_binary=True)
    client.connection.send(data)
    answer = client.receive()
    assert answer["headers"]["status"] == 400
    assert answer["body"]["error"]
    still_answers(client)


@pytest.mark.parametrize("action", ["", "nope", "queue_list ", "__class__", "find", "x" * 10_000])
def test_an_unknown_action_is_400(client: Client, action: str) -> None:
    answer = client.ask(action)
    assert (answer["headers"]["status"], answer["request"]["action"]) == (400, action)
    assert "action" in answer["body"]["error"]


def test_unknown_fields_and_headers_are_ignored(client: Client) -> None:
    answer = client.ask("queue_list", {"mine": {"x": [1]}, "limit": None}, **{"X-Roles": "admin", "X": 1})
    assert answer["headers"]["status"] == 200


def test_a_missing_body_is_an_empty_one(client: Client) -> None:
    client.send({"action": "queue_list", "headers": client.headers, "body": None})
    assert client.receive()["headers"]["status"] == 200


@pytest.mark.parametrize("levels", [200, 250])
def test_the_most_deeply_nested_message_is_returned(client: Client, queue_name: str, levels: int) -> None:
    status, body = client.call("message_post", queue_name=queue_name, messages=[{"body": nested(levels)}])
    assert status == 201, body
    status, found = client.call("message_get_many", queue_name=queue_name, message_ids=body["message_ids"])
    assert (status, found["messages"][0]["body"]) == (200, nested(levels))


def test_a_deeper_message_is_refused(client: Client, queue_name: str) -> None:
    assert client.call("message_post", queue_name=queue_name, messages=[{"body": nested(290)}])[0] == 400
    still_answers(client)


def test_a_body_over_the_limit_is_refused_and_the_connection_goes_on(client: Client, queue_name: str) -> None:
    status, body = client.call("message_post", queue_name=queue_name, messages=[{"body": "x" * 600_000}])
    assert (status, "larger" in body["error"]) == (400, True)
    still_answers(client)


def test_a_header_that_is_nested_deeply_does_not_change_that(client: Client, queue_name: str) -> None:
    messages = [{"body": "x" * 600_000, "ttl": 60}]
    answer = client.ask("message_post", {"queue_name": queue_name, "messages": messages}, **{"X-Other": nested(270)})
    assert answer["headers"]["status"] == 400
    still_answers(client)


@pytest.mark.parametrize(("spaces", "status"), [(261_700, 201), (262_400, 400)])
def test_a_frame_counts_as_the_body_of_a_request(
    open_client: Callable[..., Client], queue_name: str, spaces: int, status: int
) -> None:
    """Blanks count, the envelope does not."""
    client = open_client()
    body = f'{{"queue_name": "{queue_name}", "messages": [{" " * spaces}{{"body": 1}}]}}'
    client.connection.send(f'{{"action": "message_post", "headers": {json.dumps(client.headers)}, "body": {body}}}')
    assert client.receive()["headers"]["status"] == status


def test_a_huge_frame_ends_its_connection_only(open_client: Callable[..., Client]) -> None:
    client, other = open_client(), open_client()
    with contextlib.suppress(ConnectionClosed):
        client.connection.send("x" * 2_000_000)
    with pytest.raises(ConnectionClosed) as closed:
        client.connection.recv(timeout=10)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009
    still_answers(other)


def test_encodings_may_change_from_frame_to_frame(open_client: Callable[..., Client], queue_name: str) -> None:
    client = open_client()
    assert client.call("queue_create", queue_name=queue_name)[0] == 201
    client.is_binary = True
    assert client.call("queue_get", queue_name=queue_name) == (200, {})


def test_a_reply_does_not_repeat_secrets(client: Client) -> None:
    answer = client.ask("queue_list", **{"X-Auth-Token": "secret", "x-auth-token": "secret"})
    assert "secret" not in json.dumps(answer)
