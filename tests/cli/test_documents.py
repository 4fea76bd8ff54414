"""The reference of the commands is fresh, and the session of the guide runs."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click

from sqs_facade.cli import main
from sqs_facade.commands import reference
from tests.cli.conftest import Run

DOCUMENTS = Path(__file__).resolve().parents[2] / "docs"


def test_the_reference_is_fresh() -> None:
    """Run ``python -m sqs_facade.commands.reference > docs/command-line.md`` if it is not."""
    assert (DOCUMENTS / "command-line.md").read_text() == reference.text()


def test_every_command_has_one_line_of_help_that_fits() -> None:
    context = click.Context(main)
    for name in main.list_commands(context):
        group = main.get_command(context, name)
        assert group is not None
        commands = group.commands.values() if isinstance(group, click.Group) else [group]
        for command in commands:
            assert len((command.help or "").split("\n\n")[0].split(". ")[0]) <= 120, command.name


def test_the_session_of_the_guide_runs(run: Run) -> None:
    """Each command exits with 0. Its output begins as the guide shows it, apart from ids, times and ports."""
    text = (DOCUMENTS / "daily-work.md").read_text().partition("<!-- session: begin -->")[2]
    steps = re.split(r"^\$ sqs-facade ", text.partition("```\n<!-- session: end -->")[0], flags=re.MULTILINE)[1:]
    assert len(steps) > 10
    for step in steps:
        command, _, shown = step.partition("\n")
        result = run(*shlex.split(command))
        if "ls" not in command.split() and shown:  # other tests have queues too
            expected, actual = _general(shown), _general(result.stdout)
            assert actual.startswith(expected.split("…")[0].rstrip()), command


def _general(text: str) -> str:
    """Leave out what differs from run to run."""
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "ID", text)
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ", "TIME", text)
    return re.sub(r"127\.0\.0\.1:\d+", "HOST", text)
