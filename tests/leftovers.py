"""Find processes that a test run started and did not end.

Every process inherits the run's number by its environment, also through other processes. A run within a run (tests that
run pytest on this suite) appends its own number: each run finds what it started itself and what runs below it left.
"""

from __future__ import annotations

import contextlib
import os
import time
import uuid

import psutil

VARIABLE = "FACADE_TEST_RUNS"
#: A supervisor that was told to stop needs a moment; longer on a busy machine.
GRACE_SECONDS = 30.0


def begin() -> str:
    """Number this run, for all processes that are started from now on. Return its number."""
    number = uuid.uuid4().hex
    os.environ[VARIABLE] = ":".join(filter(None, [os.environ.get(VARIABLE), number]))
    return number


def leftovers(run: str) -> list[psutil.Process]:
    """Return the processes of a run that still run, without this one. Zombies have ended."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            is_of_run = run in process.environ().get(VARIABLE, "").split(":")
            if is_of_run and process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def end(run: str) -> list[str]:
    """Wait until all processes of a run have ended. Kill those that have not, and return their command lines."""
    deadline = time.monotonic() + GRACE_SECONDS
    while (left := leftovers(run)) and time.monotonic() < deadline:
        time.sleep(0.05)
    commands = []
    for process in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            commands.append(f"{process.pid}: {' '.join(process.cmdline())}")
            process.kill()
    return commands
