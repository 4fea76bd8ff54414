"""Task libraries on queues of the service: a program of each sends tasks, and its workers run them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

from tests.clients.events import EVENT_SECONDS, Telling

_HERE = Path(__file__).parent


class Program:
    """The file ``NAME.py`` of this folder, run by a library's own Python. ``environment`` says where its queue is."""

    def __init__(self, python: Path, name: str, **environment: str) -> None:
        self._python = python
        self._name = name
        self._environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | environment

    def send(self, *tasks: Any) -> None:
        """Let the program send the tasks."""
        subprocess.run(
            [str(self._python), f"{self._name}.py", json.dumps(tasks)],
            cwd=_HERE, env=self._environment, timeout=EVENT_SECONDS, check=True,
        )  # fmt: skip

    def run(self, *command: str, **environment: str) -> Telling:
        """Start a worker of the program: ``python COMMAND``."""
        return Telling([self._python, *command], _HERE, {**self._environment, **environment})


def stop(worker: Telling) -> None:
    """Stop the worker; running tasks are finished."""
    worker.process.send_signal(signal.SIGTERM)
    worker.ended()
    assert worker.process.returncode == 0
    assert "stopped" in worker.names()
