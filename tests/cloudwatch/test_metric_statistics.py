"""GetMetricStatistics: data points of one metric, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cloudwatch.conftest import VISIBLE, Account

DIMENSIONS = [{"Name": "QueueName", "Value": "orders"}]


def _asked(account: Account, **more: Any) -> dict[str, Any]:
    now = account.now()
    given = {
        "Namespace": "AWS/SQS",
        "MetricName": VISIBLE,
        "Dimensions": DIMENSIONS,
        "StartTime": now - 3600,
        "EndTime": now + 1,
        "Period": 60,
        "Statistics": ["Average"],
        **more,
    }
    return {name: value for name, value in given.items() if value is not None}


def test_data_points_have_the_statistics_that_were_asked_for(account: Account) -> None:
    url = account.queue(messages=2)
    account.advance(60)
    account.sqs.call("PurgeQueue", QueueUrl=url)
    asked = _asked(account, Statistics=["Sum", "Maximum", "SampleCount"], ExtendedStatistics=["p50", "p99.9"])
    answer = account.call("GetMetricStatistics", **asked)
    assert answer["Label"] == VISIBLE
    before, now = answer["Datapoints"][-2:]
    stamps = [point.pop("Timestamp").timestamp() for point in (before, now)]
    assert (stamps[0] % 60, stamps[1] - stamps[0]) == (0, 60)
    values = {"Sum": 2, "Maximum": 2, "SampleCount": 1, "Unit": "Count", "ExtendedStatistics": {"p50": 2, "p99.9": 2}}
    assert before == values
    assert now["Sum"] == 0


def test_periods_begin_at_the_start_time(one: Account) -> None:
    one.queue(messages=1)
    one.advance(900)
    first = int(one.now() // 60 * 60) - 420
    asked = _asked(one, StartTime=first + 59, EndTime=first + 420, Period=240, Statistics=["SampleCount"])
    points = one.call("GetMetricStatistics", **asked)["Datapoints"]
    assert [point["Timestamp"].timestamp() - first for point in points] == [0, 240]
    assert [point["SampleCount"] for point in points] == [4, 3]


@pytest.mark.parametrize(
    "other", [{"MetricName": "Other"}, {"Namespace": "AWS/EC2"}, {"Dimensions": None}, {"Unit": "Bytes"}]
)
def test_a_metric_that_does_not_exist_has_no_data_points(one: Account, other: dict[str, Any]) -> None:
    one.queue(messages=1)
    answer = one.call("GetMetricStatistics", **_asked(one, **other))
    assert (answer["Label"], answer["Datapoints"]) == (other.get("MetricName", VISIBLE), [])


@pytest.mark.parametrize(
    ("wrong", "code", "words"),
    [
        ({"Statistics": None}, "MissingParameter", "Statistics"),
        ({"Statistics": ["Median"]}, "InvalidParameterValue", "Median"),
        ({"ExtendedStatistics": ["tm90"]}, "InvalidParameterValue", "tm90"),
        ({"ExtendedStatistics": [f"p{n}" for n in range(11)]}, "InvalidParameterValue", "more than 10"),
        ({"Period": 90}, "InvalidParameterValue", "multiple of 60"),
        ({"Unit": "Apples"}, "InvalidParameterValue", "Apples"),
        ({"StartTime": 2, "EndTime": 1}, "InvalidParameterValue", "must be less than"),
        ({"StartTime": 1, "EndTime": 1 + 1441 * 60}, "InvalidParameterCombination", "1,441 datapoints"),
    ],
)
def test_what_is_wrong_is_said(one: Account, wrong: dict[str, Any], code: str, words: str) -> None:
    found = one.error("GetMetricStatistics", **_asked(one, **wrong))
    assert found[0] == code
    assert words in found[1]
