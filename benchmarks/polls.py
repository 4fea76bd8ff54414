"""Thousands of waiting receives in one worker: memory, idle CPU, wake-ups, and what they cost others.

Part of ``benchmarks.waiting`` (``--polls``).
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import orjson
import psutil

from benchmarks import load
from benchmarks.closed_loop import Client, ClosedLoop, Tally, connect_all, run_loop, send_request
from benchmarks.processes import running
from benchmarks.service import Service, cpu, serving
from benchmarks.waiters import Happened, Waiters

#: Waiting receives during the wake-ups; fewer if fewer polls are asked for.
_WAITING_AT_WAKE_UPS = 10_000
_STEPS = (1_000, 5_000, 10_000)
_SETTLE_SECONDS = 1.0
_IDLE_SECONDS = 5.0
#: After new receives, time for their first calls: until the worker uses less CPU than this share of a core.
_CALM, _LOOK_SECONDS, _MOST_LOOKS = 0.1, 0.5, 60
_THROUGHPUT_SECONDS = 4.0
#: How often the sends are measured, each time with the waiting receives and without them.
_ROUNDS = 3
_WAKE_UP_SECONDS = 10.0
_WAKE_UP_PAUSE_SECONDS = 0.01
_SENDERS = 8
#: A message that was received stays in flight to the end, so that it wakes nobody again.
_VISIBILITY_TIMEOUT_SECONDS = 43_200


def measure(polls: int, queues: int, durability: str) -> None:
    """Run the scenario and print its figures."""
    with serving(durability) as service:
        names = [f"wait-{number}" for number in range(queues)]
        attributes = {"VisibilityTimeout": str(_VISIBILITY_TIMEOUT_SECONDS)}
        creations = [
            load.json_request(service.host, "CreateQueue", orjson.dumps({"QueueName": name, "Attributes": attributes}))
            for name in [*names, "busy"]
        ]
        load.run(service.address, iter(creations), 8, lambda _: None)
        waiters = Waiters(service.url, queues)
        try:
            run_loop(_scenario(service, waiters, names, polls))
        finally:
            waiters.close()


async def _scenario(service: Service, polls: Waiters, queues: list[str], count: int) -> None:
    await _sending(service)  # warms up
    refused, lost = 0, 0
    alone = await _sending(service)
    steps = [step for step in _STEPS if step < count] + [count]
    for happened in await _memory_by_count(service, polls, steps):
        refused, lost = refused + happened.refused, lost + happened.lost
    await _idle_cpu(service, polls)
    await polls.set_count(0)
    await polls.set_count(min(count, _WAITING_AT_WAKE_UPS))
    await _calm(service)
    for _ in range(2):  # these receives wait all the time, then they end together
        await _wake_ups(service, polls, queues, half=alone.per_second / 2)
    rounds: list[tuple[_Sending, _Sending, int]] = []
    for _ in range(_ROUNDS):
        await polls.set_count(min(count, _WAITING_AT_WAKE_UPS))
        await _calm(service)
        before = await polls.look()
        beside = await _sending(service)
        after = await polls.look()
        refused, lost = refused + before.refused + after.refused, lost + before.lost + after.lost
        await polls.set_count(0)
        await _calm(service)
        rounds.append((beside, await _sending(service), after.empty))
        print(
            f"others: {rounds[-1][0].described} beside {after.waiting} waiting, of which {after.empty} ended", end="; "
        )
        print(f"{rounds[-1][1].described} alone", flush=True)
    share = statistics.median(beside.per_second / alone.per_second for beside, alone, _ in rounds)
    cost = statistics.median(beside.worker_us / alone.worker_us for beside, alone, _ in rounds)
    print(
        f"others: {share:.2f} times as many beside them, with {cost:.2f} times the CPU of the worker for each; ", end=""
    )
    print(f"{sum(beside.errors + alone.errors for beside, alone, _ in rounds)} errors")
    print(f"of all polls {refused} were refused, {lost} lost their connection")


async def _memory_by_count(service: Service, polls: Waiters, counts: list[int]) -> list[Happened]:
    before = _resident(service.fronts)
    print(f"{'polls':>8}{'waiting':>9}{'worker MB':>11}{'KB each':>9}")
    print(f"{0:8}{0:9}{before / 1e6:11.0f}")
    found = []
    for count in counts:
        found.append(await polls.set_count(count))
        await asyncio.sleep(_SETTLE_SECONDS)
        found.append(await polls.look())
        resident, waiting = _resident(service.fronts), found[-1].waiting
        each = (resident - before) / waiting / 1000 if waiting else 0
        print(f"{count:8}{waiting:9}{resident / 1e6:11.0f}{each:9.1f}", flush=True)
    return found


async def _idle_cpu(service: Service, polls: Waiters) -> None:
    await _calm(service)
    await polls.look()
    front, store = cpu(service.fronts), cpu(service.valkeys)
    await asyncio.sleep(_IDLE_SECONDS)
    front, store = (
        100 * spent / _IDLE_SECONDS for spent in (cpu(service.fronts) - front, cpu(service.valkeys) - store)
    )
    found = await polls.look()
    print(
        f"idle: {found.waiting} waiting take {front:.1f} % of a core, Valkey {store:.1f} %; "
        f"{found.empty + found.refused} ended within these {_IDLE_SECONDS:.0f} s",
        flush=True,
    )


async def _wake_ups(service: Service, polls: Waiters, queues: list[str], *, half: float) -> None:
    """Send to the queues in turn beside half the greatest load, which a process of its own makes."""
    sent = 0
    with tempfile.TemporaryDirectory(prefix="sf") as folder, ExitStack() as processes:
        command = [sys.executable, "-m", "benchmarks.closed_loop", service.url, "busy", "--send", "200"]
        log = Path(folder) / "half"
        processes.enter_context(running([*command, "--rate", str(half)], log=log))
        await asyncio.sleep(_SETTLE_SECONDS)
        waiting = (await polls.look()).waiting
        sent = await _send_in_turn(service, cycle(queues))
        await asyncio.sleep(_SETTLE_SECONDS)
        processes.close()
        load_beside = orjson.loads(log.read_bytes().splitlines()[-1])
    found = await polls.look()
    tally = Tally(latencies=found.wake_ups)
    rate = load_beside["answered"] / load_beside["seconds"]
    figures = ", ".join(f"{name} {tally.percentile_ms(percent):.1f} ms" for name, percent in _PERCENTILES)
    parts = [Tally(latencies=part).percentile_ms(99) for part in _parts(found.wake_ups)]
    figures += ", 99th percentiles of three parts " + ", ".join(f"{one:.1f}" for one in parts)
    figures += f", their median {statistics.median(parts):.1f} ms"
    print(
        f"wake-ups beside {rate:.0f} sends a second and {waiting} waiting, of which {found.empty} ended without a "
        f"message: {figures}; {len(found.wake_ups)} of {sent}",
        flush=True,
    )


def _parts(wake_ups: list[float]) -> list[list[float]]:
    """Return three parts of the times, in their order: other load on the machine may come into one of them."""
    length = len(wake_ups) // 3
    return [wake_ups[:length], wake_ups[length : 2 * length], wake_ups[2 * length :]]


_PERCENTILES = (("median", 50), ("90th percentile", 90), ("99th percentile", 99), ("slowest", 100))


async def _send_in_turn(service: Service, queues: Iterator[str]) -> int:
    """Send the time to one queue after the other; return how many were sent."""
    loop = asyncio.get_running_loop()
    idle: list[Client] = []
    clients = [Client(lambda client, *_: idle.append(client), lambda _: None) for _ in range(_SENDERS)]
    await connect_all(clients, service.address)
    idle += clients
    end, sent = loop.time() + _WAKE_UP_SECONDS, 0
    while loop.time() < end:
        if idle:
            body = orjson.dumps({"QueueUrl": next(queues), "MessageBody": str(time.monotonic())})
            idle.pop().send(load.json_request(service.host, "SendMessage", body))
            sent += 1
        await asyncio.sleep(_WAKE_UP_PAUSE_SECONDS)
    for client in clients:
        client.close()
    return sent


async def _calm(service: Service) -> None:
    """Wait until the worker has nothing to do but to wait."""
    for _ in range(_MOST_LOOKS):
        before = cpu(service.workers)
        await asyncio.sleep(_LOOK_SECONDS)
        if cpu(service.workers) - before < _CALM * _LOOK_SECONDS:
            return


@dataclass
class _Sending:
    """What clients in a closed loop sent, and the CPU that it cost the worker."""

    per_second: float
    worker_us: float
    errors: int

    @property
    def described(self) -> str:
        return f"{self.per_second:.0f} sends a second, worker {self.worker_us:.0f} µs each,"


async def _sending(service: Service) -> _Sending:
    clients = ClosedLoop(service.address, send_request(service.host, "busy", 200), 32)
    await clients.start()
    await asyncio.sleep(_SETTLE_SECONDS)
    clients.counted()
    began, before = time.monotonic(), cpu(service.workers)
    await asyncio.sleep(_THROUGHPUT_SECONDS)
    tally, seconds, spent = clients.counted(), time.monotonic() - began, cpu(service.workers) - before
    clients.stop()
    return _Sending(tally.answered / seconds, 1e6 * spent / max(tally.answered, 1), tally.errors)


def _resident(processes: list[psutil.Process]) -> int:
    return sum(process.memory_info().rss for process in processes)
