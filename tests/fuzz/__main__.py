"""Fuzz the service: ``python -m tests.fuzz --requests 1000000``.

The requests run in four parts at the same time: in process, over HTTP, in process with credentials (most requests have
a valid signature), and as frames of WebSocket connections. A run prints its seed; ``--seed`` repeats it, and ``--over``
runs one part alone.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import time
from collections.abc import Sequence

from tests.fuzz import running, targets
from tests.fuzz.running import Grammar, Verdict
from tests.fuzz.targets import Target

#: The parts of a run, with their shares of the requests in percent.
_SHARES = {"process": 35, "http": 35, "verified": 20, "frames": 10}


def main() -> None:
    """Run all parts, print what was seen, and fail if there was a defect."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=None, help="the seed of an earlier run")
    parser.add_argument("--over", choices=("all", *_SHARES), default="all")
    parser.add_argument("--connections", type=int, default=4)
    given = parser.parse_args()
    seed = random.SystemRandom().randrange(1 << 32) if given.seed is None else given.seed
    print(f"seed {seed}", flush=True)
    if given.over == "all":
        sys.exit(_run_parts(given.requests, seed, given.connections))
    match given.over:
        case "process":
            with targets.in_process() as target:
                verdict = _run("in process", [target], given.requests, seed, running.GRAMMARS)
        case "verified":
            with targets.in_process_verified() as target:
                verdict = _run("with credentials", [target], given.requests, seed, running.VERIFIED)
        case "frames":
            with targets.of_frames() as frames:
                verdict = _run("frames", [frames], given.requests, seed, running.FRAMES)
        case _:
            with targets.over_http() as first:
                others = [first.another() for _ in range(given.connections - 1)]
                verdict = _run("over HTTP", [first, *others], given.requests, seed, running.GRAMMARS)
                for one in others:
                    one.close()
    verdict.check()


def _run_parts(requests: int, seed: int, connections: int) -> int:
    """Run the parts at the same time, each in a process of its own; return the exit code."""
    command = [sys.executable, "-m", "tests.fuzz", "--seed", str(seed), "--connections", str(connections)]
    parts = [
        subprocess.Popen([*command, "--over", over, "--requests", str(requests * percent // 100)])
        for over, percent in _SHARES.items()
    ]
    return max(abs(one.wait()) for one in parts)


def _run(where: str, found: Sequence[Target], requests: int, seed: int, grammars: dict[Grammar, int]) -> Verdict:
    began = time.monotonic()
    verdict = running.run(
        found,
        requests,
        seed,
        grammars=grammars,
        report=lambda line: print(f"{where}: {line}", file=sys.stderr, flush=True),
    )
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
