"""The query protocol on the wire: its parameters and responses."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.conftest import Service
from tests.sqs.wire import HTTP, Failure, Sqs

HEAD = '<?xml version="1.0"?><{0}Response xmlns="http://queue.amazonaws.com/doc/2012-11-05/">'
TAIL = "<ResponseMetadata><RequestId>id</RequestId></ResponseMetadata></{0}Response>"
FAILED = "<BatchResultErrorEntry><Id>b</Id><SenderFault>true</SenderFault><Code>ReceiptHandleIsInvalid</Code>"


@pytest.fixture
def sqs(service: Service, lane: str) -> Sqs:
    return Sqs(service.url, "query", lane)


def answer(sqs: Sqs, operation: str, **parameters: Any) -> str:
    """Return a response with its request id replaced. The parameters are sent unchanged."""
    found = HTTP.post(sqs.url, {"Action": operation, **parameters}, headers=sqs.headers, timeout=10)
    assert found.headers["Content-Type"] == "text/xml"
    return re.sub("<RequestId>[0-9a-f-]{36}</RequestId>", "<RequestId>id</RequestId>", found.text)


@pytest.mark.parametrize("operation", ["DeleteQueue", "PurgeQueue", "TagQueue"])
def test_an_operation_without_output_has_no_result(sqs: Sqs, queue: str, operation: str) -> None:
    more = {"Tag.1.Key": "a", "Tag.1.Value": "b"} if operation == "TagQueue" else {}
    assert answer(sqs, operation, QueueUrl=queue, **more) == (HEAD + TAIL).format(operation)


@pytest.mark.parametrize("operation", ["ReceiveMessage", "ListQueueTags", "GetQueueAttributes"])
def test_an_empty_result_is_one_empty_element(sqs: Sqs, queue: str, operation: str) -> None:
    assert answer(sqs, operation, QueueUrl=queue) == (HEAD + "<{0}Result/>" + TAIL).format(operation)


def test_a_map_has_names_and_values_without_white_space(sqs: Sqs, queue: str, queue_name: str) -> None:
    found = answer(sqs, "GetQueueAttributes", **{"QueueUrl": queue, "AttributeName.1": "QueueArn"})
    arn = f"arn:aws:sqs:us-east-1:000000000000:{queue_name}"
    assert f"<Attribute><Name>QueueArn</Name><Value>{arn}</Value></Attribute>" in found


@pytest.mark.parametrize("name", ["Tag", "Tags"])
def test_tags_are_read_under_their_old_and_their_new_name(sqs: Sqs, queue: str, name: str) -> None:
    answer(sqs, "TagQueue", **{"QueueUrl": queue, f"{name}.1.Key": "a", f"{name}.1.Value": "b", f"{name}.2.Key": "c"})
    assert sqs.call("ListQueueTags", QueueUrl=queue) == {"Tags": {"a": "b", "c": ""}}
    assert "<Tag><Key>a</Key><Value>b</Value></Tag>" in answer(sqs, "ListQueueTags", QueueUrl=queue)


def test_a_map_of_one_entry_may_have_no_number(sqs: Sqs, queue: str) -> None:
    """As SQS's own examples were written for years."""
    answer(sqs, "SetQueueAttributes", **{"QueueUrl": queue, "Attribute.Name": "DelaySeconds", "Attribute.Value": "7"})
    assert sqs.attributes(queue, "DelaySeconds") == {"DelaySeconds": "7"}


def test_a_list_under_its_name_in_the_json_model_is_ignored(sqs: Sqs, queue: str) -> None:
    parameters = {"QueueUrl": queue, "AttributeNames.1": "All", "AttributeNames.member.2": "All"}
    assert answer(sqs, "GetQueueAttributes", **parameters) == (HEAD + "<{0}Result/>" + TAIL).format(
        "GetQueueAttributes"
    )


