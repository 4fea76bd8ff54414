"""One line when a server of the store is gone, and one when it is back, with how long it was gone."""

from __future__ import annotations

import logging

import pytest

from tests.logs.test_repeats import Clock
from zaqar_core.store.conditions import GONE_REMEDY
from zaqar_core.store.inspection import Terms
from zaqar_core.store.outages import Outages

MEANWHILE = f"; requests that need it fail until it is back; to mend it: {GONE_REMEDY}"

Logged = pytest.LogCaptureFixture


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def outages(clock: Clock) -> Outages:
    terms = Terms("fsync")
    terms.is_in_service = True
    return Outages("the store", terms, clock)


def said(caplog: Logged) -> list[str]:
    found = [one.getMessage() for one in caplog.records]
    caplog.clear()
    return found


def test_an_outage_has_two_lines(outages: Outages, clock: Clock, caplog: Logged) -> None:
    outages.end()
    for _ in range(3):
        outages.begin("connection lost: x")
    clock.now += 90
    outages.begin("refused")
    assert said(caplog) == [
        f"the store is gone: connection lost: x{MEANWHILE}",
    ]  # fmt: skip
    clock.now += 1.5
    outages.end()
    outages.end()
    assert said(caplog) == ["the store is back after 91.5 s"]


def test_outages_that_follow_each_other_are_counted(outages: Outages, clock: Clock, caplog: Logged) -> None:
    for _ in range(4):
        outages.begin("lost")
        clock.now += 1
        outages.end()
    assert len(said(caplog)) == 2
    clock.now += 60
    outages.begin("lost")
    assert said(caplog)[0].endswith(" (3 more outages in the minute before)")


def test_an_outage_after_another_is_logged_when_it_lasts(outages: Outages, clock: Clock, caplog: Logged) -> None:
    outages.begin("lost")
    outages.end()
    clock.now += 1
    outages.begin("lost")
    assert len(said(caplog)) == 2
    clock.now += 59
    outages.begin("refused")
    assert said(caplog) == [f"the store is gone: refused{MEANWHILE}"]
    outages.end()
    assert said(caplog) == ["the store is back after 59.0 s"]


def test_connections_that_are_closed_on_purpose_are_no_outage(outages: Outages, caplog: Logged) -> None:
    outages.close()
    outages.begin("closed")
    before = Outages("the store", Terms("fsync"))
    before.begin("the check at the start fails otherwise")
    assert said(caplog) == []
    assert logging.getLogger("sqs_facade.store").isEnabledFor(logging.WARNING)
