"""Zaqar's retry policy: when a failed delivery is tried again.

There are four phases: retries without delay, retries after the minimum delay, retries whose delay grows from the
minimum to the maximum, and retries after the maximum delay. The third phase has one retry for each step of five seconds
between the two delays; the back-off function decides how the delays grow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

#: Defaults: numbers of retries, and delays in seconds.
NUMBERS: Mapping[str, int] = {
    "retries_with_no_delay": 3,
    "minimum_delay_retries": 3,
    "minimum_delay": 5,
    "maximum_delay": 30,
    "maximum_delay_retries": 3,
}
#: Between two delays of the growing phase when they grow linearly.
STEP_SECONDS = 5

_Shape = Callable[[int, int], float]


def _evenly(index: int, steps: int) -> float:
    return index / steps


def _by_growing_steps(index: int, steps: int) -> float:
    return index * (index + 1) / (steps * (steps + 1))


def _by_doubling(index: int, steps: int) -> float:
    return float((2.0 ** (index - steps) - 2.0**-steps) / (1 - 2.0**-steps))


#: Position of a delay between the minimum (0) and the maximum (1), by its index and the number of steps.
_SHAPES: Mapping[str, _Shape] = {"linear": _evenly, "arithmetic": _by_growing_steps, "exponential": _by_doubling}
#: The geometric function multiplies, so it has no shape.
BACKOFFS = ("linear", "arithmetic", "geometric", "exponential")


def policy(of_queue: Any, of_subscription: Any) -> Mapping[str, Any]:
    """Return the policy in force: the subscription's, unless the queue's overrides it. Both have been validated."""
    queues: dict[str, Any] = of_queue if isinstance(of_queue, dict) else {}
    if isinstance(of_subscription, dict) and not queues.get("ignore_subscription_override"):
        return of_subscription
    return queues


def delay_seconds(policy: Mapping[str, Any], retry: int) -> float | None:
    """Return the delay before a retry, counted from 1; None when there are no more retries."""
    numbers = {name: default if policy.get(name) is None else policy[name] for name, default in NUMBERS.items()}
    shortest, longest = numbers["minimum_delay"], numbers["maximum_delay"]
    steps = (longest - shortest) // STEP_SECONDS
    index = retry - 1 - numbers["retries_with_no_delay"]
    if index < 0:
        return 0.0
    index -= numbers["minimum_delay_retries"]
    if index < 0:
        return float(shortest)
    if index < steps:
        return _growing(policy.get("retry_backoff_function") or "linear", shortest, longest, index, steps)
    if index - steps < numbers["maximum_delay_retries"]:
        return float(longest)
    return None


def _growing(backoff: str, shortest: int, longest: int, index: int, steps: int) -> float:
    shape = _SHAPES.get(backoff)
    if shape is None:
        least = max(shortest, 1)
        return float(least * (longest / least) ** (index / steps))
    return shortest + (longest - shortest) * shape(index, steps)
