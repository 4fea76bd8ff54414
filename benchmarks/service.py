"""Run a service during a block, and measure the CPU time of its processes."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import psutil

from sqs_facade.compat.launching import ServiceProcess


@dataclass
class Service:
    """A running service. ``main`` is the process that supervises the ``workers``; ``valkeys`` run the store."""

    url: str
    main: psutil.Process
    workers: list[psutil.Process]
    valkeys: list[psutil.Process]

    @property
    def fronts(self) -> list[psutil.Process]:
        """Return all processes but the store."""
        return [self.main, *self.workers]

    @property
    def host(self) -> str:
        return urlsplit(self.url).netloc

    @property
    def address(self) -> tuple[str, int]:
        parts = urlsplit(self.url)
        return parts.hostname or "127.0.0.1", parts.port or 80


@dataclass
class Spent:
    """CPU seconds of Python (the workers, or this process) and of Valkey, and the number of requests."""

    requests: int = 0
    python: float = 0.0
    valkey: float = 0.0

    @property
    def microseconds(self) -> tuple[float, float]:
        """Microseconds of Python and of Valkey for one request."""
        return 1e6 * self.python / self.requests, 1e6 * self.valkey / self.requests

    @contextmanager
    def counting(self, requests: int, valkey: psutil.Process) -> Iterator[None]:
        """Add the cost of a block in which this process makes that many requests to Valkey."""
        python, store = time.process_time(), cpu([valkey])
        yield
        self.python += time.process_time() - python
        self.valkey += cpu([valkey]) - store
        self.requests += requests


def compared(heading: str, sides: Sequence[tuple[str, Spent]], *, digits: int = 0) -> float:
    """Print a row for each side. Return the ratio of the last side's cost of one request to the first side's."""
    print(f"{heading}{'valkey µs':>11}{'python µs':>10}")
    for name, spent in sides:
        python, valkey = spent.microseconds
        print(f"{name}{valkey:11.{digits}f}{python:10.{digits}f}")
    return sum(sides[-1][1].microseconds) / sum(sides[0][1].microseconds)


def cpu(processes: list[psutil.Process]) -> float:
    """Return the CPU seconds that the processes have used so far, user and system.

    On Linux each process has a clock of its own, in nanoseconds. The times of ``/proc`` advance in steps of 10 ms: a
    thousand requests cost Valkey no more than one of them.
    """
    if sys.platform == "linux":
        return sum(time.clock_gettime(_clock(process.pid)) for process in processes)
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def _clock(process_id: int) -> int:
    """Return what ``clock_getcpuclockid`` returns: the id of the clock for the CPU time of a process (Linux)."""
    return ~process_id << 3 | 2


@contextmanager
def serving(
    durability: str, *, workers: int = 1, redis_url: str | None = None, data_dir: str | None = None
) -> Iterator[Service]:
    """Run ``sqs-facade serve`` on a free port. ``durability``: memory or fsync.

    The store is the server at ``redis_url``, else an embedded Valkey: in ``data_dir``, else in a new directory.
    """
    with tempfile.TemporaryDirectory(prefix="sf") as folder:
        if redis_url is not None:
            store = ["--redis", redis_url, "--durability", durability]
        elif data_dir is None and durability == "memory":
            store = ["--ephemeral"]
        else:
            store = ["--data-dir", data_dir or f"{folder}/data", "--durability", durability]
        service = ServiceProcess("serve", *store, "--workers", str(workers))
        try:
            main = psutil.Process(service.process.pid)
            children = main.children(recursive=True)
            valkeys = [one for one in children if "valkey" in one.name()]
            yield Service(service.url, main, [one for one in children if one not in valkeys], valkeys)
        finally:
            service.stop()
