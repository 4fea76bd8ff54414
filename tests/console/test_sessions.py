"""Sessions of the console: who signs in, for how long, what the cookie says, and what policies allow then."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from sqs_facade.console import sign_in
from sqs_facade.console.failures import Failures
from tests.console.conftest import KEYS, USERS, Browser, Sited
from tests.credentials.conftest import written
from tests.credentials.signing import ACCOUNT, KEY, SECRET, USER
from tests.patience import until

COOKIE = "__Host-sqs-facade-console"


def cookie(browser: Browser) -> str:
    found = browser.http.get_cookie(COOKIE, "queues.example.org")
    return found.value if found is not None else ""


def set_cookie(browser: Browser, value: str) -> None:
    browser.http.set_cookie(COOKIE, value, domain="queues.example.org", secure=True, httponly=True)


def test_nobody_reads_anything_before_signing_in(visitor: Browser) -> None:
    assert visitor.done("session") == {"needsSignIn": True}
    for path in ("queues", "queue", "messages", "message", "service"):
        assert visitor.refused(path, queue="q") == (401, "SignInRequired")
    assert visitor.refused("CreateQueue", {"QueueName": "q"}) == (401, "SignInRequired")
    assert visitor.refused("sign-out", {}) == (401, "SignInRequired")


def test_a_user_signs_in_and_out(visitor: Browser, queue_name: str) -> None:
    visitor.sign_in("one")
    found = visitor.done("session")
    assert (found["user"], found["account"], found["needsSignIn"]) == ("one", ACCOUNT, False)
    visitor.done("CreateQueue", {"QueueName": queue_name})
    assert visitor.done("queue", queue=queue_name)["name"] == queue_name
    visitor.done("DeleteQueue", {"QueueUrl": queue_name})
    visitor.done("sign-out", {})
    assert cookie(visitor) == ""
    assert visitor.refused("queues") == (401, "SignInRequired")


def test_the_cookie_is_kept_from_scripts_other_sites_and_plain_connections(visitor: Browser) -> None:
    answer = visitor.call("sign-in", {"accessKeyId": KEY, "secretAccessKey": SECRET})
    name, *rest = answer.headers["Set-Cookie"].split("; ")
    assert name.startswith(f"{COOKIE}=")
    assert rest == ["Path=/", "HttpOnly", "SameSite=Strict", "Secure"]
    assert SECRET not in answer.headers["Set-Cookie"]
    visitor.url = "http://queues.example.org"
    plain = visitor.call("sign-in", {"accessKeyId": KEY, "secretAccessKey": SECRET})
    assert plain.headers["Set-Cookie"].startswith("sqs-facade-console=")
    assert "Secure" not in plain.headers["Set-Cookie"]


WRONG = [(KEY, "wrong"), ("AKIDUNKNOWN", SECRET), (KEY, SECRET.lower()), ("akidexample", SECRET)]


@pytest.mark.parametrize(("key", "secret"), WRONG)
def test_wrong_credentials_are_refused_alike(visitor: Browser, key: str, secret: str) -> None:
    answer = visitor.call("sign-in", {"accessKeyId": key, "secretAccessKey": secret})
    assert (answer.status_code, answer.json and answer.json["code"]) == (401, "SignInFailed")
    assert "Set-Cookie" not in answer.headers


def test_temporary_credentials_are_refused_with_the_reason(visitor: Browser) -> None:
    answer = visitor.call("sign-in", {"accessKeyId": "ASIAXQYK2YG3Y6MMNXG6", "secretAccessKey": SECRET})
    assert answer.json is not None
    assert (answer.status_code, answer.json["code"]) == (401, "SignInFailed")
    assert answer.json["message"].startswith("Temporary credentials cannot sign in")


@pytest.mark.parametrize("asked", [{}, [], {"accessKeyId": 1, "secretAccessKey": []}, {"accessKeyId": KEY}, "x"])
def test_input_that_is_no_access_key_is_refused(visitor: Browser, asked: Any) -> None:
    assert visitor.call("sign-in", asked).status_code == 400
    assert visitor.call("sign-in", {"accessKeyId": "x" * 5_000, "secretAccessKey": "x"}).status_code == 413


def test_after_some_failures_the_next_attempt_has_to_wait(visitor: Browser) -> None:
    for _ in range(5):
        assert visitor.refused("sign-in", {"accessKeyId": KEY, "secretAccessKey": "wrong"})[0] == 401
    answer = visitor.call("sign-in", {"accessKeyId": KEY, "secretAccessKey": SECRET})
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) >= 1
    visitor.seen["REMOTE_ADDR"] = "192.0.2.77"  # nobody is locked out by the failures of others
    visitor.sign_in("one")


def test_waits_grow_and_end() -> None:
    now = [0.0]
    failures = Failures(lambda: now[0])
    waits = []
    for _ in range(16):
        failures.note("key", "source")
        waits.append(failures.wait_seconds("key", "source"))
    assert waits == [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]
    assert failures.wait_seconds("key", "other") == 0
    now[0] += 300
    assert failures.wait_seconds("key", "source") == 0
    for number in range(100):
        failures.note("key", f"source {number}")
    assert failures.wait_seconds("key", "another") > 0


FORGED = ["", "x", "AAAA", "AQ" + "A" * 60, "é", "A" * 3_000]


@pytest.mark.parametrize("value", FORGED)
def test_a_forged_cookie_opens_nothing(visitor: Browser, value: str) -> None:
    set_cookie(visitor, value)
    assert visitor.refused("queues") == (401, "SignInRequired")


def test_a_changed_cookie_opens_nothing(visitor: Browser) -> None:
    visitor.sign_in("one")
    value = cookie(visitor)
    for at in range(0, len(value) - 4, 7):
        set_cookie(visitor, value[:at] + ("A" if value[at] != "A" else "B") + value[at + 1 :])
        assert visitor.refused("queues") == (401, "SignInRequired")


def test_a_session_ends_after_a_time_without_use_and_after_a_day_of_work(
    visitor: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [time.time()]
    monkeypatch.setattr(sign_in, "now", lambda: now[0])
    visitor.sign_in("one")
    now[0] += sign_in.IDLE_SECONDS - 10
    visitor.request("GET", "queues", X_Console_Refresh="1")  # the page asks by itself, which is no use
    now[0] += 20
    assert visitor.refused("queues") == (401, "SignInRequired")
    visitor.sign_in("one")
    began = now[0]
    while now[0] < began + sign_in.SESSION_SECONDS - sign_in.IDLE_SECONDS:
        now[0] += sign_in.IDLE_SECONDS - 10
        visitor.done("queues")
    now[0] = began + sign_in.SESSION_SECONDS + 1
    assert visitor.refused("queues") == (401, "SignInRequired")


def test_a_session_ends_with_its_key_and_its_user(visitor: Browser, guarded_site: Sited) -> None:
    visitor.sign_in("reader")
    changes = [
        USERS.replace("for reading", "for rEading"),  # another secret
        USERS.replace("AKIDREADER", "AKIDREADING"),
        USERS.replace('name = "reader"', 'name = "reader"\nenabled = false'),
    ]
    try:
        for changed in changes:
            visitor.done("queues")
            written(guarded_site.folder, USER + changed)
            until(lambda: visitor.call("queues").status_code == 401, "the session has ended")
            written(guarded_site.folder, USER + USERS)
            until(lambda: visitor.call("queues").status_code == 200, "the user is back")
    finally:
        written(guarded_site.folder, USER + USERS)


def test_policies_decide_about_each_call(visitor: Browser, queue_name: str) -> None:
    visitor.sign_in("one")
    hidden = f"{queue_name}-hidden"
    for name in (queue_name, hidden):
        visitor.done("CreateQueue", {"QueueName": name, "tags": {"a": "b"}})
        visitor.done("SendMessage", {"QueueUrl": name, "MessageBody": "x"})
    visitor.done("queues", fresh=1)
    visitor.sign_in("reader")
    rows = visitor.done("queues", search=queue_name)["queues"]
    assert [(one["name"], one["problem"], one["visible"]) for one in rows] == [
        (queue_name, None, 1),
        (hidden, "denied", 0),
    ]
    found = visitor.done("queue", queue=queue_name)
    assert found["tags"] == {"denied": "sqs:ListQueueTags"}
    assert found["claims"] == {"denied": "sqs:ReceiveMessage"}
    assert "rows" in found["subscriptions"]
    for path in ("messages", "message"):
        assert visitor.refused(path, queue=queue_name, id="x") == (403, "AccessDenied")
    assert visitor.refused("queue", queue=hidden) == (403, "AccessDenied")
    assert visitor.refused("delete-message", {}, queue=queue_name, id="x") == (403, "AccessDenied")
    for operation in ("SendMessage", "PurgeQueue", "DeleteQueue", "SetQueueAttributes", "TagQueue"):
        assert visitor.refused(operation, {"QueueUrl": queue_name}) == (403, "AccessDenied")
    service = visitor.done("service")
    assert (service["isAdministrator"], service["servers"], service["version"]) == (False, [], "")
    visitor.sign_in("nobody")
    assert visitor.refused("queues") == (403, "AccessDenied")


def test_a_policy_of_the_queue_decides_in_the_overview_too(visitor: Browser, queue_name: str) -> None:
    visitor.sign_in("one")
    visitor.done("CreateQueue", {"QueueName": queue_name})
    denial = {"Effect": "Deny", "Principal": "*", "Action": "sqs:GetQueueAttributes", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [denial]})
    visitor.done("SetQueueAttributes", {"QueueUrl": queue_name, "Attributes": {"Policy": policy}})
    [row] = visitor.done("queues", search=queue_name, fresh=1)["queues"]
    assert row["problem"] == "denied"


def test_the_account_is_that_of_the_user(visitor: Browser, queue_name: str) -> None:
    visitor.sign_in("one")
    visitor.account = "999999999999"
    visitor.done("CreateQueue", {"QueueName": queue_name})
    assert f":{ACCOUNT}:" in visitor.done("queue", queue=queue_name)["attributes"]["QueueArn"]
    assert visitor.done("session")["account"] == ACCOUNT


def test_the_token_belongs_to_the_session(visitor: Browser) -> None:
    visitor.sign_in("one")
    first = visitor.token
    visitor.sign_in("one")
    visitor.token = first
    assert visitor.refused("CreateQueue", {"QueueName": "q"}) == (403, "TokenInvalid")


def test_what_is_done_is_in_the_audit_log(visitor: Browser, guarded_site: Sited, queue_name: str) -> None:
    file = guarded_site.folder / "audit.jsonl"

    def rows() -> list[dict[str, Any]]:
        found = [json.loads(line) for line in file.read_text().splitlines()]
        return [one for one in found if one.get("source") == visitor.seen["REMOTE_ADDR"]]

    visitor.refused("sign-in", {"accessKeyId": KEY, "secretAccessKey": "wrong"})
    visitor.sign_in("one")
    visitor.done("CreateQueue", {"QueueName": queue_name})
    sent = visitor.done("SendMessage", {"QueueUrl": queue_name, "MessageBody": "the body"})
    visitor.done("delete-message", {}, queue=queue_name, id=sent["MessageId"])
    visitor.sign_in("reader")
    visitor.refused("PurgeQueue", {"QueueUrl": queue_name})
    until(lambda: len(rows()) >= 6, "the log has the lines")
    found = rows()
    assert [(one["action"], one["outcome"]) for one in found] == [
        ("sign-in", "refused"), ("sign-in", "done"), ("CreateQueue", "done"), ("delete-message", "done"),
        ("sign-in", "done"), ("PurgeQueue", "refused"),
    ]  # fmt: skip
    assert {one["dialect"] for one in found} == {"console"}
    assert [one["access_key_id"] for one in found] == [KEY] * 4 + ["AKIDREADER"] * 2
    assert found[2]["resource"] == found[3]["resource"] == f"arn:aws:sqs:us-east-1:{ACCOUNT}:{queue_name}"
    assert found[3]["principal"] == f"arn:aws:iam::{ACCOUNT}:user/one"
    assert not [word for word in (KEYS["one"][1], "wrong", "the body") if word in file.read_text()]
