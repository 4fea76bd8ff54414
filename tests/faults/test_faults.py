"""Each fault briefly, in the middle of work by many clients. The long form is ``python -m tests.faults``."""

from __future__ import annotations

import random
from functools import partial
from typing import Any

import pytest

from tests.faults import rigs, rules, shim
from tests.faults.table import ROWS, Row, kill_server
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
    """Otherwise the rows above would prove nothing. The queues themselves are on disk before."""
    rng = random.Random(1)
    with rigs.on_careless_server() as rig:
        wait_no_longer = partial(rig.server.command, "CONFIG", "SET", "appendfsync", "everysec")
        faults = [wait_no_longer, partial(kill_server, rig, rng)] * 3  # it starts again with `always`
        history = attack(rig.urls, faults, seed="everysec", expects_loss=True)
    assert rules.lost(history)
