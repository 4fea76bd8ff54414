"""Bad input: each dialect's own clear error, never a 5xx, nothing lost, nothing half done."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
import requests

from tests.conftest import Service
from tests.protocols.wire import Sqs

JSON = b"Content-Type: application/x-amz-json-1.0\r\nX-Amz-Target: AmazonSQS.SendMessage\r\n"
FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"
ZAQAR = b"Client-ID: 3381af92-2b9e-11e3-b191-71861300734c\r\nX-Project-Id: 000000000000\r\n"


class Wire:
    """Bytes to the service and what came back: status, head, body."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.address = (parts.hostname or "", parts.port or 0)

    def send(self, head: bytes, body: bytes = b"", *, close: bool = False) -> tuple[int, bytes, bytes]:
        with socket.create_connection(self.address, timeout=20) as connection:
            connection.sendall(head.replace(b"\r\n", b"\r\nHost: localhost\r\n", 1) + b"\r\n" + body)
            if close:
                connection.shutdown(socket.SHUT_WR)
            return _answer(connection)

    def post(self, path: bytes, headers: bytes, body: bytes) -> tuple[int, bytes, bytes]:
        return self.send(b"POST %b HTTP/1.1\r\n%bContent-Length: %d\r\n" % (path, headers, len(body)), body)


def _answer(connection: socket.socket) -> tuple[int, bytes, bytes]:
    data = b""
    while part := connection.recv(65536):
        data += part
        head, found, body = data.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        if found and length and len(body) >= int(length[1]):
            break
    head, _, body = data.partition(b"\r\n\r\n")
    return int(head.split(b" ", 2)[1]), head, body


@pytest.fixture
def wire(service: Service) -> Wire:
    return Wire(service.url)


@pytest.fixture
def unharmed(service: Service, queue_name: str) -> Iterator[str]:
    """A queue's name; afterwards the queue is still there, works, and is empty."""
    sqs = Sqs(service.url, "json", "fast")
    url = sqs.queue(queue_name)
    yield queue_name
    assert sqs.counts(url) == ("0", "0", "0")
    sqs.call("SendMessage", QueueUrl=url, MessageBody="still here")
    assert sqs.call("ReceiveMessage", QueueUrl=url)["Messages"][0]["Body"] == "still here"


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b"null",
        b'{"QueueUrl": 5, "MessageBody": "x"}',
        b'{"QueueUrl": "%b", "MessageBody": ["x"]}',
        b'{"QueueUrl": "%b", "MessageBody": "\xff\xfe"}',
        b'{"QueueUrl": "%b", "MessageBody": "\\ud800"}',
        b'{"QueueUrl": "%b", "MessageBody": "x", "DelaySeconds": 1e400}',
        b'{"QueueUrl": "%b", "MessageBody": "x", "DelaySeconds": 99999999999999999999999}',
        b'{"QueueUrl": "%b", "MessageBody": "x", "MessageAttributes": {"a": {"BinaryValue": "!"}}}',
        b"[" * 100_000,
        b'{"QueueUrl": "http://[::1", "MessageBody": "x"}',
        b'{"QueueUrl": "%b", "MessageBody": NaN}',
    ],
)
def test_bad_json_is_a_400_with_a_shape(wire: Wire, unharmed: str, body: bytes) -> None:
    status, head, answer = wire.post(b"/", JSON, body.replace(b"%b", unharmed.encode()))
    assert status == 400
    assert b"x-amzn-query-error" in head
    assert b'"__type":"com.amazonaws.sqs#' in answer


@pytest.mark.parametrize(
    "form",
    [
        b"Action=SendMessage&QueueUrl=%b&MessageBody=%ff%fe",
        b"Action=SendMessage&QueueUrl=%b&MessageBody=x&DelaySeconds=ten",
        b"Action=SendMessage&QueueUrl=%b&MessageBody=x&MessageAttribute=1",
        b"Action=SendMessage&QueueUrl=%b&MessageBody=x&MessageAttribute.x.Name=a",
        b"Action=SendMessage&QueueUrl=%b&MessageBody=x&MessageBody.1=y",
        b"Action=Unknown&QueueUrl=%b",
        b"Action.1=SendMessage",
        b"MessageBody=x",
        b"\xff\xff",
        b"Action=SendMessage&QueueUrl=%b&MessageBody=" + b"x" * (2 << 20),
        b"&".join(b"Attribute.%d.Name=a" % number for number in range(20_000)),
    ],
)
def test_a_bad_form_is_a_400_in_xml(wire: Wire, unharmed: str, form: bytes) -> None:
    status, _, answer = wire.post(b"/", FORM, form.replace(b"%b", unharmed.encode()))
    assert status == 400
    assert b"<ErrorResponse" in answer


def test_an_unknown_target_is_named(wire: Wire) -> None:
    status, _, answer = wire.post(b"/", JSON.replace(b"SendMessage", b"Nope"), b"{}")
    assert (status, b"UnknownOperationException" in answer) == (400, True)


