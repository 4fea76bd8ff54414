"""SQS with credentials, by both protocols and lanes: botocore signs, or nobody does."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import urlencode

import boto3
import pytest
import requests

from tests.conftest import Service
from tests.credentials.signing import ACCOUNT, KEY, SECRET, signed
from tests.sqs.wire import HTTP

TWO = ("AKIDTWO", "another secret of forty characters, two.")
INVALID_KEY = "The security token included in the request is invalid."
MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details."
)


class Failure(NamedTuple):
    status: int
    kind: str
    code: str
    message: str


class Caller:
    """Sends signed requests by one protocol and lane, as botocore signs them, and changes them on their way."""

    def __init__(self, url: str, protocol: str, lane: str) -> None:
        self.url, self.protocol, self.lane = url, protocol, lane

    def request(
        self, operation: str = "ListQueues", path: str = "/", **members: Any
    ) -> tuple[str, bytes, dict[str, str]]:
        if self.protocol == "json":
            target = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": f"AmazonSQS.{operation}"}
            return self.url + path, json.dumps(members).encode(), {**target, "X-SQS-Facade-Lane": self.lane}
        form = urlencode({"Action": operation, "Version": "2012-11-05", **members}).encode()
        kind = "application/x-www-form-urlencoded; charset=utf-8"
        return self.url + path, form, {"Content-Type": kind, "X-SQS-Facade-Lane": self.lane}

    def send(
        self, change: Mapping[str, str | None] | None = None, path: str = "/", **signing: Any
    ) -> requests.Response:
        url, body, headers = self.request(path=path)
        _, headers = signed("POST", url, body, headers, **signing)
        return self.post(url, body, {**headers, **(change or {})})

    def post(self, url: str, body: bytes, headers: dict[str, Any]) -> requests.Response:
        return HTTP.post(url, body, headers={name: value for name, value in headers.items() if value is not None})

    def failure(self, answer: requests.Response) -> Failure:
        if self.protocol == "json":
            code = answer.headers["x-amzn-query-error"]
            document = answer.json()
            return Failure(answer.status_code, document["__type"], code, document["message"])
        assert "<ErrorResponse" in answer.text
        assert "<Type>Sender</Type>" in answer.text
        code, message = ("".join(re.findall(rf"<{one}>([^<]*)</{one}>", answer.text)) for one in ("Code", "Message"))
        return Failure(answer.status_code, "", f"{code};Sender", message)


@pytest.fixture(params=["json-fast", "query-fast", "json-flask", "query-flask"])
def caller(guarded: Service, request: pytest.FixtureRequest) -> Caller:
    protocol, lane = request.param.split("-")
    return Caller(guarded.url, protocol, lane)


def _is(caller: Caller, answer: requests.Response, status: int, shape: str, code: str, message: str) -> None:
    kind = f"com.amazon.coral.service#{shape}" if caller.protocol == "json" else ""
    assert caller.failure(answer) == Failure(status, kind, f"{code};Sender", message)


def test_a_signed_request_is_served(caller: Caller) -> None:
    assert caller.send().status_code == 200


def test_a_request_without_credentials_is_denied(caller: Caller) -> None:
    failure = caller.failure(caller.post(*caller.request()))
    kind = "com.amazon.coral.service#AccessDeniedException" if caller.protocol == "json" else ""
    assert failure[:3] == (403, kind, "AccessDenied;Sender")


def test_an_unknown_key_is_refused(caller: Caller) -> None:
    answer = caller.send(key="AKIDUNKNOWN")
    _is(caller, answer, 403, "UnrecognizedClientException", "InvalidClientTokenId", INVALID_KEY)


def test_a_disabled_user_is_refused(caller: Caller) -> None:
    answer = caller.send(key="AKIDGONE", secret="another secret of forty characters, gone")
    _is(caller, answer, 403, "UnrecognizedClientException", "InvalidClientTokenId", INVALID_KEY)


def test_a_wrong_secret_is_refused(caller: Caller) -> None:
    answer = caller.send(secret="x" * 40)
    _is(caller, answer, 403, "InvalidSignatureException", "SignatureDoesNotMatch", MISMATCH)


def test_an_old_signature_is_refused(caller: Caller) -> None:
    answer = caller.send(moment=datetime.now(UTC) - timedelta(minutes=20))
    failure = caller.failure(answer)
    assert (failure.status, failure.code) == (403, "SignatureDoesNotMatch;Sender")
    assert re.fullmatch(r"Signature expired: \S+ is now earlier than \S+ \(\S+ - 15 min\.\)", failure.message)


@pytest.mark.parametrize("signing", [{"region": "eu-west-1"}, {"service": "s3"}], ids=str)
def test_another_region_or_service_is_refused(caller: Caller, signing: dict[str, Any]) -> None:
    failure = caller.failure(caller.send(**signing))
    assert (failure.status, failure.code) == (403, "SignatureDoesNotMatch;Sender")
    assert failure.message.startswith("Credential should be scoped to ")


def test_a_malformed_signature_is_incomplete(caller: Caller) -> None:
    failure = caller.failure(caller.send({"Authorization": "AWS4-HMAC-SHA256 Credential=x"}))
    assert (failure.status, failure.code) == (400, "IncompleteSignature;Sender")
    assert failure.message.startswith("Authorization header requires 'Signature' parameter.")


def test_a_foreign_session_token_is_refused(caller: Caller) -> None:
    answer = caller.send(token="AQoDYXdzEJr")
    _is(caller, answer, 403, "UnrecognizedClientException", "InvalidClientTokenId", INVALID_KEY)


def test_a_replay_to_another_host_is_refused(caller: Caller) -> None:
    answer = caller.send({"Host": "other.example.org"})
    _is(caller, answer, 403, "InvalidSignatureException", "SignatureDoesNotMatch", MISMATCH)


def test_host_must_be_signed(caller: Caller) -> None:
    url, body, headers = caller.request()
    _, headers = signed("POST", url, body, headers)
    headers["Authorization"] = headers["Authorization"].replace("host;", "")
    failure = caller.failure(caller.post(url, body, headers))
    assert failure.message == "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."


def test_a_large_body_is_verified(caller: Caller) -> None:
    members = {"QueueUrl": f"{caller.url}/{ACCOUNT}/no-queue", "MessageBody": "x" * 300_000}
    url, body, headers = caller.request("SendMessage", **members)
    _, headers = signed("POST", url, body, headers)
    assert caller.failure(caller.post(url, body, headers)).code == "AWS.SimpleQueueService.NonExistentQueue;Sender"
    assert caller.failure(caller.post(url, body[:-1] + b" ", headers)).code == "SignatureDoesNotMatch;Sender"


def test_a_path_with_escapes_is_verified_as_it_was_sent(caller: Caller) -> None:
    url, body, headers = caller.request("GetQueueAttributes", f"/{ACCOUNT}/no%2Bqueue")
    _, headers = signed("POST", url, body, headers)
    answer = caller.post(url, body, headers)
    assert caller.failure(answer).code == "InvalidAddress;Sender"


def test_the_account_is_that_of_the_key_and_not_its_text(guarded: Service, queue_name: str) -> None:
    def client(key: str, secret: str) -> Any:
        keys = {"aws_access_key_id": key, "aws_secret_access_key": secret}
        return boto3.client("sqs", endpoint_url=guarded.url, region_name="us-east-1", **keys)

    one, two = client(KEY, SECRET), client(*TWO)
    urls = [each.create_queue(QueueName=queue_name)["QueueUrl"] for each in (one, two)]
    assert urls == [f"{guarded.url}/{account}/{queue_name}" for account in (ACCOUNT, "210987654321")]
    one.send_message(QueueUrl=queue_name, MessageBody="of one")
    assert "Messages" not in two.receive_message(QueueUrl=queue_name)
    assert one.receive_message(QueueUrl=urls[0])["Messages"][0]["Body"] == "of one"


@pytest.mark.parametrize("lane", ["fast", "flask"])
def test_a_pre_signed_get_is_served_until_something_changes(guarded: Service, queue_name: str, lane: str) -> None:
    name = f"{guarded.url}/?Action=CreateQueue&Version=2012-11-05&QueueName={queue_name}"
    url, _ = signed("GET", name, expires=60)
    headers = {"X-SQS-Facade-Lane": lane}
    assert HTTP.get(url, headers=headers).status_code == 200
    path = f"{guarded.url}/{ACCOUNT}/{queue_name}?Action=GetQueueAttributes&AttributeName.1=QueueArn"
    url, _ = signed("GET", path, expires=60)
    answer = HTTP.get(url, headers=headers)
    assert f"arn:aws:sqs:us-east-1:{ACCOUNT}:{queue_name}" in answer.text
    for changed in (url.replace("QueueArn", "All"), url.replace("Expires=60", "Expires=61"), f"{url}&Extra=1"):
        answer = HTTP.get(changed, headers=headers)
        assert (answer.status_code, "SignatureDoesNotMatch" in answer.text) == (403, True)
    url, _ = signed("GET", path, expires=60, moment=datetime.now(UTC) - timedelta(seconds=90))
    assert "Signature expired" in HTTP.get(url, headers=headers).text


def test_a_header_does_not_give_a_pre_signed_url_another_operation(
    guarded: Service, queue_name: str, lane: str
) -> None:
    url, _ = signed("GET", f"{guarded.url}/?Action=CreateQueue&Version=2012-11-05&QueueName={queue_name}", expires=60)
    assert HTTP.get(url).status_code == 200
    url, _ = signed("GET", f"{guarded.url}/{ACCOUNT}/{queue_name}?Action=GetQueueAttributes", expires=60)
    headers = {"X-SQS-Facade-Lane": lane, "X-Amz-Target": "AmazonSQS.DeleteQueue"}
    for method in ("GET", "POST"):
        assert HTTP.request(method, url, headers=headers).status_code == 403
    assert HTTP.get(url).status_code == 200


def test_peeking_needs_credentials(guarded: Service, queue_name: str, lane: str) -> None:
    url = f"{guarded.url}/_aws/sqs/messages?QueueUrl={queue_name}"
    assert HTTP.get(url, headers={"X-SQS-Facade-Lane": lane}).status_code == 403
    url, headers = signed("GET", url)
    assert HTTP.get(url, headers=headers).status_code == 400  # the queue does not exist
