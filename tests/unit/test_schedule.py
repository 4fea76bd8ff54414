"""When deliveries are tried again."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies

from zaqar_core.notifications.schedule import BACKOFFS, delay_seconds, policy


def delays(**chosen: Any) -> list[float]:
    found: list[float] = []
    while (delay := delay_seconds(chosen, len(found) + 1)) is not None:
        found.append(delay)
    return found


def test_the_default_policy_has_four_phases() -> None:
    assert delays() == [0, 0, 0, 5, 5, 5, 5, 10, 15, 20, 25, 30, 30, 30]


@pytest.mark.parametrize(
    ("backoff", "growing"),
    [
        ("linear", [10, 15, 20, 25]),
        ("arithmetic", [10, 12, 16, 22]),
        ("geometric", [10, 13.16, 17.32, 22.80]),
        ("exponential", [10, 11.33, 14, 19.33]),
    ],
)
def test_each_back_off_function_has_its_delays(backoff: str, growing: list[float]) -> None:
    """From the smallest delay to the largest, the later the faster but for the linear one."""
    found = delays(
        retries_with_no_delay=0,
        minimum_delay_retries=0,
        minimum_delay=10,
        maximum_delay=30,
        maximum_delay_retries=1,
        retry_backoff_function=backoff,
    )
    assert [round(delay, 2) for delay in found] == [*growing, 30]


@given(
    strategies.sampled_from(BACKOFFS),
    strategies.integers(0, 2**31 - 11),
    strategies.integers(10, 2**31 - 1),
    strategies.integers(1, 2**31 - 1),
)
def test_delays_are_within_the_bounds_of_any_policy(backoff: str, shortest: int, spread: int, retry: int) -> None:
    """However large its numbers are, delays lie between the smallest and the largest."""
    longest = min(shortest + spread, 2**31 - 1)
    chosen = {"minimum_delay": shortest, "maximum_delay": longest, "retry_backoff_function": backoff}
    delay = delay_seconds(chosen, retry)
    assert delay is None or delay == 0 or min(shortest, 1) <= delay <= longest + 1e-3


def test_null_means_the_default() -> None:
    assert delays(minimum_delay=None, retry_backoff_function=None) == delays()


def test_the_policy_of_the_subscription_counts_unless_the_queue_overrides_it() -> None:
    mine, queues = {"minimum_delay": 1}, {"minimum_delay": 2}
    assert policy(queues, mine) == mine
    assert policy(queues, None) == queues
    assert policy(None, None) == {}
    assert policy({**queues, "ignore_subscription_override": True}, mine)["minimum_delay"] == 2
