"""Count the instructions that Valkey executes for one send, receive and deletion.

    python -m benchmarks.instructions [--operations 400]

Valkey runs under callgrind, a tool of valgrind, which must be installed. The counts do not depend on the load of the
machine. The store is on disk, with an fsync after each write; the operations come over one connection, one by one. Each
count is the difference of two runs, one of which executes the operation ``--operations`` times more often than the
other.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import tempfile
from pathlib import Path

from tests.private_valkey import private_valkey
from zaqar_core.configuration.settings import Settings
from zaqar_core.core import leases, messages, queues
from zaqar_core.core.process import Core
from zaqar_core.domain.model import NewMessage, QueueSettings
from zaqar_core.domain.names import QueueRef

#: Time for one reply. Valkey runs fifty times slower under callgrind, still slower beside other load.
_SECONDS = 60.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--operations", type=int, default=400)
    few = parser.parse_args().operations
    many = 2 * few
    if shutil.which("valgrind") is None:
        parser.error("valgrind is not installed")
    for name, less, more in (
        ("send", (few, 0, 0), (many, 0, 0)),
        ("receive", (many, few, 0), (many, many, 0)),
        ("deletion", (many, many, few), (many, many, many)),
    ):
        print(f"{name:10}{(_count(*more) - _count(*less)) / few:10,.0f} instructions")
    return 0


def _count(sends: int, receives: int, deletions: int) -> int:
    """Run that many operations and return the number of instructions of the whole run."""
    with tempfile.TemporaryDirectory(prefix="sf") as name:
        output = Path(name) / "callgrind.out"
        under = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={output}"]
        options = ("--appendonly", "yes", "--appendfsync", "always", "--hz", "1")
        with private_valkey(*options, under=under) as server:
            settings = Settings(
                redis=server.url, durability="fsync", store_connections=1, store_timeout_seconds=_SECONDS
            )
            core = Core(settings, server.url)
            ref = QueueRef("000000000000", "us-east-1", "instructions")
            session = core.session()
            queues.create(session, ref, QueueSettings(), creator="sqs")
            for _ in range(sends):
                messages.send(session, ref, [NewMessage(b"x" * 200)])
            found = [
                message
                for _ in range(receives)
                for message in leases.receive(session, ref, max_messages=1, wait_seconds=0)
            ]
            for message in found[:deletions]:
                assert message.receipt is not None
                leases.delete_received(session, ref, [message.receipt])
            core.close()
        total = re.search(r"^(?:summary|totals): (\d+)", output.read_text(), re.MULTILINE)
        assert total is not None
        return int(total[1])


if __name__ == "__main__":
    sys.exit(main())
