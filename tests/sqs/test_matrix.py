"""Every operation of the table, in both protocols and lanes: its success, and each error that it declares. The
completeness tests fail when an operation or a declared error has no case.
"""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from botocore.loaders import Loader
from botocore.model import ServiceModel

from sqs_facade.errors import ERROR_TABLE
from sqs_facade.operations import load_all
from sqs_facade.registry import EVERY_OPERATION, OF_A_QUEUE, OPERATIONS
from tests.sqs.cases import ERRORS, KEY_ERRORS, STRICT_ERRORS, VALID
from tests.sqs.conftest import STRICT_RATE
from tests.sqs.wire import Sqs

load_all()
MODEL = ServiceModel(Loader().load_service_model("sqs", "service-2"))
NAMES = sorted(VALID)
_FIRST_MEMBERS = ("QueueUrl", "QueueName", "QueueNamePrefix", "SourceArn", "TaskHandle")
OF_QUEUES = [name for name in NAMES if OPERATIONS[name].has_queue]


def assert_is(sqs: Sqs, answer: requests.Response, error: str) -> str:
    """Check that the response is that error, by all its names in the protocol; return its message."""
    kind = ERROR_TABLE[error]
    failure = sqs.failure(answer)
    assert (failure.code, failure.status) == (kind.code, kind.status), failure
    if sqs.protocol == "json":
        assert answer.headers["x-amzn-query-error"] == f"{kind.code};Sender"
        assert answer.json() == {"__type": kind.type, "message": failure.message}
    else:
        assert b"<Type>Sender</Type>" in answer.content
        assert b"<Detail/></Error><RequestId>" in answer.content
    assert answer.headers["x-amzn-RequestId"]
    assert failure.message
    return failure.message


def test_every_operation_has_a_case() -> None:
    assert set(NAMES) == set(OPERATIONS)


def test_every_declared_error_has_a_case() -> None:
    declared = {(name, error) for name, operation in OPERATIONS.items() for error in operation.raises}
    of_queues = {(name, error) for name in OF_QUEUES for error in OF_A_QUEUE}
    assert declared - of_queues == ERRORS.keys() | STRICT_ERRORS.keys() | KEY_ERRORS
    assert of_queues <= declared
    assert set(EVERY_OPERATION) == {"SerializationException", "InvalidParameterValue", "RequestThrottled"}


@pytest.mark.parametrize("name", NAMES)
def test_a_valid_call_succeeds(sqs: Sqs, queue_name: str, name: str) -> None:
    result = sqs.call(name, **VALID[name](sqs, queue_name))
    shape = MODEL.operation_model(name).output_shape
    assert set(result) <= set(shape.members if shape else ())
    assert set(getattr(shape, "required_members", ())) - {"Failed", "queueUrls"} <= set(result)


@pytest.mark.parametrize(("name", "error"), sorted(ERRORS))
def test_a_declared_error_is_returned(sqs: Sqs, queue_name: str, name: str, error: str) -> None:
    assert_is(sqs, sqs.raw(name, **ERRORS[name, error](sqs, queue_name)), error)


@pytest.mark.parametrize(("name", "error"), sorted(STRICT_ERRORS))
def test_a_declared_error_of_a_service_with_stricter_settings_is_returned(
    strict: Sqs, queue_name: str, name: str, error: str
) -> None:
    assert_is(strict, strict.raw(name, **STRICT_ERRORS[name, error](strict, queue_name)), error)


@pytest.mark.parametrize("name", OF_QUEUES)
def test_a_call_without_a_queue_returns_queue_does_not_exist(sqs: Sqs, queue_name: str, name: str) -> None:
    members = VALID[name](sqs, queue_name)
    del members["QueueUrl"]
    assert_is(sqs, sqs.raw(name, **members), "QueueDoesNotExist")
    assert_is(sqs, sqs.raw(name, **members, QueueUrl=""), "QueueDoesNotExist")
    assert_is(sqs, sqs.raw(name), "QueueDoesNotExist")


@pytest.mark.parametrize("name", OF_QUEUES)
def test_a_call_on_the_path_of_a_queue_concerns_that_queue(sqs: Sqs, queue_name: str, name: str) -> None:
    members = VALID[name](sqs, queue_name)
    path = urlsplit(members.pop("QueueUrl")).path
    sqs.call(name, path=path, **members)
    assert_is(sqs, sqs.raw(name, path=f"{path}-missing", **members), "QueueDoesNotExist")
    assert_is(sqs, sqs.raw(name, path=f"{path}-missing"), "QueueDoesNotExist")


@pytest.mark.parametrize("name", OF_QUEUES)
def test_a_call_with_an_invalid_address_is_refused(sqs: Sqs, queue_name: str, name: str) -> None:
    members = {**VALID[name](sqs, queue_name), "QueueUrl": f"{sqs.url}/a/b/c"}
    assert_is(sqs, sqs.raw(name, **members), "InvalidAddress")


#: Members with errors of their own.
WRONG: list[dict[str, Any]] = [
    {"MaxNumberOfMessages": 99, "MessageBody": "", "Entries": [], "Attributes": {}},
    {"Entries": [{"Id": "a"}, {"Id": "b", "ReceiptHandle": "garbage", "MessageBody": "\0"}]},
]


@pytest.mark.parametrize("name", OF_QUEUES)
def test_a_missing_queue_is_reported_before_any_other_error(sqs: Sqs, queue_name: str, name: str) -> None:
    members = {**VALID[name](sqs, queue_name), "QueueUrl": f"{sqs.url}/000000000000/{uuid.uuid4().hex}"}
    for wrong in ({}, *WRONG):
        assert_is(sqs, sqs.raw(name, **{**members, **wrong}), "QueueDoesNotExist")


@pytest.mark.parametrize("name", NAMES)
def test_a_member_of_another_type_is_refused(sqs: Sqs, queue_name: str, name: str) -> None:
    shape = MODEL.operation_model(name).input_shape
    [member, *_] = [one for one in (shape.members if shape else ()) if one in _FIRST_MEMBERS]
    if sqs.protocol == "json":
        members: dict[str, Any] = {member: {"x": 1}}
        assert_is(sqs, sqs.raw(name, **members), "SerializationException")
    else:
        assert_is(sqs, sqs.raw(name, **{f"{member}.x": "1"}), "InvalidParameterValue")
        assert_is(sqs, sqs.raw(name, **{member: "1", f"{member}.x": "1"}), "SerializationException")


@pytest.mark.parametrize("name", NAMES)
def test_an_account_with_too_many_requests_is_throttled(strict: Sqs, name: str) -> None:
    for _ in range(STRICT_RATE * 50):
        answer = strict.raw(name, QueueUrl="nowhere", QueueName="nowhere")
        if answer.status_code == 403:
            assert_is(strict, answer, "RequestThrottled")
            return
    pytest.fail("never throttled")
