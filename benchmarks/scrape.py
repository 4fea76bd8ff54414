"""How a scrape of the metrics delays other requests, with many queues.

    python -m benchmarks.scrape [--queues 10000] [--shown 1000] [--clients 8] [--per-second 300] [--interval 15]
                                [--rounds 4] [--durability memory|fsync] [--workers 1] [--limit 1.2]
                                [--limit-seconds 1]

``clients`` send 200 bytes, together so many ``--per-second``, or without pause with 0. Intervals without a scrape and
intervals with one take turns in one run, so that other load of the machine meets both. Prometheus scrapes every 15
seconds or less often; a shorter ``--interval`` with more ``--rounds`` shows more of what happens during a scrape.
``--shown`` is the setting metrics_queues. Printed: the time of a scrape, the size of the page, and the latency of the
requests of both kinds of intervals and of those that were answered during a scrape. With ``--limit`` the exit status is
1 if the 99th percentile of intervals with a scrape is more than so many times that without, with ``--limit-seconds`` if
the median of the scrapes takes longer.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import time
import urllib.request
from asyncio.subprocess import PIPE, Process

import orjson

from benchmarks import load
from benchmarks.closed_loop import ClosedLoop, Tally, raise_descriptor_limit, run_loop, send_request
from benchmarks.processes import end_on_sigterm
from benchmarks.service import Service, serving

_BYTES = 200
#: A scrape begins after so much of an interval.
_BEGIN = 0.2
_WARM_UP_SECONDS = 1.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--queues", type=int, default=10_000)
    parser.add_argument("--shown", type=int, default=1_000)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--per-second", type=float, default=300.0)
    parser.add_argument("--interval", type=float, default=15.0)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--durability", choices=["memory", "fsync"], default="fsync")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--limit", type=float)
    parser.add_argument("--limit-seconds", type=float)
    parser.add_argument("--scrape", metavar="URL", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.scrape is not None:
        _scrape_on_demand(options.scrape)
        return 0
    end_on_sigterm()
    raise_descriptor_limit()
    os.environ["SQS_FACADE_METRICS_QUEUES"] = str(options.shown)
    with serving(options.durability, workers=options.workers) as service:
        _create(service, options.queues)
        return _compared(service, options)


def _create(service: Service, number: int) -> None:
    """Create the queues with a message in each."""
    names = [f"queue-{index:05d}" for index in range(number)]
    creates = (load.json_request(service.host, "CreateQueue", orjson.dumps({"QueueName": name})) for name in names)
    load.run(service.address, creates, 16, lambda _: None)
    bodies = (orjson.dumps({"QueueUrl": name, "MessageBody": "x"}) for name in names)
    sends = (load.json_request(service.host, "SendMessage", body) for body in bodies)
    load.run(service.address, sends, 16, lambda _: None)


def _compared(service: Service, options: argparse.Namespace) -> int:
    alone, beside, during = Tally(), Tally(), Tally()
    scrapes: list[tuple[float, int]] = []

    async def rounds() -> None:
        send = send_request(service.host, "queue-00000", _BYTES)
        clients = ClosedLoop(service.address, send, options.clients, per_second=options.per_second or None)
        command = [sys.executable, "-m", "benchmarks.scrape", "--scrape", f"{service.url}/metrics"]
        scraper = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE)
        await clients.start()
        await asyncio.sleep(_WARM_UP_SECONDS)
        scrapes.append(await _scraped(scraper))  # the first one reads all queues
        for number in range(2 * options.rounds):
            is_scraped = number % 2 == 1
            clients.counted()
            end = time.monotonic() + options.interval
            if is_scraped:
                await asyncio.sleep(_BEGIN * options.interval)
                beside.latencies += clients.counted().latencies
                scrapes.append(await _scraped(scraper))
                met = clients.counted().latencies
                during.latencies += met
                beside.latencies += met
            await asyncio.sleep(max(0.0, end - time.monotonic()))
            (beside if is_scraped else alone).latencies += clients.counted().latencies
        clients.stop()
        scraper.terminate()
        await scraper.wait()

    run_loop(rounds())
    first, *later = scrapes
    median = statistics.median(seconds for seconds, _ in later)
    print(f"{options.queues} queues, {options.shown} shown, {options.workers} workers, {options.clients} clients")
    times = f"median {median * 1000:.0f} ms, longest {max(later)[0] * 1000:.0f} ms, first {first[0] * 1000:.0f} ms"
    print(f"a scrape: {times}, {later[-1][1]:,} bytes")
    usual = alone.percentile_ms(99)
    for heading, tally in (
        ("without scrapes", alone),
        (f"a scrape every {options.interval:g} s", beside),
        ("during a scrape", during),
    ):
        print(
            f"{heading:24}{tally.answered:8} requests, median {tally.percentile_ms(50):.2f} ms, 99th percentile "
            f"{tally.percentile_ms(99):.2f} ms, {tally.percentile_ms(99) / usual:.2f} times that without"
        )
    failed = options.limit is not None and beside.percentile_ms(99) / usual > options.limit
    failed |= options.limit_seconds is not None and median > options.limit_seconds
    return int(failed)


async def _scraped(scraper: Process) -> tuple[float, int]:
    """Have a process scrape, which is not that of the clients: a page is long. Return the seconds and the bytes."""
    assert scraper.stdin is not None
    assert scraper.stdout is not None
    scraper.stdin.write(b"\n")
    took, size = (await scraper.stdout.readline()).split()
    return float(took), int(size)


def _scrape_on_demand(url: str) -> None:
    """Scrape for each line of standard input; print the seconds and the size of the page."""
    for _ in sys.stdin:
        began = time.monotonic()
        with urllib.request.urlopen(url, timeout=60) as answer:
            size = len(answer.read())
        print(time.monotonic() - began, size, flush=True)


if __name__ == "__main__":
    sys.exit(main())
