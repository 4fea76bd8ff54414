"""A busy run of everything with credentials writes no secret, token, signature or body anywhere, except in those
answers whose purpose it is."""

from __future__ import annotations

import base64
import itertools
import json
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus, urlencode

import pytest
import requests

from sqs_facade.operations import load_all
from sqs_facade.registry import OPERATIONS
from tests.credentials.conftest import OTHERS, ROLE, written
from tests.credentials.issuers import Issuer
from tests.credentials.signing import ACCOUNT, KEY, SECRET, USER, signed
from tests.notifications.conftest import subscriber_of_its_own
from tests.patience import until
from tests.serving.conftest import Serve, kill_valkey
from zaqar_core.rest.routes import ROUTES

pytestmark = pytest.mark.slow

BODY, ATTRIBUTE = "a body that nobody may log", "an attribute that nobody may log"
WRONG_SECRET, WRONG_TOKEN = "a wrong secret that nobody may log", "a wrong token that nobody may log"
TOKEN = "a static token of user two"
SIGNED_URL_KEY = "the key that signs URLs and that nobody may log"
#: In the URL of a subscriber, as services of chats have it.
HOOK_SECRET = "hook-secret-that-nobody-may-log"
#: Answers that must have a body, a fresh secret, a signed URL or the URL of a subscriber.
MUST_SHOW = {
    "ReceiveMessage", "GetSessionToken", "AssumeRoleWithWebIdentity", "/_aws/sqs/messages", "messages:get_all",
    "messages:get", "messages:delete_all", "claims:create", "claims:get", "queues:share", "subscription:get_all",
    "subscription:get",
}  # fmt: skip
_ISSUER = "https://issuer.example.org"
_JSON, _FORM = "application/x-amz-json-1.0", "application/x-www-form-urlencoded"
Start = Callable[..., Serve]

load_all()


@dataclass
class Run:
    """The clients of a busy run. ``used`` are the texts that must not appear, ``answers`` those of operations."""

    url: str
    used: set[str]
    answers: list[tuple[str, str]] = field(default_factory=list)
    session: tuple[str, str, str] | None = None

    def send(self, name: str, method: str, url: str, body: bytes, headers: dict[str, str]) -> requests.Response | None:
        """Send one request, and keep its answer. None if the service did not answer it."""
        found = re.search(r"Signature=([0-9a-f]{64})", headers.get("Authorization", "") + url)
        self.used |= {found[1]} if found is not None else set()
        try:
            answer = requests.request(method, url, data=body, headers=headers, timeout=30)
        except requests.ConnectionError:
            return None
        self.answers.append((name, f"{answer.headers}{answer.text}"))
        return answer

    def sqs(self, name: str, members: dict[str, Any], key: str = KEY, secret: str = SECRET, **more: Any) -> None:
        """Call an operation by JSON, by query and by a pre-signed URL."""
        data = json.dumps(members).encode()
        target = {"Content-Type": _JSON, "X-Amz-Target": f"AmazonSQS.{name}"}
        flat = {one: value for one, value in members.items() if isinstance(value, str)}
        form = urlencode({"Action": name, "Version": "2012-11-05", **flat})
        calls: tuple[tuple[str, str, bytes, dict[str, str], int | None], ...] = (
            ("POST", f"{self.url}/", data, target, None),
            ("POST", f"{self.url}/", form.encode(), {"Content-Type": _FORM}, None),
            ("GET", f"{self.url}/?{form}", b"", {}, 60),
        )
        for method, url, body, headers, expires in calls:
            url, sent = signed(method, url, body, headers, key=key, secret=secret, expires=expires, **more)
            self.send(name, method, url, body, sent)

    def sts(self, name: str, **parameters: str) -> requests.Response | None:
        body = urlencode({"Action": name, "Version": "2011-06-15", **parameters}).encode()
        _, headers = signed("POST", f"{self.url}/", body, {"Content-Type": _FORM}, service="sts")
        return self.send(name, "POST", f"{self.url}/", body, headers)

    def zaqar(self, name: str, method: str, path: str, document: Any, caller: dict[str, str]) -> Any:
        headers = {"Client-ID": str(uuid.UUID(int=7)), "Content-Type": "application/json", **caller}
        body = b"" if document is None else json.dumps(document).encode()
        answer = self.send(name, method, self.url + path, body, headers)
        return answer.json() if answer is not None and answer.ok and answer.text else {}

    def new_session(self) -> None:
        """Get temporary credentials, which must not appear either."""
        answer = self.sts("GetSessionToken")
        if answer is not None and answer.ok:
            names = ("AccessKeyId", "SecretAccessKey", "SessionToken")
            found = [re.search(f"<{name}>([^<]+)", answer.text) for name in names]
            key, secret, token = (one[1] for one in found if one is not None)
            self.session = key, secret, token
            self.used |= {secret, token}


