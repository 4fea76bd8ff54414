"""The reference agrees with the tables."""

from __future__ import annotations

from pathlib import Path

from sqs_facade import reference
from sqs_facade.registry import OPERATIONS

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "sqs.md"


def test_the_reference_is_fresh() -> None:
    """Run ``python -m sqs_facade.reference > docs/sqs.md`` if it is not."""
    assert DOCUMENT.read_text() == reference.text()


def test_every_operation_has_a_section() -> None:
    lines = reference.text().splitlines()
    assert [line[3:] for line in lines if line.startswith("## ")] == sorted(OPERATIONS)
