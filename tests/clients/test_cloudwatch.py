"""CloudWatch through the SDK for JavaScript, in its default protocol and in the others that it has."""

from __future__ import annotations

import json
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.clients.conftest import Advance
from tests.clients.driver import Client
from tests.clients.installs import INSTALL_SECONDS

pytestmark = pytest.mark.parametrize("client_process", ["boto3"], indirect=True)  # it sends the messages
VISIBLE = "ApproximateNumberOfMessagesVisible"


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()


@pytest.mark.parametrize(
    ("named", "protocol"),
    [
        ("", "application/x-amz-json-1.0"),
        ("AwsSmithyRpcV2CborProtocol", "rpc-v2-cbor"),
        ("AwsQueryProtocol", "application/x-www-form-urlencoded"),
    ],
)
def test_the_sdk_for_javascript_reads_metrics(
    js: Path, client: Client, queue: str, later: Advance, named: str, protocol: str
) -> None:
    client.send(queue, "one")
    later(queue, 600)
    metric = {
        "Namespace": "AWS/SQS",
        "MetricName": VISIBLE,
        "Dimensions": [{"Name": "QueueName", "Value": queue.rsplit("/", 1)[-1]}],
    }
    times = {"StartTime": _iso(time.time()), "EndTime": _iso(time.time() + 700)}
    stat = {"Metric": metric, "Period": 60, "Stat": "Maximum"}
    calls: list[tuple[str, dict[str, Any]]] = [
        ("ListMetrics", metric),
        ("GetMetricData", {"MetricDataQueries": [{"Id": "m", "MetricStat": stat}], **times}),
        ("GetMetricStatistics", {**metric, **times, "Period": 60, "Statistics": ["Sum"]}),
        ("GetMetricStatistics", {**metric, **times, "Period": 61, "Statistics": ["Sum"]}),
        ("DescribeAlarms", {}),
    ]
    options = {
        "endpoint": client.endpoint,
        "region": "us-east-1",
        "credentials": {"accessKeyId": "any", "secretAccessKey": "any"},
    }
    ran = subprocess.run(
        ["node", "cloudwatch3.mjs", json.dumps({"options": options, "named": named, "calls": calls})],
        cwd=js, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=True,
    )  # fmt: skip
    listed, data, statistics, wrong, unknown = json.loads(ran.stdout)
    assert {one["protocol"] for one in (listed, data, statistics, wrong, unknown)} == {protocol}
    assert listed["result"]["Metrics"] == [metric]
    [found] = data["result"]["MetricDataResults"]
    assert found["Values"][0] == 1
    assert found["Timestamps"][0].endswith(":00.000Z")
    assert statistics["result"]["Datapoints"][-1]["Sum"] == 1
    assert (wrong["error"]["name"], wrong["error"]["is_class"]) == ("InvalidParameterValueException", True)
    assert "DescribeAlarms" in unknown["error"]["message"]