def _basic(secret: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{KEY}:{secret}".encode()).decode()}


def _everything(run: Run, queue: str, hook: str, issuer: Issuer) -> None:
    """Call each operation by callers of all kinds, and with input that cannot be read."""
    arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{queue}"
    attributes = {"note": {"DataType": "String", "StringValue": ATTRIBUTE}}
    entry = {"Id": "1", "MessageBody": BODY, "ReceiptHandle": "none", "VisibilityTimeout": 1}
    members = {
        "QueueUrl": f"{run.url}/{ACCOUNT}/{queue}", "QueueName": queue, "MessageBody": BODY, "SourceArn": arn,
        "MessageAttributes": attributes, "Entries": [entry], "ReceiptHandle": "none", "TaskHandle": "none",
        "Attributes": {"VisibilityTimeout": "5"}, "Tags": {"a": "b"}, "TagKeys": ["a"], "Label": "l",
        "AWSAccountIds": [ACCOUNT], "Actions": ["SendMessage"], "VisibilityTimeout": 1,
    }  # fmt: skip
    run.new_session()
    for name in [name for name in OPERATIONS if name != "DeleteQueue"]:
        run.sqs(name, members)
        run.sqs(name, members, secret=WRONG_SECRET)
        run.sqs(name, members, key="AKIDUNKNOWN", secret=WRONG_SECRET)
        if run.session is not None:
            key, secret, token = run.session
            run.sqs(name, members, key=key, secret=secret, token=token)
            run.sqs(name, members, key=key, secret=secret, token=token[:-4] + "AAAA")
    for name in ("SendMessage", "ReceiveMessage"):
        run.sqs(name, members)
    web_token = issuer.token()
    run.used |= {web_token, web_token.rpartition(".")[2]}
    for token in (web_token, WRONG_TOKEN, web_token[:-6]):
        run.sts("AssumeRoleWithWebIdentity", RoleArn=ROLE, RoleSessionName="pod", WebIdentityToken=token)
    subscription = {"subscriber": hook, "ttl": 600}
    message = {"messages": [{"body": BODY, "ttl": 300}]}
    documents = {"messages:create": message, "subscription:create": subscription, "queues:share": {"methods": ["GET"]}}
    documents |= {"queues:create": {}, "claims:create": {"ttl": 60, "grace": 60}}
    for caller in (_basic(SECRET), _basic(WRONG_SECRET), {"X-Auth-Token": TOKEN}, {"X-Auth-Token": WRONG_TOKEN}, {}):
        for route in (one for one in ROUTES if one.rule not in ("queues:delete", "topics:delete", "health:get")):
            path = re.sub(r"\{(queue|topic)_name\}", queue, route.path)
            path = f"/v2/{re.sub(r'{[a-z_]+}', '1', path)}"
            found = run.zaqar(route.rule, route.method, path, documents.get(route.rule), caller)
            if route.rule == "queues:share" and found:
                run.used.add(found["signature"])
    run.zaqar("messages:create", "POST", f"/v2/queues/{queue}/messages", message, _basic(SECRET))
    unreadable = f'{{"QueueUrl": "{BODY}", "MessageBody": {{"{SECRET}": "{BODY}'.encode()
    for body, headers in itertools.product((unreadable, b"[" * 5000), (_basic(SECRET), {"X-Auth-Token": TOKEN})):
        run.send("unreadable", "POST", f"{run.url}/v2/queues/{queue}/messages", body, headers)
    target = {"Content-Type": _JSON, "X-Amz-Target": "AmazonSQS.SendMessage"}
    _, headers = signed("POST", f"{run.url}/", unreadable, target)
    run.send("unreadable", "POST", f"{run.url}/", unreadable, headers)
    for header in (f"Bearer {SECRET}", f"AWS4-HMAC-SHA256 {SECRET}", f"AWS4-HMAC-SHA256 Credential={SECRET}/a/b/c/d"):
        run.send("misplaced", "POST", f"{run.url}/", b"{}", {**target, "Authorization": header})
    path = f"/_aws/sqs/messages/us-east-1/{ACCOUNT}/{queue}"
    _, headers = signed("GET", run.url + path)
    run.send("/_aws/sqs/messages", "GET", run.url + path, b"", headers)


def test_a_busy_run_writes_no_secret_and_no_content(
    serve: Start, tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    issuer, audit = Issuer(_ISSUER), tmp_path / "audit.jsonl"
    (tmp_path / "keys.json").write_text(json.dumps(issuer.key_set))
    role = f"""
[[issuers]]
url = "{_ISSUER}"
jwks_file = "keys.json"
[[roles]]
name = "worker"
account = "{ACCOUNT}"
policies = ["receiver"]
[[roles.trust]]
issuer = "{_ISSUER}"
audiences = ["sqs"]
subjects = ["*"]
"""
    file = written(tmp_path, USER + OTHERS + role)
    environment = {
        "CREDENTIALS_FILE": str(file), "AUDIT_LOG": str(audit), "AUDIT_ALL_CALLS": "true",
        "SIGNED_URL_KEY": SIGNED_URL_KEY, "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8", "STORE_TIMEOUT_SECONDS": "1",
    }  # fmt: skip
    for name, value in environment.items():
        monkeypatch.setenv(f"SQS_FACADE_{name}", value)
    service = serve("--data-dir", str(data)).wait_ready()
    run = Run(
        service.url, {SECRET, SECRET[:16], quote(SECRET, safe=""), BODY, ATTRIBUTE, WRONG_SECRET, WRONG_TOKEN, TOKEN}
    )
    run.used |= {form(text) for form in (quote, quote_plus) for text in (BODY, ATTRIBUTE, WRONG_TOKEN)}
    run.used |= {SIGNED_URL_KEY, HOOK_SECRET, _basic(SECRET)["Authorization"][6:], "secret of forty characters"}
    with subscriber_of_its_own() as subscriber:
        hook = subscriber.url(f"/{HOOK_SECRET}?token={HOOK_SECRET}")
        subscriber.statuses = [500, 404]
        _everything(run, "busy", hook, issuer)
        until(lambda: subscriber.seen, "the subscriber gets a message")
        kill_valkey(data)
        run.sqs("SendMessage", {"QueueUrl": f"{run.url}/{ACCOUNT}/busy", "MessageBody": BODY})
        until(lambda: requests.get(f"{run.url}/health/ready", timeout=30).ok, "the store is back")
        file.write_text(f'[[users]]\nname = "{SECRET}')
        until(lambda: "stays in force" in service.errors.read_text(), "the broken file is noticed")
    run.sqs("DeleteQueue", {"QueueUrl": f"{run.url}/{ACCOUNT}/busy"})
    service.stop()
    assert len(run.answers) > 500
    assert audit.read_text().count("\n") > 500
    assert {name for name, text in run.answers if BODY in text} >= {"ReceiveMessage", "claims:create"}
    told = [
        ("stdout", service.output.read_text()),
        ("stderr", service.errors.read_text()),
        ("audit", audit.read_text()),
    ]
    told += [answer for answer in run.answers if answer[0] not in MUST_SHOW]
    told += [(str(path), path.read_text(errors="replace")) for path in data.rglob("*.log")]
    found = {(name, used) for used in run.used for name, text in told if used in text}
    assert not found
