"""Fuzz the service: ``python -m tests.fuzz --requests 1000000``.

Half of the requests run in process, half over HTTP. A run prints its seed; ``--seed`` repeats it, ``--over`` runs one
half alone.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import time

from tests.fuzz import targets
from tests.fuzz.running import Verdict, run
from tests.fuzz.targets import Target


def main() -> None:
    """Run both halves, print what was seen, and fail if there was a defect."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=None, help="the seed of an earlier run")
    parser.add_argument("--over", choices=("both", "process", "http"), default="both")
    parser.add_argument("--connections", type=int, default=4)
    given = parser.parse_args()
    seed = random.SystemRandom().randrange(1 << 32) if given.seed is None else given.seed
    print(f"seed {seed}", flush=True)
    if given.over == "both":
        sys.exit(_run_halves(given.requests, seed, given.connections))
    if given.over == "process":
        with targets.in_process() as target:
            verdict = _run("in process", [target], given.requests, seed)
    else:
        with targets.over_http() as first:
            others = [first.another() for _ in range(given.connections - 1)]
            verdict = _run("over HTTP", [first, *others], given.requests, seed)
            for one in others:
                one.close()
    verdict.check()


def _run_halves(requests: int, seed: int, connections: int) -> int:
    """Run both halves at the same time, each in a process of its own; return the exit code."""
    command = [sys.executable, "-m", "tests.fuzz", "--seed", str(seed), "--connections", str(connections)]
    first = requests // 2
    halves = [
        subprocess.Popen([*command, "--over", over, "--requests", str(count)])
        for over, count in (("process", first), ("http", requests - first))
    ]
    return max(abs(one.wait()) for one in halves)


def _run(where: str, found: list[Target], requests: int, seed: int) -> Verdict:
    began = time.monotonic()
    verdict = run(found, requests, seed, report=lambda line: print(f"{where}: {line}", file=sys.stderr, flush=True))
    statuses = ", ".join(f"{status}: {count:,}" for status, count in sorted(verdict.statuses.items()))
    print(
        f"{where}: {verdict.requests:,} requests in {time.monotonic() - began:.0f} s, {len(verdict.defects)} defects, "
        f"slowest {verdict.slowest_seconds:.2f} s, growth {verdict.growth_bytes >> 20} MiB; {statuses}",
        flush=True,
    )
    for number, case, what in verdict.defects[:20]:
        print(f"request {number} (seed {seed}): {what}\n{case[:2000]!r}", flush=True)
    return verdict


if __name__ == "__main__":
    main()
