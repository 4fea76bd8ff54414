"""Measure the CPU time of Valkey for one call of each function of the hot path.

    python -m benchmarks.functions [--rounds 7] [--durability memory|fsync]

The calls are those of ``function_calls``, over one connection, 16 in a write. Each row has the microseconds of one call
over all rounds, in which the functions take turns, and the multiple of the yardstick.
"""

from __future__ import annotations

import argparse
from collections import defaultdict

import psutil

from benchmarks.function_calls import SERVER_OPTIONS, YARDSTICK, Connection, calls
from benchmarks.service import cpu
from tests.private_valkey import private_valkey

_CALLS = 10_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--durability", choices=SERVER_OPTIONS, default="memory")
    asked = parser.parse_args()
    spent: dict[str, float] = defaultdict(float)
    made: dict[str, int] = defaultdict(int)
    with private_valkey(*SERVER_OPTIONS[asked.durability]) as server, server.client() as client:
        valkey, connection = [psutil.Process(server.process.pid)], Connection(server.url)
        for number in range(asked.rounds):
            for title, packed in calls(f"bench-{number}", _CALLS):
                before = cpu(valkey)
                connection.run(packed)
                if title is not None:
                    spent[title] += cpu(valkey) - before
                    made[title] += len(packed)
            client.flushall()
        connection.close()
    cost = {title: 1e6 * spent[title] / made[title] for title in spent}
    for title, microseconds in cost.items():
        print(f"{title:14}{microseconds:8.1f} µs{microseconds / cost[YARDSTICK]:7.2f}")


if __name__ == "__main__":
    main()
