"""The audit log: who did what, who was refused and by which rule, and no content."""

from __future__ import annotations

import base64
import json
import uuid
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client, TestResponse

from sqs_facade.wsgi import create_app
from tests.credentials.conftest import OTHERS, written
from tests.credentials.signing import ACCOUNT, KEY, SECRET, USER, credentials, signed
from tests.patience import until
from tests.zaqar.test_identity import Tokens
from zaqar_core.access.users import Users
from zaqar_core.configuration.errors import SettingsInvalid
from zaqar_core.configuration.loading import load
from zaqar_core.configuration.settings import Settings
from zaqar_core.core.authorization import Authorizer
from zaqar_core.core.process import Core
from zaqar_core.core.session import Session
from zaqar_core.rest.face import ZaqarFace
from zaqar_core.web.audit_log import AuditLog
from zaqar_core.web.auditing import Auditor
from zaqar_core.web.envelope import Request
from zaqar_core.web.observers import Observers
from zaqar_core.websocket.conversation import Conversation
from zaqar_core.websocket.conversation import Service as Sockets

URL = "http://localhost"
_JSON = "application/x-amz-json-1.0"
_FORM = "application/x-www-form-urlencoded"
_NOBODY = f"""
[[users]]
name = "nobody"
account = "{ACCOUNT}"
access_keys = [{{ id = "AKIDNOBODY", secret_access_key = "another secret of forty characters, none" }}]
"""
BASIC = {"Authorization": "Basic " + base64.b64encode(f"{KEY}:{SECRET}".encode()).decode()}


class Audited:
    """A service with an audit log."""

    def __init__(self, valkey: str, folder: Path, **settings: Any) -> None:
        self.credentials = written(folder, USER + OTHERS + _NOBODY)
        self.file = folder / "audit.jsonl"
        given = {"redis": valkey, "durability": "memory", "audit_log": str(self.file)}
        app = create_app(Settings(credentials_file=self.credentials, **{**given, **settings}))
        self.http = Client(app.wsgi_app, TestResponse)

    def sqs(self, name: str, body: dict[str, Any], key: str = KEY, secret: str = SECRET) -> TestResponse:
        data = json.dumps(body).encode()
        headers = {"Content-Type": _JSON, "X-Amz-Target": f"AmazonSQS.{name}", "User-Agent": "tests/1"}
        _, headers = signed("POST", f"{URL}/", data, headers, key=key, secret=secret)
        environ = {"REMOTE_ADDR": "192.0.2.7"}
        return self.http.post("/", base_url=URL, data=data, headers=headers, environ_overrides=environ)

    def lines(self, number: int) -> list[dict[str, Any]]:
        """Wait for so many lines, and return them."""
        until(lambda: self.file.read_text().count("\n") >= number, "the audit log has the lines")
        found = [json.loads(line) for line in self.file.read_text().splitlines()]
        assert len(found) == number
        return found


@pytest.fixture
def audited(valkey: str, tmp_path: Path) -> Audited:
    return Audited(valkey, tmp_path)


def test_an_administrative_call_is_recorded_with_the_rule_that_allowed_it(audited: Audited, queue_name: str) -> None:
    answer = audited.sqs("CreateQueue", {"QueueName": queue_name})
    audited.sqs("SendMessage", {"QueueUrl": f"{URL}/{ACCOUNT}/{queue_name}", "MessageBody": "x"})
    audited.sqs("PurgeQueue", {"QueueUrl": f"{URL}/{ACCOUNT}/{queue_name}"})
    created, purged = audited.lines(2)
    assert created.pop("time").endswith("Z")
    assert created == {
        "request_id": answer.headers["x-amzn-RequestId"],
        "dialect": "sqs",
        "action": "CreateQueue",
        "resource": f"arn:aws:sqs:us-east-1:{ACCOUNT}:{queue_name}",
        "account": ACCOUNT,
        "principal": f"arn:aws:iam::{ACCOUNT}:user/one",
        "access_key_id": KEY,
        "source": "192.0.2.7",
        "user_agent": "tests/1",
        "method": "POST",
        "path": "/",
        "outcome": "done",
        "status": 200,
        "code": "",
        "rule": "an identity-based policy allows it (statement 1)",
    }
    assert (purged["action"], purged["rule"]) == ("PurgeQueue", created["rule"])


