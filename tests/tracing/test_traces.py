"""Spans of requests, of their calls of the store and of webhooks, and the way of a trace from send to receive."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import urlencode

import flask
import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from werkzeug.test import Client, TestResponse

from sqs_facade.wsgi import APPLICATION, create_app
from tests.eventloop.loops import on_loop
from zaqar_core.configuration.settings import Settings
from zaqar_core.domain.model import Attribute
from zaqar_core.domain.names import QueueRef
from zaqar_core.notifications.notification import NotDelivered, Notification
from zaqar_core.notifications.traced_webhooks import TracedWebhookChannel
from zaqar_core.tracing import provider, trace_headers

TRACE, PARENT = "5759e988bd862e3fe1be46a994272793", "53995c3f42cd8ad8"
XRAY = f"Root=1-{TRACE[:8]}-{TRACE[8:]};Parent={PARENT};Sampled=1"
TRACEPARENT = f"00-{TRACE}-{PARENT}-01"


@dataclass
class Traced:
    app: flask.Flask
    exporter: InMemorySpanExporter

    def __post_init__(self) -> None:
        self.http = Client(self.app.wsgi_app, TestResponse)

    def sqs(self, operation: str, headers: dict[str, str] | None = None, /, **members: Any) -> dict[str, Any]:
        given = {"X-Amz-Target": f"AmazonSQS.{operation}", "Content-Type": "application/x-amz-json-1.0"}
        answer = self.http.post(
            "/", data=json.dumps(members), headers=given | (headers or {}), base_url="http://localhost"
        )
        found: dict[str, Any] = json.loads(answer.data or b"{}")
        return found

    def spans(self) -> tuple[list[ReadableSpan], list[ReadableSpan]]:
        """The spans since the last call: of requests, and of functions in the store."""
        found = self.exporter.get_finished_spans()
        self.exporter.clear()
        requests = [one for one in found if one.kind is SpanKind.SERVER]
        return requests, [one for one in found if one.name.startswith("FCALL")]

    def forget(self) -> None:
        self.exporter.clear()


@pytest.fixture(scope="module")
def traced(valkey: str) -> Iterator[Traced]:
    exporter = InMemorySpanExporter()
    made = TracerProvider(shutdown_on_exit=False)
    made.add_span_processor(SimpleSpanProcessor(exporter))
    provider.use(made)
    app = create_app(Settings(redis=valkey, durability="memory", test_hooks=True, tracing=True))
    yield Traced(app, exporter)
    app.extensions["sqs_facade"].close()
    provider.close()


@pytest.fixture
def queue(traced: Traced, queue_name: str) -> str:
    traced.sqs("CreateQueue", QueueName=queue_name)
    traced.forget()
    return queue_name


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def ids(span: ReadableSpan) -> tuple[str, str]:
    found = span.context
    assert found is not None
    return f"{found.trace_id:032x}", f"{found.span_id:016x}"


def parent_of(span: ReadableSpan) -> str:
    assert span.parent is not None
    return f"{span.parent.span_id:016x}"


def linked(span: ReadableSpan) -> list[tuple[str, str]]:
    return [(f"{one.context.trace_id:032x}", f"{one.context.span_id:016x}") for one in span.links]


def test_a_request_is_a_span_with_a_child_for_each_round_trip(traced: Traced, queue: str) -> None:
    traced.sqs("SendMessage", {"traceparent": TRACEPARENT}, QueueUrl=queue, MessageBody="x")
    [request], [store] = traced.spans()
    assert (request.name, ids(request)[0], parent_of(request)) == (f"SendMessage {queue}", TRACE, PARENT)
    found = attributes(request)
    assert len(found.pop("aws.request_id")) == 36
    assert found == {
        "http.request.method": "POST", "http.response.status_code": 200, "url.scheme": "http",
        "messaging.system": "aws_sqs", "messaging.operation.name": "SendMessage", "messaging.operation.type": "send",
        "messaging.destination.name": queue, "rpc.system": "aws-api", "rpc.service": "SQS",
        "rpc.method": "SendMessage",
    }  # fmt: skip
    assert (store.name, ids(store)[0], parent_of(store)) == ("FCALL send", TRACE, ids(request)[1])
    assert attributes(store)["db.system.name"] == "redis"


@pytest.mark.parametrize("lane", ["fast", "flask"])
@pytest.mark.parametrize("sender", ["sqs", "zaqar"])
def test_a_receive_is_linked_to_the_span_of_the_send(traced: Traced, queue: str, sender: str, lane: str) -> None:
    headers = {"X-SQS-Facade-Lane": lane}
    client = {"Client-ID": str(uuid.UUID(int=1)), "X-Project-ID": "000000000000", **headers}
    if sender == "sqs":
        assert "MD5OfMessageSystemAttributes" not in traced.sqs("SendMessage", headers, QueueUrl=queue, MessageBody="x")
    else:
        body = json.dumps({"messages": [{"body": "x"}]})
        traced.http.post(f"/v2/queues/{queue}/messages", data=body, headers=client, base_url="http://localhost")
    [sent], _ = traced.spans()
    asked: dict[str, Any] = {"QueueUrl": queue, "AttributeNames": ["AWSTraceHeader"], "VisibilityTimeout": 0}
    [message] = traced.sqs("ReceiveMessage", headers, **asked)["Messages"]
    span = trace_headers.read(message["Attributes"]["AWSTraceHeader"])
    assert span is not None
    assert (span.trace_id, span.span_id) == ids(sent)
    [received], _ = traced.spans()
    assert linked(received) == [ids(sent)]
    assert attributes(received)["messaging.operation.type"] == "receive"
    traced.http.post(f"/v2/queues/{queue}/claims", data="{}", headers=client, base_url="http://localhost")
    [claimed], _ = traced.spans()
    assert linked(claimed) == [ids(sent)]
    assert attributes(claimed)["messaging.system"] == "zaqar"


def test_what_the_sender_gave_is_never_replaced(traced: Traced, queue: str) -> None:
    other = XRAY.replace(PARENT, "0000000000000007")
    given = {"AWSTraceHeader": {"DataType": "String", "StringValue": other}}
    traced.sqs("SendMessage", {"X-Amzn-Trace-Id": XRAY}, QueueUrl=queue, MessageBody="a", MessageSystemAttributes=given)
    traced.sqs("SendMessage", {"X-Amzn-Trace-Id": XRAY}, QueueUrl=queue, MessageBody="b")
    traced.sqs("SendMessage", {"X-Amzn-Trace-Id": "Root=1-0-0"}, QueueUrl=queue, MessageBody="c")
    sends, _ = traced.spans()
    assert [parent_of(one) if one.parent else "" for one in sends] == [PARENT, PARENT, ""]
    found = []
    for _ in range(3):
        [one] = traced.sqs("ReceiveMessage", QueueUrl=queue, AttributeNames=["All"])["Messages"]
        found.append((one["Body"], one["Attributes"]["AWSTraceHeader"]))
    assert sorted(found) == [("a", other), ("b", XRAY), ("c", "Root=1-0-0")]
    receives, _ = traced.spans()
    assert sorted(link for one in receives for link in linked(one)) == [(TRACE, "0000000000000007"), (TRACE, PARENT)]


def test_an_error_is_recorded(traced: Traced, monkeypatch: pytest.MonkeyPatch) -> None:
    form = urlencode({"Action": "SendMessage", "QueueUrl": "no-such-queue", "MessageBody": "x"})
    content_type = "application/x-www-form-urlencoded"
    traced.http.post("/", data=form, content_type=content_type, base_url="http://localhost")
    [request], _ = traced.spans()
    assert attributes(request)["error.type"] == "AWS.SimpleQueueService.NonExistentQueue"
    assert request.status.status_code is StatusCode.UNSET
    links = traced.app.extensions["sqs_facade"].store._links
    monkeypatch.setattr(type(links).__mro__[1], "exchange", _fail)
    assert "ServiceUnavailable" in traced.sqs("SendMessage", QueueUrl="q", MessageBody="x")["__type"]
    monkeypatch.undo()
    store, request = traced.exporter.get_finished_spans()[-2:]
    traced.forget()
    assert request.status.status_code is StatusCode.ERROR
    assert (store.status.status_code, store.status.description) == (StatusCode.ERROR, "gone")


def _fail(*words: Any, **named: Any) -> list[Any]:
    from zaqar_core.domain.errors import StoreUnavailable

    raise StoreUnavailable("gone")


def test_requests_that_interleave_on_one_loop_have_traces_of_their_own(traced: Traced, queue: str) -> None:
    """Each task waits for the store while others run; its context must neither leak nor be lost."""
    application = traced.app.extensions[APPLICATION]
    numbers = range(1, 21)

    def call(number: int) -> int:
        trace = f"{number:032x}"
        environ = {
            "REQUEST_METHOD": "POST", "PATH_INFO": "/", "QUERY_STRING": "", "SERVER_NAME": "localhost",
            "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1", "wsgi.url_scheme": "http", "HTTP_HOST": "localhost",
            "HTTP_X_AMZ_TARGET": "AmazonSQS.SendMessage", "CONTENT_TYPE": "application/x-amz-json-1.0",
        }  # fmt: skip
        if number % 2:
            environ["HTTP_TRACEPARENT"] = f"00-{trace}-{PARENT}-01"
        body = json.dumps({"QueueUrl": queue, "MessageBody": str(number)}).encode()
        return int(application.respond(environ, body).status)

    assert on_loop(*(partial(call, number) for number in numbers)) == [200] * len(numbers)
    requests, stores = traced.spans()
    assert len(requests) == len(stores) == len(numbers)
    assert {int(ids(one)[0], 16) for one in requests if one.parent} == {number for number in numbers if number % 2}
    children = {parent_of(one): ids(one)[0] for one in stores}
    assert children == {ids(one)[1]: ids(one)[0] for one in requests}


class _Subscriber(BaseHTTPRequestHandler):
    seen: list[str | None] = []
    status = 200

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.seen.append(self.headers.get("traceparent"))
        self.send_response(self.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *words: Any) -> None:
        pass


@pytest.fixture(scope="module")
def hook() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), _Subscriber) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/a-secret"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("header", [(Attribute("AWSTraceHeader", "String", XRAY.encode()),), ()])
def test_a_webhook_carries_the_trace_of_the_sender(traced: Traced, hook: str, header: Sequence[Attribute]) -> None:
    channel = TracedWebhookChannel(Settings(webhook_allowed_networks=("127.0.0.0/8",)))
    about = Notification(QueueRef("p", "r", "q"), "message", "s", hook, {}, b"{}", tuple(header))
    _Subscriber.seen.clear()
    channel.deliver(about)
    [span] = traced.exporter.get_finished_spans()
    traced.forget()
    assert _Subscriber.seen == [f"00-{ids(span)[0]}-{ids(span)[1]}-01"]
    assert (ids(span)[0] == TRACE, span.parent is not None) == (bool(header), bool(header))
    assert "a-secret" not in span.to_json()


def test_a_webhook_that_fails_is_recorded(traced: Traced, hook: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_Subscriber, "status", 500)
    channel = TracedWebhookChannel(Settings(webhook_allowed_networks=("127.0.0.0/8",)))
    with pytest.raises(NotDelivered):
        channel.deliver(Notification(QueueRef("p", "r", "q"), "message", "s", hook, {}, b"{}"))
    [span] = traced.exporter.get_finished_spans()
    traced.forget()
    assert (span.status.status_code, attributes(span)["http.response.status_code"]) == (StatusCode.ERROR, 500)


@pytest.mark.parametrize(
    ("header", "found"),
    [
        (XRAY, (TRACE, PARENT, True)),
        (XRAY.replace("Sampled=1", "Sampled=0"), (TRACE, PARENT, False)),
        (XRAY.replace(";Sampled=1", ""), (TRACE, PARENT, True)),
        (f"Self=1-2-3;{XRAY};Lineage=a:1", (TRACE, PARENT, True)),
        (XRAY.upper().replace("ROOT", "Root").replace("PARENT", "Parent"), (TRACE, PARENT, True)),
        ("Root=1-0-0", None), ("", None), (None, None), ("Root", None), ("=;=;", None),
        (f"Root=1-{'0' * 8}-{'0' * 24};Parent={PARENT}", None), (XRAY.replace(PARENT, "0" * 16), None),
        (XRAY + ";" + "x" * 2000, None),
    ],
)  # fmt: skip
def test_headers_of_x_ray(header: str | None, found: tuple[str, str, bool] | None) -> None:
    span = trace_headers.read(header)
    assert span == found
    if span is not None:
        assert trace_headers.read(trace_headers.as_xray(span)) == span
        assert trace_headers.as_traceparent(span) == f"00-{TRACE}-{PARENT}-{'01' if span.is_sampled else '00'}"
