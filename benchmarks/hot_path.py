"""Measure the CPU time of one SendMessage, ReceiveMessage and DeleteMessage, in the worker and in Valkey.

    python -m benchmarks.hot_path [--durability memory|fsync] [--messages 10000] [--connections 32]

The service has one worker. Messages of 200 bytes are sent, received and deleted one by one, by the JSON protocol. The
output is the CPU time of the worker and of Valkey for one request, in microseconds, as the operating system counts it.
The first row is the reference of the same run: a WSGI application that only reads the body, and a Valkey that only
answers PING. Compare the other rows with it, because absolute figures depend on the machine. With ``--python-limit``
or ``--valkey-limit`` the exit status is 1 if a figure is larger.
"""

from __future__ import annotations

import argparse
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import orjson
import psutil
import redis

from benchmarks import load
from benchmarks.service import Service, cpu, serving


def main() -> int:
    options = _options()
    with serving(options.durability) as service:
        return _measure(options, service)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--durability", choices=["memory", "fsync"], default="fsync")
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--python-limit", type=float)
    parser.add_argument("--valkey-limit", type=float)
    return parser.parse_args()


def _measure(options: argparse.Namespace, service: Service) -> int:
    address, valkeys, workers = service.address, service.valkeys, service.workers

    def call(operation: str, body: dict[str, object]) -> bytes:
        return load.json_request(service.host, operation, orjson.dumps(body))

    load.run(address, iter([call("CreateQueue", {"QueueName": "bench"})]), 1, lambda _: None)
    send = call("SendMessage", {"QueueUrl": "bench", "MessageBody": "x" * 200})
    receive = call("ReceiveMessage", {"QueueUrl": "bench"})
    load.run(address, iter([send] * 500), options.connections, lambda _: None)
    handles: list[str] = []
    count = options.messages
    failed = False
    print(f"durability {options.durability}, {options.connections} connections, {count} requests each")
    print(f"{'operation':16}{'python µs':>10}{'valkey µs':>11}{'requests/s':>12}")
    print(f"{'nothing':16}{_bare_python(send, options):10.0f}{_bare_valkey(valkeys, options.messages):11.0f}")
    for name in ("SendMessage", "ReceiveMessage", "DeleteMessage"):
        if name == "DeleteMessage":
            requests = iter([call(name, {"QueueUrl": "bench", "ReceiptHandle": handle}) for handle in handles])
        else:
            requests = iter([send if name == "SendMessage" else receive] * count)

        def keep(body: bytes, name: str = name) -> None:
            if name == "ReceiveMessage":
                handles.extend(one["ReceiptHandle"] for one in orjson.loads(body).get("Messages", ()))

        before = cpu(workers), cpu(valkeys), time.perf_counter()
        answered = load.run(address, requests, options.connections, keep)
        python = (cpu(workers) - before[0]) / answered * 1e6
        valkey = (cpu(valkeys) - before[1]) / answered * 1e6
        print(f"{name:16}{python:10.0f}{valkey:11.0f}{answered / (time.perf_counter() - before[2]):12.0f}")
        failed |= bool(options.python_limit and python > options.python_limit)
        failed |= bool(options.valkey_limit and valkey > options.valkey_limit)
    return int(failed)


def _bare_python(request: bytes, options: argparse.Namespace) -> float:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = probe.getsockname()
    bare = psutil.Popen([sys.executable, "-m", "benchmarks.bare", str(address[1])])
    try:
        deadline = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(address).close()
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
        load.run(address, iter([request] * 500), options.connections, lambda _: None)
        processes = [psutil.Process(bare.pid)]
        before = cpu(processes)
        answered = load.run(address, iter([request] * options.messages), options.connections, lambda _: None)
        return (cpu(processes) - before) / answered * 1e6
    finally:
        bare.terminate()
        bare.wait(10)


def _bare_valkey(valkeys: list[psutil.Process], count: int) -> float:
    path = next(str(one.laddr) for process in valkeys for one in process.net_connections("unix") if one.laddr)
    links = [redis.Redis(unix_socket_path=path) for _ in range(4)]
    before = cpu(valkeys)
    with ThreadPoolExecutor(len(links)) as pool:
        list(pool.map(lambda link: [link.ping() for _ in range(count // len(links))], links))
    for link in links:
        link.close()
    return (cpu(valkeys) - before) / count * 1e6


if __name__ == "__main__":
    sys.exit(main())
