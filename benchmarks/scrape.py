"""How a scrape of the metrics every second delays other requests, with many queues.

    python -m benchmarks.scrape [--queues 10000] [--shown 1000] [--clients 8] [--per-second 300] [--rounds 8]
                                [--seconds 3] [--durability memory|fsync] [--workers 1] [--limit 1.2]
                                [--limit-seconds 1]

``clients`` send 200 bytes, together so many
``--per-second``, or without pause with 0. Rounds without scrapes and rounds with one every second take turns in one
run, so that other load of the machine meets both. ``--shown`` is the setting metrics_queues. Printed: the time of a
scrape, the size of the page, and the 99th percentile of both kinds of rounds. With ``--limit`` the exit status is 1 if
the ratio of these is larger, with ``--limit-seconds`` if the median of the scrapes takes longer.
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
from benchmarks.service import Service, cpu, serving

_BYTES = 200
_INTERVAL_SECONDS = 1.0
_WARM_UP_SECONDS = 1.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--queues", type=int, default=10_000)
    parser.add_argument("--shown", type=int, default=1_000)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--per-second", type=float, default=300.0)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=3.0)
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
    tallies = {False: Tally(), True: Tally()}
    scrapes: list[tuple[float, int]] = []
    spent = {False: 0.0, True: 0.0}
    processes = [*service.workers, *service.valkeys]

    async def rounds() -> None:
        send = send_request(service.host, "queue-00000", _BYTES)
        clients = ClosedLoop(service.address, send, options.clients, per_second=options.per_second or None)
        command = [sys.executable, "-m", "benchmarks.scrape", "--scrape", f"{service.url}/metrics"]
        scraper = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE)
        await clients.start()
        await asyncio.sleep(_WARM_UP_SECONDS)
        for number in range(2 * options.rounds):
            is_scraped = number % 2 == 1
            clients.counted()
            before = cpu(processes)
            if is_scraped:
                await _scrape_for(scraper, options.seconds, scrapes)
            else:
                await asyncio.sleep(options.seconds)
            tallies[is_scraped].latencies += clients.counted().latencies
            spent[is_scraped] += cpu(processes) - before
        clients.stop()
        scraper.terminate()
        await scraper.wait()

    run_loop(rounds())
    alone, beside = tallies[False].percentile_ms(99), tallies[True].percentile_ms(99)
    median = statistics.median(seconds for seconds, _ in scrapes)
    print(f"{options.queues} queues, {options.shown} shown, {options.workers} workers, {options.clients} clients")
    print(f"a scrape: median {median * 1000:.0f} ms, longest {max(scrapes)[0] * 1000:.0f} ms, {scrapes[-1][1]:,} bytes")
    for heading, tally in (("without scrapes", tallies[False]), ("with a scrape a second", tallies[True])):
        rate = tally.answered / options.seconds / options.rounds
        figures = f"median {tally.percentile_ms(50):.2f} ms, 99th percentile {tally.percentile_ms(99):.2f} ms"
        print(f"{heading:24}{rate:8.0f} a second, {figures}")
    print(f"a scrape costs {1000 * (spent[True] - spent[False]) / len(scrapes):.0f} ms of CPU")
    print(f"the 99th percentile with scrapes is {beside / alone:.2f} times that without")
    failed = options.limit is not None and beside / alone > options.limit
    failed |= options.limit_seconds is not None and median > options.limit_seconds
    return int(failed)


async def _scrape_for(scraper: Process, seconds: float, scrapes: list[tuple[float, int]]) -> None:
    """Have a process scrape every second, which is not that of the clients: a page is long."""
    assert scraper.stdin is not None
    assert scraper.stdout is not None
    end = time.monotonic() + seconds
    while (began := time.monotonic()) < end:
        scraper.stdin.write(b"\n")
        took, size = (await scraper.stdout.readline()).split()
        scrapes.append((float(took), int(size)))
        await asyncio.sleep(max(0.0, min(began + _INTERVAL_SECONDS, end) - time.monotonic()))


def _scrape_on_demand(url: str) -> None:
    """Scrape for each line of standard input; print the seconds and the size of the page."""
    for _ in sys.stdin:
        began = time.monotonic()
        with urllib.request.urlopen(url, timeout=60) as answer:
            size = len(answer.read())
        print(time.monotonic() - began, size, flush=True)


if __name__ == "__main__":
    sys.exit(main())
