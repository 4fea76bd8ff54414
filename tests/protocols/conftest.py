"""Every SQS behaviour runs by both protocols and both lanes."""

from __future__ import annotations

import pytest

from tests.conftest import Service
from tests.protocols.wire import Sqs


@pytest.fixture(params=["json-fast", "query-fast", "json-flask", "query-flask"])
def sqs(service: Service, request: pytest.FixtureRequest) -> Sqs:
    protocol, lane = request.param.split("-")
    return Sqs(service.url, protocol, lane)


@pytest.fixture
def queue(sqs: Sqs, queue_name: str) -> str:
    """URL of a new standard queue."""
    return sqs.queue(queue_name)
