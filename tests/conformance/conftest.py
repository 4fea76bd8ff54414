"""A service for the published tests."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import _wait


@pytest.fixture(scope="module")
def signing_service() -> Iterator[str]:
    """Its URL; it signs URLs."""
    yield from _running("serve")


@pytest.fixture(scope="module")
def signing_sockets() -> Iterator[str]:
    """The URL of one that speaks over WebSocket."""
    yield from _running("websocket")


def _running(command: str) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="sf") as folder:
        ready = Path(folder) / "ready"
        process = subprocess.Popen(
            [sys.executable, "-m", "sqs_facade.cli", command, "--ephemeral", "--port", "0", "--ready-file", str(ready)],
            env={**os.environ, "SQS_FACADE_SIGNED_URL_KEY": "secret"},
        )
        _wait(lambda: ready.exists() or process.poll() is not None, "the service")
        yield ready.read_text().strip()
        process.terminate()
        process.wait(10)
