"""GetMetricData: values, periods, order, pages, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cloudwatch.conftest import VISIBLE, Account, query

SELECT = f"""SELECT MAX("{VISIBLE}") FROM "AWS/SQS" WHERE QueueName = 'orders'"""


def test_the_present_minute_has_the_depths_of_now(account: Account) -> None:
    url = account.queue(messages=3)
    assert account.values()[0] == 3
    account.sqs.receive(url)
    found = account.data(query("v"), query("n", "ApproximateNumberOfMessagesNotVisible"))
    assert [one["Values"][0] for one in found] == [2, 1]


def test_past_minutes_have_their_samples(account: Account) -> None:
    url = account.queue(messages=2)
    account.advance(120)
    account.sqs.call("PurgeQueue", QueueUrl=url)
    account.advance(60)
    [result] = account.data(query("v"))
    assert result["Values"][:4] == [0, 0, 2, 2], "the newest first"
    assert (result["Id"], result["Label"], result["StatusCode"]) == ("v", VISIBLE, "Complete")
    stamps = [stamp.timestamp() for stamp in result["Timestamps"][:4]]
    assert [stamp % 60 for stamp in stamps] == [0] * 4
    assert stamps[0] - stamps[3] == 180
    [oldest_first] = account.data(query("v"), ScanBy="TimestampAscending")
    assert oldest_first["Timestamps"] == result["Timestamps"][::-1]


def test_the_age_of_the_oldest_message(one: Account) -> None:
    one.queue(messages=1)
    one.advance(300)
    ages = one.values("ApproximateAgeOfOldestMessage")
    assert 300 <= ages[0] <= 330
    assert [int(later - sooner) for sooner, later in zip(ages[2:5], ages[1:4], strict=True)] == [60] * 3


@pytest.mark.parametrize(
    ("stat", "value"),
    [("Sum", 6), ("Average", 2), ("Minimum", 0), ("Maximum", 3), ("SampleCount", 3), ("p50", 3), ("p10.5", 0)],
)
def test_statistics_of_a_period(one: Account, stat: str, value: float) -> None:
    url = one.queue(messages=3)
    one.advance(120)
    one.sqs.call("PurgeQueue", QueueUrl=url)
    one.advance(60)
    [present] = [stamp.timestamp() for stamp in one.data(query("v"))[0]["Timestamps"][:1]]
    [result] = one.data(query("v", Period=180, Stat=stat), StartTime=present - 180, EndTime=present)
    assert result["Values"] == [value]
    assert [stamp.timestamp() for stamp in result["Timestamps"]] == [present - 180]


def test_periods_begin_at_the_start_time(one: Account) -> None:
    one.queue(messages=1)
    one.advance(900)
    [present] = [stamp.timestamp() for stamp in one.data(query("v"))[0]["Timestamps"][:1]]
    [result] = one.data(query("v", Period=300), StartTime=present - 659, EndTime=present)
    assert [stamp.timestamp() - present for stamp in result["Timestamps"]] == [-60, -360, -660]


@pytest.mark.parametrize(
    "other",
    [
        query("m", queue="unknown"),
        query("m", queue="not/a/name"),
        query("m", "CPUUtilization"),
        query("m", Namespace="AWS/EC2"),
        query("m", Dimensions=[]),
        query("m", Dimensions=[{"Name": "QueueName", "Value": "orders"}, {"Name": "Other", "Value": "x"}]),
        query("m", Unit="Seconds"),
    ],
    ids=["queue", "no name of a queue", "metric", "namespace", "no dimension", "two dimensions", "unit"],
)
def test_a_metric_that_does_not_exist_has_no_values(one: Account, other: dict[str, Any]) -> None:
    one.queue(messages=1)
    found = one.data(other, query("known", Unit="Count"))
    assert [len(result["Values"]) for result in found] == [0, len(found[1]["Timestamps"])]
    assert found[1]["Values"]
    assert {result["StatusCode"] for result in found} == {"Complete"}


def test_queries_without_data_and_with_labels(account: Account) -> None:
    account.queue()
    found = account.data(query("a", ReturnData=False), query("b", Label="backlog <1>"), query("c", ReturnData=True))
    assert [(one["Id"], one["Label"]) for one in found] == [("b", "backlog <1>"), ("c", VISIBLE)]


def test_pages_of_data_points(account: Account) -> None:
    account.queue(messages=1)
    account.advance(300)
    whole = account.data(query("a"), query("b", "ApproximateNumberOfMessagesDelayed"))
    given: dict[str, Any] = {"StartTime": account.now() - 3600, "EndTime": account.now() + 1, "MaxDatapoints": 4}
    given["MetricDataQueries"] = [query("a"), query("b", "ApproximateNumberOfMessagesDelayed")]
    found: dict[str, list[float]] = {}
    states: list[list[str]] = []
    while True:
        answer = account.call("GetMetricData", **given)
        results = answer["MetricDataResults"]
        assert sum(len(one["Values"]) for one in results) <= 4
        states.append([one["StatusCode"] for one in results])
        for one in results:
            found.setdefault(one["Id"], []).extend(one["Values"])
        if "NextToken" not in answer:
            break
        given["NextToken"] = answer["NextToken"]
    assert found == {one["Id"]: one["Values"] for one in whole}
    assert states[0] == ["PartialData", "PartialData"]
    assert states[-1] == ["Complete"]
    assert account.error("GetMetricData", **{**given, "MaxDatapoints": 5})[0] == "InvalidNextToken"
    assert account.error("GetMetricData", **{**given, "NextToken": "x"})[0] == "InvalidNextToken"


def test_a_metrics_insights_query_selects_one_queue(account: Account) -> None:
    account.queue(messages=2)
    texts = [
        SELECT,
        f"select avg({VISIBLE}) from schema(\"AWS/SQS\", QueueName) where QueueName = 'orders' limit 1",
    ]
    for text in texts:
        [found] = account.data({"Id": "q1", "Expression": text, "Period": 60})
        assert (found["Values"][0], found["Label"]) == (2, VISIBLE)
    [other] = account.data({"Id": "q1", "Expression": SELECT.replace("orders", "unknown"), "Period": 60})
    assert other["Values"] == []


@pytest.mark.parametrize(
    "expression",
    ["m1 + m2", "SEARCH('{AWS/SQS,QueueName}', 'Sum')", SELECT.partition(" WHERE")[0], SELECT + " OR QueueName = 'b'"],
)
def test_other_expressions_are_refused(one: Account, expression: str) -> None:
    code, message = one.error(
        "GetMetricData", MetricDataQueries=[{"Id": "e1", "Expression": expression}], StartTime=1, EndTime=2
    )
    assert code == "ValidationError"
    assert message.startswith("Error in expression 'e1': ")


@pytest.mark.parametrize(
    ("wrong", "code", "words"),
    [
        ({"MetricDataQueries": []}, "MissingParameter", "MetricDataQueries is required"),
        ({"MetricDataQueries": [query("a"), query("a")]}, "ValidationError", "not unique"),
        ({"MetricDataQueries": [query("5xx")]}, "ValidationError", "member.1.Id is not matching the expected pattern"),
        (
            {"MetricDataQueries": [query("a", Stat="Median")]},
            "ValidationError",
            "member.1.MetricStat.Stat is not a valid",
        ),
        ({"MetricDataQueries": [query("a", Stat="p101")]}, "ValidationError", "p101"),
        ({"MetricDataQueries": [query("a", Period=45)]}, "ValidationError", "multiple of 60"),
        ({"MetricDataQueries": [query("a", Unit="Apples")]}, "ValidationError", "Unit"),
        ({"MetricDataQueries": [{"Id": "a"}]}, "ValidationError", "either MetricStat or Expression"),
        ({"MetricDataQueries": [query("a", AccountId="999999999999")]}, "ValidationError", "AccountId"),
        ({"MetricDataQueries": [query(f"a{n}") for n in range(501)]}, "ValidationError", "more than 500"),
        ({"StartTime": 100, "EndTime": 100}, "ValidationError", "must not equal"),
        ({"StartTime": 101, "EndTime": 100}, "ValidationError", "must be less than"),
        ({"MaxDatapoints": 0}, "ValidationError", "MaxDatapoints"),
        ({"ScanBy": "Random"}, "ValidationError", "ScanBy"),
    ],
)
def test_what_is_wrong_is_said(one: Account, wrong: dict[str, Any], code: str, words: str) -> None:
    given = {"MetricDataQueries": [query("a")], "StartTime": 1, "EndTime": 2, **wrong}
    found = one.error("GetMetricData", **given)
    assert found[0] == code
    assert words in found[1]


def test_errors_are_those_of_the_model(account: Account) -> None:
    errors = account.client.exceptions
    wrong = {"MetricDataQueries": [query("a")], "StartTime": 1, "EndTime": 2, "NextToken": "x"}
    with pytest.raises(errors.InvalidNextToken):
        account.call("GetMetricData", **wrong)
    with pytest.raises(errors.MissingRequiredParameterException):
        account.call("GetMetricData", **{**wrong, "MetricDataQueries": []})
    asked = {"Namespace": "AWS/SQS", "MetricName": VISIBLE, "StartTime": 1, "EndTime": 2, "Period": 61}
    with pytest.raises(errors.InvalidParameterValueException):
        account.call("GetMetricStatistics", **asked, Statistics=["Sum"])
    with pytest.raises(errors.InvalidParameterCombinationException):
        account.call("GetMetricStatistics", **{**asked, "Period": 60, "EndTime": 10**9}, Statistics=["Sum"])


def test_all_problems_of_queries_are_said_at_once(one: Account) -> None:
    queries = [query("Upper"), query("ok"), query("b", Stat="Median")]
    _, message = one.error("GetMetricData", MetricDataQueries=queries, StartTime=1, EndTime=2)
    assert [line.split(" for parameter ")[1].split(" is not")[0] for line in message.split("\n")] == [
        "MetricDataQueries.member.1.Id",
        "MetricDataQueries.member.3.MetricStat.Stat",
    ]


EVENTS = ["NumberOfMessagesSent", "NumberOfMessagesReceived", "NumberOfMessagesDeleted", "NumberOfEmptyReceives"]


def test_events_are_reported_when_their_minute_is_over(account: Account) -> None:
    url = account.queue()
    entries = [{"Id": str(number), "MessageBody": "x" * 10} for number in range(4)]
    account.sqs.call("SendMessageBatch", QueueUrl=url, Entries=entries)
    account.sqs.send(url, "x" * 60)
    [*received] = account.sqs.receive(url, MaxNumberOfMessages=10)
    for message in received[:2]:
        account.sqs.call("DeleteMessage", QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert account.sqs.receive(url) == []
    asked = [query(name.lower(), name, Stat="Sum", Period=300) for name in EVENTS]
    before = account.data(*asked, StartTime=account.now() - 60, EndTime=account.now() + 1)
    assert all(sum(one["Values"]) == 0 for one in before) or account.now() % 60 < 2
    account.advance(120)
    sizes = [
        query(f"size{stat.lower()}", "SentMessageSize", Stat=stat, Period=300)
        for stat in ("SampleCount", "Sum", "Average", "Minimum", "Maximum", "p50")
    ]
    found = account.data(*asked, *sizes, StartTime=account.now() - 240)
    values = [one["Values"] for one in found]
    assert values[:4] == [[5], [len(received)], [2], [1]]
    assert values[4:] == [[5], [100], [20], [10], [60], []], "a percentile needs single observations"
    assert all(len(account.values(name)) == len(account.values()) - 1 for name in EVENTS)
