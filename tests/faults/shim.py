"""Compiles ``shim.c`` and controls it: power cuts and errors of the disk for one Valkey."""

from __future__ import annotations

import errno
import mmap
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Literal

from tests.deployments import binary

_SOURCE = Path(__file__).with_name("shim.c")
_FIELDS = ("write_error", "sync_error", "torn", "holds_back", "held")
Call = Literal["write", "sync"]
ERRORS = {"EIO": errno.EIO, "ENOSPC": errno.ENOSPC}


def missing() -> str:
    """Return why the shim cannot be used here; empty if it can."""
    if sys.platform != "linux":
        return "LD_PRELOAD and /proc are Linux's"
    return "" if shutil.which("cc") else "no C compiler (cc) is installed"


class Shim:
    """The shim for one Valkey. ``environment`` is for the process that starts it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._file = folder / "control"
        self._file.write_bytes(bytes(4 * len(_FIELDS)))

    @cached_property
    def environment(self) -> dict[str, str]:
        """Compile the shim; return the variables that load it into Valkey, and into no other program."""
        library = self._folder / "shim.so"
        command = ["cc", "-O1", "-Wall", "-Werror", "-shared", "-fPIC", "-pthread", "-o"]
        subprocess.run([*command, library, _SOURCE, "-ldl"], check=True)
        return {
            "LD_PRELOAD": str(library),
            "FAULTS_CONTROL": str(self._file),
            "FAULTS_PROGRAM": Path(binary()).name,
        }

    def hold_back(self, *, torn: bool = False) -> None:
        """From now on kill -9 of Valkey is a power cut. ``torn``: parts of unsynchronised writes may survive it."""
        self._set("holds_back", 1)
        self._set("torn", int(torn))

    def held(self) -> int:
        """Return how many writes were held back so far."""
        at = 4 * _FIELDS.index("held")
        return int(struct.unpack_from("=i", self._file.read_bytes(), at)[0])

    @contextmanager
    def failing(self, call: Call, error: str) -> Iterator[None]:
        """Let each write or synchronisation of the log fail for the time of the block. ``error``: a key of ERRORS."""
        self._set(f"{call}_error", ERRORS[error])
        try:
            yield
        finally:
            self._set(f"{call}_error", 0)

    def _set(self, name: str, value: int) -> None:
        with self._file.open("r+b") as stream, mmap.mmap(stream.fileno(), 0) as memory:
            struct.pack_into("=i", memory, 4 * _FIELDS.index(name), value)
