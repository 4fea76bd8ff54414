"""The running service does what the model says, through HTTP and the JSON protocol.

It is started on the tests' own Valkey, not taken from the ``service`` fixture: the clock is moved in the store, to the
millisecond, and that of ``--ephemeral`` cannot be reached from outside.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.account import NO_LIMIT
from tests.model.drivers import Clock
from tests.model.http_driver import HttpDriver
from tests.model.machines import FifoMachine, QueueMachine, StandardMachine
from tests.sqs.wire import Sqs

START_SECONDS = 20.0
PURGE_INTERVAL_SECONDS = 60


@pytest.fixture(scope="module")
def url(valkey: str) -> Iterator[str]:
    """A service on the tests' Valkey."""
    with tempfile.TemporaryDirectory(prefix="sf") as folder:
        ready = Path(folder) / "ready"
        flags = ["--redis", valkey, "--durability", "memory", "--port", "0", "--ready-file", str(ready)]
        process = subprocess.Popen(
            [sys.executable, "-m", "sqs_facade.cli", "serve", *flags],
            env={**os.environ, "SQS_FACADE_PURGE_INTERVAL_SECONDS": str(PURGE_INTERVAL_SECONDS)},
            stdout=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + START_SECONDS
        while not ready.exists():
            assert process.poll() is None, "the service ended"
            assert time.monotonic() < deadline, "the service did not become ready"
            time.sleep(0.02)
        yield ready.read_text().strip()
        process.terminate()
        process.wait(10)


@pytest.mark.parametrize("machine", [StandardMachine, FifoMachine])
def test_the_service_is_as_the_model(
    machine: type[QueueMachine], url: str, clock: Clock, effort: settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def make(limit: int, purge_interval_seconds: int) -> HttpDriver:
        return HttpDriver(Sqs(url, "json", "fast"), clock)

    monkeypatch.setattr(machine, "make_driver", staticmethod(make), raising=False)
    monkeypatch.setattr(machine, "service_limits", (NO_LIMIT, PURGE_INTERVAL_SECONDS))
    monkeypatch.setattr(machine, "steps", 0)
    examples = max(8, effort.max_examples // 10)
    run_state_machine_as_test(machine, settings=settings(effort, max_examples=examples))
    print(f"{machine.__name__} by HTTP: {machine.steps} steps, no difference")  # noqa: T201 - seen with -s
    assert machine.steps >= examples
