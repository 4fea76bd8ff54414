"""A run is good if the facade differs only where that was accepted, and the accepted differences occur."""

from __future__ import annotations

from pathlib import Path

import pytest

from sqs_facade.compat import judging
from sqs_facade.compat.judging import Accepted, DifferencesInvalid, accepted, judge, who_is_right
from sqs_facade.compat.running import Outcome, run_one
from sqs_facade.compat.targets import Target
from tests.compat.conftest import RECEIVED, Plant

WANTED = {**RECEIVED, "Body": "y"}
MEANT = {"planted.one": Accepted("planted.one", "a reason", "a source")}


@pytest.fixture
def differing(target: Target, plant: Plant) -> Outcome:
    return run_one(target, plant(WANTED))


@pytest.fixture
def agreeing(target: Target, plant: Plant) -> Outcome:
    return run_one(target, plant(RECEIVED))


def test_a_difference_of_the_facade_is_a_problem(differing: Outcome) -> None:
    verdict = judge([differing], {}, [differing.scenario])
    assert verdict.problems == ("facade-json: planted.one differs from AWS: Body: expected 'y', got 'x'",)
    assert not verdict.is_good


def test_an_accepted_difference_is_not_a_problem(differing: Outcome) -> None:
    verdict = judge([differing], MEANT, [differing.scenario])
    assert verdict.is_good
    assert verdict.is_accepted(differing)


def test_an_entry_that_does_not_differ_any_more_is_a_problem(agreeing: Outcome) -> None:
    verdict = judge([agreeing], MEANT, [agreeing.scenario])
    assert verdict.problems == ("differences.toml: planted.one does not differ any more: remove the entry",)


def test_an_entry_without_a_scenario_is_a_problem(agreeing: Outcome) -> None:
    verdict = judge([agreeing], {"planted.two": MEANT["planted.one"]}, [agreeing.scenario])
    assert verdict.problems == ("differences.toml: there is no scenario planted.two",)


def test_an_entry_whose_scenario_did_not_run_is_not_a_problem(agreeing: Outcome, plant: Plant) -> None:
    assert judge([], MEANT, [agreeing.scenario]).is_good


def test_a_difference_of_another_service_is_not_a_problem(plant: Plant, target: Target) -> None:
    target.is_facade = False
    outcome = run_one(target, plant(WANTED))
    assert outcome.status == "different"
    assert judge([outcome], {}, [outcome.scenario]).is_good


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("R1 R2 A3", "AWS: recorded from AWS (facts 1, 2); asserted against AWS by a peer's suite (fact 3)"),
        ("P1", "not proved: peers' tests only (fact 1)"),
        ("L1", "neither: a feature of LocalStack for developers, not of AWS (fact 1)"),
    ],
)
def test_the_source_determines_which_side_is_right(target: Target, plant: Plant, source: str, words: str) -> None:
    assert who_is_right(run_one(target, plant(WANTED, source=source))) == words


@pytest.mark.parametrize(
    "text",
    [
        '[[difference]]\nscenario = "a.b"\nreason = "r"\n',
        '[[difference]]\nscenario = "a.b"\nreason = " "\nsource = "s"\n',
        2 * '[[difference]]\nscenario = "a.b"\nreason = "r"\nsource = "s"\n',
    ],
)
def test_an_entry_has_a_reason_and_a_source_and_is_not_repeated(tmp_path: Path, text: str) -> None:
    file = tmp_path / "differences.toml"
    file.write_text(text)
    with pytest.raises(DifferencesInvalid):
        accepted(file)


def test_the_projects_own_entries_are_well_formed() -> None:
    assert set(accepted()) == {entry.scenario for entry in accepted(judging.FILE).values()}
