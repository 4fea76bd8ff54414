"""Each fault briefly, in the middle of work by many clients. The long form is ``python -m tests.faults``."""

from __future__ import annotations

import random
from functools import partial
from typing import Any

import pytest

from tests.faults import rules, shim
from tests.faults.control import cut_power_of_careless_server
from tests.faults.table import ROWS, Row
from tests.faults.workload import attack

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name.replace(" ", "-"))
def test_every_guarantee_holds(row: Row[Any]) -> None:
    if reason := row.missing():
        pytest.skip(reason)
    rng = random.Random(row.name)
    with row.open_rig() as rig:
        history = attack(rig.urls, [partial(row.inject, rig, rng)] * row.times, seed=row.name)
    assert not rules.summary(history)
    assert history.deliveries


@pytest.mark.skipif(bool(shim.missing()), reason=shim.missing())
def test_a_power_cut_is_seen_where_the_log_is_synchronised_once_a_second() -> None:
    """Otherwise the rows above would prove nothing."""
    assert rules.lost(cut_power_of_careless_server())
