"""Entry point of ``sqs-facade`` and ``python -m sqs_facade``. Modules of the working directory are never imported."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command line."""
    leave_out_working_directory()
    from sqs_facade.cli import main as command_line

    command_line()


def leave_out_working_directory() -> None:
    """Remove the working directory from ``sys.path``, unless it is the folder that contains this package.

    ``python -m`` puts the working directory first in the path, and PYTHONPATH often names it too: a ``redis.py`` or
    ``logging.py`` in it would be imported instead of the library. A checkout that is not installed stays importable.
    """
    # Import nothing else before this is done; the interpreter has loaded os and sys already.
    root = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))  # noqa: PTH120 - pathlib is not loaded yet
    try:
        here = os.path.realpath(".")
    except OSError:  # the working directory was deleted: nothing can be imported from it
        here = root
    if here not in (root, os.path.realpath(os.path.dirname(os.__file__))):  # noqa: PTH120
        # The path begins with the interpreter's own entry, then come those of PYTHONPATH.
        first = 1 + len(os.environ.get("PYTHONPATH", "").split(os.pathsep))
        sys.path[:first] = [entry for entry in sys.path[:first] if os.path.realpath(entry or ".") != here]
    if not __package__ and root not in {os.path.realpath(entry) for entry in sys.path if entry}:  # run as a script
        sys.path.insert(0, root)


if __name__ == "__main__":
    main()
