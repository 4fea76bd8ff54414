"""A service with one worker for the time of a block, and the CPU that its parts have used."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import psutil

from benchmarks.processes import tree
from sqs_facade.compat.launching import ServiceProcess


@dataclass
class Service:
    """``fronts`` are the main process, which may only supervise, and the workers; ``valkeys`` are the store."""

    url: str
    fronts: list[psutil.Process]
    valkeys: list[psutil.Process]

    @property
    def host(self) -> str:
        return urlsplit(self.url).netloc

    @property
    def address(self) -> tuple[str, int]:
        parts = urlsplit(self.url)
        return parts.hostname or "127.0.0.1", parts.port or 80


@dataclass
class Spent:
    """CPU seconds of the front and of Valkey for so many requests."""

    requests: int = 0
    front: float = 0.0
    valkey: float = 0.0

    @property
    def microseconds(self) -> tuple[float, float]:
        """Of one request: front, Valkey."""
        return 1e6 * self.front / self.requests, 1e6 * self.valkey / self.requests

    @contextmanager
    def counting(self, requests: int, valkey: psutil.Process) -> Iterator[None]:
        """The block makes so many requests of that Valkey; its front is this process."""
        front, store = time.process_time(), cpu([valkey])
        yield
        self.front += time.process_time() - front
        self.valkey += cpu([valkey]) - store
        self.requests += requests


def compared(heading: str, sides: Sequence[tuple[str, Spent]], *, digits: int = 0) -> float:
    """How many times what one request costs the first side it costs the last. Prints a row of each."""
    print(f"{heading}{'valkey µs':>11}{'front µs':>10}")
    for name, spent in sides:
        front, valkey = spent.microseconds
        print(f"{name}{valkey:11.{digits}f}{front:10.{digits}f}")
    return sum(sides[-1][1].microseconds) / sum(sides[0][1].microseconds)


def cpu(processes: list[psutil.Process]) -> float:
    """Seconds of CPU so far, user and system."""
    return sum(sum(process.cpu_times()[:2]) for process in processes)


@contextmanager
def serving(
    durability: str, *, workers: int = 1, redis_url: str | None = None, data_dir: str | None = None
) -> Iterator[Service]:
    """Run ``sqs-facade serve`` on a free port. ``durability``: memory or fsync.

    The store is the one at ``redis_url``, the embedded one in ``data_dir``, or an embedded one of its own.
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
            processes = tree(psutil.Process(service.process.pid))
            valkeys = [one for one in processes if "valkey" in one.name()]
            yield Service(service.url, [one for one in processes if one not in valkeys], valkeys)
        finally:
            service.stop()
