"""The metrics of the namespace AWS/SQS: names, units, and how a minute of a queue's samples is one of their values.

Source: the SQS developer guide, "Available CloudWatch metrics for Amazon SQS".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from zaqar_core.core.samples import Depths, Events, Minute

NAMESPACE = "AWS/SQS"
DIMENSION = "QueueName"


class StatisticSet(NamedTuple):
    """The observations of a metric in a minute, as far as CloudWatch keeps them."""

    number: int
    total: float
    least: float
    most: float


Read = Callable[[Minute], StatisticSet | None]


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. ``read`` returns None where a minute has no observation."""

    name: str
    unit: str
    read: Read


def _one(value: float) -> StatisticSet:
    return StatisticSet(1, value, value, value)


def _depth(of: Callable[[Depths], int]) -> Read:
    def read(minute: Minute) -> StatisticSet | None:
        return None if minute.depths is None else _one(of(minute.depths))

    return read


def _age(minute: Minute) -> StatisticSet | None:
    return None if minute.depths is None else _one(minute.depths.oldest_age_seconds(minute.at_ms))


def _number(of: Callable[[Events], int]) -> Read:
    """Events of the present minute are not reported: their number is still growing."""

    def read(minute: Minute) -> StatisticSet | None:
        return _one(of(minute.events)) if minute.is_complete else None

    return read


def _size(minute: Minute) -> StatisticSet | None:
    events = minute.events
    if not (minute.is_complete and events.sent):
        return None
    return StatisticSet(events.sent, events.sent_bytes, events.smallest_bytes, events.largest_bytes)


#: By name.
METRICS: Mapping[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("ApproximateAgeOfOldestMessage", "Seconds", _age),
        Metric("ApproximateNumberOfMessagesDelayed", "Count", _depth(lambda depths: depths.delayed)),
        Metric("ApproximateNumberOfMessagesNotVisible", "Count", _depth(lambda depths: depths.in_flight)),
        Metric("ApproximateNumberOfMessagesVisible", "Count", _depth(lambda depths: depths.visible)),
        Metric("NumberOfEmptyReceives", "Count", _number(lambda events: events.empty_receives)),
        Metric("NumberOfMessagesDeleted", "Count", _number(lambda events: events.deleted)),
        Metric("NumberOfMessagesReceived", "Count", _number(lambda events: events.received)),
        Metric("NumberOfMessagesSent", "Count", _number(lambda events: events.sent)),
        Metric("SentMessageSize", "Bytes", _size),
    )
}
