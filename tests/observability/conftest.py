"""A service with metrics, in this process, on a store of its own: a page shows all queues of the store."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pytest
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families as parsed_text
from werkzeug.test import Client, TestResponse

from sqs_facade.wsgi import METRICS, create_app
from tests.private_valkey import private_valkey
from zaqar_core.configuration.settings import Settings
from zaqar_core.core.process import Core
from zaqar_core.observability.metrics import Metrics

URL = "http://localhost"
OPEN_METRICS = "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"

#: A sample: its name, and the values of its labels as a set of pairs.
Key = tuple[str, frozenset[tuple[str, str]]]


class Page:
    """A page of metrics, as prometheus-client reads it."""

    def __init__(self, text: str, *, is_open: bool = False) -> None:
        self.text = text
        read = openmetrics.text_string_to_metric_families if is_open else parsed_text
        self.families = {family.name: family for family in read(text)}
        self.samples: dict[Key, float] = {}
        for family in self.families.values():
            for sample in family.samples:
                key = sample.name, frozenset(sample.labels.items())
                assert key not in self.samples, f"{key} is there twice"
                self.samples[key] = float(sample.value)

    def value(self, name: str, **labels: str) -> float:
        """Return the sum of the samples of a name that have these labels, among others."""
        found = [
            value
            for (one, given), value in self.samples.items()
            if one == f"sqs_facade_{name}" and labels.items() <= given
        ]
        return sum(found)

    def has(self, name: str, **labels: str) -> bool:
        """Return whether there is such a sample."""
        return any(one == f"sqs_facade_{name}" and labels.items() <= given for one, given in self.samples)

    def queue(self, name: str) -> dict[str, float]:
        """Return the metrics of a queue that are not 0, without the age."""
        found = {
            one.removeprefix("sqs_facade_queue_"): value
            for (one, labels), value in self.samples.items()
            if ("queue", name) in labels and one.startswith("sqs_facade_queue_") and value
        }
        found.pop("info", None)
        found.pop("oldest_message_age_seconds", None)
        return found


@dataclass
class Measured:
    """A service with metrics."""

    http: Client
    core: Core
    metrics: Metrics

    def page(self, *, is_open: bool = False) -> Page:
        """Read the metrics."""
        headers = {"Accept": OPEN_METRICS} if is_open else {}
        answer = self.http.get("/metrics", base_url=URL, headers=headers)
        assert answer.status_code == 200, answer.text
        return Page(answer.text, is_open=is_open)

    def sqs(self, operation: str, *, protocol: str = "json", lane: str = "fast", **members: Any) -> TestResponse:
        """Call an operation of SQS. Lists of the query protocol must be given in its form."""
        headers = {"X-SQS-Facade-Lane": lane}
        if protocol == "json":
            headers |= {"X-Amz-Target": f"AmazonSQS.{operation}", "Content-Type": "application/x-amz-json-1.0"}
            body = json.dumps(members).encode()
        else:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            body = urlencode({"Action": operation, "Version": "2012-11-05", **members}).encode()
        return self.http.post("/", base_url=URL, data=body, headers=headers)

    def received(self, queue: str, **members: Any) -> list[dict[str, Any]]:
        """Receive messages."""
        answer = self.sqs("ReceiveMessage", QueueUrl=queue, **members)
        found: list[dict[str, Any]] = json.loads(answer.data).get("Messages", [])
        return found

    def advance(self, seconds: float) -> None:
        """Move the clock of all queues forward."""
        answer = self.http.post("/_test/clock", base_url=URL, json={"advance_seconds": seconds})
        assert answer.status_code == 200, answer.text


@pytest.fixture(scope="module")
def measured() -> Iterator[Measured]:
    with private_valkey() as store:
        app = create_app(Settings(redis=store.url, durability="memory", test_hooks=True))
        core = app.extensions["sqs_facade"]
        yield Measured(Client(app.wsgi_app, TestResponse), core, app.extensions[METRICS])
        core.close()
