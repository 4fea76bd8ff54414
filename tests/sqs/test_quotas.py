"""The limit on the queues of an account, by both dialects."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
import requests

from tests.conftest import Service, serving
from tests.sqs.wire import Failure, Sqs


@pytest.fixture(scope="module")
def small(store_settings: dict[str, str]) -> Iterator[Service]:
    with serving(max_queues_per_account="2", **store_settings) as service:
        yield service


@pytest.fixture(params=["json-fast", "query-fast", "json-flask", "query-flask"])
def account(small: Service, request: pytest.FixtureRequest) -> Sqs:
    """A client with an account of its own."""
    protocol, lane = request.param.split("-")
    return Sqs(small.url, protocol, lane, account=f"{uuid.uuid4().int % 10**12:012d}")


def test_one_more_queue_than_the_limit_is_refused(account: Sqs) -> None:
    urls = [account.queue(f"q-{number}") for number in range(2)]
    failure = account.error("CreateQueue", QueueName="q-2")
    assert isinstance(failure, Failure)
    assert (failure.code, failure.status) == ("OverLimit", 403)
    assert account.queue("q-0") == urls[0]
    account.call("DeleteQueue", QueueUrl=urls[0])
    assert account.queue("q-2")


def test_zaqar_creates_no_queue_beyond_the_limit(small: Service) -> None:
    headers = {"Client-ID": str(uuid.uuid4()), "X-Project-Id": uuid.uuid4().hex}
    url = f"{small.url}/v2/queues"

    def status(method: str, path: str, document: object) -> int:
        return requests.request(method, url + path, json=document, headers=headers, timeout=10).status_code

    assert [status("PUT", f"/q-{number}", {}) for number in range(3)] == [201, 201, 403]
    message = {"messages": [{"body": 1}]}
    assert [status("POST", f"/q-{number}/messages", message) for number in (1, 2)] == [201, 403]
