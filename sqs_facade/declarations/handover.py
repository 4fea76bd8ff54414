"""Pass declarations from the main process, which reads the settings file, to its workers.

The main process writes each version that it has checked to a private file. Workers look at that file, also those that
start later, so all apply the same version however the settings file changes meanwhile.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import msgspec

from sqs_facade.declarations.model import Declarations


class Version(msgspec.Struct, frozen=True):
    """Declarations as they were read once. ``id`` is random."""

    id: str
    declarations: Declarations


class Handover:
    """The main process's side. The file is in a directory that only this user can read: it may have secrets."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="sqs-facade-declared-"))
        self.file = self._folder / "version"

    def write(self, declarations: Declarations) -> None:
        """Replace the version."""
        draft = self.file.with_suffix(".new")
        draft.write_bytes(msgspec.json.encode(Version(os.urandom(8).hex(), declarations)))
        draft.replace(self.file)

    def remove(self) -> None:
        """Delete the file."""
        shutil.rmtree(self._folder, ignore_errors=True)


class Reader:
    """A worker's side."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._stamp = (0, 0)

    def newer(self) -> Version | None:
        """Return the version if it has been replaced since the last call; None also if it cannot be read."""
        try:
            status = self._file.stat()
            stamp = (status.st_ino, status.st_ctime_ns)  # a file system may use the number of a deleted file again
            if stamp == self._stamp:
                return None
            found = msgspec.json.decode(self._file.read_bytes(), type=Version)
        except (OSError, msgspec.MsgspecError):
            return None
        self._stamp = stamp
        return found