def test_a_refusal_is_recorded_with_its_reason(audited: Audited, queue_name: str) -> None:
    url = f"{URL}/{ACCOUNT}/{queue_name}"
    sent = {"QueueUrl": url, "MessageBody": "the body"}
    audited.sqs("SendMessage", sent, "AKIDNOBODY", "another secret of forty characters, none")
    audited.sqs("SendMessage", sent, KEY, "x" * 40)
    audited.sqs("SendMessage", sent, "AKIDUNKNOWN", "x" * 40)
    audited.http.get(f"/?Action=SendMessage&QueueUrl={url}&MessageBody=b", base_url=URL)
    audited.http.get("/v2/queues", base_url=URL, headers={"Authorization": f"Basic {SECRET}"})
    found = audited.lines(5)
    assert {one["outcome"] for one in found} == {"refused"}
    assert [one["action"] for one in found] == ["SendMessage"] * 4 + [""]
    assert [one["access_key_id"] for one in found] == ["AKIDNOBODY", KEY, "AKIDUNKNOWN", "", ""]
    assert [one["code"] for one in found] == [
        "AccessDenied", "SignatureDoesNotMatch", "InvalidClientTokenId", "AccessDenied", "TOKEN_INVALID",
    ]  # fmt: skip
    assert found[0]["rule"] == "because no identity-based policy allows the sqs:sendmessage action"
    assert found[0]["principal"] == f"arn:aws:iam::{ACCOUNT}:user/nobody"
    assert not [secret for secret in (SECRET, "the body") if secret in audited.file.read_text()]


def test_calls_of_zaqar_and_of_sts_are_recorded(audited: Audited, queue_name: str) -> None:
    headers = {**BASIC, "Client-ID": str(uuid.UUID(int=1))}
    assert audited.http.put(f"/v2/queues/{queue_name}", base_url=URL, headers=headers).status_code == 201
    body = b"Action=GetSessionToken&Version=2011-06-15"
    _, signed_headers = signed("POST", f"{URL}/", body, {"Content-Type": _FORM}, service="sts")
    session = audited.http.post("/", base_url=URL, data=body, headers=signed_headers).text
    put, issued = audited.lines(2)
    assert (put["dialect"], put["action"], put["status"]) == ("zaqar", "queues:create", 201)
    assert put["resource"] == f"arn:aws:sqs:us-east-1:{ACCOUNT}:{queue_name}"
    assert put["request_id"].startswith("req-")
    assert (issued["dialect"], issued["action"], issued["principal"]) == ("sts", "GetSessionToken", put["principal"])
    secret = session.partition("<SecretAccessKey>")[2].partition("<")[0]
    assert secret
    assert secret not in audited.file.read_text()


def test_a_reload_of_the_credentials_is_recorded(audited: Audited) -> None:
    written(audited.credentials.parent, USER)
    assert audited.lines(1)[0]["action"] == "credentials.reload"
    audited.credentials.write_text("[")
    assert [one["outcome"] for one in audited.lines(2)] == ["done", "failed"]


def test_a_switch_records_all_calls(valkey: str, tmp_path: Path, queue_name: str) -> None:
    audited = Audited(valkey, tmp_path, audit_all_calls=True)
    audited.sqs("CreateQueue", {"QueueName": queue_name})
    audited.sqs("SendMessage", {"QueueUrl": f"{URL}/{ACCOUNT}/{queue_name}", "MessageBody": "the body"})
    sent = audited.lines(2)[1]
    assert (sent["action"], sent["outcome"]) == ("SendMessage", "done")
    assert sent["rule"] == "an identity-based policy allows it (statement 1)"
    with pytest.raises(SettingsInvalid, match="audit_all_calls needs an audit_log"):
        load({}, {"SQS_FACADE_AUDIT_ALL_CALLS": "true"})


