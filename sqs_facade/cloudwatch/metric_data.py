"""GetMetricData: many metrics in one call."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqs_facade.cloudwatch import checks, insights, statistics, tokens
from sqs_facade.cloudwatch.calls import Asked, Call, asked
from sqs_facade.cloudwatch.errors import CloudWatchError, Kind, missing
from sqs_facade.cloudwatch.protocols import Stamp, Tree
from sqs_facade.cloudwatch.shapes import Dimension, GetMetricData, MetricDataQuery, MetricStat
from sqs_facade.cloudwatch.statistics import Statistic
from zaqar_core.core.samples import Samples
from zaqar_core.domain import limits
from zaqar_core.eventloop import sleep

#: Period of an expression that names none.
_DEFAULT_PERIOD = 300
#: Queries after which other requests have their turn: one of three hours takes one to two milliseconds.
_AT_ONCE = 4
_ID = re.compile(r"[a-z][a-zA-Z0-9_]{0,254}")
_ONLY_ONE = "Specify either MetricStat or Expression, and not both."
_UNSUPPORTED = (
    "This service evaluates no metric math and no SEARCH. It has queries of the form "
    'SELECT MAX("ApproximateNumberOfMessagesVisible") FROM "AWS/SQS" WHERE QueueName = \'name\'.'
)


@dataclass(frozen=True, slots=True)
class _Series:
    """One query that returns data. ``of`` is None for a metric that does not exist."""

    id: str
    label: str
    of: Asked | None
    statistic: Statistic
    period: int


class _Problems(Exception):
    """What is wrong with a query."""


def get_metric_data(call: Call, parameters: GetMetricData) -> Tree:
    """Return data points of the queries. One round trip for 20 queues."""
    queries = parameters.metric_data_queries
    if not queries:
        raise missing("MetricDataQueries")
    if len(queries) > limits.METRIC_QUERIES:
        raise _invalid(f"The collection MetricDataQueries must not have more than {limits.METRIC_QUERIES} members.")
    start, end = checks.times(parameters.start_time, parameters.end_time, Kind.VALIDATION)
    if parameters.scan_by not in (None, "TimestampDescending", "TimestampAscending"):
        raise _invalid(f"The value {parameters.scan_by[:64]} for parameter ScanBy is not valid.")
    page = limits.METRIC_PAGE_POINTS if parameters.max_datapoints is None else parameters.max_datapoints
    if not 1 <= page <= limits.METRIC_PAGE_POINTS:
        raise _invalid(
            f"The value {page} for parameter MaxDatapoints must be between 1 and {limits.METRIC_PAGE_POINTS}."
        )
    series = _series(call, queries)
    begin = int(tokens.read(parameters.next_token, parameters)[1]) if parameters.next_token else 0
    samples = call.samples([one.of.queue for one in series if one.of is not None])
    results: list[Tree] = []
    passed = 0
    for number, one in enumerate(series, 1):
        if number % _AT_ONCE == 0:
            sleep(0)
        found = _points(one, samples, start, end)
        if parameters.scan_by != "TimestampAscending":
            found.reverse()
        # Points are numbered across all queries: those of this page are from `begin` up to `begin + page`.
        low, high = max(begin - passed, 0), max(begin + page - passed, 0)
        passed += len(found)
        if low and low >= len(found):
            continue  # on an earlier page
        results.append(_result(one, found[low:high], is_complete=len(found) <= high))
    answer: Tree = {"MetricDataResults": results, "Messages": []}
    if passed > begin + page:
        answer["NextToken"] = tokens.write(parameters, "", begin + page)
    return answer


def _points(series: _Series, samples: Mapping[str, Samples], start: float, end: float) -> list[tuple[int, float]]:
    """Return the data points of a query: time in seconds and value, oldest first."""
    if series.of is None or series.of.queue not in samples:
        return []
    found = statistics.points(samples[series.of.queue], series.of.metric, series.period, start, end)
    values = ((stamp, series.statistic(sets)) for stamp, sets in found)
    return [(stamp, value) for stamp, value in values if value is not None]


def _result(series: _Series, found: list[tuple[int, float]], *, is_complete: bool) -> Tree:
    return {
        "Id": series.id,
        "Label": series.label,
        "Timestamps": [Stamp(stamp) for stamp, _ in found],
        "Values": [float(value) for _, value in found],
        "StatusCode": "Complete" if is_complete else "PartialData",
    }


def _series(call: Call, queries: list[MetricDataQuery]) -> list[_Series]:
    """Check all queries; return those that return data. Raises CloudWatchError with all problems."""
    found: list[_Series] = []
    problems: list[str] = []
    seen: set[str] = set()
    for number, query in enumerate(queries, 1):
        name = f"MetricDataQueries.member.{number}"
        try:
            if query.id is None:
                raise _Problems(f"The parameter {name}.Id is required.")
            if not _ID.fullmatch(query.id):
                pattern = "^[a-z][a-zA-Z0-9_]*$"
                value = query.id[:64]
                raise _Problems(
                    f"The value {value} for parameter {name}.Id is not matching the expected pattern {pattern}."
                )
            if query.id in seen:
                raise _Problems(f"The values for parameter Id in MetricDataQueries are not unique: {query.id}.")
            seen.add(query.id)
            if query.account_id not in (None, call.caller.account):
                raise _Problems(f"The parameter {name}.AccountId must be the account of the caller.")
            one = _read(query, name)
        except _Problems as problem:
            problems.append(str(problem))
            continue
        if query.return_data is not False:
            found.append(one)
    if problems:
        raise _invalid("\n".join(problems))
    return found


def _read(query: MetricDataQuery, name: str) -> _Series:
    """Check one query. Raises _Problems."""
    id_ = query.id or ""
    if (query.metric_stat is None) == (query.expression is None):
        raise _Problems(f"{_ONLY_ONE} ({name})")
    if query.expression is not None:
        selected = insights.read(query.expression)
        if selected is None:
            raise _Problems(f"Error in expression '{id_}': {_UNSUPPORTED}")
        dimensions = [Dimension(name="QueueName", value=selected.queue)]
        of = asked(selected.namespace, selected.metric, dimensions, None)
        period = _DEFAULT_PERIOD if query.period is None else query.period
        _require(checks.period(period, f"{name}.Period"))
        label = query.label or selected.metric
        return _Series(id_, label, of, statistics.STATISTICS[selected.statistic], period)
    return _of_stat(query, query.metric_stat, name)


def _of_stat(query: MetricDataQuery, stat: MetricStat | None, name: str) -> _Series:
    assert stat is not None
    name = f"{name}.MetricStat"
    given: dict[str, Any] = {
        "Metric": stat.metric,
        "Period": stat.period,
        "Stat": stat.stat,
        "Metric.Namespace": stat.metric and stat.metric.namespace,
        "Metric.MetricName": stat.metric and stat.metric.metric_name,
    }
    for parameter, value in given.items():
        if not value:
            raise _Problems(f"The parameter {name}.{parameter} is required.")
    assert stat.metric
    assert stat.metric.metric_name
    assert stat.stat
    assert stat.period
    _require(checks.period(stat.period, f"{name}.Period"))
    _require(checks.unit(stat.unit, f"{name}.Unit"))
    statistic = statistics.STATISTICS.get(stat.stat) or statistics.percentile(stat.stat)
    if statistic is None:
        raise _Problems(f"The value {stat.stat[:64]} for parameter {name}.Stat is not a valid statistic.")
    metric = stat.metric
    of = asked(metric.namespace, metric.metric_name, metric.dimensions, stat.unit)
    return _Series(query.id or "", query.label or stat.metric.metric_name, of, statistic, stat.period)


def _require(problem: str | None) -> None:
    if problem is not None:
        raise _Problems(problem)


def _invalid(message: str) -> CloudWatchError:
    return CloudWatchError(Kind.VALIDATION, message)
