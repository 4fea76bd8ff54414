"""CloudWatch's metrics by botocore's client in each protocol. Each test has an account, and so a clock, of its own."""

from __future__ import annotations

import time
import uuid
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from typing import Any

import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.loaders import Loader

from tests.conftest import Service
from tests.sqs.wire import HTTP, Sqs

REGION = "us-east-1"
VISIBLE = "ApproximateNumberOfMessagesVisible"
PROTOCOLS = ("json", "query", "smithy-rpc-v2-cbor")


@cache
def _session(protocol: str) -> botocore.session.Session:
    """A session of botocore in which CloudWatch has one protocol only."""

    loader = Loader(include_default_search_paths=True)
    load = loader.load_service_model

    def loaded(service_name: str, type_name: str, api_version: str | None = None) -> Any:
        model = load(service_name, type_name, api_version)
        if (service_name, type_name) == ("cloudwatch", "service-2"):
            model = deepcopy(model)
            model["metadata"].update(protocol=protocol, protocols=[protocol])
        return model

    loader.load_service_model = loaded
    session = botocore.session.Session()
    session.register_component("data_loader", loader)
    session.set_credentials("any", "any")
    return session


@cache
def _client(url: str, protocol: str) -> Any:
    config = Config(retries={"max_attempts": 0})
    return _session(protocol).create_client("cloudwatch", endpoint_url=url, region_name=REGION, config=config)


def client(url: str, protocol: str, account: str) -> Any:
    """A client of botocore whose access key is the account. To make one takes long, so accounts share it."""
    _session(protocol).get_credentials().access_key = account
    return _client(url, protocol)


@dataclass
class Account:
    """An account of the service, and its clock."""

    url: str
    id: str
    protocol: str
    ahead: int = 0

    def call(self, operation: str, **members: Any) -> Any:
        return client(self.url, self.protocol, self.id)._make_api_call(operation, members)

    def error(self, operation: str, **members: Any) -> tuple[str, str]:
        """Return code and message of the error of a call."""
        with pytest.raises(ClientError) as refused:
            self.call(operation, **members)
        error = refused.value.response["Error"]
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
        return error["Code"], error["Message"]

    @property
    def sqs(self) -> Sqs:
        return Sqs(self.url, "json", "fast", self.id)

    def queue(self, name: str = "orders", messages: int = 0) -> str:
        attributes = {"FifoQueue": "true"} if name.endswith(".fifo") else {}
        url = self.sqs.queue(name, **attributes)
        for number in range(messages):
            self.sqs.send(url, f"message {number}")
        return url

    def advance(self, seconds: int) -> None:
        """Move the clock of the account."""
        body = {"advance_seconds": seconds, "account": self.id}
        assert HTTP.post(f"{self.url}/_test/clock", json=body).status_code == 200
        self.ahead += seconds

    def now(self) -> float:
        return time.time() + self.ahead

    def data(self, *queries: dict[str, Any], seconds: int = 3600, **more: Any) -> list[dict[str, Any]]:
        """Call GetMetricData for the last seconds, and one more; return the results."""
        now = self.now()
        given = {"StartTime": now - seconds, "EndTime": now + 1, **more}
        answer = self.call("GetMetricData", MetricDataQueries=[*queries], **given)
        return list(answer["MetricDataResults"])

    def values(self, metric: str = VISIBLE, queue: str = "orders", **more: Any) -> list[float]:
        """Return the values of a metric, newest first."""
        [result] = self.data(query("m", metric, queue, **more))
        return list(result["Values"])


def query(id_: str, metric: str = VISIBLE, queue: str = "orders", **more: Any) -> dict[str, Any]:
    """A query of GetMetricData. ``more`` are members of MetricStat, Label or ReturnData."""
    outer: dict[str, Any] = {name: more.pop(name) for name in ("Label", "ReturnData", "AccountId") if name in more}
    metric_id = {
        "Namespace": more.pop("Namespace", "AWS/SQS"),
        "MetricName": metric,
        "Dimensions": more.pop("Dimensions", [{"Name": "QueueName", "Value": queue}]),
    }
    return {"Id": id_, "MetricStat": {"Metric": metric_id, "Period": 60, "Stat": "Average", **more}, **outer}


def new_account() -> str:
    return f"{uuid.uuid4().int % 10**12:012d}"


@pytest.fixture(params=PROTOCOLS)
def account(service: Service, request: pytest.FixtureRequest) -> Account:
    """An account whose client speaks each protocol in turn."""
    return Account(service.url, new_account(), request.param)


@pytest.fixture
def one(service: Service) -> Account:
    """An account for what no protocol changes."""
    return Account(service.url, new_account(), "json")
