"""The limit on requests per second."""

from __future__ import annotations

from sqs_facade.throttle import Throttle


def test_an_account_may_make_as_many_requests_as_the_seconds_allow() -> None:
    now = [100.0]
    throttle = Throttle(3, clock=lambda: now[0])
    assert [throttle.admits("a") for _ in range(5)] == [True] * 3 + [False] * 2
    now[0] += 0.4
    assert [throttle.admits("a") for _ in range(2)] == [True, False]
    now[0] += 1000
    assert [throttle.admits("a") for _ in range(4)] == [True] * 3 + [False]


def test_each_account_has_its_own_limit() -> None:
    throttle = Throttle(1, clock=lambda: 0.0)
    assert [throttle.admits(account) for account in ("a", "b", "a")] == [True, True, False]


def test_the_number_of_remembered_accounts_is_bounded() -> None:
    throttle = Throttle(1, clock=lambda: 0.0)
    for account in range(25_000):
        assert throttle.admits(str(account))
    assert len(throttle._left) <= 10_000
