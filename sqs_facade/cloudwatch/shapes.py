"""Inputs of the operations, as botocore's model of the service has them. Absent members are None."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from sqs_facade.cloudwatch import protocols
from sqs_facade.codecs.unreadable import Unreadable, reason


class Moment(float):
    """A time in seconds since 1970."""


class Shape(msgspec.Struct, rename="pascal", kw_only=True):
    """Base of inputs: snake_case here, PascalCase on the wire."""


class Dimension(Shape):
    """A dimension, or a filter of dimensions."""

    name: str | None = None
    value: str | None = None


class MetricName(Shape):
    """The identity of a metric."""

    namespace: str | None = None
    metric_name: str | None = None
    dimensions: list[Dimension] | None = None


class MetricStat(Shape):
    """A statistic of a metric."""

    metric: MetricName | None = None
    period: int | None = None
    stat: str | None = None
    unit: str | None = None


class MetricDataQuery(Shape):
    """One query of GetMetricData."""

    id: str | None = None
    metric_stat: MetricStat | None = None
    expression: str | None = None
    label: str | None = None
    return_data: bool | None = None
    period: int | None = None
    account_id: str | None = None


class GetMetricData(Shape):
    """Input of GetMetricData."""

    metric_data_queries: list[MetricDataQuery] | None = None
    start_time: Moment | None = None
    end_time: Moment | None = None
    next_token: str | None = None
    scan_by: str | None = None
    max_datapoints: int | None = None


class GetMetricStatistics(Shape):
    """Input of GetMetricStatistics."""

    namespace: str | None = None
    metric_name: str | None = None
    dimensions: list[Dimension] | None = None
    start_time: Moment | None = None
    end_time: Moment | None = None
    period: int | None = None
    statistics: list[str] | None = None
    extended_statistics: list[str] | None = None
    unit: str | None = None


class ListMetrics(Shape):
    """Input of ListMetrics."""

    namespace: str | None = None
    metric_name: str | None = None
    dimensions: list[Dimension] | None = None
    next_token: str | None = None
    recently_active: str | None = None
    include_linked_accounts: bool | None = None
    owning_account: str | None = None


def reader(shape: type[Shape]) -> Callable[[protocols.Tree, bool], Any]:
    """Return a function that reads a tree as an input. Its second argument: whether all values are texts.

    The function raises Unreadable.
    """

    def read(tree: protocols.Tree, is_textual: bool) -> Any:
        try:
            return msgspec.convert(tree, shape, strict=not is_textual, dec_hook=_moment)
        except msgspec.ValidationError as problem:
            raise Unreadable(reason(problem)) from None
        except RecursionError:
            raise Unreadable("it is nested too deeply") from None

    return read


def _moment(kind: type[Any], value: Any) -> Any:
    if kind is not Moment:
        raise NotImplementedError
    return Moment(protocols.seconds(value))
