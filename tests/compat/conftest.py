"""Scenarios planted on a real service."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sqs_facade.compat.bench import Bench
from sqs_facade.compat.scenario import Scenario
from sqs_facade.compat.targets import Target
from tests.conftest import Service

Plant = Callable[..., Scenario]


@pytest.fixture
def target(service: Service) -> Target:
    """The shared service, as the facade's JSON target."""
    return Target("facade-json", service.url, is_facade=True, wire=frozenset({"json"}))


@pytest.fixture
def plant() -> Plant:
    """A scenario with this expected observation; its program sends and receives unless another is given."""

    def planted(expected: Any, program: Callable[[Any, Bench], Any] = _send_and_receive, **more: Any) -> Scenario:
        fields = {"name": "planted.one", "source": "R1", "operation": "ReceiveMessage", **more}
        return Scenario(theme="planted", title="A planted scenario.", expected=expected, program=program, **fields)

    return planted


def _send_and_receive(sqs: Any, at: Bench) -> Any:
    url = at.queue()
    sqs.send_message(QueueUrl=url, MessageBody="x")
    return at.receive(url)[0]


#: What the default program observes.
RECEIVED = {
    "Body": "x",
    "MD5OfBody": "9dd4e461268c8034f5c8564e155c67a6",
    "MessageId": "<id 1>",
    "ReceiptHandle": "<handle 1>",
}
