"""Thousands of waiting receives in one worker: memory, idle CPU, wake-ups, and what they cost others.

Part of ``benchmarks.waiting`` (``--polls``).
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import cycle
from pathlib import Path

import orjson
import psutil

from benchmarks import load
from benchmarks.closed_loop import Client, ClosedLoop, Tally, connect_all, poll_request, run_loop, send_request
from benchmarks.processes import running
from benchmarks.service import Service, cpu, serving

#: Waiting receives during the wake-ups; fewer if fewer polls are asked for.
_WAITING_AT_WAKE_UPS = 10_000
_STEPS = (1_000, 5_000, 10_000)
_POLL_SECONDS = 20
_SETTLE_SECONDS = 1.0
_IDLE_SECONDS = 5.0
_THROUGHPUT_SECONDS = 4.0
_WAKE_UP_SECONDS = 10.0
_WAKE_UP_PAUSE_SECONDS = 0.01
_SENDERS = 8
#: A message that was received stays in flight to the end, so that it wakes nobody again.
_VISIBILITY_TIMEOUT_SECONDS = 43_200


class Polls:
    """Receives that wait on several queues. Each is sent again when it ends."""

    def __init__(self, service: Service, queues: list[str]) -> None:
        self._address = service.address
        self._requests = cycle([poll_request(service.host, queue, _POLL_SECONDS) for queue in queues])
        self._clients: list[Client] = []
        self._request_of: dict[Client, bytes] = {}
        #: Ends without and with a message, refusals, and lost connections.
        self.empty, self.refused, self.lost = 0, 0, 0
        #: Seconds from a send to the answer of the poll that received its message.
        self.wake_ups: list[float] = []

    @property
    def waiting(self) -> int:
        return sum(client.is_waiting for client in self._clients)

    async def grow(self, count: int) -> None:
        """Open connections until there are ``count``, and let each wait."""
        fresh = [Client(self._answered, self._lost) for _ in range(count - len(self._clients))]
        for at in range(0, len(fresh), 1000):
            some = fresh[at : at + 1000]
            refused = set(await connect_all(some, self._address))
            self.lost += len(refused)
            self._clients += some
            for client in some:
                if client in refused:
                    continue
                self._request_of[client] = next(self._requests)
                client.send(self._request_of[client])

    def shrink(self, count: int) -> None:
        """Close all connections but ``count``."""
        for client in self._clients[count:]:
            self._request_of.pop(client, None)
            client.close()
        del self._clients[count:]

    def _answered(self, client: Client, status: int, body: bytes) -> None:
        if status >= 300:
            self.refused += 1
            return
        messages = orjson.loads(body).get("Messages", ())
        self.empty += not messages
        now = time.monotonic()
        self.wake_ups.extend(now - float(message["Body"]) for message in messages)
        client.send(self._request_of[client])

    def _lost(self, client: Client) -> None:
        if self._request_of.pop(client, None) is not None:
            self.lost += 1


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
        run_loop(_scenario(service, names, polls))


async def _scenario(service: Service, queues: list[str], count: int) -> None:
    await _sending(service)  # warms up
    alone = await _sending(service)
    polls = Polls(service, queues)
    await _memory_by_count(service, polls, [step for step in _STEPS if step < count] + [count])
    await _idle_cpu(service, polls)
    polls.shrink(_WAITING_AT_WAKE_UPS)
    await asyncio.sleep(_SETTLE_SECONDS)
    await _wake_ups(service, polls, queues, half=alone.answered / _THROUGHPUT_SECONDS / 2)
    waiting = polls.waiting
    beside = await _sending(service)
    before, share = alone.answered / _THROUGHPUT_SECONDS, beside.answered / alone.answered
    print(f"others: {before:.0f} sends a second alone, {share:.2f} times as many beside {waiting} waiting", end="; ")
    print(f"{alone.errors + beside.errors} errors")
    print(f"of all polls {polls.refused} were refused, {polls.lost} lost their connection")
    polls.shrink(0)


async def _memory_by_count(service: Service, polls: Polls, counts: list[int]) -> None:
    before = _resident(service.fronts)
    print(f"{'polls':>8}{'waiting':>9}{'worker MB':>11}{'KB each':>9}")
    print(f"{0:8}{0:9}{before / 1e6:11.0f}")
    for count in counts:
        await polls.grow(count)
        await asyncio.sleep(_SETTLE_SECONDS)
        resident, waiting = _resident(service.fronts), polls.waiting
        each = (resident - before) / waiting / 1000 if waiting else 0
        print(f"{count:8}{waiting:9}{resident / 1e6:11.0f}{each:9.1f}")


async def _idle_cpu(service: Service, polls: Polls) -> None:
    waiting, ended, refused = polls.waiting, polls.empty, polls.refused
    front, store = cpu(service.fronts), cpu(service.valkeys)
    await asyncio.sleep(_IDLE_SECONDS)
    front, store = (
        100 * spent / _IDLE_SECONDS for spent in (cpu(service.fronts) - front, cpu(service.valkeys) - store)
    )
    ended = polls.empty - ended + polls.refused - refused
    print(
        f"idle: {waiting} waiting take {front:.1f} % of a core, Valkey {store:.1f} %; "
        f"{ended} ended within these {_IDLE_SECONDS:.0f} s"
    )


async def _wake_ups(service: Service, polls: Polls, queues: list[str], *, half: float) -> None:
    """Send to the queues in turn beside half the greatest load, which a process of its own makes."""
    sent = 0
    with tempfile.TemporaryDirectory(prefix="sf") as folder, ExitStack() as processes:
        command = [sys.executable, "-m", "benchmarks.closed_loop", service.url, "busy", "--send", "200"]
        log = Path(folder) / "half"
        processes.enter_context(running([*command, "--rate", str(half)], log=log))
        await asyncio.sleep(_SETTLE_SECONDS)
        waiting = polls.waiting
        sent = await _send_in_turn(service, cycle(queues))
        await asyncio.sleep(_SETTLE_SECONDS)
        processes.close()
        load_beside = orjson.loads(log.read_bytes().splitlines()[-1])
    tally = Tally(latencies=polls.wake_ups)
    rate = load_beside["answered"] / load_beside["seconds"]
    figures = ", ".join(f"{name} {tally.percentile_ms(percent):.1f} ms" for name, percent in _PERCENTILES)
    print(
        f"wake-ups beside {rate:.0f} sends a second and {waiting} waiting: {figures}; {len(polls.wake_ups)} of {sent}"
    )


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


async def _sending(service: Service) -> Tally:
    clients = ClosedLoop(service.address, send_request(service.host, "busy", 200), 32)
    await clients.start()
    await asyncio.sleep(_SETTLE_SECONDS)
    clients.counted()
    await asyncio.sleep(_THROUGHPUT_SECONDS)
    tally = clients.counted()
    clients.stop()
    return tally


def _resident(processes: list[psutil.Process]) -> int:
    return sum(process.memory_info().rss for process in processes)
