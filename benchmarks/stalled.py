"""What clients that stall cost the others.

    python -m benchmarks.stalled [--clients 3000] [--unread 100] [--seconds 4] [--durability memory|fsync]
                                 [--limit 0.8]

32 clients send messages of 200 bytes in a closed loop: alone, then beside ``--clients`` clients that send one byte a
second, beside as many that announce a body and send none, and beside ``--unread`` clients that read none of their
responses of 1 MiB; between these steps alone again. Printed for each step: requests per second, as a ratio to the mean
of the steps alone before and after it, latencies, errors, and CPU of the worker per request. ``--limit`` makes it fail
when a ratio is below, or when anything was refused.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import orjson

from benchmarks import load
from benchmarks.closed_loop import ClosedLoop, Tally, raise_descriptor_limit, run_loop, send_request
from benchmarks.processes import end_on_sigterm, running
from benchmarks.service import Service, cpu, serving

_SENDERS = 32
_SETTLE_SECONDS = 3.0
#: For the first response of each client that reads none, which the worker computes.
_FILL_SECONDS = 5.0
#: Each response of a client that reads none has these messages.
_MESSAGES, _MESSAGE_BYTES = 10, 100_000
_NAMES = {
    "byte": "that send one byte a second",
    "body": "that announce a body and send none",
    "answer": "that read no response",
}


@dataclass
class Step:
    """What the senders did in one step."""

    name: str
    tally: Tally
    per_second: float
    cpu_us: float


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=3000)
    parser.add_argument("--unread", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--durability", choices=["memory", "fsync"], default="fsync")
    parser.add_argument("--limit", type=float)
    options = parser.parse_args()
    end_on_sigterm()
    raise_descriptor_limit()
    with serving(options.durability) as service, tempfile.TemporaryDirectory(prefix="sf") as folder:
        _prepare(service)
        _measured(service, "to warm up", options.seconds / 2)
        steps = [_measured(service, "alone", options.seconds)]
        for kind, name in _NAMES.items():
            count = options.unread if kind == "answer" else options.clients
            log = Path(folder) / kind
            command = [sys.executable, "-m", "benchmarks.stallers", service.url, "unread", kind]
            with running([*command, "--clients", str(count)], log=log):
                time.sleep(_FILL_SECONDS)
                steps.append(_measured(service, f"beside {count} {name}", options.seconds))
            stalled = orjson.loads(log.read_bytes().splitlines()[-1])
            steps[-1].name += f" ({stalled['open']} open, {stalled['closed']} closed)"
            steps.append(_measured(service, "alone", options.seconds))
    return _print(steps, options.limit)


def _prepare(service: Service) -> None:
    for queue in ("busy", "unread"):
        create = load.json_request(service.host, "CreateQueue", orjson.dumps({"QueueName": queue}))
        load.run(service.address, iter([create]), 1, lambda _: None)
    large = send_request(service.host, "unread", _MESSAGE_BYTES)
    load.run(service.address, iter([large] * _MESSAGES), 1, lambda _: None)


def _measured(service: Service, name: str, seconds: float) -> Step:
    found: list[Step] = []

    async def measure() -> None:
        clients = ClosedLoop(service.address, send_request(service.host, "busy", 200), _SENDERS)
        await clients.start()
        await asyncio.sleep(_SETTLE_SECONDS)
        clients.counted()
        before = cpu(service.workers)
        await asyncio.sleep(seconds)
        tally = clients.counted()
        spent = cpu(service.workers) - before
        clients.stop()
        found.append(Step(name, tally, tally.answered / seconds, 1e6 * spent / max(tally.answered, 1)))

    run_loop(measure())
    return found[0]


def _print(steps: list[Step], limit: float | None) -> int:
    is_worse = False
    for at, step in enumerate(steps):
        ratio = ""
        if at % 2:
            share = 2 * step.per_second / (steps[at - 1].per_second + steps[at + 1].per_second)
            ratio = f", {share:.2f} times"
            is_worse = is_worse or (limit is not None and (share < limit or step.tally.errors > 0))
        tally = step.tally
        print(
            f"{step.per_second:6.0f} sends a second{ratio}, median {tally.percentile_ms(50):.1f} ms, "
            f"99th percentile {tally.percentile_ms(99):.1f} ms, {tally.errors} errors, "
            f"worker {step.cpu_us:.0f} µs each: {step.name}"
        )
    return int(is_worse)


if __name__ == "__main__":
    sys.exit(main())
