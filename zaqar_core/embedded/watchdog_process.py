"""Starts the watchdog of a Valkey, and ends an earlier one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from zaqar_core.embedded import privacy, watchdog
from zaqar_core.embedded.errors import EmbeddedError


class WatchdogProcess:
    """A watchdog that this process has started, and which outlives it."""

    def __init__(self, directory: Path, *, remove: bool) -> None:
        """Start it for a data directory, which it removes in the end if ``remove``. Raises EmbeddedError."""
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own script
                [
                    *(sys.executable, "-I", "-S", watchdog.__file__, directory),
                    *("remove" if remove else "keep", str(os.getpid())),
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                umask=privacy.UMASK,
                cwd="/",
            )
        except OSError as problem:
            raise EmbeddedError(f"cannot start the watchdog of Valkey: {problem.strerror}") from None
        self._started = watchdog.started(self._process.pid)
        threading.Thread(target=self._process.wait, name="watchdog-wait", daemon=True).start()

    def has_ended(self) -> bool:
        """Return whether the watchdog was killed: it does not end by itself while this process runs."""
        return self._process.poll() is not None

    def end(self) -> None:
        """End the watchdog, because a newer one runs."""
        watchdog.signal_process(self._process.pid, self._started, signal.SIGKILL)
