"""The control: a power cut that loses messages, so that the rules must find a loss."""

from __future__ import annotations

import random
from functools import partial

from tests.faults import rigs
from tests.faults.history import History
from tests.faults.table import kill_server
from tests.faults.workload import attack

NAME = "power cut at everysec"


def cut_power_of_careless_server() -> History:
    """Cut the power where the log is synchronised once a second. The queues themselves are on disk before."""
    rng = random.Random(1)
    with rigs.on_careless_server() as rig:
        wait_no_longer = partial(rig.server.command, "CONFIG", "SET", "appendfsync", "everysec")
        faults = [wait_no_longer, partial(kill_server, rig, rng)] * 3  # it starts again with `always`
        return attack(rig.urls, faults, seed="everysec", expects_loss=True)
