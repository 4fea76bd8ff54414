"""CloudWatch's metrics by botocore's client in each protocol. Each test has an account, and so a clock, of its own."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
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


class _Clients:
    """Clients of botocore for CloudWatch, each in one protocol. They share what takes long to make."""

    def __init__(self) -> None:
        self._protocol = ""
        loader = Loader(include_default_search_paths=True)
        self._load = loader.load_service_model
        loader.load_service_model = self._loaded
        self._session = botocore.session.Session()
        self._session.register_component("data_loader", loader)
        self._session.set_credentials("any", "any")
        self._made: dict[tuple[str, str], Any] = {}

    def get(self, url: str, protocol: str, account: str) -> Any:
        """Return a client whose access key is the account until the next call."""
        self._protocol = protocol
        self._session.get_credentials().access_key = account
        if (url, protocol) not in self._made:
            self._made[url, protocol] = self._session.create_client(
                "cloudwatch", endpoint_url=url, region_name=REGION, config=Config(retries={"max_attempts": 0})
            )
        return self._made[url, protocol]

    def _loaded(self, service_name: str, type_name: str, api_version: str | None = None) -> Any:
        model = self._load(service_name, type_name, api_version)
        if (service_name, type_name) != ("cloudwatch", "service-2"):
            return model
        return {**model, "metadata": {**model["metadata"], "protocol": self._protocol, "protocols": [self._protocol]}}


_CLIENTS = _Clients()


@dataclass
class Account:
    """An account of the service, and its clock."""

    url: str
    id: str
    protocol: str
    ahead: int = 0

    @property
    def client(self) -> Any:
        return _CLIENTS.get(self.url, self.protocol, self.id)

    def call(self, operation: str, **members: Any) -> Any:
        return self.client._make_api_call(operation, members)

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
