"""``python -m tests.sdk``: the same steps through every client whose toolchain is here, and a table of the results."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from tests.clients import installs
from tests.sdk import recording, running
from tests.sdk.clients import CLIENTS
from tests.sdk.steps import STEPS


def main() -> int:
    """Run the chosen clients; return 1 if a step failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.sdk", description=__doc__)
    parser.add_argument("--only", metavar="NAMES", help=f"clients, with commas between them: {', '.join(CLIENTS)}")
    parser.add_argument("--signed", action="store_true", help="against a service whose callers need credentials")
    parser.add_argument("--folder", help=f"keep what is installed and built here; also {installs.VARIABLE}")
    parser.add_argument("--record", action="store_true", help="keep signed requests of the SDKs as data of the tests")
    options = parser.parse_args()
    names = options.only.split(",") if options.only else list(CLIENTS)
    if unknown := [name for name in names if name not in CLIENTS]:
        parser.error(f"no client is called {', '.join(unknown)}; there are {', '.join(CLIENTS)}")
    kept = options.folder or os.environ.get(installs.VARIABLE, "1")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary if kept == "1" else kept).expanduser().resolve()
        folder.mkdir(parents=True, exist_ok=True)
        if options.record:
            return recording.record([name for name in names if name in recording.NAMES], folder)
        return _run(names, folder, is_signed=options.signed)


def _run(names: list[str], folder: Path, *, is_signed: bool) -> int:
    with running.service(is_signed=is_signed) as url:
        rows = []
        for name in names:
            client = CLIENTS[name]
            if client.missing:
                sys.stderr.write(f"{name}: left out, {client.missing}\n")
                continue
            row = running.run(client, url, folder, keys=running.KEYS if is_signed else None)
            rows.append(row)
            passed = sum(mark == "passed" for mark in row.marks.values())
            sys.stderr.write(f"{name}: {passed} of {len(STEPS)} steps passed, {len(row.errors)} failed\n")
            for step, error in row.errors.items():
                sys.stderr.write(f"  {step}: {error}\n")
    sys.stdout.write(running.table(rows) + "\n")
    return 1 if any(row.has_failed for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
