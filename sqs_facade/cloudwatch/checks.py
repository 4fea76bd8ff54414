"""Checks of parameters that several operations have."""

from __future__ import annotations

from sqs_facade.cloudwatch import statistics
from sqs_facade.cloudwatch.errors import CloudWatchError, Kind, missing

#: Units of CloudWatch.
_SIZES = ("Bytes", "Kilobytes", "Megabytes", "Gigabytes", "Terabytes", "Bits", "Kilobits", "Megabits", "Gigabits",
          "Terabits")  # fmt: skip
UNITS = frozenset(
    (
        "Seconds", "Microseconds", "Milliseconds", "Percent", "Count", "Count/Second", "None", *_SIZES,
        *(f"{size}/Second" for size in _SIZES),
    )
)  # fmt: skip


def times(start: float | None, end: float | None, kind: Kind) -> tuple[float, float]:
    """Return start and end. Raises CloudWatchError of ``kind`` unless the start is before the end."""
    if start is None:
        raise missing("StartTime")
    if end is None:
        raise missing("EndTime")
    if start == end:
        raise CloudWatchError(kind, "The parameter StartTime must not equal parameter EndTime.")
    if start > end:
        raise CloudWatchError(kind, "The parameter StartTime must be less than the parameter EndTime.")
    return start, end


def period(seconds: int, parameter: str) -> str | None:
    """Return what is wrong with a period."""
    if statistics.is_period(seconds):
        return None
    return f"The value {seconds} for parameter {parameter} must be 1, 5, 10, 20, 30 or a multiple of 60."


def unit(text: str | None, parameter: str) -> str | None:
    """Return what is wrong with a unit, if there is one."""
    if text is None or text in UNITS:
        return None
    return f"The value {text[:64]} for parameter {parameter} is not a valid unit."
