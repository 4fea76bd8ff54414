"""Judge a run: every difference of the facade must be an accepted one, and every accepted one must occur."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from .running import Outcome
from .scenario import Scenario

FILE: Final = Path(__file__).with_name("differences.toml")


class DifferencesInvalid(Exception):
    """The file of accepted differences cannot be used."""


@dataclass(frozen=True)
class Accepted:
    """An intended difference."""

    scenario: str
    reason: str
    source: str


def accepted(file: Path = FILE) -> dict[str, Accepted]:
    """Read the accepted differences, by scenario. Raises DifferencesInvalid."""
    found: dict[str, Accepted] = {}
    try:
        entries = tomllib.loads(file.read_text("utf-8")).get("difference", [])
    except (OSError, ValueError) as problem:
        raise DifferencesInvalid(f"{file}: {problem}") from problem
    for entry in entries:
        if set(entry) != {"scenario", "reason", "source"} or not all(str(value).strip() for value in entry.values()):
            raise DifferencesInvalid(f"{file}: an entry must have exactly scenario, reason and source: {entry}")
        if entry["scenario"] in found:
            raise DifferencesInvalid(f"{file}: there are two entries for {entry['scenario']}")
        found[entry["scenario"]] = Accepted(**entry)
    return found


@dataclass(frozen=True)
class Verdict:
    """The result of a run. ``problems`` are lines; without any the run is good."""

    outcomes: tuple[Outcome, ...]
    accepted: dict[str, Accepted]
    problems: tuple[str, ...]

    @property
    def is_good(self) -> bool:
        """Whether the run has no problem."""
        return not self.problems

    def is_accepted(self, outcome: Outcome) -> bool:
        """Return whether the outcome is an accepted difference of the facade."""
        return outcome.scenario.name in self.accepted and outcome.is_of_facade


def judge(outcomes: Sequence[Outcome], known: dict[str, Accepted], declared: Iterable[Scenario]) -> Verdict:
    """Judge the outcomes.

    The run is good if every difference of a facade target is accepted, and if every accepted difference whose scenario
    ran did occur. ``known`` are the accepted differences, ``declared`` all scenarios.
    """
    of_facade = [outcome for outcome in outcomes if outcome.is_of_facade]
    differing = [outcome for outcome in of_facade if outcome.status == "different"]
    problems = [
        f"{outcome.target}: {outcome.scenario.name} differs from AWS: {outcome.difference}"
        for outcome in differing
        if outcome.scenario.name not in known
    ]
    names = {scenario.name for scenario in declared}
    seen = {outcome.scenario.name for outcome in of_facade if outcome.status != "skipped"}
    for name in known:
        if name not in names:
            problems.append(f"{FILE.name}: there is no scenario {name}")
        elif name in seen and not any(outcome.scenario.name == name for outcome in differing):
            problems.append(f"{FILE.name}: {name} does not differ any more: remove the entry")
    return Verdict(tuple(outcomes), known, tuple(problems))


def who_is_right(outcome: Outcome) -> str:
    """Describe which side of a difference is right, and how that is known."""
    scenario = outcome.scenario
    if outcome.target == "aws":
        return f"AWS, whose response contradicts the recorded fact: {scenario.authority}"
    if scenario.is_foreign_to_aws:
        return f"neither: {scenario.authority}"
    if scenario.is_proved:
        return f"AWS: {scenario.authority}"
    return f"not proved: {scenario.authority}"
