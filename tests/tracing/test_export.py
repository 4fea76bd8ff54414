"""Spans reach a collector over OTLP/HTTP; one that is away delays nothing."""

from __future__ import annotations

import gzip
import http.client
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.patience import PATIENCE_SECONDS
from tests.serving.conftest import Serve
from zaqar_core.configuration.setting_sources import variable

pytestmark = pytest.mark.slow


class Collector(BaseHTTPRequestHandler):
    """Keeps what it is sent."""

    seen: list[tuple[str, ExportTraceServiceRequest]] = []

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            data = gzip.decompress(data)
        self.seen.append((self.path, ExportTraceServiceRequest.FromString(data)))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *words: Any) -> None:
        pass


@contextmanager
def collecting() -> Iterator[str]:
    """Run a collector; yields its URL."""
    Collector.seen.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Collector) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def collector() -> Iterator[str]:
    with collecting() as url:
        yield url


@contextmanager
def serving(folder: Path, collector: str, **more: str) -> Iterator[Serve]:
    environment: Mapping[str, str] = {
        variable("tracing"): "true",
        variable("log_format"): "json",
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector,
        "OTEL_SERVICE_NAME": "queues",
        **more,
    }
    service = Serve(folder, "--ephemeral", environment=environment)
    try:
        yield service.wait_ready()
    finally:
        service.kill()


def create(url: str, number: int) -> int:
    client = http.client.HTTPConnection(urlsplit(url).netloc, timeout=PATIENCE_SECONDS)
    try:
        body = json.dumps({"QueueName": f"q-{number}"})
        client.request("POST", "/", body, {"X-Amz-Target": "AmazonSQS.CreateQueue"})
        return client.getresponse().status
    finally:
        client.close()


def test_spans_reach_the_collector_also_those_before_a_stop(tmp_path: Path, collector: str) -> None:
    with serving(tmp_path, collector) as service:
        assert [create(service.url, number) for number in range(3)] == [200] * 3
        service.stop()
    names: list[str] = []
    for path, request in Collector.seen:
        assert path == "/v1/traces"
        for resource in request.resource_spans:
            known = {one.key: one.value.string_value for one in resource.resource.attributes}
            assert known["service.name"] == "queues"
            names += [span.name for scope in resource.scope_spans for span in scope.spans]
    assert {"CreateQueue q-0", "CreateQueue q-1", "CreateQueue q-2", "FCALL create"} <= set(names)


def test_a_collector_that_is_away_costs_neither_requests_nor_the_stop(tmp_path: Path) -> None:
    """The queue of spans is smaller than their number, and each attempt to export them fails."""
    small = {"OTEL_BSP_MAX_QUEUE_SIZE": "64", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "16", "OTEL_BSP_SCHEDULE_DELAY": "50"}
    with serving(tmp_path, "http://127.0.0.1:1", **small) as service:
        assert [create(service.url, number) for number in range(200)] == [200] * 200
        service.stop()
        assert service.process.returncode == 0
        lines = [json.loads(line) for line in service.errors.read_text().splitlines()]
    assert lines
    assert {line["logger"].split(".")[0] for line in lines} == {"opentelemetry"}
    assert len(lines) < 10
