"""Log every import of a process: its process id, the module's name and file. Installed in these tests' environments."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

_FILE = os.environ.get("IMPORT_LOG")


class _Log:
    """The first finder: it calls the others and records the modules that they found."""

    @classmethod
    def find_spec(
        cls, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        for finder in sys.meta_path:
            found = None if finder is cls else finder.find_spec(name, path, target)
            if found is not None:
                if found.has_location and found.origin is not None:
                    os.write(_descriptor, f"{os.getpid()}\t{name}\t{os.path.realpath(found.origin)}\n".encode())
                return found
        return None


if _FILE:
    _descriptor = os.open(_FILE, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    sys.meta_path.insert(0, _Log)
