"""JSON responses of the query protocol, as API Gateway and axios get them."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from tests.conftest import Service
from tests.sqs.wire import HTTP, Sqs, binary, text

NO_QUEUE = "AWS.SimpleQueueService.NonExistentQueue"
AXIOS = "application/json, text/plain, */*"
FIREFOX = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.fixture
def sqs(service: Service, lane: str) -> Sqs:
    return Sqs(service.url, "query", lane)


def call(sqs: Sqs, operation: str, accept: str = "application/json", **parameters: str) -> requests.Response:
    """A GET whose parameters are sent as they are."""
    headers = {"Accept": accept, "x-sqs-facade-lane": sqs.lane}
    return HTTP.get(sqs.url, params={"Action": operation, **parameters}, headers=headers, timeout=10)


def result(sqs: Sqs, operation: str, **parameters: str) -> Any:
    """The result of a call that must succeed."""
    answer = call(sqs, operation, **parameters)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json"), answer.text
    [[name, response]] = answer.json().items()
    assert name == f"{operation}Response"
    assert response["ResponseMetadata"] == {"RequestId": answer.headers["x-amzn-RequestId"]}
    return response[f"{operation}Result"]


def test_a_sent_message_has_all_members_and_absent_ones_are_null(sqs: Sqs, queue: str) -> None:
    sent = result(sqs, "SendMessage", QueueUrl=queue, MessageBody="x")
    assert list(sent.items()) == [
        ("MD5OfMessageAttributes", None),
        ("MD5OfMessageBody", "9dd4e461268c8034f5c8564e155c67a6"),
        ("MD5OfMessageSystemAttributes", None),
        ("MessageId", sent["MessageId"]),
        ("SequenceNumber", None),
    ]


def test_messages_are_null_when_the_queue_is_empty(sqs: Sqs, queue: str) -> None:
    assert result(sqs, "ReceiveMessage", QueueUrl=queue) == {"messages": None}


@pytest.mark.parametrize("count", [1, 2])
def test_one_message_is_a_list_too(sqs: Sqs, queue: str, count: int) -> None:
    for number in range(count):
        sqs.send(queue, f"x{number}")
    received = result(sqs, "ReceiveMessage", QueueUrl=queue, MaxNumberOfMessages="10")["messages"]
    assert sorted(one["Body"] for one in received) == ["x0", "x1"][:count]
    assert list(received[0]) == [
        "Attributes",
        "Body",
        "MD5OfBody",
        "MD5OfMessageAttributes",
        "MessageAttributes",
        "MessageId",
        "ReceiptHandle",
    ]
    assert [received[0][name] for name in ("Attributes", "MD5OfMessageAttributes", "MessageAttributes")] == [None] * 3


def test_attributes_are_pairs_of_name_and_value(sqs: Sqs, queue: str) -> None:
    sqs.send(queue, "x", MessageAttributes={"a": text("ü"), "b": binary(b"\0\xff")})
    names = {"MessageAttributeName.1": "All", "AttributeName.1": "ApproximateReceiveCount"}
    [message] = result(sqs, "ReceiveMessage", QueueUrl=queue, **names)["messages"]
    assert message["Attributes"] == [{"Name": "ApproximateReceiveCount", "Value": "1"}]
    lists = {"BinaryListValues": None, "StringListValues": None}
    assert message["MessageAttributes"] == [
        {"Name": "a", "Value": {"BinaryValue": None, "DataType": "String", "StringValue": "ü", **lists}},
        {"Name": "b", "Value": {"BinaryValue": "AP8=", "DataType": "Binary", "StringValue": None, **lists}},
    ]


def test_queue_attributes_are_a_list_and_null_when_none_was_requested(sqs: Sqs, queue: str) -> None:
    found = result(sqs, "GetQueueAttributes", QueueUrl=queue, **{"AttributeName.1": "DelaySeconds"})
    assert found == {"Attributes": [{"Name": "DelaySeconds", "Value": "0"}]}
    assert result(sqs, "GetQueueAttributes", QueueUrl=queue) == {"Attributes": None}


def test_tags_are_a_list_of_keys_and_values(sqs: Sqs, queue: str) -> None:
    sqs.call("TagQueue", QueueUrl=queue, Tags={"a": "b"})
    assert result(sqs, "ListQueueTags", QueueUrl=queue) == {"Tags": [{"Key": "a", "Value": "b"}]}


def test_one_queue_url_is_a_list_too_and_none_is_null(sqs: Sqs, queue: str, queue_name: str) -> None:
    paging = {"NextExclusiveStartQueueName": None, "NextToken": None}
    assert result(sqs, "ListQueues", QueueNamePrefix=queue_name) == {"queueUrls": [queue], **paging}
    assert result(sqs, "ListQueues", QueueNamePrefix=f"{queue_name}x") == {"queueUrls": None, **paging}
    assert result(sqs, "ListDeadLetterSourceQueues", QueueUrl=queue) == {"NextToken": None, "queueUrls": None}


def test_a_batch_lists_both_kinds_of_entries(sqs: Sqs, queue: str) -> None:
    entry = "DeleteMessageBatchRequestEntry.1"
    found = result(sqs, "DeleteMessageBatch", QueueUrl=queue, **{f"{entry}.Id": "a", f"{entry}.ReceiptHandle": "x"})
    assert found["Successful"] is None
    [failed] = found["Failed"]
    assert (failed["Id"], failed["SenderFault"], failed["Code"]) == ("a", True, "ReceiptHandleIsInvalid")


def test_an_operation_without_output_has_no_result(sqs: Sqs, queue: str) -> None:
    answer = call(sqs, "PurgeQueue", QueueUrl=queue)
    request_id = answer.headers["x-amzn-RequestId"]
    assert answer.json() == {"PurgeQueueResponse": {"ResponseMetadata": {"RequestId": request_id}}}


def test_an_error_names_the_side_at_fault(sqs: Sqs) -> None:
    answer = call(sqs, "DeleteQueue", QueueUrl="no-such-queue")
    message = "The specified queue does not exist for this wsdl version."
    assert (answer.status_code, answer.headers["Content-Type"]) == (400, "application/json")
    assert answer.json() == {
        "Error": {"Code": NO_QUEUE, "Message": message, "Type": "Sender"},
        "RequestId": answer.headers["x-amzn-RequestId"],
    }


@pytest.mark.parametrize("accept", [AXIOS, "application/json, text/xml;q=0.9", "text/plain, application/json;q=0.1"])
def test_a_client_that_prefers_json_gets_json(sqs: Sqs, queue: str, accept: str) -> None:
    answer = call(sqs, "ReceiveMessage", accept, QueueUrl=queue)
    assert answer.json()["ReceiveMessageResponse"]["ReceiveMessageResult"] == {"messages": None}


@pytest.mark.parametrize("accept", ["*/*", FIREFOX, "application/json;q=0.5, text/xml", "application/json;q=0"])
def test_other_clients_get_xml(sqs: Sqs, queue: str, accept: str) -> None:
    for address in (queue, "no-such-queue"):
        answer = call(sqs, "ReceiveMessage", accept, QueueUrl=address)
        assert answer.headers["Content-Type"] == "text/xml"
        assert answer.text.startswith("<?xml")
