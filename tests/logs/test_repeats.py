"""A cause has a line a minute at most, and the line after that has the number of those that were left out."""

from __future__ import annotations

import gc
import logging
import weakref
from typing import Any

import pytest

from tests.logs.test_lines import raised, record
from zaqar_core.logs.cause import EACH, cause
from zaqar_core.logs.repeats import Repeats


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def repeats(clock: Clock) -> Repeats:
    return Repeats(clock)


def counts(repeats: Repeats, **options: Any) -> list[int]:
    return [one.__dict__["repeated"] for one in repeats.due(**options)[0]]


def test_the_same_text_is_written_once_a_minute(repeats: Repeats, clock: Clock) -> None:
    assert [repeats.admits(record("x %s", "a")) for _ in range(3)] == [True, False, False]
    assert repeats.admits(record("x %s", "b"))
    clock.now += 59
    assert counts(repeats) == []
    clock.now += 1
    assert counts(repeats) == [2]
    assert [repeats.admits(record("x %s", text)) for text in "ab"] == [False, True]


def test_a_cause_that_has_ended_is_forgotten(repeats: Repeats, clock: Clock) -> None:
    assert repeats.admits(record())
    assert repeats.due() == ([], 60.0)
    clock.now += 60
    assert repeats.due() == ([], None)
    assert repeats.admits(record())


def test_a_cause_is_named_where_texts_differ(repeats: Repeats) -> None:
    first, second = (record("queue %s", name, **cause("tidy", "the store")) for name in "ab")
    assert [repeats.admits(first), repeats.admits(second)] == [True, False]


def test_exceptions_of_one_place_are_one_cause(repeats: Repeats) -> None:
    found = [record("request %s failed", number, exc_info=raised("x")) for number in range(2)]
    assert [repeats.admits(one) for one in found] == [True, False]
    try:
        raise KeyError
    except KeyError as problem:
        other = (KeyError, problem, problem.__traceback__)
    assert repeats.admits(record("request %s failed", 3, exc_info=other))


def test_a_cause_may_be_quiet_for_longer(repeats: Repeats, clock: Clock) -> None:
    for _ in range(2):
        repeats.admits(record(**cause("host", quiet_seconds=3600)))
    clock.now += 3599
    assert counts(repeats) == []
    clock.now += 1
    assert counts(repeats) == [1]


def test_responses_to_an_operator_are_written_each_time(repeats: Repeats) -> None:
    assert all(repeats.admits(record("SIGHUP: read the file", **EACH)) for _ in range(3))
    assert counts(repeats, everything=True) == []


def test_what_was_counted_is_written_at_the_end(repeats: Repeats) -> None:
    for _ in range(3):
        repeats.admits(record())
    [one], _ = repeats.due(everything=True)
    assert one.__dict__["repeated"] == 2
    assert one.created > record().created  # its line has the time at which it is written


def test_texts_of_clients_do_not_fill_memory(repeats: Repeats) -> None:
    admitted = [repeats.admits(record("host %s", number)) for number in range(5_000)]
    assert sum(admitted) == 1_001


def test_records_of_a_library_are_one_cause_for_each_call(repeats: Repeats) -> None:
    found = [record("failed, retrying in %s", seconds) for seconds in (1.1, 2.2)]
    for one in found:
        one.name = "opentelemetry.exporter"
    assert [repeats.admits(one) for one in found] == [True, False]


def test_a_record_that_is_counted_keeps_no_request_in_memory(repeats: Repeats, clock: Clock) -> None:
    class Body:
        def __str__(self) -> str:
            return "a body"

    body = Body()
    gone = weakref.ref(body)
    assert repeats.admits(record("cannot read %s", body, exc_info=raised("x")))
    assert not repeats.admits(record("cannot read %s", body, exc_info=raised("x")))
    del body
    gc.collect()
    assert gone() is None
    [one] = repeats.due(everything=True)[0]
    assert one.getMessage() == "cannot read a body"
    assert (one.exc_text or "").startswith("Traceback")


def test_lines_for_debugging_repeat(repeats: Repeats) -> None:
    assert all(repeats.admits(record(level=logging.DEBUG)) for _ in range(3))
