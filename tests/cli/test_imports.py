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
