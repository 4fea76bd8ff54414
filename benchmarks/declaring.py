"""Measure how long declared queues take: to read, to create, and to find as declared.

    python -m benchmarks.declaring [--queues 1000]

Half of the queues have the other half as dead-letter queues. The store is an embedded Valkey, in memory and with an
fsync before each acknowledgement, in a temporary directory.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import tomllib
from pathlib import Path

from sqs_facade.declarations import applying
from sqs_facade.declarations.findings import Findings
from sqs_facade.declarations.model import Declarations
from sqs_facade.declarations.tables import Reading
from zaqar_core.configuration.setting_types import Durability
from zaqar_core.configuration.settings import Settings
from zaqar_core.core.process import Core
from zaqar_core.embedded.attachment import attach

_PAIR = """
[queue.orders-{number}]
VisibilityTimeout = 60
dead_letter_queue = "dead-{number}"
max_receive_count = 5
tags = {{ team = "shop" }}
[queue.dead-{number}]
"""


def main() -> None:
    """Print the seconds of each step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--queues", type=int, default=1000)
    number = parser.parse_args().queues
    text = "".join(_PAIR.format(number=at) for at in range(number // 2))
    began = time.perf_counter()
    declarations = Reading(tomllib.loads(text), Settings(), Findings(), None).declarations()
    print(f"{len(declarations.queues)} queues: read in {time.perf_counter() - began:.2f} s")
    _measure(declarations, "memory")
    _measure(declarations, "fsync")


def _measure(declarations: Declarations, durability: Durability) -> None:
    with tempfile.TemporaryDirectory(prefix="sf") as folder:
        store = attach(Path(folder), durability=durability, ephemeral=False)
        core = Core(Settings(redis=store.url, durability=durability), store.url)
        try:
            for step in ("created", "found"):
                began = time.perf_counter()
                outcome = applying.apply(core.session, declarations)
                assert not outcome.problems
                print(f"{durability:8} {step} in {time.perf_counter() - began:.2f} s")
        finally:
            core.close()
            store.release()


if __name__ == "__main__":
    main()
