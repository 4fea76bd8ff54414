"""Runs scenarios on a target and compares what they observe with what AWS answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, Literal

from botocore.exceptions import ClientError

from .bench import Bench, TimeStandsStill, refused
from .comparing import Difference, first_difference, spoken
from .scenario import Scenario
from .targets import Target

Status = Literal["same", "different", "skipped"]
#: Slow scenarios mostly sleep: so many do it side by side.
SLEEPERS: Final = 24


@dataclass(frozen=True)
class Outcome:
    """What one scenario showed on one target. ``reason`` says why it was skipped."""

    scenario: Scenario
    target: str
    is_of_facade: bool
    status: Status
    observed: Any = None
    difference: Difference | None = None
    reason: str = ""
    seconds: float = 0.0


def run(target: Target, scenarios: Iterable[Scenario], on_done: Callable[[Outcome], None]) -> list[Outcome]:
    """An outcome for each scenario, in their order; ``on_done`` hears of each as it ends."""

    def one(scenario: Scenario) -> Outcome:
        outcome = run_one(target, scenario)
        on_done(outcome)
        return outcome

    wanted = list(scenarios)
    pool = ThreadPoolExecutor(SLEEPERS)
    try:
        slow = {scenario.name: pool.submit(one, scenario) for scenario in wanted if scenario.is_slow}
        slow_outcomes = {name: found.result() for name, found in slow.items()}
    finally:
        pool.shutdown(cancel_futures=True)  # after Ctrl-C what has begun cleans up, and nothing more begins
    return [slow_outcomes.get(scenario.name) or one(scenario) for scenario in wanted]


def run_one(target: Target, scenario: Scenario) -> Outcome:
    """One scenario, with queues of its own that are gone afterwards."""
    if scenario.protocol is not None and scenario.protocol not in target.wire:
        return Outcome(
            scenario, target.name, target.is_facade, "skipped", reason=f"works on the wire of {scenario.protocol}"
        )
    if scenario.is_foreign_to_aws and target.name == "aws":
        return Outcome(scenario, target.name, target.is_facade, "skipped", reason="not a feature of AWS")
    started = time.monotonic()
    bench = Bench(target, moves_time=scenario.is_slow)
    try:
        observed = observe(bench, scenario)
    except TimeStandsStill as needed:
        return Outcome(scenario, target.name, target.is_facade, "skipped", reason=str(needed))
    finally:
        bench.clear()
    difference = first_difference(spoken(scenario.expected, scenario.protocol or target.protocol), observed)
    status: Status = "different" if difference else "same"
    return Outcome(
        scenario, target.name, target.is_facade, status, observed, difference, seconds=time.monotonic() - started
    )


def observe(bench: Bench, scenario: Scenario) -> Any:
    """The normalised observation. A refusal that the program did not catch is one; so is a crash."""
    try:
        found = scenario.program(bench.sqs, bench)
    except ClientError as problem:
        found = refused(problem)
    except TimeStandsStill:
        raise
    except Exception as problem:  # a target in this process may raise anything
        found = {"crash": f"{type(problem).__name__}: {problem}"}
    return bench.normaliser.observation(found)
