"""The running service does what the model says, through HTTP and the JSON protocol.

It is started on the tests' own Valkey, not taken from the ``service`` fixture: the clock is moved in the store, to the
millisecond, and that of ``--ephemeral`` cannot be reached from outside.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.conftest import serving
from tests.model.account import NO_LIMIT
from tests.model.drivers import Clock
from tests.model.http_driver import HttpDriver
from tests.model.machines import FifoMachine, QueueMachine, StandardMachine
from tests.sqs.wire import Sqs

pytestmark = pytest.mark.slow

PURGE_INTERVAL_SECONDS = 60


@pytest.fixture(scope="module")
def url(valkey: str) -> Iterator[str]:
    """A service on the tests' Valkey."""
    interval = str(PURGE_INTERVAL_SECONDS)
    with serving(redis=valkey, durability="memory", purge_interval_seconds=interval) as service:
        yield service.url


@pytest.mark.parametrize("machine", [StandardMachine, FifoMachine])
def test_the_service_behaves_as_the_model_does(
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
