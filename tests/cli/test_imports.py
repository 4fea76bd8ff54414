"""What a command loads before it runs."""

from __future__ import annotations

import subprocess
import sys

import pytest
from click.testing import CliRunner

from sqs_facade.cli import main

#: Libraries of the service, which no other command should wait for.
HEAVY = {"redis", "flask", "botocore", "rich", "uvloop"}


def test_the_command_line_loads_no_library_that_only_some_commands_need() -> None:
    program = f"import sqs_facade.cli, sys; print(*sorted({HEAVY!r} & sys.modules.keys()))"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == []


def test_a_command_without_its_libraries_names_the_extra() -> None:
    program = "import sys; sys.modules['botocore'] = None; from sqs_facade.cli import main; main(['queues', 'ls'])"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert ran.stderr == "sqs-facade: this command needs the extra cli: pip install 'sqs-facade[cli]'\n"


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ("quues", "did you mean queues?"),
        ("serv", "did you mean serve?"),
        ("frobnicate", "sqs-facade --help lists all"),
    ],
)
def test_a_command_that_does_not_exist_is_refused_with_the_nearest_one(given: str, hint: str) -> None:
    result = CliRunner(catch_exceptions=False).invoke(main, [given])
    assert result.exit_code == 2
    assert result.stderr == f"sqs-facade: {given} is not a command; {hint}\n"
