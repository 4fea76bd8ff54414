"""Bad input is refused with an error of the protocol, never with a 5xx, and the queue does not change."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
import requests

from tests.conftest import Service
from tests.sqs.wire import Sqs, text

MEBIBYTE = 1 << 20


@pytest.fixture(autouse=True)
def _unharmed(sqs: Sqs, queue: str) -> Iterator[None]:
    """After every test the queue has only the message that was sent before."""
    sqs.send(queue, "before")
    yield
    assert [one["Body"] for one in sqs.receive(queue, MaxNumberOfMessages=10)] == ["before"]


def post(sqs: Sqs, body: bytes | str, target: str = "AmazonSQS.SendMessage", **headers: str) -> requests.Response:
    found = {**sqs.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
    if sqs.protocol == "json":
        found["X-Amz-Target"] = target
    return requests.post(sqs.url, body, headers=found, timeout=30)


def body_for(sqs: Sqs, queue: str, message: str = "intruder") -> bytes:
    members = {"QueueUrl": queue, "MessageBody": message}
    if sqs.protocol == "json":
        return json.dumps(members).encode()
    return urlencode({"Action": "SendMessage", **members}).encode()


JSON_BODIES = [
    b"{",
    b"[]",
    b"1",
    b"null",
    b'"x"',
    b"\xff\xfe",
    b"\xef\xbb\xbf{}",
    b'{"QueueUrl":1}',
    b"{" * 100_000,
    b'{"a":' * 50_000,
    b"[" * 100_000,
    b'{"MessageBody":{"a":1},"QueueUrl":"x"}',
    b'{"MessageBody":"\xff","QueueUrl":"x"}',
    b'{"MessageBody":"\\ud800","QueueUrl":"x"}',
    b'{"MessageBody":"x","QueueUrl":"x","DelaySeconds":"soon"}',
    b'{"MessageBody":"x","QueueUrl":"x","DelaySeconds":1.5}',
    b'{"MessageBody":"x","QueueUrl":"x","DelaySeconds":1e400}',
    b'{"MessageBody":"x","QueueUrl":"x","DelaySeconds":' + b"9" * 6000 + b"}",
    b'{"MessageBody":"x","QueueUrl":"x","MessageAttributes":[]}',
    b"{} trailing",
    b"\0",
    b'{"MessageBody":"x","QueueUrl":"x","MessageAttributes":{"a":{"DataType":"Binary","BinaryValue":"%%"}}}',
]
FORM_BODIES = [
    b"",
    b"=",
    b"&&&",
    b"\xff\xfe",
    b"Action",
    b"Action=",
    b"Action=NoSuch",
    b"Action.1=SendMessage",
    b"Action=SendMessage&Action.1=x",
    b"Action=SendMessage&MessageBody=%FF",
    b"Action=SendMessage&MessageBody=%ED%A0%80",
    b"Action=SendMessage&MessageBody=x&DelaySeconds=soon",
    b"Action=SendMessage&MessageBody=x&DelaySeconds=1.5",
    b"Action=SendMessage&MessageBody=x&DelaySeconds=" + b"9" * 6000,
    b"Action=SendMessage&MessageBody.1=x",
    b"Action=SendMessage&MessageBody=x&MessageAttribute=1",
    b"Action=SendMessage&MessageBody=x&MessageAttribute.x.Name=a",
    b"Action=SendMessage&MessageBody=x&MessageAttribute.1.Name=a&MessageAttribute.1.Name.1=b",
    b"Action=SendMessage&MessageBody=x&MessageAttribute.1.Name=a&MessageAttribute.1.Value=b",
    b"Action=SendMessage&MessageBody=x&MessageAttribute.1.Value.DataType=String",
    b"Action=SendMessage&MessageBody=x&a" + b".a" * 50_000 + b"=1",
    b"&".join([b"a=1"] * 10_001),
    b"Action=SendMessage&" + b".=1",
    b"Action=SendMessage&MessageBody=x&MessageAttribute." + b"9" * 6000 + b".Name=a",
    b"Action=SendMessageBatch&SendMessageBatchRequestEntry=1",
    b"Action=SetQueueAttributes&Attribute.1=x",
    b"Action=SendMessage&MessageBody=x&MessageAttribute.1.Name=a&MessageAttribute.1.Value.DataType=Binary"
    b"&MessageAttribute.1.Value.BinaryValue=%25%25",
]


@pytest.mark.parametrize("number", range(max(len(JSON_BODIES), len(FORM_BODIES))))
def test_a_malformed_body_is_refused(sqs: Sqs, queue: str, number: int) -> None:
    bodies = JSON_BODIES if sqs.protocol == "json" else FORM_BODIES
    if number < len(bodies):
        body = bodies[number].replace(b'"QueueUrl":"x"', f'"QueueUrl":"{queue}"'.encode())
        if body.startswith(b"Action=S"):
            body += f"&QueueUrl={queue}".encode()
        failure = sqs.failure(post(sqs, body))
        assert failure.status == 400, failure
        assert len(failure.message) < 1000


def test_the_last_value_of_a_repeated_parameter_counts(sqs: Sqs, queue: str) -> None:
    if sqs.protocol == "json":
        body = f'{{"QueueUrl":"no-such","QueueUrl":"{queue}","AttributeNames":["DelaySeconds"]}}'.encode()
    else:
        pairs = [("Action", "DeleteQueue"), ("QueueUrl", "no-such"), ("AttributeName.1", "Policy")]
        pairs += [("Action", "GetQueueAttributes"), ("QueueUrl", queue), ("AttributeName.1", "DelaySeconds")]
        body = urlencode(pairs).encode()
    found = sqs.result("GetQueueAttributes", post(sqs, body, target="AmazonSQS.GetQueueAttributes"))
    assert found == {"Attributes": {"DelaySeconds": "0"}}


def test_the_form_overrides_the_query_string(sqs: Sqs, queue: str) -> None:
    if sqs.protocol == "query":
        body = urlencode({"Action": "GetQueueAttributes", "QueueUrl": queue, "AttributeName.1": "DelaySeconds"})
        address = f"{sqs.url}/?Action=DeleteQueue&QueueUrl=no-such"
        answer = requests.post(address, body, headers=sqs.headers, timeout=10)
        assert sqs.result("GetQueueAttributes", answer) == {"Attributes": {"DelaySeconds": "0"}}


@pytest.mark.parametrize("more", ["QueueUrl.1=x", "MessageBody.Name=x", "Action.Name=x"])
def test_a_parameter_with_a_value_and_a_structure_is_refused(sqs: Sqs, queue: str, more: str) -> None:
    if sqs.protocol == "query":
        for body in (body_for(sqs, queue) + f"&{more}".encode(), f"{more}&".encode() + body_for(sqs, queue)):
            assert sqs.failure(post(sqs, body))[:2] == ("MalformedInput", 400)


@pytest.mark.parametrize(
    "target", ["AmazonSQS.NoSuch", "AmazonSQS.", "SendMessage", "", "Other.SendMessage", "x" * 9000]
)
def test_an_unknown_operation_is_refused(sqs: Sqs, queue: str, target: str) -> None:
    name = target.rpartition(".")[2]
    if sqs.protocol == "json":
        failure = sqs.failure(post(sqs, b"{}", target=target))
        assert failure.code == "InvalidAction"
    else:
        name = name if name != "SendMessage" else "sendMessage"
        failure = sqs.failure(post(sqs, urlencode({"Action": name, "QueueUrl": queue, "MessageBody": "x"})))
        assert failure.code == "InvalidAction"
        assert failure.message == f"The action {name[:200]} is not valid for this endpoint."
    assert failure.status == 400


@pytest.mark.parametrize("operation", ["CreateQueue", "ListQueues"])
def test_the_path_of_a_queue_does_not_serve_operations_on_all_queues(sqs: Sqs, queue: str, operation: str) -> None:
    if sqs.protocol == "query":
        failure = sqs.error(operation, path=urlsplit(queue).path, QueueName="x")
        assert failure == ("InvalidAction", 400, f"The action {operation} is not valid for this endpoint.")


@pytest.mark.parametrize(
    "address",
    [
        "http://[",
        "http://x/y/z/a/b",
        "/",
        "http://x",
        "a b",
        "%FF",
        "../../etc/passwd",
        "x" * 100_000,
        "http://x/%00/a",
        "a\0",
    ],
)
def test_an_address_that_names_no_queue_is_refused(sqs: Sqs, address: str) -> None:
    failure = sqs.error("SendMessage", QueueUrl=address, MessageBody="x")
    assert failure.status in (400, 404)
    assert failure.code in ("InvalidAddress", "AWS.SimpleQueueService.NonExistentQueue")


def test_a_message_over_every_limit_is_too_long(sqs: Sqs, queue: str) -> None:
    failure = sqs.failure(post(sqs, body_for(sqs, queue, "x" * 2 * MEBIBYTE)))
    assert failure[:2] == ("InvalidParameterValue", 400)


def test_a_body_of_twenty_mebibytes_is_too_large(sqs: Sqs, queue: str) -> None:
    failure = sqs.failure(post(sqs, body_for(sqs, queue, "x" * 20 * MEBIBYTE)))
    assert failure[:2] == ("RequestEntityTooLarge", 413)


def raw_exchange(sqs: Sqs, framing: str, content: bytes, *, is_cut: bool = False) -> bytes:
    """Bytes of the answer to a request written by hand."""
    parts = urlsplit(sqs.url)
    head = [f"POST / HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n{framing}"]
    head += [f"{name}: {value}" for name, value in sqs.headers.items()]
    if sqs.protocol == "json":
        head.append("X-Amz-Target: AmazonSQS.SendMessage")
    with socket.create_connection((parts.hostname, parts.port), 10) as client:
        client.sendall("\r\n".join([*head, "", ""]).encode() + content)
        if is_cut:
            client.shutdown(socket.SHUT_WR)
        answer = b""
        while part := client.recv(65536):
            answer += part
    return answer


def test_a_body_cut_short_sends_nothing(sqs: Sqs, queue: str) -> None:
    content = body_for(sqs, queue)
    answer = raw_exchange(sqs, f"Content-Length: {len(content) + 10}", content, is_cut=True)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 400 ")


def test_a_chunked_body_is_read_whole(sqs: Sqs, queue: str) -> None:
    content = body_for(sqs, queue)
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (content[:7], content[7:])) + b"0\r\n\r\n"
    answer = raw_exchange(sqs, "Transfer-Encoding: chunked", chunks)
    assert answer.startswith(b"HTTP/1.1 200 ")
    handles = {one["Body"]: one["ReceiptHandle"] for one in sqs.receive(queue, MaxNumberOfMessages=10)}
    assert set(handles) == {"before", "intruder"}
    sqs.call("DeleteMessage", QueueUrl=queue, ReceiptHandle=handles["intruder"])
    sqs.call("ChangeMessageVisibility", QueueUrl=queue, ReceiptHandle=handles["before"], VisibilityTimeout=0)


def test_a_chunked_body_that_is_too_large_is_refused(sqs: Sqs, queue: str) -> None:
    content = body_for(sqs, queue, "x" * 9 * MEBIBYTE)
    answer = raw_exchange(sqs, "Transfer-Encoding: chunked", b"%x\r\n%b\r\n0\r\n\r\n" % (len(content), content))
    assert answer.startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"},
     {"Sec-Fetch-Site": "same-site"}],
)  # fmt: skip
def test_a_web_page_of_another_origin_is_refused(sqs: Sqs, queue: str, headers: dict[str, str]) -> None:
    failure = sqs.failure(post(sqs, body_for(sqs, queue), **headers))
    assert failure[:2] == ("AccessDenied", 403)


def test_a_get_of_a_queue_without_an_action_is_an_unknown_operation(sqs: Sqs, queue: str) -> None:
    lane = {"x-sqs-facade-lane": sqs.lane}
    answer = requests.get(queue, headers={**lane, "Accept": "application/json"}, timeout=10)
    assert (answer.status_code, answer.content) == (404, b"<UnknownOperationException/>")
    assert answer.headers["Content-Type"] == "text/xml"


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_another_method_does_nothing(sqs: Sqs, queue: str, method: str) -> None:
    for address in (sqs.url, queue):
        answer = requests.request(method, address, headers=sqs.headers, data=body_for(sqs, queue), timeout=10)
        assert 400 <= answer.status_code < 500


def test_a_get_with_an_action_is_run(sqs: Sqs, queue: str) -> None:
    lane = {"x-sqs-facade-lane": sqs.lane}
    names = {"Action": "GetQueueAttributes", "AttributeName.1": "DelaySeconds"}
    for address, more in ((sqs.url, {"QueueUrl": queue}), (queue, {})):
        answer = requests.get(address, {**names, **more}, headers=lane, timeout=10)
        assert b"<Attribute><Name>DelaySeconds</Name><Value>0</Value></Attribute>" in answer.content


@pytest.mark.parametrize(
    ("operation", "members"),
    [
        ("CreateQueue", {"QueueName": "$half"}),
        ("CreateQueue", {"QueueName": "half", "Attributes": {"Policy": "$half"}}),
        ("CreateQueue", {"QueueName": "half", "tags": {"$half": "$half"}}),
        ("GetQueueUrl", {"QueueName": "$half"}),
        ("ListQueues", {"MaxResults": 1, "NextToken": "$half"}),
        ("SendMessage", {"QueueUrl": "$half", "MessageBody": "x"}),
        ("SendMessage", {"QueueUrl": "$queue", "MessageBody": "x", "MessageGroupId": "$half"}),
        ("SendMessage", {"QueueUrl": "$queue", "MessageBody": "x", "MessageAttributes": {"$half": text("x")}}),
        ("DeleteMessage", {"QueueUrl": "$queue", "ReceiptHandle": "$half"}),
        ("TagQueue", {"QueueUrl": "$queue", "Tags": {"$half": "x"}}),
        ("AddPermission", {"QueueUrl": "$queue", "Label": "$half", "AWSAccountIds": ["$half"], "Actions": ["$half"]}),
    ],
)
def test_half_a_surrogate_pair_is_refused_wherever_it_stands(
    service: Service, queue_name: str, operation: str, members: dict[str, Any]
) -> None:
    Sqs(service.url, "json", "fast").queue(queue_name)
    body = json.dumps(members).replace("$half", "cut \\ud83d").replace("$queue", queue_name)
    headers = {"X-Amz-Target": f"AmazonSQS.{operation}", "Content-Type": "application/x-amz-json-1.0"}
    answer = requests.post(service.url, body.encode(), headers=headers, timeout=10)
    assert 400 <= answer.status_code < 500, answer.text


def test_a_json_body_without_its_target_is_answered_in_json(service: Service) -> None:
    headers = {"Content-Type": "application/x-amz-json-1.0"}
    answer = requests.post(service.url, b'{"QueueName": "q"}', headers=headers, timeout=10)
    assert (answer.status_code, answer.headers["Content-Type"]) == (400, "application/x-amz-json-1.0")
    assert answer.json()["__type"] == "com.amazon.coral.service#UnknownOperationException"
    assert answer.headers["x-amzn-query-error"] == "InvalidAction;Sender"
