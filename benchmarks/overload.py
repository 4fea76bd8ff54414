"""Goodput under more connections than the service can serve at once, beside waiting receives.

    python -m benchmarks.overload [--connections 400 2000] [--polls 2000] [--seconds 5] [--durability memory|fsync]
                                  [--workers 1] [--client wrk|lean] [--limit 0.85]

Sends 200-byte messages in a closed loop: over 32 connections for the peak, then over ``connections``, while ``polls``
receives wait on an empty queue; each is sent again when it ends. Printed for each step: answers a second, also as a
share of the peak, median and 99th percentile, errors, and memory. wrk makes this load where it is installed; its time
includes that of opening the connections, so a short step shows a smaller share.

Last comes how long it takes until goodput is back: over 32 connections, as before the overload, beside the same
receives.

``--limit`` makes it fail when goodput is a smaller share of the peak, when the 99th percentile is more than ten times
the median, when anything was refused, or when goodput is not back within two seconds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import orjson
import psutil

from benchmarks import load
from benchmarks.closed_loop import ClosedLoop, raise_descriptor_limit, run_loop, send_request
from benchmarks.peers.drivers import Driver, Load, Outcome, Target, driver
from benchmarks.processes import end_on_sigterm, running
from benchmarks.service import Service, serving

_PEAK_CONNECTIONS = 32
_BODY_BYTES = 200
_POLL_SECONDS = 20
_POLL_WARM_UP_SECONDS = 3.0
_WINDOW_SECONDS = 0.25
#: Goodput is back when a window has this share of the goodput before the overload, beside the same polls.
_NORMAL = 0.9
#: For this time the goodput before the overload is measured.
_NORMAL_SECONDS = 2.5
_RECOVERY_SECONDS = 2.0
#: The 99th percentile may be so many times the median.
_MOST_SPREAD = 10
_WATCHED_SECONDS = 5.0


class PeakMemory:
    """Watch the resident memory of processes during a block; ``peak_mb`` is the greatest sum."""

    def __init__(self, processes: list[psutil.Process]) -> None:
        self._processes = processes
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.peak_mb = 0.0

    def __enter__(self) -> PeakMemory:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while True:
            self.peak_mb = max(self.peak_mb, sum(one.memory_info().rss for one in self._processes) / 1e6)
            if self._ended.wait(0.1):
                return


@dataclass(frozen=True, slots=True)
class Step:
    """Goodput over so many connections, and the greatest memory of workers and store."""

    connections: int
    outcome: Outcome
    front_mb: float
    store_mb: float

    @property
    def goodput(self) -> float:
        return (self.outcome.requests - self.outcome.errors) / self.outcome.seconds


def main() -> int:
    options = _options()
    end_on_sigterm()
    raise_descriptor_limit()
    with (
        serving(options.durability, workers=options.workers) as service,
        tempfile.TemporaryDirectory(prefix="sf") as name,
    ):
        folder = Path(name)
        for queue in ("busy", "empty"):
            create = load.json_request(service.host, "CreateQueue", orjson.dumps({"QueueName": queue}))
            load.run(service.address, iter([create]), 1, lambda _: None)
        client = driver(options.client)
        _step(client, service, folder, _PEAK_CONNECTIONS, options)  # warms up
        peak = _step(client, service, folder, _PEAK_CONNECTIONS, options)
        columns = "".join(f"{name:>9}" for name in ("of peak", "p50 ms", "p99 ms"))
        print(f"{'connections':>11}{'/s':>8}{columns}{'errors':>8}{'front MB':>10}{'store MB':>10}")
        _print(peak, peak)
        normal: list[float] = []
        after: list[float] = []
        command = [sys.executable, "-m", "benchmarks.closed_loop", service.url, "empty", "--poll", str(_POLL_SECONDS)]
        with running([*command, "--connections", str(options.polls)], log=folder / "polls"):
            run_loop(_pause())
            run_loop(_windows(service, normal, _NORMAL_SECONDS))
            steps = [_step(client, service, folder, count, options) for count in options.connections]
            run_loop(_windows(service, after, _WATCHED_SECONDS))
        for step in steps:
            _print(step, peak)
        polls = json.loads((folder / "polls").read_text().splitlines()[-1])
    print(f"{options.polls} polls: {polls['answered']} ended, {polls['errors']} errors")
    back = _seconds_until_back(after, statistics.median(normal))
    print(f"goodput is back after {back:.2f} s" if back is not None else f"goodput is not back in {_WATCHED_SECONDS} s")
    if options.limit is None:
        return 0
    is_refused = any(step.outcome.errors for step in steps) or polls["errors"]
    is_less = any(step.goodput < options.limit * peak.goodput for step in steps)
    is_uneven = any(step.outcome.p99_ms > _MOST_SPREAD * step.outcome.p50_ms for step in steps)
    return int(is_refused or is_less or is_uneven or back is None or back > _RECOVERY_SECONDS)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connections", type=int, nargs="+", default=[400, 2000])
    parser.add_argument("--polls", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--durability", choices=["memory", "fsync"], default="fsync")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--client", choices=["wrk", "lean"], help="default: wrk where it is installed")
    parser.add_argument("--limit", type=float)
    return parser.parse_args()


def _step(client: Driver, service: Service, folder: Path, connections: int, options: argparse.Namespace) -> Step:
    body = orjson.dumps({"QueueUrl": "busy", "MessageBody": "x" * _BODY_BYTES}).decode()
    sends = Load("repeat", [("SendMessage", body)], connections, options.seconds, folder / "handles")
    with PeakMemory(service.fronts) as fronts, PeakMemory(service.valkeys) as valkeys:
        outcome = client.run(Target(service.url), sends)
    return Step(connections, outcome, fronts.peak_mb, valkeys.peak_mb)


async def _pause() -> None:
    await asyncio.sleep(_POLL_WARM_UP_SECONDS)


async def _windows(service: Service, goodput: list[float], seconds: float) -> None:
    """Send over 32 connections, and append the answers a second of each window."""
    clients = ClosedLoop(service.address, send_request(service.host, "busy", _BODY_BYTES), _PEAK_CONNECTIONS)
    await clients.start()
    for _ in range(int(seconds / _WINDOW_SECONDS)):
        await asyncio.sleep(_WINDOW_SECONDS)
        goodput.append(clients.counted().answered / _WINDOW_SECONDS)
    clients.stop()


def _seconds_until_back(goodput: list[float], normal: float) -> float | None:
    """Return when the first window with normal goodput began, or None if there was none."""
    for at, one in enumerate(goodput):
        if one >= _NORMAL * normal:
            return at * _WINDOW_SECONDS
    return None


def _print(step: Step, peak: Step) -> None:
    share = step.goodput / peak.goodput
    memory = f"{step.front_mb:10.0f}{step.store_mb:10.0f}"
    outcome = step.outcome
    print(
        f"{step.connections:>11}{step.goodput:8.0f}{share:9.2f}{outcome.p50_ms:9.1f}{outcome.p99_ms:9.1f}{outcome.errors:8}{memory}"
    )


if __name__ == "__main__":
    sys.exit(main())
