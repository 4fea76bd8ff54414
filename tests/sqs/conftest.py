"""Every SQS behaviour runs by both protocols and both lanes."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from tests.conftest import Service, serving
from tests.sqs.wire import Sqs


@pytest.fixture(params=["json-fast", "query-fast", "json-flask", "query-flask"])
def sqs(service: Service, request: pytest.FixtureRequest) -> Sqs:
    protocol, lane = request.param.split("-")
    return Sqs(service.url, protocol, lane)


@pytest.fixture
def queue(sqs: Sqs, queue_name: str) -> str:
    """URL of a new standard queue."""
    return sqs.queue(queue_name)


#: Requests per second, of one account, that the strict service admits.
STRICT_RATE = 6


@pytest.fixture(scope="session")
def strict_service(store_settings: dict[str, str]) -> Iterator[Service]:
    """A service with every limit that is off or high by default."""
    limits = {"max_in_flight": "1", "recreate_delay_seconds": "60", "max_requests_per_second": str(STRICT_RATE)}
    with serving(**limits, **store_settings) as service:
        yield service


@pytest.fixture(params=["json-fast", "query-fast", "json-flask", "query-flask"])
def strict(strict_service: Service, request: pytest.FixtureRequest) -> Sqs:
    """A client of the strict service, with an account of its own."""
    protocol, lane = request.param.split("-")
    return Sqs(strict_service.url, protocol, lane, account=f"{uuid.uuid4().int % 10**12:012d}")


@pytest.fixture
def fifo(sqs: Sqs, queue_name: str) -> str:
    """URL of a new FIFO queue, deduplicated by content."""
    return sqs.queue(f"{queue_name}.fifo", FifoQueue="true", ContentBasedDeduplication="true")


@pytest.fixture
def explicit(sqs: Sqs, queue_name: str) -> str:
    """URL of a new FIFO queue whose messages need a deduplication id."""
    return sqs.queue(f"{queue_name}-explicit.fifo", FifoQueue="true")
