"""``sqs-facade`` and ``python -m sqs_facade``: the command line, whatever the working directory holds."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command line."""
    leave_out_working_directory()
    from sqs_facade.cli import main as command_line

    command_line()


def leave_out_working_directory() -> None:
    """Import from this installation and from its libraries only.

    ``python -m`` puts the working directory first, PYTHONPATH often names it too: a ``redis.py`` or ``logging.py`` that
    lies there would be imported in place of the library. A checkout that is not installed is found all the same.
    """
    # Until this is done nothing else is imported: the interpreter has loaded these two already.
    root = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))  # noqa: PTH120 - pathlib is not loaded yet
    try:
        here = os.path.realpath(".")
    except OSError:  # the working directory was removed: nothing can be imported from it
        here = root
    if here not in (root, os.path.realpath(os.path.dirname(os.__file__))):  # noqa: PTH120
        # The interpreter's own entry and those of PYTHONPATH come first.
        first = 1 + len(os.environ.get("PYTHONPATH", "").split(os.pathsep))
        sys.path[:first] = [entry for entry in sys.path[:first] if os.path.realpath(entry or ".") != here]
    if not __package__ and root not in {os.path.realpath(entry) for entry in sys.path if entry}:  # started by its path
        sys.path.insert(0, root)


if __name__ == "__main__":
    main()
