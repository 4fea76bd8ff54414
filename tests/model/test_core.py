"""The core's queues do what the model says, whatever happens in whatever order."""

from __future__ import annotations

import time

from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.drivers import Clock, CoreDriver
from tests.model.machines import FairMachine, FifoMachine, QueueMachine, StandardMachine
from zaqar_core.core.session import Session


def run(machine: type[QueueMachine], session: Session, clock: Clock, effort: settings) -> None:
    whole = session.settings

    def make(limit: int, purge_interval_seconds: int) -> CoreDriver:
        session.settings = whole
        return CoreDriver(
            session, clock, max_in_flight=limit, purge_interval_seconds=purge_interval_seconds
        )  # fmt: skip

    machine.make_driver = staticmethod(make)
    machine.steps, began = 0, time.monotonic()
    run_state_machine_as_test(machine, settings=effort)
    print(f"{machine.__name__}: {machine.steps} steps, no difference, {time.monotonic() - began:.1f} s")  # noqa: T201 - seen with -s
    assert machine.steps >= effort.max_examples


def test_a_standard_queue_behaves_as_the_model_does(session: Session, clock: Clock, effort: settings) -> None:
    run(StandardMachine, session, clock, effort)


def test_a_fifo_queue_behaves_as_the_model_does(session: Session, clock: Clock, effort: settings) -> None:
    run(FifoMachine, session, clock, effort)


def test_a_fair_queue_behaves_as_the_model_does(session: Session, clock: Clock, effort: settings) -> None:
    run(FairMachine, session, clock, effort)
