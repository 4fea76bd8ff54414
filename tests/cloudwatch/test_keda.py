"""The calls of KEDA's scalers, as its documents and its client describe them.

``aws-sqs-queue`` reads attributes of a queue. ``aws-cloudwatch`` calls GetMetricData from a start to an end that are
multiples of metricStatPeriod (60 and its multiples, or 1, 5, 10, 30), newest first, and takes the first value.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.cloudwatch.conftest import VISIBLE, Account


def _window(account: Account, period: int, collection: int = 300, offset: int = 0) -> dict[str, Any]:
    """StartTime and EndTime: metricEndTimeOffset before now, at a multiple of the period."""
    end = int(account.now() - offset) // period * period
    return {"StartTime": end - collection, "EndTime": end, "ScanBy": "TimestampDescending"}


def _first_value(account: Account, query: dict[str, Any], period: int, **window: int) -> float | None:
    answer = account.call("GetMetricData", MetricDataQueries=[query], **_window(account, period, **window))
    values = answer["MetricDataResults"][0]["Values"]
    return values[0] if values else None


def _metric(period: int) -> dict[str, Any]:
    metric = {"Namespace": "AWS/SQS", "MetricName": VISIBLE, "Dimensions": [{"Name": "QueueName", "Value": "orders"}]}
    stat = {"Metric": metric, "Period": period, "Stat": "Average", "Unit": "Count"}
    return {"Id": "c1", "MetricStat": stat, "ReturnData": True}


def test_a_short_period_shows_the_depth_of_now(account: Account) -> None:
    account.queue(messages=4)
    while account.now() % 60 < 10:  # the period of ten seconds that began with the minute is not over
        account.advance(10)
    assert _first_value(account, _metric(10), 10) == 4


@pytest.mark.parametrize("period", [60, 300])
def test_whole_minutes_show_the_last_sample(account: Account, period: int) -> None:
    account.advance(period - int(account.now()) % period)
    account.queue(messages=4)
    account.advance(period)
    account.queue(messages=2)
    assert _first_value(account, _metric(period), period) == 4
    account.advance(period)
    assert _first_value(account, _metric(period), period) == 6
    assert _first_value(account, _metric(period), period, offset=period) == 4


def test_an_expression(account: Account) -> None:
    expression = f"""SELECT MAX("{VISIBLE}") FROM "AWS/SQS" WHERE QueueName = 'orders'"""
    account.queue(messages=4)
    account.advance(120)
    assert _first_value(account, {"Id": "q1", "Expression": expression, "Period": 60}, 60) == 4


def test_a_queue_that_does_not_exist_has_no_value(account: Account) -> None:
    assert _first_value(account, _metric(60), 60) is None


def test_the_sqs_scaler_reads_attributes(one: Account) -> None:
    url = one.queue(messages=3)
    one.sqs.receive(url)
    names = [
        VISIBLE.removesuffix("Visible"),
        "ApproximateNumberOfMessagesNotVisible",
        "ApproximateNumberOfMessagesDelayed",
    ]
    assert list(one.sqs.attributes(url, *names).values()) == ["2", "1", "0"]
