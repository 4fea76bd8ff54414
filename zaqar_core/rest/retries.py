"""The retry policy for notifications, of a queue or a subscription."""

from __future__ import annotations

from typing import Any

from zaqar_core.domain import limits
from zaqar_core.notifications.schedule import BACKOFFS, NUMBERS
from zaqar_core.rest.errors import Fact, RestError
from zaqar_core.rest.parameters import bounded

_MOST = (1 << 31) - 1


def check(policy: Any) -> None:
    """Check a retry policy. Null counts as unset; unknown members are kept. Raises RestError."""
    if type(policy) is not dict:
        raise RestError(Fact.BODY_INVALID, '"_retry_policy" must be an object.')
    given = {name: value for name, value in policy.items() if value is not None}
    numbers = {name: bounded(name, given.get(name, default), least=0, most=_MOST) for name, default in NUMBERS.items()}
    if given.get("retry_backoff_function", BACKOFFS[0]) not in BACKOFFS:
        raise RestError(Fact.RULE_BROKEN, f'"retry_backoff_function" must be one of {", ".join(BACKOFFS)}.')
    if type(given.get("ignore_subscription_override", False)) is not bool:
        raise RestError(Fact.BODY_INVALID, '"ignore_subscription_override" must be true or false.')
    if numbers["maximum_delay"] - numbers["minimum_delay"] < limits.LEAST_RETRY_SPREAD_SECONDS:
        raise RestError(
            Fact.RULE_BROKEN,
            f'"maximum_delay" must be at least {limits.LEAST_RETRY_SPREAD_SECONDS} above "minimum_delay".',
        )
