"""Count the instructions that Valkey executes for one call of each function of the hot path.

    python -m benchmarks.instructions [--calls 1000] [--durability memory|fsync]

The calls are those of ``function_calls``, as for ``functions``. Valkey runs under callgrind, a tool of valgrind, which
must be installed; the counts do not depend on the load of the machine. Each row has the instructions of one call, with
reading it and writing the reply, and the multiple of the yardstick.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks.function_calls import SERVER_OPTIONS, YARDSTICK, Connection, calls
from tests.private_valkey import private_valkey
from zaqar_core.store.connection import pack

#: callgrind writes what it has counted, and begins again, before it enters the function of this command.
_MARK, _MARKED = pack((b"ECHO", b"-")), "echoCommand"
_TOTAL = re.compile(r"^(?:summary|totals): (\d+)", re.MULTILINE)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--durability", choices=SERVER_OPTIONS, default="memory")
    asked = parser.parse_args()
    if shutil.which("valgrind") is None:
        parser.error("valgrind is not installed")
    found = _counted(asked.calls, SERVER_OPTIONS[asked.durability])
    for title, instructions in found.items():
        print(f"{title:14}{instructions:10,.0f} instructions{instructions / found[YARDSTICK]:7.2f}")
    return 0


def _counted(count: int, options: tuple[str, ...]) -> dict[str, float]:
    """Return the instructions of one call, by title."""
    groups: list[tuple[str | None, int]] = []
    with tempfile.TemporaryDirectory(prefix="sf") as folder:
        output = Path(folder) / "callgrind.out"
        tool = ["--tool=callgrind", f"--callgrind-out-file={output}", f"--dump-before={_MARKED}", "--quiet"]
        with private_valkey(*options, "--hz", "1", under=["valgrind", *tool]) as server:
            connection = Connection(server.url)
            connection.run([_MARK])
            for title, packed in calls("bench", count):
                connection.run(packed)
                connection.run([_MARK])
                groups.append((title, len(packed)))
            connection.close()
            server.stop()
        # the first part is the start of the server
        totals = [_total(output.with_suffix(f".out.{number}")) for number in range(2, len(groups) + 2)]
    return {title: total / made for (title, made), total in zip(groups, totals, strict=True) if title is not None}


def _total(part: Path) -> int:
    total = _TOTAL.search(part.read_text())
    assert total is not None
    return int(total[1])


if __name__ == "__main__":
    sys.exit(main())
