"""Who is right, and whether a run is good: differences of the facade must be accepted ones, and those must occur."""

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
    """A difference that is meant."""

    scenario: str
    reason: str
    source: str


def accepted(file: Path = FILE) -> dict[str, Accepted]:
    """The file's entries by scenario. Raises DifferencesInvalid."""
    found: dict[str, Accepted] = {}
    try:
        entries = tomllib.loads(file.read_text("utf-8")).get("difference", [])
    except (OSError, ValueError) as problem:
        raise DifferencesInvalid(f"{file}: {problem}") from problem
    for entry in entries:
        if set(entry) != {"scenario", "reason", "source"} or not all(str(value).strip() for value in entry.values()):
            raise DifferencesInvalid(f"{file}: an entry has scenario, reason and source, and nothing else: {entry}")
        if entry["scenario"] in found:
            raise DifferencesInvalid(f"{file}: two entries for {entry['scenario']}")
        found[entry["scenario"]] = Accepted(**entry)
    return found


@dataclass(frozen=True)
class Verdict:
    """What a run amounts to. ``failures`` are facade differences nobody accepted; ``problems`` say it in lines."""

    outcomes: tuple[Outcome, ...]
    accepted: dict[str, Accepted]
    problems: tuple[str, ...]

    @property
    def is_good(self) -> bool:
        return not self.problems

    def is_accepted(self, outcome: Outcome) -> bool:
        return outcome.scenario.name in self.accepted and outcome.is_of_facade


def judge(outcomes: Sequence[Outcome], known: dict[str, Accepted], declared: Iterable[Scenario]) -> Verdict:
    """Good, if every difference of a facade target is accepted, and every accepted one that was looked for occurred."""
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
            problems.append(f"{FILE.name}: no scenario is named {name}")
        elif name in seen and not any(outcome.scenario.name == name for outcome in differing):
            problems.append(f"{FILE.name}: {name} does not differ any more: take the entry out")
    return Verdict(tuple(outcomes), known, tuple(problems))


def who_is_right(outcome: Outcome) -> str:
    """In words, for a difference."""
    scenario = outcome.scenario
    if outcome.target == "aws":
        return f"AWS answers otherwise than the fact says: {scenario.authority}"
    if scenario.is_foreign_to_aws:
        return f"nobody: {scenario.authority}"
    if scenario.is_proved:
        return f"AWS: {scenario.authority}"
    return f"not proved: {scenario.authority}"
