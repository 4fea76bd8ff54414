"""ListMetrics: the metrics of the caller's queues, filters and pages."""

from __future__ import annotations

from typing import Any

import pytest

from sqs_facade.cloudwatch import metrics
from tests.cloudwatch.conftest import VISIBLE, Account, new_account

METRICS = list(metrics.METRICS)


def _listed(account: Account, **filters: Any) -> list[tuple[str, str]]:
    answer = account.call("ListMetrics", **filters)
    assert "NextToken" not in answer
    return [_pair(one) for one in answer["Metrics"]]


def _pair(listed: dict[str, Any]) -> tuple[str, str]:
    assert listed["Namespace"] == "AWS/SQS"
    [dimension] = listed["Dimensions"]
    assert dimension["Name"] == "QueueName"
    return dimension["Value"], listed["MetricName"]


def test_each_queue_has_its_metrics(account: Account) -> None:
    account.queue("b.fifo")
    account.queue("a")
    Account(account.url, new_account(), "json").queue("of-others")
    assert _listed(account) == [(queue, name) for queue in ("a", "b.fifo") for name in METRICS]
    assert len(METRICS) == 9


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"Namespace": "AWS/SQS", "MetricName": VISIBLE, "RecentlyActive": "PT3H"}, ["a", "b", "c"]),
        ({"MetricName": VISIBLE, "Dimensions": [{"Name": "QueueName"}]}, ["a", "b", "c"]),
        ({"MetricName": VISIBLE, "Dimensions": [{"Name": "QueueName", "Value": "b"}]}, ["b"]),
        ({"MetricName": VISIBLE, "Dimensions": [{"Name": "QueueName", "Value": "unknown"}]}, []),
        ({"MetricName": VISIBLE, "Dimensions": [{"Name": "QueueName"}, {"Name": "Other"}]}, []),
        ({"MetricName": "Other"}, []),
        ({"Namespace": "AWS/EC2"}, []),
        ({"MetricName": VISIBLE, "OwningAccount": "999999999999"}, []),
    ],
)
def test_filters(one: Account, filters: dict[str, Any], expected: list[str]) -> None:
    for name in "abc":
        one.queue(name)
    assert [queue for queue, _ in _listed(one, **filters)] == expected


def test_the_owner_of_each_metric_is_listed(account: Account) -> None:
    account.queue("a")
    answer = account.call("ListMetrics", IncludeLinkedAccounts=True)
    assert answer["OwningAccounts"] == [account.id] * 9


def test_pages_have_five_hundred_metrics(one: Account) -> None:
    names = [f"q-{number:03d}" for number in range(112)]
    for name in names:
        one.queue(name)
    pages: list[list[tuple[str, str]]] = []
    given: dict[str, Any] = {}
    while True:
        answer = one.call("ListMetrics", **given)
        pages.append([_pair(listed) for listed in answer["Metrics"]])
        if "NextToken" not in answer:
            break
        given["NextToken"] = answer["NextToken"]
        if len(pages) == 1:  # the first queue of the next page
            one.sqs.call("DeleteQueue", QueueUrl=f"{one.url}/{one.id}/q-055")
    assert [len(page) for page in pages] == [500, 500, 112 * 9 - 1000 - 4]
    expected = [(name, metric) for name in names for metric in METRICS]
    assert [pair for page in pages for pair in page] == [
        pair for at, pair in enumerate(expected) if pair[0] != "q-055" or at < 500
    ]
    assert one.error("ListMetrics", NextToken=given["NextToken"], MetricName=VISIBLE)[0] == "InvalidNextToken"


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"RecentlyActive": "PT1H"}, "InvalidParameterValue"),
        ({"Dimensions": [{"Name": "QueueName"}] * 11}, "InvalidParameterValue"),
        ({"NextToken": "%"}, "InvalidNextToken"),
    ],
)
def test_what_is_wrong_is_said(one: Account, wrong: dict[str, Any], code: str) -> None:
    assert one.error("ListMetrics", **wrong)[0] == code
