"""All that a busy run writes, wherever it writes it: no secret, no token, no signature and no body."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests
from websockets.sync.client import connect

from sqs_facade.compat.launching import ServiceProcess
from tests.credentials.conftest import OTHERS, written
from tests.credentials.signing import ACCOUNT, KEY, SECRET, USER, signed
from tests.patience import PATIENCE_SECONDS, until
from tests.private_valkey import private_valkey
from tests.tracing.test_export import Collector, collecting

pytestmark = pytest.mark.slow
_TOKEN, _BODY = "a static token of user two", "the body of a message"
_JSON, _FORM = "application/x-amz-json-1.0", "application/x-www-form-urlencoded"
_CLIENT_ID = str(uuid.UUID(int=9))


@dataclass
class Run:
    """A service and a WebSocket server that write all they can. ``secrets`` are what none of it may contain."""

    http: ServiceProcess
    sockets: ServiceProcess
    folder: Path
    secrets: set[str] = field(default_factory=lambda: {SECRET, SECRET[:12], _TOKEN, _BODY})
    #: Responses, but those that create credentials and those with messages for their receivers.
    answers: list[str] = field(default_factory=list)

    def sent(self, answer: requests.Response, *, is_kept: bool = True) -> requests.Response:
        sent = answer.request.headers
        for name in ("Authorization", "X-Amz-Security-Token", "X-Console-Token", "Cookie"):
            value = sent.get(name, "")
            found = re.search("Signature=([0-9a-f]{64})", value)
            self.secrets |= {found[1]} if found else ({value.partition(" ")[2] or value} if value else set())
        if is_kept:
            self.answers.append(f"{answer.headers}{answer.text}")
        return answer

    def sqs(self, operation: str, members: dict[str, Any], **signing: Any) -> requests.Response:
        body = json.dumps(members).encode()
        headers = {"Content-Type": _JSON, "X-Amz-Target": f"AmazonSQS.{operation}"}
        _, headers = signed("POST", f"{self.http.url}/", body, headers, **signing)
        answer = requests.post(f"{self.http.url}/", body, headers=headers, timeout=PATIENCE_SECONDS)
        return self.sent(answer, is_kept=operation != "ReceiveMessage")

    def errors(self) -> str:
        return "".join((Path(one._folder.name) / "errors").read_text() for one in (self.http, self.sockets))


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    with private_valkey() as valkey, collecting() as collector:
        environment = {
            "SQS_FACADE_REDIS": valkey.url, "SQS_FACADE_DURABILITY": "memory", "SQS_FACADE_TRACING": "true",
            "SQS_FACADE_CREDENTIALS_FILE": str(written(tmp_path, USER + OTHERS)), "SQS_FACADE_ACCESS_LOG": "all",
            "SQS_FACADE_AUDIT_LOG": str(tmp_path / "audit.jsonl"), "SQS_FACADE_AUDIT_ALL_CALLS": "true",
            "SQS_FACADE_LOG_LEVEL": "debug", "OTEL_EXPORTER_OTLP_ENDPOINT": collector,
        }  # fmt: skip
        started = [ServiceProcess(one, environment=environment, keeps_errors=True) for one in ("serve", "websocket")]
        try:
            yield Run(started[0], started[1], tmp_path)
        finally:
            for one in started:
                one.stop()


def _sqs(run: Run) -> None:
    queue = {"QueueUrl": f"{run.http.url}/{ACCOUNT}/q"}
    attributes = {"secret": {"DataType": "String", "StringValue": _BODY}}
    run.sqs("CreateQueue", {"QueueName": "q"})
    for _ in range(20):
        run.sqs("SendMessage", {**queue, "MessageBody": _BODY, "MessageAttributes": attributes})
    [message] = run.sqs("ReceiveMessage", queue).json()["Messages"]
    run.secrets.add(message["ReceiptHandle"])
    run.sqs("DeleteMessage", {**queue, "ReceiptHandle": message["ReceiptHandle"]})
    for signing in ({"secret": "x" * 40}, {"key": "AKIDOTHER"}, {"token": _TOKEN}, {"region": "eu-west-1"}):
        run.sqs("SendMessage", {**queue, "MessageBody": _BODY}, **signing)
    run.sqs("SendMessage", {**queue, "MessageBody": [_BODY]})
    run.sqs("SendMessage", {**queue, "MessageBody": _BODY, "DelaySeconds": _BODY})
    url, _ = signed("GET", f"{run.http.url}/{ACCOUNT}/q?Action=SendMessage&MessageBody={_BODY}", expires=60)
    run.secrets.add(url.rpartition("=")[2])
    run.sent(requests.get(url, timeout=PATIENCE_SECONDS))
    run.sent(requests.get(f"{url}0", timeout=PATIENCE_SECONDS))


def _sts(run: Run) -> None:
    body = b"Action=GetSessionToken&Version=2011-06-15"
    _, headers = signed("POST", f"{run.http.url}/", body, {"Content-Type": _FORM}, service="sts")
    answer = run.sent(requests.post(f"{run.http.url}/", body, headers=headers, timeout=PATIENCE_SECONDS), is_kept=False)
    key, secret, token = (
        re.findall(f"<{name}>(.+)</{name}>", answer.text)[0]
        for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")
    )
    run.secrets |= {secret, token}
    assert run.sqs("ListQueues", {}, key=key, secret=secret, token=token).status_code == 200
    assert run.sqs("ListQueues", {}, key=key, secret=secret, token=f"{token[:-8]}AAAAAAA=").status_code == 403
    form = {
        "Action": "AssumeRoleWithWebIdentity",
        "Version": "2011-06-15",
        "RoleArn": "a" * 20,
        "RoleSessionName": "bb",
    }
    run.sent(requests.post(run.http.url, {**form, "WebIdentityToken": SECRET}, timeout=PATIENCE_SECONDS))


def _zaqar(run: Run) -> None:
    url = f"{run.http.url}/v2/queues/z"
    for callers in ({"X-Auth-Token": _TOKEN}, {"X-Auth-Token": SECRET}):
        options: dict[str, Any] = {"headers": {"Client-ID": _CLIENT_ID, **callers}, "timeout": PATIENCE_SECONDS}
        run.sent(requests.put(url, **options))
        run.sent(requests.post(f"{url}/messages", json={"messages": [{"body": _BODY, "ttl": 60}]}, **options))
        run.sent(requests.post(f"{url}/messages", json={"messages": [{"body": _BODY, "ttl": _BODY}]}, **options))
    share = requests.post(f"{url}/share", json={"paths": ["messages"], "methods": ["GET"]}, **options)
    run.secrets |= {share.json()["signature"]} if share.ok else set()


def _sockets(run: Run) -> None:
    with connect(run.sockets.url) as connection:
        for action, headers, body in (
            ("authenticate", {"X-Auth-Token": SECRET}, {}),
            ("message_post", {}, {"queue_name": "z", "messages": [{"body": _BODY, "ttl": 60}]}),
            ("authenticate", {"X-Auth-Token": _TOKEN}, {}),
            ("message_post", {}, {"queue_name": "z", "messages": [{"body": _BODY, "ttl": 60}]}),
            (_BODY, {}, {}),
        ):
            frame = {"action": action, "headers": {"Client-ID": _CLIENT_ID, **headers}, "body": body}
            connection.send(json.dumps(frame))
            connection.recv(timeout=PATIENCE_SECONDS)  # a reply repeats the request of its own client


def _console(run: Run) -> None:
    page = requests.Session()
    page.headers.update({"Content-Type": "application/json", "Sec-Fetch-Site": "same-origin"})
    api = f"{run.http.url}/console/api"
    for secret in ("wrong but long enough to be one", SECRET):
        entered = json.dumps({"accessKeyId": KEY, "secretAccessKey": secret})
        run.sent(page.post(f"{api}/sign-in", entered, timeout=PATIENCE_SECONDS), is_kept=False)
    shown = run.sent(page.get(f"{api}/session", timeout=PATIENCE_SECONDS), is_kept=False).json()
    page.headers["X-Console-Token"] = shown["token"]
    for path in ("queues", "queue?queue=q", "service", f"message?queue=q&id={_BODY}"):
        run.sent(page.get(f"{api}/{path}", timeout=PATIENCE_SECONDS))
    send = json.dumps({"QueueUrl": f"{run.http.url}/{ACCOUNT}/q", "MessageBody": _BODY})
    assert run.sent(page.post(f"{api}/SendMessage", send, timeout=PATIENCE_SECONDS)).status_code == 200


def test_nothing_that_a_busy_run_writes_has_a_secret_or_a_body(run: Run) -> None:
    for part in (_sqs, _sts, _zaqar, _sockets, _console):
        part(run)
    metrics = run.sent(requests.get(f"{run.http.url}/metrics", auth=(KEY, SECRET), timeout=PATIENCE_SECONDS))
    assert "sqs_facade_" in metrics.text
    audit = run.folder / "audit.jsonl"
    until(lambda: "sign-in" in audit.read_text(), "the audit log has the console's sign-in")
    run.folder.joinpath("credentials.toml").write_text(f'[[users]]\nname = "{SECRET}')
    until(lambda: run.errors().count("stays in force") == 2, "both processes have refused the broken file")
    assert run.sqs("ListQueues", {}).status_code == 200
    for one in (run.http, run.sockets):
        one.process.terminate()
        one.process.wait(PATIENCE_SECONDS)
    traces = b"".join(request.SerializeToString() for _, request in Collector.seen).decode("latin-1")
    assert all(name in traces for name in ("SendMessage q", "FCALL"))
    errors = run.errors()
    assert '"SendMessage"' in errors or "SendMessage" in errors
    assert errors.count("stays in force") == 2
    run.secrets -= {KEY, ""}
    said = {"answer": run.answers, "log": [errors], "audit log": [audit.read_text()], "trace": [traces]}
    found = [
        (place, secret) for place, texts in said.items() for secret in run.secrets for one in texts if secret in one
    ]
    assert found == []
