"""What a command loads before it runs."""

from __future__ import annotations

import subprocess
import sys

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
