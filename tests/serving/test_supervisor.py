"""The main process of ``sqs-facade serve`` and its workers."""

from __future__ import annotations

import subprocess
import sys
from itertools import accumulate, islice
from pathlib import Path

import pytest

from sqs_facade import serving

#: The first worker gets SIGTERM as soon as it exists, the second one stops the service.
_PROGRAM = """
import os, signal, sys
from pathlib import Path
from sqs_facade.supervisor import Supervisor

signalled = Path(sys.argv[1])

def signal_once():
    if not signalled.exists():
        signalled.write_text(str(os.getpid()))
        os.kill(os.getpid(), signal.SIGTERM)

def work():
    print("first" if signalled.read_text() == str(os.getpid()) else "second", flush=True)
    os.kill(os.getppid(), signal.SIGTERM)
    signal.pause()

os.register_at_fork(after_in_child=signal_once)
supervisor = Supervisor(1, work, ())
supervisor.was_ready = True
sys.exit(supervisor.run())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="workers are forked on Linux only")
def test_a_signal_to_a_worker_that_starts_ends_that_worker_only(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(tmp_path / "signalled")], capture_output=True, text=True, timeout=60
    )
    assert (ended.returncode, ended.stdout) == (0, "second\n")
    assert ended.stderr == "a worker ended with signal 15; another one starts\n"


def test_a_service_that_is_not_ready_for_long_is_asked_less_and_less_often() -> None:
    moments = list(accumulate(islice(serving._pauses(), 200)))
    assert sum(moment < 0.1 for moment in moments) > 8
    assert sum(moment < 10 for moment in moments) < 80
    assert moments[-1] - moments[-2] == 1