def _written(log: AuditLog, file: Path, *records: dict[str, Any]) -> list[dict[str, Any]]:
    for record in records:
        log.put(record)
    until(lambda: file.exists() and file.read_text().count("\n") >= len(records), "the lines are written")
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_a_text_that_is_not_unicode_is_written(tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    log = AuditLog(str(file))
    log._thread.start()
    log.put({"n": "\udc80"})
    log.close()
    assert json.loads(file.read_text()) == {"n": "\udc80"}


def test_the_file_is_opened_again_after_rotation(tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    log = AuditLog(str(file))
    log._thread.start()
    try:
        assert _written(log, file, {"n": 1}) == [{"n": 1}]
        assert file.stat().st_mode & 0o777 == 0o600
        file.rename(tmp_path / "audit.1")
        assert _written(log, file, {"n": 2}) == [{"n": 2}]
    finally:
        log.close()


def test_lines_beyond_the_bound_are_dropped_and_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zaqar_core.web.audit_log._MOST_WAITING", 2)
    file = tmp_path / "audit.jsonl"
    log = AuditLog(str(file))
    for number in range(5):
        log.put({"n": number})
    log._thread.start()
    log.close()
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert lines[:2] == [{"n": 0}, {"n": 1}]
    assert (lines[2]["action"], lines[2]["lines"]) == ("audit.dropped", 3)


def test_a_file_that_cannot_be_written_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="cannot write the audit log"):
        AuditLog(str(tmp_path / "missing" / "audit.jsonl"))
    assert not list(tmp_path.iterdir())


def test_a_refusal_by_policy_yaml_names_the_project(session: Session) -> None:
    face = ZaqarFace(Settings(auth_strategy="keystone"), Tokens())
    environ = {"HTTP_X_AUTH_TOKEN": "a-project member", "HTTP_X_PROJECT_ID": "another"}
    request = Request("GET", "/v2/health", "", b"", environ)
    assert face.answer(request, session).status == 403
    note = request.note
    assert (note.operation, note.account, note.rule) == ("health:get", "a-project", "policy.yaml")
    assert note.principal.startswith("arn:aws:iam::a-project:user/")


def test_frames_of_a_websocket_connection_are_recorded(core: Core, tmp_path: Path, queue_name: str) -> None:
    file = tmp_path / "audit.jsonl"
    log, users = AuditLog(str(file)), Users(credentials(tmp_path, USER + OTHERS))
    log._thread.start()
    face = ZaqarFace(core.settings, users, authorizer=Authorizer())
    observers = Observers([Auditor(log, core.settings)])
    conversation = Conversation(Sockets(core, face, users, observers), "192.0.2.9")
    headers = {"Client-ID": str(uuid.UUID(int=7)), "X-Project-ID": "210987654321"}
    create = json.dumps({"action": "queue_create", "headers": headers, "body": {"queue_name": queue_name}})
    token = {"X-Auth-Token": "a static token of user two"}
    conversation.answer(create)
    conversation.answer(json.dumps({"action": "authenticate", "headers": token}))
    conversation.answer(create)
    log.close()
    refused, created = [json.loads(line) for line in file.read_text().splitlines()]
    assert (refused["action"], refused["outcome"], refused["source"]) == ("queue_create", "refused", "192.0.2.9")
    assert (created["action"], created["status"], created["source"]) == ("queues:create", 201, "192.0.2.9")
    assert created["principal"] == "arn:aws:iam::210987654321:user/two"
    assert token["X-Auth-Token"] not in file.read_text()
