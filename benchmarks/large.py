"""How clients that send 1 MiB messages without pause delay those that send small ones.

    python -m benchmarks.large [--large 64] [--small 8] [--seconds 5] [--durability memory|fsync] [--workers 1]
                               [--limit-ms 50]

``small`` clients send 200 bytes in a closed loop, first alone, then beside ``large`` clients, which are a process of
their own. Printed: requests per second and latency of the small ones, and what the large ones sent. ``--limit-ms``
makes it fail when the 99th percentile beside the large ones is above, or when anything was refused. The store keeps all
messages: some 100 MB for each second.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from pathlib import Path

import orjson

from benchmarks import load
from benchmarks.closed_loop import ClosedLoop, Tally, raise_descriptor_limit, run_loop, send_request
from benchmarks.processes import end_on_sigterm, running
from benchmarks.service import Service, serving

_LARGE_BYTES = 1024 * 1024
_SMALL_BYTES = 200
_WARM_UP_SECONDS = 1.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--large", type=int, default=64)
    parser.add_argument("--small", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--durability", choices=["memory", "fsync"], default="fsync")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--limit-ms", type=float)
    options = parser.parse_args()
    end_on_sigterm()
    raise_descriptor_limit()
    with serving(options.durability, workers=options.workers) as service:
        for queue in ("small", "large"):
            create = load.json_request(service.host, "CreateQueue", orjson.dumps({"QueueName": queue}))
            load.run(service.address, iter([create]), 1, lambda _: None)
        tallies: list[Tally] = []
        run_loop(_alone(service, options, tallies))
        _print("alone", tallies[0], options)
        with tempfile.TemporaryDirectory(prefix="sf") as folder:
            log = Path(folder) / "large"
            command = [sys.executable, "-m", "benchmarks.closed_loop", service.url, "large"]
            command += ["--send", str(_LARGE_BYTES), "--connections", str(options.large)]
            with running(command, log=log):
                run_loop(_alone(service, options, tallies))
            sent = json.loads(log.read_text().splitlines()[-1])
        _print(f"beside {options.large} clients that send 1 MiB", tallies[1], options)
        print(f"these sent {sent['answered'] / sent['seconds']:.0f} a second, {sent['errors']} errors")
    if options.limit_ms is None:
        return 0
    errors = tallies[1].errors + sent["errors"]
    return int(errors > 0 or tallies[1].percentile_ms(99) > options.limit_ms)


async def _alone(service: Service, options: argparse.Namespace, tallies: list[Tally]) -> None:
    clients = ClosedLoop(service.address, send_request(service.host, "small", _SMALL_BYTES), options.small)
    await clients.start()
    await asyncio.sleep(_WARM_UP_SECONDS)
    clients.counted()
    await asyncio.sleep(options.seconds)
    tallies.append(clients.counted())
    clients.stop()


def _print(heading: str, tally: Tally, options: argparse.Namespace) -> None:
    latencies = f"median {tally.percentile_ms(50):.1f} ms, 99th percentile {tally.percentile_ms(99):.1f} ms"
    rate = f"{tally.answered / options.seconds:.0f} a second"
    slowest = f"slowest {tally.percentile_ms(100):.1f} ms"
    print(f"{options.small} clients of {_SMALL_BYTES} bytes {heading}: {rate}, {latencies}, {slowest}")
    if tally.errors:
        print(f"  {tally.errors} errors: {tally.statuses}, {tally.lost} connections lost")


if __name__ == "__main__":
    sys.exit(main())
