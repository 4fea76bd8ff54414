"""Responses without members: an empty body, or an empty document."""

from __future__ import annotations

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel

from tests.sqs.cases import VALID
from tests.sqs.wire import Sqs

MODEL = ServiceModel(Loader().load_service_model("sqs", "service-2"))
WITHOUT_OUTPUT = [name for name in sorted(VALID) if MODEL.operation_model(name).output_shape is None]


@pytest.mark.parametrize("name", WITHOUT_OUTPUT)
def test_an_operation_without_output_has_an_empty_body_in_json_and_no_result_in_xml(
    sqs: Sqs, queue_name: str, name: str
) -> None:
    answer = sqs.raw(name, **VALID[name](sqs, queue_name))
    assert answer.status_code == 200
    assert answer.headers["x-amzn-RequestId"]
    if sqs.protocol == "json":
        assert (answer.content, answer.headers["Content-Length"]) == (b"", "0")
        assert answer.headers["Content-Type"] == "application/x-amz-json-1.0"
    else:
        assert f"{name}Result" not in answer.text


@pytest.mark.parametrize(
    "name", ["ListQueueTags", "ListDeadLetterSourceQueues", "ReceiveMessage", "GetQueueAttributes"]
)
def test_a_result_without_members_is_an_empty_document(sqs: Sqs, queue: str, name: str) -> None:
    answer = sqs.raw(name, QueueUrl=queue)
    if sqs.protocol == "json":
        assert (answer.content, answer.headers["Content-Length"]) == (b"{}", "2")
    else:
        assert f"<{name}Result/>" in answer.text


def test_a_list_of_no_queues_is_an_empty_document(sqs: Sqs, queue_name: str) -> None:
    answer = sqs.raw("ListQueues", QueueNamePrefix=queue_name)
    assert answer.content == b"{}" if sqs.protocol == "json" else "<ListQueuesResult/>" in answer.text
