"""Start a command of this installation as a process on a free port, and wait until it is ready."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

#: A start takes about a second; machines that run tests may be busy.
START_SECONDS = 60.0
_STOP_SECONDS = 20.0
_POLL_SECONDS = 0.005


def _program() -> list[str]:
    """Return the command line of this installation. It names a path, so that the working directory is not searched."""
    package = find_spec("sqs_facade")
    assert package is not None
    assert package.origin is not None
    return [sys.executable, "-P", str(Path(package.origin).with_name("__main__.py"))]


def real_seconds() -> float:
    """Return a time that goes on even if a test stops or moves the clocks of its process, as freezegun does."""
    return time.clock_gettime(time.CLOCK_MONOTONIC)


class ServiceProcess:
    """A service in a process of its own, which is ready when the constructor returns.

    ``arguments`` are the command and its flags, without a port; ``environment`` is added to that of this process.
    With ``is_detached`` the process is in a session of its own, which Ctrl-C does not reach. With ``keeps_errors`` its
    error output is not shown; if the start fails, the error has it. Raises RuntimeError if the service does not start.
    """

    def __init__(
        self,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        is_detached: bool = False,
        keeps_errors: bool = False,
    ) -> None:
        self._owner = os.getpid()
        self._folder = tempfile.TemporaryDirectory(prefix="sf")
        ready, errors = Path(self._folder.name) / "ready", Path(self._folder.name) / "errors"
        with errors.open("wb") as stream:
            self.process = subprocess.Popen(  # noqa: S603 - our own command
                [*_program(), *arguments, "--port", "0", "--ready-file", str(ready)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stream if keeps_errors else None,
                start_new_session=is_detached,
                env={**os.environ, **(environment or {})},
            )
        deadline = real_seconds() + START_SECONDS
        while not ready.exists():
            if self.process.poll() is not None or real_seconds() > deadline:
                reason = errors.read_text(errors="replace").strip()
                self.stop()
                raise RuntimeError(f"sqs-facade did not start. {reason}")
            time.sleep(_POLL_SECONDS)
        self.url = ready.read_text().strip()

    def stop(self) -> None:
        """Stop the service. In a forked process, do nothing: the service belongs to the parent."""
        if os.getpid() != self._owner:
            return
        self.process.terminate()
        try:
            self.process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._folder.cleanup()
