"""``python -m compat``."""

from __future__ import annotations

import sys


def _main() -> int:
    """The status to exit with; 2 where packages are missing."""
    try:
        from compat import commands
    except ModuleNotFoundError as problem:
        sys.stderr.write(f"python -m compat needs a package that is not installed ({problem}): ")
        sys.stderr.write("pip install 'sqs-facade[compat]'\n")
        return 2
    commands.main(prog_name="python -m compat")
    return 0


if __name__ == "__main__":
    sys.exit(_main())
