"""What clients of both faces are told when too many requests wait, and to which share a request belongs."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from sqs_facade.addresses import name_at_a_glance
from sqs_facade.face import SqsFace, is_sqs
from sqs_facade.wsgi import APPLICATION, create_app
from tests.server.conftest import Running
from zaqar_core.configuration.settings import Settings
from zaqar_core.rest.face import ZaqarFace, is_hot
from zaqar_core.web.base_path import BasePath
from zaqar_core.web.envelope import Reply, Share
from zaqar_core.web.fastlane import FastLane
from zaqar_core.web.server.limits import Limits
from zaqar_core.web.server.wsgi_application import WsgiApplication


@pytest.fixture(scope="module")
def full(valkey: str) -> Iterator[Running]:
    """A service in which no request gets its turn, and none may wait."""
    app = create_app(Settings(redis=valkey, durability="memory", test_hooks=True))
    running = Running(app.extensions[APPLICATION], Limits(requests_in_flight=0, requests_waiting=0))
    yield running
    running.end()
    app.extensions["sqs_facade"].close()


def answer_of(full: Running, lines: list[str], body: bytes = b"") -> tuple[int, dict[str, str], bytes]:
    head = [*lines, "Host: localhost", f"Content-Length: {len(body)}", "Connection: close"]
    answer = full.exchange("\r\n".join([*head, "", ""]).encode() + body)
    raw_head, _, content = answer.partition(b"\r\n\r\n")
    status, *headers = raw_head.decode().split("\r\n")
    return int(status.split()[1]), {k.lower(): v for k, v in (line.split(": ", 1) for line in headers)}, content


def test_sqs_throttles_when_too_many_requests_wait(full: Running, lane: str) -> None:
    lines = ["POST / HTTP/1.1", f"X-SQS-Facade-Lane: {lane}"]
    more = ["X-Amz-Target: AmazonSQS.SendMessage", "Content-Type: application/x-amz-json-1.0"]
    status, headers, content = answer_of(full, lines + more, b'{"QueueUrl": "a", "MessageBody": "b"}')
    assert (status, headers["x-amzn-query-error"]) == (403, "RequestThrottled;Sender")
    assert json.loads(content) == {"__type": "com.amazonaws.sqs#RequestThrottled", "message": "Rate exceeded"}
    more = ["Content-Type: application/x-www-form-urlencoded"]
    status, _, content = answer_of(full, lines + more, b"Action=SendMessage&QueueUrl=a&MessageBody=b")
    assert status == 403
    assert b"<Code>RequestThrottled</Code>" in content


def test_zaqar_names_the_time_to_try_again_when_too_many_requests_wait(full: Running, lane: str) -> None:
    lines = ["GET /v2/queues/a/messages HTTP/1.1", f"X-SQS-Facade-Lane: {lane}", f"Client-ID: {uuid.uuid4()}"]
    status, headers, content = answer_of(full, lines)
    assert (status, headers["retry-after"]) == (503, "1")
    assert json.loads(content)["title"] == "Service temporarily unavailable"


def test_a_service_that_refuses_requests_reports_that_it_serves(full: Running) -> None:
    assert answer_of(full, ["GET /health HTTP/1.1"])[0] == 200


JSON = {"HTTP_X_AMZ_TARGET": "AmazonSQS.SendMessage", "PATH_INFO": "/"}
FORM = {"PATH_INFO": "/"}
URL = "http://localhost:9324/000000000000/jobs"


@pytest.mark.parametrize(
    ("environ", "body", "name"),
    [
        (JSON, json.dumps({"QueueUrl": URL, "MessageBody": "x"}), "jobs"),
        (JSON, json.dumps({"MessageBody": "x" * 60_000, "QueueUrl": "jobs"}), "jobs"),
        (JSON, json.dumps({"MessageBody": json.dumps({"QueueUrl": "other"}), "QueueUrl": URL}), "jobs"),
        (JSON, '{"QueueUrl": 1}', ""),
        (JSON, "", ""),
        (JSON, '{"QueueUrl": "' + "/" * 60_000, ""),
        (FORM, "Action=SendMessage&QueueUrl=http%3A%2F%2Flocalhost%2F000000000000%2Fjobs&MessageBody=x", "jobs"),
        (FORM, "QueueUrl=jobs", "jobs"),
        (FORM, "Action=ListQueues", ""),
        ({**FORM, "QUERY_STRING": "Action=ReceiveMessage&QueueUrl=jobs"}, "", "jobs"),
        ({"PATH_INFO": "/000000000000/jobs"}, "Action=SendMessage", "jobs"),
    ],
)
def test_the_queue_of_a_waiting_request_is_found_without_decoding_it(
    environ: dict[str, Any], body: str, name: str
) -> None:
    assert name_at_a_glance(environ, body.encode()) == name


def test_a_project_and_its_account_are_one_share() -> None:
    settings = Settings(project_accounts={"p": "111111111111"})
    signed = "AWS4-HMAC-SHA256 Credential=111111111111/20261126/us-east-1/sqs/aws4_request"
    of_sqs = SqsFace(settings).share({**JSON, "HTTP_AUTHORIZATION": signed}, b'{"QueueUrl": "jobs"}')
    path = {"PATH_INFO": "/v2/queues/jobs/messages", "HTTP_X_PROJECT_ID": "p"}
    assert of_sqs == ZaqarFace(settings).share(path, b"") == Share("111111111111", "jobs")


def test_to_ask_for_a_share_does_not_choose_the_face_below_a_base_path() -> None:
    settings = Settings()
    sqs, zaqar, served = SqsFace(settings), ZaqarFace(settings), []

    class Recorder:
        def run(self, environ: dict[str, Any], face: Any) -> Reply:
            served.append((face, environ["PATH_INFO"]))
            return Reply(204, [], b"")

    lanes = FastLane(lambda *_: [], Recorder(), [(is_sqs, sqs), (is_hot, zaqar)])  # type: ignore[arg-type]
    application = WsgiApplication(BasePath(lanes, "/mq"), 1024, lanes.share)
    form = "application/x-www-form-urlencoded"  # what curl sends by default
    environ = {"REQUEST_METHOD": "POST", "PATH_INFO": "/mq/v2/queues/jobs/messages", "CONTENT_TYPE": form}
    application.share(environ, b"{}")
    assert application.respond(environ, b"{}").status == 204
    assert served == [(zaqar, "/v2/queues/jobs/messages")]
