"""A private, ephemeral sqs-facade, started as any user starts it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

START_SECONDS: Final = 20.0


class NotServing(Exception):
    """The service did not become ready."""


@contextmanager
def serving() -> Iterator[str]:
    """URL of a new service with an empty store, which ends with the block. Raises NotServing."""
    with tempfile.TemporaryDirectory(prefix="sfc") as folder:
        ready = Path(folder) / "ready"
        command = [sys.executable, "-m", "sqs_facade.cli", "serve", "--ephemeral", "--port", "0"]
        process = subprocess.Popen([*command, "--ready-file", str(ready)], stdout=subprocess.DEVNULL)  # noqa: S603 # our own
        try:
            yield _url(ready, process)
        finally:
            process.terminate()
            process.wait(15)


def _url(ready: Path, process: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + START_SECONDS
    while not ready.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise NotServing("sqs-facade serve did not become ready")
        time.sleep(0.01)
    return ready.read_text().strip()
