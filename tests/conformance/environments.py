"""Environments with published packages, kept in the folder that SQS_FACADE_CONFORMANCE names."""

from __future__ import annotations

import os
import subprocess
import venv
from pathlib import Path

FOLDER = os.environ.get("SQS_FACADE_CONFORMANCE")


def python_with(*packages: str) -> Path:
    """Return the Python of an environment with these packages. It is created once and named by the first package."""
    assert FOLDER is not None
    folder = Path(FOLDER).absolute() / packages[0].replace("==", "-")
    python = folder / "bin" / "python"
    done = folder / "complete"
    wanted = "\n".join(packages)
    if not (done.exists() and done.read_text() == wanted):
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], stdin=subprocess.DEVNULL, check=True)
        done.write_text(wanted)
    return python
