"""The short form of the fuzzer; the long one is ``python -m tests.fuzz --requests 1000000``."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

REQUESTS = 6_000
PARTS = 4
#: The service answers them in about ten seconds; this is for a machine that does much else.
PATIENCE_SECONDS = 280.0


def test_no_request_gets_a_5xx_or_no_answer() -> None:
    """The output of a failed run has its seed, and the requests."""
    command = [sys.executable, "-m", "tests.fuzz", "--requests", str(REQUESTS)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
    assert done.returncode == 0, done.stdout + done.stderr[-4000:]
    assert done.stdout.count(", 0 defects") == PARTS
