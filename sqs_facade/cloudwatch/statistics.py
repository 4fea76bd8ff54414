"""Statistics: from the minutes of a queue to the data points of a metric."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from sqs_facade.cloudwatch.metrics import Metric, StatisticSet
from zaqar_core.core.samples import Samples

#: Periods of less than a minute. Their data points are those of whole minutes.
SHORT_PERIODS = (1, 5, 10, 20, 30)
_PERCENTILE = re.compile(r"p(100(?:\.0+)?|[0-9]{1,2}(?:\.[0-9]+)?)")

Statistic = Callable[[Sequence[StatisticSet]], float | None]


def _average(sets: Sequence[StatisticSet]) -> float:
    return sum(one.total for one in sets) / sum(one.number for one in sets)


#: By name. Each takes at least one observation.
STATISTICS: Mapping[str, Statistic] = {
    "SampleCount": lambda sets: sum(one.number for one in sets),
    "Average": _average,
    "Sum": lambda sets: sum(one.total for one in sets),
    "Minimum": lambda sets: min(one.least for one in sets),
    "Maximum": lambda sets: max(one.most for one in sets),
}


def percentile(text: str) -> Statistic | None:
    """Return the statistic of a text like ``p99.9``; None for another text.

    It has no value where observations are only known together, unless they are equal, as in CloudWatch.
    """
    found = _PERCENTILE.fullmatch(text)
    if found is None:
        return None
    share = float(found[1]) / 100

    def of(sets: Sequence[StatisticSet]) -> float | None:
        if any(one.number > 1 and one.least != one.most for one in sets):
            return None
        values = sorted((one.least, one.number) for one in sets)
        rank = max(math.ceil(share * sum(count for _, count in values)), 1)
        for value, count in values:
            rank -= count
            if rank <= 0:
                return value
        return values[-1][0]

    return of


def is_period(seconds: int) -> bool:
    """Return whether CloudWatch has the period."""
    return seconds in SHORT_PERIODS or (seconds >= 60 and seconds % 60 == 0)


def points(
    samples: Samples, metric: Metric, period: int, start: float, end: float
) -> Iterator[tuple[int, list[StatisticSet]]]:
    """Yield the periods that have observations: the time of each in seconds, oldest first, and the observations.

    Periods begin at ``start``, which is rounded down to a minute, or to a short period. ``end`` is exclusive.
    """
    rounding = min(period, 60)
    first = math.floor(start / rounding) * rounding
    stamp, found = 0, list[StatisticSet]()
    for minute in samples.minutes(math.ceil(first / 60), math.ceil(end / 60)):
        at = first + (minute.number * 60 - first) // period * period
        one = metric.read(minute)
        if one is None:
            continue
        if found and at != stamp:
            yield stamp, found
            found = []
        stamp = at
        found.append(one)
    if found:
        yield stamp, found
