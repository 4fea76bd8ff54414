"""The access log: a line for each request with names and numbers only."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlencode

import pytest
from werkzeug.test import Client, TestResponse

from sqs_facade.wsgi import create_app
from zaqar_core.configuration.settings import Settings
from zaqar_core.logs.lines import ConsoleLines
from zaqar_core.web.access_log import AccessLog
from zaqar_core.web.envelope import Reply, Request

URL = "http://localhost"
SECRET = "what-nobody-may-log"


class Lines:
    """In the place of the thread that writes lines."""

    def __init__(self) -> None:
        self.found: list[bytes] = []

    def put(self, line: bytes, *, is_urgent: bool = True) -> None:
        assert not is_urgent
        self.found.append(line)


@dataclass
class Logged:
    http: Client
    all: Lines
    errors: Lines
    console: Lines

    def call(self, path: str, method: str = "POST", body: bytes = b"", **headers: str) -> TestResponse:
        for lines in (self.all, self.errors, self.console):
            lines.found.clear()
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        overrides = {"REMOTE_ADDR": "192.0.2.9"}
        return self.http.open(path, method=method, base_url=URL, data=body, headers=given, environ_overrides=overrides)

    def sqs(self, operation: str, **members: Any) -> TestResponse:
        headers = {"X_Amz_Target": f"AmazonSQS.{operation}", "Content_Type": "application/x-amz-json-1.0"}
        return self.call("/", "POST", json.dumps(members).encode(), **headers)

    def line(self) -> dict[str, Any]:
        [line] = self.all.found
        assert line.endswith(b"}\n")
        found: dict[str, Any] = json.loads(line)
        return found


@pytest.fixture(scope="module")
def logged(valkey: str) -> Iterator[Logged]:
    kinds: tuple[tuple[Literal["all", "errors"], ConsoleLines | None], ...] = (
        ("all", None), ("errors", None), ("all", ConsoleLines(has_colours=False)),
    )  # fmt: skip
    lines = [Lines() for _ in kinds]
    observers = [AccessLog(one, *kind) for one, kind in zip(lines, kinds, strict=True)]  # type: ignore[arg-type]
    app = create_app(Settings(redis=valkey, durability="memory", test_hooks=True), observers=observers)
    yield Logged(Client(app.wsgi_app, TestResponse), *lines)
    app.extensions["sqs_facade"].close()


def test_a_line_says_who_asked_what_and_how_it_went(logged: Logged, queue_name: str) -> None:
    logged.sqs("CreateQueue", QueueName=queue_name)
    answer = logged.sqs("SendMessage", QueueUrl=queue_name, MessageBody=SECRET)
    found = logged.line()
    assert found.pop("ms") > 0
    assert found.pop("time").endswith("Z")
    assert found.pop("bytes_in") > len(SECRET)
    assert found.pop("bytes_out") == len(answer.data)
    assert isinstance(found.pop("pid"), int)
    assert found == {
        "level": "info", "process": "main", "logger": "sqs_facade.access", "event": "request",
        "request_id": answer.headers["x-amzn-RequestId"], "client": "192.0.2.9", "dialect": "sqs-json",
        "operation": "SendMessage", "account": "000000000000", "region": "us-east-1", "queue": queue_name,
        "status": 200,
    }  # fmt: skip
    assert logged.errors.found == []


def test_a_failed_request_is_found_by_the_id_that_its_client_got(logged: Logged) -> None:
    answer = logged.sqs("SendMessage", QueueUrl="no-such-queue", MessageBody=SECRET)
    found = logged.line()
    assert (found["status"], found["code"]) == (400, "AWS.SimpleQueueService.NonExistentQueue")
    assert found["request_id"] == answer.headers["x-amzn-RequestId"]
    assert [json.loads(line)["request_id"] for line in logged.errors.found] == [found["request_id"]]


def test_requests_to_zaqar_have_lines_of_the_same_form(logged: Logged, queue_name: str) -> None:
    headers = {"Client_ID": str(uuid.UUID(int=1)), "X_Project_ID": "a-project"}
    answer = logged.call(f"/v2/queues/{queue_name}/messages", "POST", b"{", **headers)
    found = logged.line()
    known = ("dialect", "operation", "account", "queue", "status", "code")
    assert [found[name] for name in known] == [
        "zaqar", "messages:create", "a-project", queue_name, 400, "BODY_MALFORMED",
    ]  # fmt: skip
    assert found["request_id"] == answer.headers["x-openstack-request-id"]


def test_a_line_for_people_has_the_same_facts(logged: Logged, queue_name: str) -> None:
    logged.sqs("CreateQueue", QueueName=queue_name)
    [line] = logged.console.found
    assert b" access       request request_id=" in line
    assert f" operation=CreateQueue account=000000000000 region=us-east-1 queue={queue_name} ".encode() in line
    assert line.count(b"\n") == 1


def test_nothing_that_a_client_keeps_secret_is_logged(logged: Logged, queue_name: str) -> None:
    attributes = {"note": {"DataType": "String", "StringValue": SECRET}}
    calls: list[tuple[str, str, bytes, dict[str, str]]] = [
        ("/", "POST", urlencode({"Action": "SendMessage", "MessageBody": SECRET}).encode(), {}),
        (f"/?Action=ListQueues&X-Amz-Signature={SECRET}", "GET", b"", {}),
        (f"/{SECRET}", "GET", b"", {}),
        ("/v2/queues", "GET", b"", {"X_Auth_Token": SECRET, "Authorization": f"Basic {SECRET}"}),
        (f"/v2/queues/q/messages/{SECRET}?claim_id={SECRET}", "DELETE", b"", {"Client_ID": str(uuid.UUID(int=1))}),
        ("/", "POST", json.dumps({"MessageAttributes": attributes}).encode(), {"X_Amz_Target": f"AmazonSQS.{SECRET}"}),
    ]
    for path, method, body, headers in calls:
        logged.call(path, method, body, User_Agent=SECRET, Referer=SECRET, **headers)
        for lines in (logged.all, logged.console):
            [line] = lines.found
            assert SECRET.encode() not in line, (path, line)


def test_long_accounts_are_not_kept_in_memory() -> None:
    """A client without credentials chooses its account."""
    lines: Any = Lines()
    log = AccessLog(lines, "all", None)
    for account in ("short", "x" * 10_000):
        request = Request("POST", "/", "", b"", {})
        request.note.account = account
        log.observe(request, Reply(200, [], b""))
    assert len(lines.found) == 2
    assert [kind[4] for kind in log._known] == ["short"]


def test_the_name_of_a_queue_makes_no_second_line(logged: Logged) -> None:
    for name in ('x\r\n{"level":"critical"}', "\x85\u2028\x1b[2K", "y" * 300_000):
        logged.sqs("GetQueueUrl", QueueName=name)
        for lines in (logged.all, logged.console):
            [line] = lines.found
            assert len(line.decode().splitlines()) == 1
            assert len(line) < 20_000
