"""The two clients that make the load: wrk, and the lean client in Python where wrk is not installed."""

from __future__ import annotations

import json
import math
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol
from urllib.parse import urlsplit

from benchmarks.load import json_request
from benchmarks.load import run as lean_run

_SCRIPT = Path(__file__).with_name("requests.lua")
_HANDLE = re.compile(rb'"ReceiptHandle"\s*:\s*"([^"]*)"')
#: Below the number of messages that SQS allows in flight.
_MOST_HANDLES = 100_000

#: What to do with the calls of a load; ``requests.lua`` describes the modes.
Mode = Literal["repeat", "cycle", "receive", "delete"]


@dataclass(frozen=True, slots=True)
class Target:
    """A server and the Authorization header that it needs; empty for none."""

    url: str
    authorization: str = ""

    @property
    def address(self) -> tuple[str, int]:
        parts = urlsplit(self.url)
        return parts.hostname or "127.0.0.1", parts.port or 80

    def request(self, operation: str, body: str) -> bytes:
        host = urlsplit(self.url).netloc
        return json_request(host, operation, body.encode(), authorization=self.authorization)


@dataclass(frozen=True, slots=True)
class Load:
    """Calls in a closed loop: pairs of operation and body, where ``HANDLE`` stands for a receipt handle."""

    mode: Mode
    calls: list[tuple[str, str]]
    connections: int
    seconds: float
    #: The file of receipt handles: ``receive`` writes it, ``delete`` reads it.
    handles: Path


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a load did. ``receive`` and ``delete`` may end early, so only their requests count, not the time."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    errors: int


class Driver(Protocol):
    """A client. Its loads are the same for all servers."""

    def length(self, seconds: float) -> float:
        """Return the length of a load that was asked to last so many seconds."""

    def run(self, target: Target, load: Load) -> Outcome: ...


class Wrk:
    """wrk with one thread."""

    def length(self, seconds: float) -> float:
        """Round up: wrk counts whole seconds."""
        return max(1, math.ceil(seconds))

    def run(self, target: Target, load: Load) -> Outcome:
        duration = f"-d{self.length(load.seconds):.0f}s"
        options = ["-t1", f"-c{load.connections}", duration, "--timeout", "10s", "-s", str(_SCRIPT), target.url]
        calls = [word for call in load.calls for word in call]
        command = ["wrk", *options, "--", load.mode, str(load.handles), target.authorization, *calls]
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        return Outcome(**json.loads(printed.splitlines()[-1]))


class Lean:
    """The client in ``benchmarks.load``. It does not count errors: the first one ends the run."""

    def length(self, seconds: float) -> float:
        return seconds

    def run(self, target: Target, load: Load) -> Outcome:
        plan = _Plan(target, load)
        latencies: list[float] = []
        began = time.perf_counter()
        requests = _until(began + load.seconds, plan.requests())
        count = lean_run(target.address, requests, load.connections, plan.on_reply, latencies=latencies)
        taken = time.perf_counter() - began
        plan.close()
        latencies.sort()
        median, late = (1e3 * latencies[int(share * count)] if count else 0.0 for share in (0.5, 0.99))
        return Outcome(count, taken, median, late, errors=0)


def _until(end: float, requests: Iterator[bytes]) -> Iterator[bytes]:
    for request in requests:
        if time.perf_counter() > end:
            return
        yield request


class _Plan:
    """The modes of ``requests.lua``, for the lean client."""

    def __init__(self, target: Target, load: Load) -> None:
        self._target, self._load = target, load
        self._handles: list[str] = load.handles.read_text().split("\n")[:-1] if load.mode == "delete" else []
        self._unreceived = 0
        self._is_exhausted = False

    def requests(self) -> Iterator[bytes]:
        mode = self._load.mode
        plain = [self._target.request(*call) for call in self._load.calls]
        while not self._is_exhausted:
            if self._handles and mode in {"cycle", "delete"}:
                operation, body = self._load.calls[-1]
                yield self._target.request(operation, body.replace("HANDLE", self._handles.pop()))
            elif mode == "delete":
                return
            elif mode == "cycle" and self._unreceived:
                self._unreceived -= 1
                yield plain[1]
            else:
                yield plain[0]

    def on_reply(self, body: bytes) -> None:
        if self._load.mode not in {"cycle", "receive"}:
            return
        if handle := _HANDLE.search(body):
            self._handles.append(handle[1].decode())
        elif self._load.mode == "cycle":
            self._unreceived += b"MD5OfMessageBody" in body
        if self._load.mode == "receive":
            self._is_exhausted |= handle is None or len(self._handles) >= _MOST_HANDLES

    def close(self) -> None:
        if self._load.mode == "receive":
            self._load.handles.write_text("".join(f"{handle}\n" for handle in self._handles))


def driver(name: str | None) -> Driver:
    """Return the client of that name, by default wrk where it is installed."""
    if name == "wrk" or (name is None and shutil.which("wrk")):
        return Wrk()
    return Lean()
