"""GetMetricStatistics: statistics of one metric."""

from __future__ import annotations

from sqs_facade.cloudwatch import checks, statistics
from sqs_facade.cloudwatch.calls import Call, asked
from sqs_facade.cloudwatch.errors import CloudWatchError, Kind, missing
from sqs_facade.cloudwatch.metrics import StatisticSet
from sqs_facade.cloudwatch.protocols import Stamp, Tree
from sqs_facade.cloudwatch.shapes import GetMetricStatistics
from sqs_facade.cloudwatch.statistics import STATISTICS, Statistic
from zaqar_core.domain import limits


def get_metric_statistics(call: Call, parameters: GetMetricStatistics) -> Tree:
    """Return data points of the metric, oldest first. One round trip."""
    period = _checked(parameters)
    start, end = checks.times(parameters.start_time, parameters.end_time, Kind.INVALID_VALUE)
    number = int((end - start) / period)
    if number > limits.METRIC_POINTS:
        raise CloudWatchError(
            Kind.INVALID_COMBINATION,
            f"You have requested up to {number:,} datapoints, which exceeds the limit of {limits.METRIC_POINTS:,}. "
            "You may reduce the datapoints requested by increasing Period, or decreasing the time range.",
        )
    extended = {text: _percentile(text) for text in parameters.extended_statistics or ()}
    answer: Tree = {"Label": parameters.metric_name, "Datapoints": []}
    of = asked(parameters.namespace, parameters.metric_name, parameters.dimensions, parameters.unit)
    if of is None:
        return answer
    samples = call.samples([of.queue])
    if of.queue not in samples:
        return answer
    for stamp, sets in statistics.points(samples[of.queue], of.metric, period, start, end):
        point: Tree = {"Timestamp": Stamp(stamp)}
        for name in STATISTICS:
            if name in (parameters.statistics or ()):
                point[name] = float(STATISTICS[name](sets) or 0)
        point["Unit"] = of.metric.unit
        if extended:
            values = _values(extended, sets)
            if not values and not parameters.statistics:
                continue
            point["ExtendedStatistics"] = values
        answer["Datapoints"].append(point)
    return answer


def _values(extended: dict[str, Statistic], sets: list[StatisticSet]) -> dict[str, float]:
    found = {text: statistic(sets) for text, statistic in extended.items()}
    return {text: float(value) for text, value in found.items() if value is not None}


def _checked(parameters: GetMetricStatistics) -> int:
    """Check the parameters but the times; return the period."""
    for name, value in (
        ("Namespace", parameters.namespace),
        ("MetricName", parameters.metric_name),
        ("Period", parameters.period),
    ):
        if not value:
            raise missing(name)
    assert parameters.period
    for problem in (checks.period(parameters.period, "Period"), checks.unit(parameters.unit, "Unit")):
        if problem is not None:
            raise CloudWatchError(Kind.INVALID_VALUE, problem)
    plain, extended = parameters.statistics or (), parameters.extended_statistics or ()
    if not plain and not extended:
        raise missing("Statistics or ExtendedStatistics")
    for name, given, most in (
        ("Statistics", plain, limits.METRIC_STATISTICS),
        ("ExtendedStatistics", extended, limits.METRIC_PERCENTILES),
    ):
        if len(given) > most:
            raise CloudWatchError(Kind.INVALID_VALUE, f"The collection {name} must not have more than {most} members.")
    for text in plain:
        if text not in STATISTICS:
            raise _no_statistic(text, "Statistics")
    return parameters.period


def _percentile(text: str) -> Statistic:
    found = statistics.percentile(text)
    if found is None:
        raise _no_statistic(text, "ExtendedStatistics")
    return found


def _no_statistic(text: str, parameter: str) -> CloudWatchError:
    return CloudWatchError(
        Kind.INVALID_VALUE, f"The value {text[:64]} for parameter {parameter} is not a valid statistic."
    )
