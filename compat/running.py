"""Run scenarios on a target and compare their observations with those of AWS."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, Literal

from botocore.exceptions import ClientError

from .bench import Bench, WaitTooLong, refused
from .comparing import Difference, first_difference, in_protocol
from .scenario import Scenario
from .targets import Target

Status = Literal["same", "different", "skipped"]
#: Number of slow scenarios that run in parallel; they mostly sleep.
SLOW_THREADS: Final = 24


@dataclass(frozen=True)
class Outcome:
    """The outcome of one scenario on one target. ``reason`` is the reason why it was skipped."""

    scenario: Scenario
    target: str
    is_of_facade: bool
    status: Status
    observed: Any = None
    difference: Difference | None = None
    reason: str = ""
    seconds: float = 0.0


def run(target: Target, scenarios: Iterable[Scenario], on_done: Callable[[Outcome], None]) -> list[Outcome]:
    """Run the scenarios and return their outcomes in order. ``on_done`` is called for each as soon as it ends."""

    def one(scenario: Scenario) -> Outcome:
        outcome = run_one(target, scenario)
        on_done(outcome)
        return outcome

    wanted = list(scenarios)
    pool = ThreadPoolExecutor(SLOW_THREADS)
    try:
        slow = {scenario.name: pool.submit(one, scenario) for scenario in wanted if scenario.is_slow}
        slow_outcomes = {name: found.result() for name, found in slow.items()}
    finally:
        pool.shutdown(cancel_futures=True)  # after Ctrl-C: no new scenario starts, and running ones clean up
    return [slow_outcomes.get(scenario.name) or one(scenario) for scenario in wanted]


def run_one(target: Target, scenario: Scenario) -> Outcome:
    """Run one scenario with queues of its own, and delete them afterwards."""
    if scenario.protocol is not None and scenario.protocol not in target.wire:
        return Outcome(
            scenario,
            target.name,
            target.is_facade,
            "skipped",
            reason=f"sends raw requests of the protocol {scenario.protocol}",
        )
    if scenario.is_foreign_to_aws and target.name == "aws":
        return Outcome(scenario, target.name, target.is_facade, "skipped", reason="not a feature of AWS")
    started = time.monotonic()
    bench = Bench(target, moves_time=scenario.is_slow)
    try:
        observed = observe(bench, scenario)
    except WaitTooLong as problem:
        return Outcome(scenario, target.name, target.is_facade, "skipped", reason=str(problem))
    finally:
        bench.clear()
    difference = first_difference(in_protocol(scenario.expected, scenario.protocol or target.protocol), observed)
    status: Status = "different" if difference else "same"
    return Outcome(
        scenario, target.name, target.is_facade, status, observed, difference, seconds=time.monotonic() - started
    )


def observe(bench: Bench, scenario: Scenario) -> Any:
    """Run the program and return its normalised observation, which may be an error or a crash."""
    try:
        found = scenario.program(bench.sqs, bench)
    except ClientError as problem:
        found = refused(problem)
    except WaitTooLong:
        raise
    except Exception as problem:  # a target that runs in this process may raise any exception
        found = {"crash": f"{type(problem).__name__}: {problem}"}
    return bench.normaliser.observation(found)
