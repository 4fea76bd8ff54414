"""The names of an error on the wire: JSON's ``__type`` and ``x-amzn-query-error``, and the code of query."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from botocore.loaders import Loader
from botocore.model import ServiceModel

from sqs_facade.errors import ERROR_TABLE, MODELLED, UNMODELLED
from tests.conftest import Service
from tests.sqs.wire import Sqs

JSON = "application/x-amz-json-1.0"
MODELLED_SHAPES = ServiceModel(Loader().load_service_model("sqs", "service-2")).shape_names
SQS, CORAL = "com.amazonaws.sqs#", "com.amazon.coral.service#"


@pytest.mark.parametrize("kind", ERROR_TABLE.values(), ids=ERROR_TABLE)
def test_an_error_is_in_the_namespace_of_sqs_exactly_when_the_service_model_has_its_shape(kind: Any) -> None:
    assert kind.namespace == (MODELLED if kind.shape in MODELLED_SHAPES else UNMODELLED)


@pytest.mark.parametrize(
    ("operation", "members", "status", "kind", "code"),
    [
        ("ReceiveMessage", {"MaxNumberOfMessages": 11}, 400, f"{CORAL}InvalidParameterValueException",
         "InvalidParameterValue"),
        ("SendMessage", {"MessageBody": ""}, 400, f"{CORAL}MissingRequiredParameterException", "MissingParameter"),
        ("SendMessage", {"MessageBody": "\0"}, 400, f"{SQS}InvalidMessageContents", "InvalidMessageContents"),
        ("GetQueueAttributes", {"AttributeNames": ["x"]}, 400, f"{SQS}InvalidAttributeName", "InvalidAttributeName"),
        ("SendMessageBatch", {"Entries": []}, 400, f"{SQS}EmptyBatchRequest",
         "AWS.SimpleQueueService.EmptyBatchRequest"),
        ("NoSuchOperation", {}, 400, f"{CORAL}UnknownOperationException", "InvalidAction"),
    ],
)  # fmt: skip
def test_json_names_an_error_as_recorded(
    service: Service, lane: str, queue_name: str, operation: str, members: dict[str, Any], status: int, kind: str,
    code: str,
) -> None:  # fmt: skip
    sqs = Sqs(service.url, "json", lane)
    answer = sqs.raw(operation, QueueUrl=sqs.queue(queue_name), **members)
    assert_is(answer, status, kind, code)


def assert_is(answer: requests.Response, status: int, kind: str, code: str) -> None:
    assert (answer.status_code, answer.json()["__type"]) == (status, kind)
    assert answer.headers["x-amzn-query-error"] == f"{code};Sender"
    # Not sent by AWS; with another name than __type it would mislead clients that read it first.
    assert "x-amzn-errortype" not in answer.headers


@pytest.mark.parametrize(
    "body",
    [
        b"{", b"not json", b"\0", b"{} {}", b"[]", b'["x"]', b'"x"', b"1", b"1.5", b"true", b"null", b"NaN",
        b"\xff\xfe", b'{"QueueUrl":"\xff"}', b'{"QueueUrl":1}', b'{"QueueUrl":{}}', b'{"MessageBody":["x"]}',
        b'{"MessageAttributes":[]}', b'{"MessageAttributes":{"a":1}}', b'{"MessageAttributes":{"a":{"DataType":1}}}',
        b'{"MessageAttributes":{"a":{"BinaryValue":"%%"}}}', b'{"DelaySeconds":"1"}', b'{"a":' * 50_000,
    ],
)  # fmt: skip
def test_json_that_cannot_be_read_is_malformed_input(service: Service, lane: str, body: bytes) -> None:
    headers = {"X-Amz-Target": "AmazonSQS.SendMessage", "Content-Type": JSON, "x-sqs-facade-lane": lane}
    answer = requests.post(service.url, body, headers=headers, timeout=10)
    assert_is(answer, 400, f"{CORAL}SerializationException", "MalformedInput")


def test_a_json_body_that_is_too_large_has_its_own_error(service: Service, lane: str) -> None:
    headers = {"X-Amz-Target": "AmazonSQS.SendMessage", "Content-Type": JSON, "x-sqs-facade-lane": lane}
    answer = requests.post(service.url, b"x" * (9 << 20), headers=headers, timeout=10)
    assert_is(answer, 413, f"{CORAL}RequestEntityTooLargeException", "RequestEntityTooLarge")


def test_an_empty_json_body_counts_as_an_empty_object(service: Service, lane: str) -> None:
    headers = {"X-Amz-Target": "AmazonSQS.ListQueues", "Content-Type": JSON, "x-sqs-facade-lane": lane}
    assert requests.post(service.url, b"", headers=headers, timeout=10).status_code == 200