def test_entries_are_numbered_and_may_have_gaps_and_any_order(sqs: Sqs, queue: str) -> None:
    entry = "SendMessageBatchRequestEntry"
    parameters = {f"{entry}.{at}.{key}": f"{key}{at}" for at in (11, 2) for key in ("Id", "MessageBody")}
    parameters |= {
        f"{entry}.2.MessageAttribute.1.Name": "n",
        f"{entry}.2.MessageAttribute.1.Value.DataType": "Binary",
        f"{entry}.2.MessageAttribute.1.Value.BinaryValue": "AP8=",
    }
    found = answer(sqs, "SendMessageBatch", QueueUrl=queue, **parameters)
    assert re.findall("<Id>(.*?)</Id>", found) == ["Id2", "Id11"]
    found = answer(sqs, "ReceiveMessage", **{"QueueUrl": queue, "MessageAttributeName.1": "All"})
    value = "<Value><DataType>Binary</DataType><BinaryValue>AP8=</BinaryValue></Value>"
    assert f"<MessageAttribute><Name>n</Name>{value}</MessageAttribute>" in found


@pytest.mark.parametrize("name", ["AttributeNames", "AttributeName"])
def test_an_empty_list_is_an_empty_parameter(sqs: Sqs, queue: str, name: str) -> None:
    """As botocore's and JavaScript's query serializers write it."""
    sqs.send(queue, "x")
    found = answer(sqs, "GetQueueAttributes", QueueUrl=queue, **{name: ""})
    assert "<GetQueueAttributesResult/>" in found
    found = answer(sqs, "ReceiveMessage", QueueUrl=queue, **{name: "", "MessageAttributeNames": ""})
    assert "<Body>x</Body>" in found
    assert "<Attribute>" not in found


@pytest.mark.parametrize("name", ["Entries", "SendMessageBatchRequestEntry"])
def test_an_empty_list_of_entries_is_an_empty_batch(sqs: Sqs, queue: str, name: str) -> None:
    found = answer(sqs, "SendMessageBatch", QueueUrl=queue, **{name: ""})
    assert "<Code>AWS.SimpleQueueService.EmptyBatchRequest</Code>" in found


def test_an_empty_map_is_left_out(sqs: Sqs, queue: str) -> None:
    found = answer(sqs, "SendMessage", QueueUrl=queue, MessageBody="x", MessageAttributes="", MessageAttribute="")
    assert "<MessageId>" in found
    assert "MD5OfMessageAttributes" not in found


def test_failed_entries_have_an_element_of_their_own(sqs: Sqs, queue: str) -> None:
    entry = "DeleteMessageBatchRequestEntry.1"
    found = answer(sqs, "DeleteMessageBatch", QueueUrl=queue, **{f"{entry}.Id": "b", f"{entry}.ReceiptHandle": "x"})
    assert FAILED in found


def test_a_carriage_return_is_escaped(sqs: Sqs, queue: str) -> None:
    """A parser would read it as a line feed, and the client's digest would not agree."""
    sqs.send(queue, 'a\r\nb"<')
    assert '<Body>a&#xD;\nb"&lt;</Body>' in answer(sqs, "ReceiveMessage", QueueUrl=queue)


def refusal(sqs: Sqs, operation: str, **parameters: Any) -> Failure:
    """Return the error of a call whose parameters are sent unchanged."""
    return sqs.failure(HTTP.post(sqs.url, {"Action": operation, **parameters}, headers=sqs.headers, timeout=10))


@pytest.mark.parametrize(
    ("operation", "entry", "value"),
    [("SendMessage", "MessageAttribute", ".StringValue"), ("SetQueueAttributes", "Attribute", "")],
)
def test_a_repeated_name_in_a_map_is_refused(sqs: Sqs, queue: str, operation: str, entry: str, value: str) -> None:
    parameters = {f"{entry}.{at}.Name": "DelaySeconds" for at in (1, 2)}
    parameters |= {f"{entry}.{at}.Value{value}": str(at) for at in (1, 2)}
    parameters |= {f"{entry}.{at}.Value.DataType": "String" for at in (1, 2) if value}
    failure = refusal(sqs, operation, QueueUrl=queue, MessageBody="x", **parameters)
    assert (failure.code, "'DelaySeconds' is given twice" in failure.message) == ("InvalidParameterValue", True)
    assert sqs.counts(queue) == ("0", "0", "0")


def test_a_message_attribute_without_a_value_says_so(sqs: Sqs, queue: str) -> None:
    failure = refusal(sqs, "SendMessage", **{"QueueUrl": queue, "MessageBody": "x", "MessageAttribute.1.Name": "a"})
    assert failure == Failure(
        "InvalidParameterValue",
        400,
        "The message (user) attribute 'a' must contain a non-empty message attribute value.",
    )
