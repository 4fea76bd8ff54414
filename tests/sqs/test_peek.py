"""The peek endpoint lists messages and changes nothing."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
import requests
import xmltodict
from botocore.exceptions import ClientError

from tests.conftest import Service
from tests.sqs.wire import HTTP, Sqs, text

PATH = "/_aws/sqs/messages"
NO_QUEUE = "AWS.SimpleQueueService.NonExistentQueue"


@pytest.fixture
def sqs(service: Service) -> Sqs:
    """Sending needs one protocol only: these tests are about the peek endpoint."""
    return Sqs(service.url, "json", "fast")


def peek(sqs: Sqs, path: str = PATH, *, as_json: bool = True, **parameters: str) -> requests.Response:
    headers = {"Accept": "application/json"} if as_json else {}
    return HTTP.get(sqs.url + path, params=parameters, headers=headers, timeout=10)


def messages(answer: requests.Response) -> list[dict[str, Any]]:
    """Messages of an answer, with their attributes as a map."""
    assert answer.status_code == 200, answer.text
    is_json = answer.headers["Content-Type"] == "application/json"
    document = answer.json() if is_json else xmltodict.parse(answer.content)
    result = document["ReceiveMessageResponse"]["ReceiveMessageResult"]
    found = result["Message"] if result else []
    found = found if isinstance(found, list) else [found]
    return [{**one, "Attribute": {a["Name"]: a["Value"] for a in one["Attribute"]}} for one in found]


def bodies(answer: requests.Response) -> list[str]:
    return [one["Body"] for one in messages(answer)]


@pytest.mark.parametrize("as_json", [True, False])
def test_all_messages_are_shown_in_order_with_their_attributes(sqs: Sqs, queue: str, as_json: bool) -> None:
    sqs.send(queue, "one", MessageAttributes={"a": text("1")})
    sqs.send(queue, "<two & \r>")
    first, second = messages(peek(sqs, as_json=as_json, QueueUrl=queue))
    assert (first["Body"], second["Body"]) == ("one", "<two & \r>")
    assert first["MessageAttribute"]["Value"] == {"DataType": "String", "StringValue": "1"}
    assert "MD5OfMessageAttributes" in first
    assert set(second["Attribute"]) == {
        "SenderId", "SentTimestamp", "ApproximateReceiveCount", "ApproximateFirstReceiveTimestamp",
    }  # fmt: skip
    assert second["Attribute"]["SenderId"] == "000000000000"


def test_a_peek_does_not_count_as_a_receive(sqs: Sqs, queue: str) -> None:
    sqs.send(queue, "x")
    for _ in range(3):
        [found] = messages(peek(sqs, QueueUrl=queue))
        assert found["Attribute"]["ApproximateReceiveCount"] == "0"
    assert sqs.counts(queue) == ("1", "0", "0")
    [received] = sqs.receive(queue, AttributeNames=["All"], VisibilityTimeout=0)
    assert received["Attributes"]["ApproximateReceiveCount"] == "1"
    [found] = messages(peek(sqs, QueueUrl=queue))
    assert found["Attribute"]["ApproximateReceiveCount"] == "1"


def test_the_receipt_handle_of_a_peek_deletes_nothing(sqs: Sqs, queue: str) -> None:
    sqs.send(queue, "x")
    [found] = messages(peek(sqs, QueueUrl=queue))
    error = sqs.error("DeleteMessage", QueueUrl=queue, ReceiptHandle=found["ReceiptHandle"])
    assert error.code == "ReceiptHandleIsInvalid"
    assert sqs.counts(queue) == ("1", "0", "0")


def test_one_message_is_an_object_several_are_a_list_and_none_is_nothing(sqs: Sqs, queue: str) -> None:
    def result() -> Any:
        return peek(sqs, QueueUrl=queue).json()["ReceiveMessageResponse"]["ReceiveMessageResult"]

    assert result() is None
    sqs.send(queue, "1")
    assert result()["Message"]["Body"] == "1"
    sqs.send(queue, "2")
    assert [one["Body"] for one in result()["Message"]] == ["1", "2"]


@pytest.mark.parametrize("flag", ["true", "True", "1"])
def test_messages_in_flight_are_shown_on_request(sqs: Sqs, queue: str, flag: str) -> None:
    for body in "123":
        sqs.send(queue, body)
    sqs.receive(queue)
    assert bodies(peek(sqs, QueueUrl=queue, ShowInvisible="False")) == ["2", "3"]
    found = messages(peek(sqs, QueueUrl=queue, ShowInvisible=flag))
    assert [(one["Body"], one["Attribute"]["IsVisible"]) for one in found] == [
        ("1", "false"), ("2", "true"), ("3", "true"),
    ]  # fmt: skip


def test_delayed_messages_are_shown_on_request(sqs: Sqs, queue: str) -> None:
    sqs.send(queue, "now")
    sqs.send(queue, "late", DelaySeconds=900)
    assert bodies(peek(sqs, QueueUrl=queue, ShowDelayed="false")) == ["now"]
    found = messages(peek(sqs, QueueUrl=queue, ShowDelayed="true"))
    assert [(one["Body"], one["Attribute"]["IsDelayed"]) for one in found] == [("now", "false"), ("late", "true")]


def test_a_locked_group_is_shown_only_on_request(sqs: Sqs, queue_name: str) -> None:
    queue = sqs.queue(f"{queue_name}.fifo", FifoQueue="true", ContentBasedDeduplication="true")
    sent = [sqs.send(queue, body, MessageGroupId=group) for body, group in zip("1234", "aabb", strict=True)]
    sqs.receive(queue)
    assert bodies(peek(sqs, QueueUrl=queue)) == ["3", "4"]
    found = messages(peek(sqs, QueueUrl=queue, ShowInvisible="true"))
    assert [(one["Body"], one["Attribute"]["IsVisible"]) for one in found] == [
        ("1", "false"), ("2", "true"), ("3", "true"), ("4", "true"),
    ]  # fmt: skip
    assert found[0]["Attribute"]["MessageGroupId"] == "a"
    assert [one["Attribute"]["SequenceNumber"] for one in found] == [one["SequenceNumber"] for one in sent]


def test_more_than_a_page_is_shown(sqs: Sqs, queue: str) -> None:
    for start in range(0, 250, 10):
        entries = [{"Id": str(at), "MessageBody": str(at)} for at in range(start, start + 10)]
        sqs.call("SendMessageBatch", QueueUrl=queue, Entries=entries)
    assert bodies(peek(sqs, QueueUrl=queue)) == [str(at) for at in range(250)]


LONG = 40_000


@pytest.mark.parametrize("name", ["standard", "fifo"])
def test_a_long_queue_is_shown_whole_in_every_form(service: Service, sqs: Sqs, queue_name: str, name: str) -> None:
    """Longer than what is read before the response begins."""
    is_fifo = name == "fifo"
    queue = sqs.queue(f"{queue_name}.fifo", FifoQueue="true") if is_fifo else sqs.queue(queue_name)
    sent = [f'{at} <&> " é ' + "x" * LONG for at in range(30)]
    for at, body in enumerate(sent):
        more = {"MessageGroupId": str(at % 7), "MessageDeduplicationId": str(at)} if is_fifo else {}
        sqs.send(queue, body, **more)
    assert bodies(peek(sqs, QueueUrl=queue)) == sent
    assert bodies(peek(sqs, as_json=False, QueueUrl=queue)) == sent
    headers = {"X-Amz-Target": "AmazonSQS.ReceiveMessage", "Content-Type": "application/x-amz-json-1.0"}
    answer = HTTP.post(sqs.url + PATH, json.dumps({"QueueUrl": queue}).encode(), headers=headers, timeout=10)
    assert [one["Body"] for one in answer.json()["Messages"]] == sent
    assert answer.headers["Transfer-Encoding"] == "chunked"
    [received] = sqs.receive(queue)
    shown = [body for at, body in enumerate(sent) if at % 7] if is_fifo else sent[1:]
    assert received["Body"] == sent[0]
    assert bodies(peek(sqs, QueueUrl=queue)) == shown


def test_the_path_may_name_the_queue(sqs: Sqs, queue: str, queue_name: str) -> None:
    sqs.send(queue, "x")
    assert bodies(peek(sqs, f"{PATH}/us-east-1/000000000000/{queue_name}")) == ["x"]
    answer = peek(sqs, f"{PATH}/us-east-2/000000000000/{queue_name}")
    assert (answer.status_code, answer.json()["ErrorResponse"]["Error"]["Code"]) == (400, NO_QUEUE)


def test_a_form_can_name_the_queue(sqs: Sqs, queue: str) -> None:
    sqs.send(queue, "x")
    assert bodies(HTTP.post(sqs.url + PATH, {"QueueUrl": queue}, timeout=10)) == ["x"]


@pytest.mark.parametrize("url", ["", "no-such-queue", "http://localhost:1/000000000000/no-such-queue"])
def test_a_missing_queue_is_an_error(sqs: Sqs, url: str) -> None:
    answer = peek(sqs, QueueUrl=url)
    assert (answer.status_code, answer.json()["ErrorResponse"]["Error"]["Code"]) == (400, NO_QUEUE)
    answer = peek(sqs, as_json=False, QueueUrl=url)
    assert xmltodict.parse(answer.content)["ErrorResponse"]["Error"]["Code"] == NO_QUEUE


@pytest.mark.parametrize("url", ["http://localhost:4566/nonsense", "http://x/a/b/c/d", "a b"])
def test_an_address_of_another_shape_is_an_error_of_its_own(sqs: Sqs, url: str) -> None:
    answer = peek(sqs, QueueUrl=url)
    assert (answer.status_code, answer.json()["ErrorResponse"]["Error"]["Code"]) == (404, "InvalidAddress")


@pytest.mark.parametrize("path", [PATH, f"{PATH}/"])
def test_an_sdk_may_use_it_as_its_endpoint(sqs: Sqs, queue: str, path: str) -> None:
    for body in "12":
        sqs.send(queue, body)
    client = boto3.client(
        "sqs", endpoint_url=sqs.url + path, region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
    )
    found = client.receive_message(QueueUrl=queue, MaxNumberOfMessages=1)["Messages"]
    assert [(one["Body"], one["Attributes"]["ApproximateReceiveCount"]) for one in found] == [("1", "0"), ("2", "0")]
    with pytest.raises(ClientError) as caught:
        client.send_message(QueueUrl=queue, MessageBody="x")
    assert caught.value.response["Error"]["Code"] == "InvalidRequest"
    assert caught.value.response["Error"]["Message"] == "This endpoint only accepts ReceiveMessage calls"
    client.close()


def test_the_query_protocol_may_use_it_as_its_endpoint(service: Service, queue: str) -> None:
    query = Sqs(service.url, "query", "fast")
    query.send(queue, "x")
    [found] = query.result("ReceiveMessage", query.raw("ReceiveMessage", path=PATH, QueueUrl=queue))["Messages"]
    assert (found["Body"], found["Attributes"]["ApproximateReceiveCount"]) == ("x", "0")
    error = query.error("DeleteQueue", path=PATH, QueueUrl=queue)
    assert error == ("InvalidRequest", 400, "This endpoint only accepts ReceiveMessage calls")
    assert query.counts(queue) == ("1", "0", "0")


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example:9324", "10.0.0.1", "[", "127.0.0.1.x"])
def test_other_hosts_are_refused(sqs: Sqs, queue: str, host: str) -> None:
    answer = HTTP.get(sqs.url + PATH, params={"QueueUrl": queue}, headers={"Host": host}, timeout=10)
    assert answer.status_code in (400, 403)
    assert queue.encode() not in answer.content


@pytest.mark.parametrize("host", ["localhost", "sqs.us-east-1.localhost:4566", "127.0.0.1:1", "[::1]:9324"])
def test_loopback_is_served_under_all_its_names(sqs: Sqs, queue: str, host: str) -> None:
    sqs.send(queue, "x")
    answer = HTTP.get(sqs.url + PATH, params={"QueueUrl": queue}, headers={"Host": host}, timeout=10)
    assert bodies(answer) == ["x"]


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"QueueUrl": 1}', b"\xff"])
def test_a_malformed_body_is_refused(sqs: Sqs, body: bytes) -> None:
    headers = {"X-Amz-Target": "AmazonSQS.ReceiveMessage", "Content-Type": "application/x-amz-json-1.0"}
    answer = HTTP.post(sqs.url + PATH, body, headers=headers, timeout=10)
    assert (answer.status_code, answer.json()["__type"]) == (400, "com.amazon.coral.service#SerializationException")


def test_the_list_continues_behind_a_position(sqs: Sqs, queue: str) -> None:
    for body in ("one", "two", "three"):
        sqs.send(queue, body)
    found = messages(peek(sqs, QueueUrl=queue, After="0"))
    positions = [one["Attribute"]["Position"] for one in found]
    assert bodies(peek(sqs, QueueUrl=queue, After=positions[0])) == ["two", "three"]
    assert bodies(peek(sqs, QueueUrl=queue, After=positions[2])) == []
    assert "Position" not in messages(peek(sqs, QueueUrl=queue))[0]["Attribute"]


def test_the_list_ends_at_a_limit(sqs: Sqs, queue: str) -> None:
    for number in range(12):
        sqs.send(queue, str(number))
    assert bodies(peek(sqs, QueueUrl=queue, Limit="2")) == ["0", "1"]
    assert bodies(peek(sqs, QueueUrl=queue, Limit="7")) == [str(number) for number in range(7)]
    assert bodies(peek(sqs, QueueUrl=queue, Limit="0")) == []


@pytest.mark.parametrize("value", ["x", "-1", "1" * 16, "\u0661"])
@pytest.mark.parametrize("name", ["After", "Limit"])
def test_a_position_and_a_limit_are_numbers(sqs: Sqs, queue: str, name: str, value: str) -> None:
    parameters: dict[str, Any] = {name: value}
    answer = peek(sqs, QueueUrl=queue, **parameters)
    assert answer.status_code == 400
    assert answer.json()["ErrorResponse"]["Error"]["Code"] == "InvalidParameterValue"
