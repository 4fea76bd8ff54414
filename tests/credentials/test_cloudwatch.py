"""Callers of CloudWatch: signatures for its name, rights of identity-based policies, and nothing of other accounts."""

from __future__ import annotations

import json
from typing import Any

import cbor2
import flask
import pytest
import xmltodict
from werkzeug.test import Client, TestResponse

from sqs_facade.cloudwatch.face import OPERATIONS
from sqs_facade.wsgi import create_app
from tests.credentials.conftest import OTHERS, written
from tests.credentials.signing import ACCOUNT, KEY, SECRET, USER, signed
from zaqar_core.configuration.settings import Settings
from zaqar_core.domain.errors import StoreUnavailable
from zaqar_core.store.single_server import Store

READER = f"""
[[users]]
name = "reader"
account = "{ACCOUNT}"
policies = ["observer"]
access_keys = [{{ id = "AKIDREADER", secret_access_key = "a secret of forty characters, reader...." }}]
"""
URL = "http://queues.example.org"
KEYS = {
    "admin": (KEY, SECRET),
    "observer": ("AKIDREADER", "a secret of forty characters, reader...."),
    "receiver": ("AKIDLIMITED", "another secret of forty characters, lim."),
    "other": ("AKIDTWO", "another secret of forty characters, two."),
    "unknown": ("AKIDNOBODY", "any"),
    "forger": (KEY, "wrong"),
}
PROTOCOLS = ("query", "json", "cbor")


@pytest.fixture(scope="module")
def app(valkey: str, tmp_path_factory: pytest.TempPathFactory) -> flask.Flask:
    file = written(tmp_path_factory.mktemp("cloudwatch"), USER + OTHERS + READER)
    return create_app(Settings(redis=valkey, durability="memory", credentials_file=file))


@pytest.fixture
def http(app: flask.Flask) -> Client:
    return Client(app.wsgi_app, TestResponse)


def _call(http: Client, caller: str | None, protocol: str, operation: str, service: str = "monitoring") -> TestResponse:
    path, headers, body = "/", {}, b"{}"
    if protocol == "query":
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        body = f"Action={operation}&Version=2010-08-01".encode()
    elif protocol == "json":
        headers = {"X-Amz-Target": f"GraniteServiceVersion20100801.{operation}"}
    else:
        path = f"/service/GraniteServiceVersion20100801/operation/{operation}"
        headers, body = {"smithy-protocol": "rpc-v2-cbor", "Content-Type": "application/cbor"}, cbor2.dumps({})
    if caller is not None:
        key, secret = KEYS[caller]
        _, headers = signed("POST", URL + path, body, headers, key=key, secret=secret, service=service)
    return http.post(path, base_url=URL, data=body, headers=headers)


def _error(protocol: str, answer: TestResponse) -> tuple[str, str]:
    """Return the code and the message of an error."""
    if protocol == "query":
        error = xmltodict.parse(answer.data)["ErrorResponse"]["Error"]
        return error["Code"], error["Message"]
    document: dict[str, Any] = json.loads(answer.data) if protocol == "json" else cbor2.loads(answer.data)
    return answer.headers["x-amzn-query-error"].partition(";")[0], document["message"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_each_operation_needs_its_right(http: Client, protocol: str, operation: str) -> None:
    refused = _call(http, "receiver", protocol, operation)
    code, message = _error(protocol, refused)
    assert (refused.status_code, code) == (403, "AccessDenied")
    assert f"is not authorized to perform: cloudwatch:{operation.lower()} because no identity-based policy" in message
    for caller in ("admin", "observer"):
        answer = _call(http, caller, protocol, operation)
        if operation == "ListMetrics":
            assert answer.status_code == 200
        else:
            assert _error(protocol, answer)[0] == "MissingParameter"


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    ("caller", "service", "code"),
    [
        (None, "monitoring", "MissingAuthenticationToken"),
        ("unknown", "monitoring", "InvalidClientTokenId"),
        ("forger", "monitoring", "SignatureDoesNotMatch"),
        ("admin", "sqs", "SignatureDoesNotMatch"),
    ],
)
def test_others_are_refused(http: Client, protocol: str, caller: str | None, service: str, code: str) -> None:
    answer = _call(http, caller, protocol, "ListMetrics", service)
    assert (answer.status_code, _error(protocol, answer)[0]) == (403, code)


def test_unknown_operations_need_no_right(http: Client) -> None:
    assert _error("query", _call(http, None, "query", "DescribeAlarms"))[0] == "InvalidAction"


def test_accounts_see_their_own_queues_only(http: Client) -> None:
    body = json.dumps({"QueueName": "of-one"}).encode()
    _, headers = signed("POST", f"{URL}/", body, {"X-Amz-Target": "AmazonSQS.CreateQueue"}, key=KEY, secret=SECRET)
    assert http.post("/", base_url=URL, data=body, headers=headers).status_code == 200
    assert b"of-one" in _call(http, "observer", "json", "ListMetrics").data
    assert b"of-one" not in _call(http, "other", "json", "ListMetrics").data


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_store_that_does_not_answer_is_said(http: Client, monkeypatch: pytest.MonkeyPatch, protocol: str) -> None:
    def fail(*_: object) -> None:
        raise StoreUnavailable("Error 111 connecting to 10.0.0.5:6379")

    monkeypatch.setattr(Store, "command", fail)
    answer = _call(http, "observer", protocol, "ListMetrics")
    assert answer.status_code == 503
    assert _error(protocol, answer) == ("ServiceUnavailable", "The message store does not respond.")
