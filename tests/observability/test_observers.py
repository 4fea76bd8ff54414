"""Observers are shown every finished request of both dialects and both lanes, with names of our tables only."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pytest
from werkzeug.test import Client, TestResponse

from sqs_facade.wsgi import create_app
from zaqar_core.configuration.settings import Settings
from zaqar_core.core.process import Core
from zaqar_core.domain.names import QueueRef
from zaqar_core.rest.face import ZaqarFace
from zaqar_core.web.envelope import Note, Reply, Request
from zaqar_core.web.observers import Observers
from zaqar_core.websocket.conversation import Conversation
from zaqar_core.websocket.conversation import Service as Sockets

URL = "http://localhost"
_NOWHERE = "no-such-queue"


class Recorder:
    """An observer that keeps what it is shown."""

    def __init__(self) -> None:
        self.seen: list[tuple[Note, Reply]] = []

    def observe(self, request: Request, reply: Reply) -> None:
        """Keep the note and the reply."""
        self.seen.append((request.note, reply))


@dataclass
class Observed:
    """A service with an observer."""

    http: Client
    recorder: Recorder

    def call(self, path: str, method: str = "POST", body: bytes = b"", **headers: Any) -> tuple[Note, Reply]:
        """Call the service; return what the observer was shown, which must be one request."""
        self.recorder.seen.clear()
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self.http.open(path, method=method, base_url=URL, data=body, headers=given)
        [(note, reply)] = self.recorder.seen
        assert answer.status_code == reply.status
        return note, reply

    def sqs(self, protocol: str, lane: str, operation: str, **members: Any) -> tuple[Note, Reply]:
        """Call an operation of SQS."""
        if protocol == "json":
            headers: dict[str, Any] = {
                "X_Amz_Target": f"AmazonSQS.{operation}",
                "Content_Type": "application/x-amz-json-1.0",
            }
            body = json.dumps(members).encode()
        else:
            headers = {"Content_Type": "application/x-www-form-urlencoded"}
            body = urlencode({"Action": operation, "Version": "2012-11-05", **members}).encode()
        return self.call("/", "POST", body, X_SQS_Facade_Lane=lane, **headers)


@pytest.fixture(scope="module")
def observed(valkey: str) -> Iterator[Observed]:
    recorder = Recorder()
    app = create_app(Settings(redis=valkey, durability="memory", test_hooks=True), observers=[recorder])
    yield Observed(Client(app.wsgi_app, TestResponse), recorder)
    app.extensions["sqs_facade"].close()


#: Operation and members, with the operation, name of the queue, and code that observers are shown.
SQS_CALLS = [
    ("CreateQueue", {"QueueName": "NAME"}, ("CreateQueue", "NAME", "")),
    ("CreateQueue", {"QueueName": "a b"}, ("CreateQueue", None, "InvalidParameterValue")),
    ("GetQueueUrl", {"QueueName": _NOWHERE}, ("GetQueueUrl", _NOWHERE, "AWS.SimpleQueueService.NonExistentQueue")),
    ("SendMessage", {"QueueUrl": "NAME", "MessageBody": "x"}, ("SendMessage", "NAME", "")),
    ("SendMessage", {"QueueUrl": "NAME"}, ("SendMessage", "NAME", "MissingParameter")),
    ("ReceiveMessage", {"QueueUrl": _NOWHERE}, ("ReceiveMessage", _NOWHERE, "AWS.SimpleQueueService.NonExistentQueue")),
    ("ListQueues", {}, ("ListQueues", None, "")),
    ("Secret", {"QueueUrl": "NAME"}, ("", None, "InvalidAction")),
]


@pytest.mark.parametrize("lane", ["fast", "flask"])
@pytest.mark.parametrize("protocol", ["json", "query"])
def test_a_request_to_sqs_is_shown_with_operation_queue_and_code(
    observed: Observed, queue_name: str, protocol: str, lane: str
) -> None:
    for operation, members, (noted, name, code) in SQS_CALLS:
        given = {key: queue_name if value == "NAME" else value for key, value in members.items()}
        note, reply = observed.sqs(protocol, lane, operation, **given)
        assert (note.dialect, note.operation, note.code) == (f"sqs-{protocol}", noted, code)
        assert (None if note.queue is None else note.queue.name) == (queue_name if name == "NAME" else name)
        assert note.seconds > 0
        assert note.waited_seconds == 0
        assert reply.request_id


def test_the_wait_of_a_receive_is_shown_apart(observed: Observed, queue_name: str) -> None:
    observed.sqs("json", "fast", "CreateQueue", QueueName=queue_name)
    note, _ = observed.sqs("json", "fast", "ReceiveMessage", QueueUrl=queue_name, WaitTimeSeconds=1)
    assert 0 < note.waited_seconds < note.seconds


_CLIENT: dict[str, Any] = {"Client_ID": str(uuid.UUID(int=1)), "X_Project_ID": "a-project"}
_MESSAGES = json.dumps({"messages": [{"body": 1}]}).encode()


@pytest.mark.parametrize("lane", ["fast", "flask"])
def test_a_request_to_zaqar_is_shown_with_operation_queue_and_code(
    observed: Observed, queue_name: str, lane: str
) -> None:
    path = f"/v2/queues/{queue_name}"
    headers: dict[str, Any] = {"X_SQS_Facade_Lane": lane, **_CLIENT}
    ref = QueueRef("a-project", "us-east-1", queue_name)
    found = [
        observed.call(path, "PUT", **headers)[0],
        observed.call(f"{path}/messages", "POST", _MESSAGES, **headers)[0],
        observed.call(f"{path}/messages", "POST", b"{", **headers)[0],
        observed.call("/v2/secret", "GET", **headers)[0],
        observed.call(f"{path}/messages", "GET", X_SQS_Facade_Lane=lane)[0],
    ]
    assert {one.dialect for one in found} == {"zaqar"}
    assert [(one.operation, one.queue, one.code) for one in found] == [
        ("queues:create", ref, ""),
        ("messages:create", ref, ""),
        ("messages:create", ref, "BODY_MALFORMED"),
        ("", None, "NO_SUCH_PATH"),
        ("messages:get_all", None, "CLIENT_ID_MISSING"),
    ]


def test_a_refusal_before_the_operation_is_shown(observed: Observed) -> None:
    headers: dict[str, Any] = {"X_Amz_Target": "AmazonSQS.SendMessage", "Origin": "http://elsewhere.example"}
    note, reply = observed.call("/", "POST", b"{}", **headers)
    assert (note.dialect, note.operation, note.code, reply.status) == ("sqs-json", "SendMessage", "AccessDenied", 403)
    note, _ = observed.call("/v2/queues", "GET", Origin="http://elsewhere.example")
    assert (note.dialect, note.operation, note.code) == ("zaqar", "", "CROSS_SITE")


def test_a_look_and_a_test_hook_are_shown_by_names_of_ours(observed: Observed, queue_name: str) -> None:
    observed.sqs("json", "fast", "CreateQueue", QueueName=queue_name)
    note, _ = observed.call(f"/_aws/sqs/messages?QueueUrl={queue_name}", "GET")
    assert note.queue is not None
    assert (note.dialect, note.operation, note.queue.name) == ("sqs-query", "peek", queue_name)
    assert observed.call("/_test/clock", "GET")[0].operation == "clock"
    assert observed.call("/_test/secret", "GET")[0].operation == ""


def test_frames_of_a_websocket_connection_are_shown(core: Core, queue_name: str) -> None:
    recorder = Recorder()
    service = Sockets(core, ZaqarFace(core.settings), observers=Observers([recorder]))
    conversation = Conversation(service)
    headers = {"Client-ID": str(uuid.UUID(int=7)), "X-Project-ID": "a-project"}
    for action in ("queue_create", "secret"):
        conversation.answer(json.dumps({"action": action, "headers": headers, "body": {"queue_name": queue_name}}))
    (created, _), (unknown, _) = recorder.seen
    assert (created.dialect, created.operation, created.code) == ("zaqar", "queues:create", "")
    assert created.queue == QueueRef("a-project", "us-east-1", queue_name)
    assert (unknown.operation, unknown.code) == ("", "ACTION_UNKNOWN")
