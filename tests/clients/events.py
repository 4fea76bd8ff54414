"""A program that reports events on its standard output, one JSON document per line."""

from __future__ import annotations

import json
import queue
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import psutil
import pytest

EVENT_SECONDS = 30.0


class Telling:
    """A running program, ended with the ``with`` block. ``seen``: the events waited for, and those before them."""

    def __init__(
        self, command: Sequence[str | Path], folder: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self.process = subprocess.Popen(
            [str(part) for part in command],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.seen: list[dict[str, Any]] = []
        self._events: queue.Queue[dict[str, Any]] = queue.Queue()
        self._reader = threading.Thread(target=self._read, name="events", daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._events.put(json.loads(line) if line.startswith("{") else {"event": "chatter", "text": line.rstrip()})

    def wait_for(self, name: str, times: int = 1) -> list[dict[str, Any]]:
        """Return the next events with that name. The test fails if they do not come, or if an error comes."""
        found: list[dict[str, Any]] = []
        deadline = time.monotonic() + EVENT_SECONDS
        while len(found) < times:
            try:
                event = self._events.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                pytest.fail(f"{len(found)} of {times} {name} came; seen: {self.seen[-20:]}")
            self.seen.append(event)
            if event["event"] == "error" != name:
                pytest.fail(f"the program had an error: {event}")
            if event["event"] == name:
                found.append(event)
        return found

    def say(self, text: str) -> None:
        """Write the last line to its standard input."""
        assert self.process.stdin is not None
        self.process.stdin.write(text + "\n")
        self.process.stdin.close()

    def ended(self) -> float:
        """Wait until the process ends by itself; return the seconds. All events are then in ``seen``."""
        started = time.monotonic()
        self.process.wait(EVENT_SECONDS)
        self._reader.join(EVENT_SECONDS)
        while not self._events.empty():
            self.seen.append(self._events.get())
        return time.monotonic() - started

    def kill(self) -> None:
        """Kill the program and the processes that it started, as in a crash of the machine."""
        if self.process.poll() is None:
            children = psutil.Process(self.process.pid).children(recursive=True)
            self.process.kill()
            for child in children:
                child.kill()
            self.process.wait()

    def names(self) -> list[str]:
        return [event["event"] for event in self.seen]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.kill()
        self._reader.join(EVENT_SECONDS)
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            stream.close()
