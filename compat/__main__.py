"""Entry point of ``python -m sqs_facade.compat``; in a checkout also of ``python -m compat``."""

from __future__ import annotations

import importlib
import sys


def _main() -> int:
    """Run the command line and return the exit code, which is 2 if a package is missing."""
    # Imported by its full name: in a checkout this file may be running as compat.__main__.
    importlib.import_module("sqs_facade.__main__").leave_out_working_directory()
    try:
        commands = importlib.import_module("sqs_facade.compat.commands")
    except ModuleNotFoundError as problem:
        sys.stderr.write(f"python -m sqs_facade.compat needs a package that is not installed ({problem}): ")
        sys.stderr.write("pip install 'sqs-facade[compat]'\n")
        return 2
    commands.main(prog_name=f"python -m {__package__}")
    return 0


if __name__ == "__main__":
    sys.exit(_main())
