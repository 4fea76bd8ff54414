"""The reference agrees with the tables."""

from __future__ import annotations

from pathlib import Path

from zaqar_core.rest import dialect, metadata, reference
from zaqar_core.rest.actions import ACTIONS
from zaqar_core.rest.reference_texts import ANSWERS, DEFECTS, RESERVED, VERSION_DIFFERENCES
from zaqar_core.rest.routes import ROUTES

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "zaqar.md"
TESTS = Path(__file__).resolve().parents[1] / "zaqar" / "test_upstream_defects.py"


def test_the_reference_is_fresh() -> None:
    """Run ``python -m zaqar_core.rest.reference > docs/zaqar.md`` if it is not."""
    assert DOCUMENT.read_text() == reference.text()


def test_every_path_has_a_section() -> None:
    lines = reference.text().splitlines()
    assert {line[4:] for line in lines if line.startswith("## /")} == {route.path for route in ROUTES}


def test_every_difference_of_versions_is_described() -> None:
    ways = {name for name in dialect.Dialect.__slots__ if type(getattr(dialect.V2, name)) is bool}
    assert set(VERSION_DIFFERENCES) == ways
    assert set(RESERVED) == metadata.RESERVED


def test_every_action_is_described() -> None:
    assert list(ANSWERS) == list(ACTIONS)


def test_every_defect_has_a_test() -> None:
    for number in range(1, len(DEFECTS) + 1):
        assert f"def test_{number}_" in TESTS.read_text()
