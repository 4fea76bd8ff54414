"""A line that is logged during a request has the id of its reply, in every dialect."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from werkzeug.test import Client, TestResponse

from sqs_facade.wsgi import create_app
from zaqar_core.configuration.settings import Settings
from zaqar_core.logs.request_ids import current_request_id
from zaqar_core.web.envelope import Reply, Request


class _Ids:
    """An observer that keeps the id that a line would have, and that of the reply."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []

    def observe(self, request: Request, reply: Reply) -> None:
        """Keep both."""
        del request
        self.seen.append((current_request_id(), reply.request_id))


@pytest.fixture(scope="module")
def service(valkey: str) -> Iterator[tuple[Client, _Ids]]:
    ids = _Ids()
    app = create_app(Settings(redis=valkey, durability="memory", test_hooks=True), observers=[ids])
    yield Client(app.wsgi_app, TestResponse), ids
    app.extensions["sqs_facade"].close()


@pytest.mark.parametrize("lane", ["fast", "flask"])
@pytest.mark.parametrize(
    ("method", "path", "target"),
    [
        ("POST", "/", "AmazonSQS.ListQueues"),
        ("POST", "/", "GraniteServiceVersion20100801.ListMetrics"),
        ("GET", "/_aws/sqs/messages?QueueUrl=none", None),
        ("GET", "/console/api/service", None),
        ("GET", "/v2/queues", None),
    ],
)
def test_lines_of_a_request_have_the_id_of_its_reply(
    service: tuple[Client, _Ids], method: str, path: str, target: str | None, lane: str
) -> None:
    http, ids = service
    headers = {"X-SQS-Facade-Lane": lane, "Client-ID": "3381af92-2b9e-11e3-b191-71861300734c", "X-Project-ID": "p"}
    if target is not None:
        headers |= {"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.0"}
    http.open(path, method=method, base_url="http://localhost", headers=headers, data=b"{}" if target else b"")
    logged, replied = ids.seen.pop()
    assert logged == replied != ""
