"""When a delivery that failed is tried again: Zaqar's retry policy.

Four phases follow each other: retries at once, retries after the smallest delay, delays that grow from the smallest to
the largest one, retries after the largest delay. The growing ones are as many as there are steps of five seconds
between the two; the back-off function says how they are spread.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

#: Numbers of retries and seconds, with their defaults.
NUMBERS: Mapping[str, int] = {
    "retries_with_no_delay": 3,
    "minimum_delay_retries": 3,
    "minimum_delay": 5,
    "maximum_delay": 30,
    "maximum_delay_retries": 3,
}
#: Between two delays of the growing phase, if they grow evenly.
STEP_SECONDS = 5

_Shape = Callable[[int, int], float]


def _evenly(at: int, steps: int) -> float:
    return at / steps


def _by_growing_steps(at: int, steps: int) -> float:
    return at * (at + 1) / (steps * (steps + 1))


def _by_doubling(at: int, steps: int) -> float:
    return float((2.0 ** (at - steps) - 2.0**-steps) / (1 - 2.0**-steps))


#: How far from the smallest to the largest delay one is, 0 to 1, by its place and how many steps there are.
_SHAPES: Mapping[str, _Shape] = {"linear": _evenly, "arithmetic": _by_growing_steps, "exponential": _by_doubling}
#: The geometric one multiplies instead.
BACKOFFS = ("linear", "arithmetic", "geometric", "exponential")


def policy(of_queue: Any, of_subscription: Any) -> Mapping[str, Any]:
    """The policy that holds: the subscription's, unless the queue's says that it does not count. Both were checked."""
    queues: dict[str, Any] = of_queue if isinstance(of_queue, dict) else {}
    if isinstance(of_subscription, dict) and not queues.get("ignore_subscription_override"):
        return of_subscription
    return queues


def delay_seconds(policy: Mapping[str, Any], retry: int) -> float | None:
    """How long after a failure that retry comes, the first one being 1; None after the last one."""
    numbers = {name: default if policy.get(name) is None else policy[name] for name, default in NUMBERS.items()}
    shortest, longest = numbers["minimum_delay"], numbers["maximum_delay"]
    steps = (longest - shortest) // STEP_SECONDS
    place = retry - 1 - numbers["retries_with_no_delay"]
    if place < 0:
        return 0.0
    place -= numbers["minimum_delay_retries"]
    if place < 0:
        return float(shortest)
    if place < steps:
        return _growing(policy.get("retry_backoff_function") or "linear", shortest, longest, place, steps)
    if place - steps < numbers["maximum_delay_retries"]:
        return float(longest)
    return None


def _growing(backoff: str, shortest: int, longest: int, place: int, steps: int) -> float:
    shape = _SHAPES.get(backoff)
    if shape is None:
        least = max(shortest, 1)
        return float(least * (longest / least) ** (place / steps))
    return shortest + (longest - shortest) * shape(place, steps)