@pytest.mark.parametrize("headers", [JSON, FORM])
def test_an_oversize_body_is_answered_and_not_reset(wire: Wire, unharmed: str, headers: bytes) -> None:
    status, _, answer = wire.post(b"/", headers, b" " * (9 << 20))
    assert (status, b"RequestEntityTooLarge" in answer) == (413, True)
    assert unharmed


def test_a_body_cut_in_the_middle_does_nothing(wire: Wire, unharmed: str) -> None:
    body = b'{"QueueUrl": "%b", "MessageBody": "x"}' % unharmed.encode()
    status, _, answer = wire.send(b"POST / HTTP/1.1\r\n" + JSON + b"Content-Length: 500\r\n", body, close=True)
    assert (status, b"IncompleteBody" in answer) == (400, True)


def test_a_chunked_body_is_read(wire: Wire, service: Service, queue_name: str) -> None:
    url = Sqs(service.url, "json", "fast").queue(queue_name)
    body = b'{"QueueUrl": "%b", "MessageBody": "x"}' % url.encode()
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"
    status, _, _ = wire.send(b"POST / HTTP/1.1\r\n" + JSON + b"Transfer-Encoding: chunked\r\n", chunks)
    assert status == 200
    assert Sqs(service.url, "json", "fast").counts(url) == ("1", "0", "0")


@pytest.mark.parametrize("header", [b"Origin: http://evil.example\r\n", b"Sec-Fetch-Site: cross-site\r\n"])
@pytest.mark.parametrize(("path", "dialect"), [(b"/", JSON), (b"/", FORM), (b"/v2/queues/%b/messages", ZAQAR)])
def test_a_web_page_of_another_origin_is_refused(
    wire: Wire, unharmed: str, header: bytes, path: bytes, dialect: bytes
) -> None:
    bodies = {
        JSON: b'{"QueueUrl": "%b", "MessageBody": "x"}',
        FORM: b"Action=SendMessage&MessageBody=x&QueueUrl=%b",
        ZAQAR: b'{"messages": [{"body": 1}]}',
    }
    name = unharmed.encode()
    status, _, _ = wire.post(path.replace(b"%b", name), dialect + header, bodies[dialect].replace(b"%b", name))
    assert status == 403


def test_slow_senders_stop_nobody(wire: Wire, unharmed: str) -> None:
    """Eight clients send a body a byte at a time; others are answered meanwhile, and so are they."""
    body = b'{"QueueUrl": "%b", "MessageBody": ""}' % unharmed.encode()
    head = b"POST / HTTP/1.1\r\nHost: x\r\n%bContent-Length: %d\r\n\r\n" % (JSON, len(body))
    half_way = threading.Barrier(9)

    def slow() -> int:
        with socket.create_connection(wire.address, timeout=20) as connection:
            connection.sendall(head + body[:1])
            half_way.wait(10)
            for byte in body[1:]:
                connection.sendall(bytes([byte]))
                time.sleep(0.01)
            return _answer(connection)[0]

    with ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(slow) for _ in range(8)]
        half_way.wait(10)
        for _ in range(20):
            began = time.monotonic()
            assert wire.post(b"/", JSON, body)[0] == 400
            assert time.monotonic() - began < 1
        assert {answer.result(20) for answer in answers} == {400}


def _plain(answer: requests.Response) -> tuple[int, dict[str, str], bytes]:
    headers = {name.lower(): value for name, value in answer.headers.items()}
    request_id = headers.pop("x-amzn-requestid", headers.pop("x-openstack-request-id", ""))
    headers.pop("date")
    return answer.status_code, headers, answer.content.replace(request_id.encode(), b"ID")


@pytest.mark.parametrize(
    "ask",
    [
        lambda url, name, lane: requests.post(
            url,
            json={"QueueName": name},
            headers={**lane, "X-Amz-Target": "AmazonSQS.CreateQueue", "Content-Type": "application/x-amz-json-1.0"},
            timeout=9,
        ),
        lambda url, name, lane: requests.post(
            url, {"Action": "GetQueueUrl", "QueueName": name}, headers=lane, timeout=9
        ),
        lambda url, name, lane: requests.post(url, {"Action": "Nope"}, headers=lane, timeout=9),
        lambda url, name, lane: requests.post(url, b"{", headers={**lane, "X-Amz-Target": "AmazonSQS.X"}, timeout=9),
        lambda url, name, lane: requests.get(
            f"{url}/?Action=ListQueues&QueueNamePrefix={name}", headers=lane, timeout=9
        ),
        lambda url, name, lane: requests.get(
            f"{url}/v2/queues/{name}/messages",
            headers={**lane, "Client-ID": "3381af922b9e11e3b19171861300734c", "X-Project-Id": "000000000000"},
            timeout=9,
        ),
        lambda url, name, lane: requests.post(f"{url}/v2/queues/{name}/claims", headers=lane, timeout=9),
    ],
)
def test_both_lanes_give_identical_bytes(
    service: Service, queue_name: str, ask: Callable[[str, str, dict[str, str]], requests.Response]
) -> None:
    Sqs(service.url, "json", "fast").queue(queue_name)
    fast, flask = (_plain(ask(service.url, queue_name, {"x-sqs-facade-lane": lane})) for lane in ("fast", "flask"))
    assert fast == flask
