"""Measure long polls: the time to their response, their cost while idle, and their effect on other requests.

    python -m benchmarks.waiting [--waits 500] [--idle-connections 2000] [--durability memory|fsync]
    python -m benchmarks.waiting --polls 19000 [--queues 100] [--durability memory|fsync]

Two services with one worker each share a store. At the first one, ``--waits`` receives wait, each on a queue of its
own, beside idle keep-alive connections. The output has three parts: the CPU use of the worker during 5 idle seconds;
the time of a new client's request; and, after one message was sent to each queue (every second one through the other
service), the time from the send to the response of the poll.

With ``--polls`` so many receives wait on ``queues`` queues of one service with one worker. Printed: resident memory by
the number of receives; CPU while none of them ends; the time from a send to the answer of the poll that gets the
message, beside half the greatest load, while 10,000 wait and then while most of them end; and how many sends a second
others can do beside them, and with what CPU of the worker, in turn with the same without them. The waiting clients are
a process of their own.
"""

from __future__ import annotations

import argparse
import contextlib
import selectors
import socket
import statistics
import sys
import tempfile
import time

import orjson

from benchmarks import load, polls
from benchmarks.closed_loop import raise_descriptor_limit
from benchmarks.service import Service, cpu, serving

WARM_UP_SECONDS = 3.0
IDLE_SECONDS = 5.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--waits", type=int, default=500)
    parser.add_argument("--polls", type=int)
    parser.add_argument("--queues", type=int, default=100)
    parser.add_argument("--idle-connections", type=int, default=2000)
    parser.add_argument("--durability", choices=["memory", "fsync"], default="fsync")
    options = parser.parse_args()
    raise_descriptor_limit()
    if options.polls is not None:
        polls.measure(options.polls, options.queues, options.durability)
        return 0
    with tempfile.TemporaryDirectory(prefix="sf") as folder, contextlib.ExitStack() as both:
        services = [
            both.enter_context(serving(options.durability, data_dir=f"{folder}/data")),
            both.enter_context(serving(options.durability, data_dir=f"{folder}/data")),
        ]
        _measure(options, services)
    return 0


def _call(operation: str, **members: object) -> bytes:
    return load.json_request("localhost", operation, orjson.dumps(members))


def _measure(options: argparse.Namespace, services: list[Service]) -> None:
    addresses = [service.address for service in services]
    names = [f"w{number}" for number in range(options.waits)]
    load.run(addresses[0], iter([_call("CreateQueue", QueueName=name) for name in names]), 8, lambda _: None)
    idle = [socket.create_connection(addresses[0]) for _ in range(options.idle_connections)]
    for connection in idle:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        connection.recv(4096)
    waiting = {}
    for name in names:
        poll = socket.create_connection(addresses[0])
        poll.sendall(_call("ReceiveMessage", QueueUrl=name, WaitTimeSeconds=20))
        waiting[name] = poll
    time.sleep(WARM_UP_SECONDS)
    before = cpu(services[0].workers)
    time.sleep(IDLE_SECONDS)
    spent = cpu(services[0].workers) - before
    print(f"{options.waits} idle waits: {100 * spent / IDLE_SECONDS:.1f} % of a core")
    fresh = [_fresh(addresses[0]) for _ in range(50)]
    print(f"a new client beside them: median {statistics.median(fresh):.1f} ms, slowest {max(fresh):.1f} ms")
    delays = [_wake(waiting[name], addresses[number % 2], name) for number, name in enumerate(names)]
    cut = statistics.quantiles(delays, n=100)
    print(f"send to answer: median {cut[49]:.1f} ms, 99th percentile {cut[98]:.1f} ms, slowest {max(delays):.1f} ms")
    for connection in idle:
        connection.close()


def _fresh(address: tuple[str, int]) -> float:
    began = time.perf_counter()
    with socket.create_connection(address) as client:
        client.sendall(_call("GetQueueUrl", QueueName="w0"))
        client.recv(4096)
    return (time.perf_counter() - began) * 1000


def _wake(poll: socket.socket, address: tuple[str, int], name: str) -> float:
    """Send a message and return the milliseconds until the poll is answered."""
    with socket.create_connection(address) as sender, selectors.DefaultSelector() as selector:
        selector.register(poll, selectors.EVENT_READ)
        sender.sendall(_call("SendMessage", QueueUrl=name, MessageBody="x"))
        began = time.perf_counter()
        if not selector.select(30):
            raise TimeoutError(name)
        delay = (time.perf_counter() - began) * 1000
        answer = poll.recv(65536)
        if b"ReceiptHandle" not in answer:
            raise RuntimeError(answer)
        sender.recv(4096)
    poll.close()
    return delay


if __name__ == "__main__":
    sys.exit(main())
