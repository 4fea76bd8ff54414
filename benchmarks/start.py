"""Measure the time from the command ``sqs-facade serve`` until the service is ready, with an empty data directory.

    python -m benchmarks.start [--starts N] [--limit SECONDS]

The output is the shortest and the median time. With ``--limit`` the exit status is 1 if the shortest time is longer.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time

from benchmarks.service import serving


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--starts", type=int, default=5)
    parser.add_argument("--limit", type=float)
    options = parser.parse_args()
    taken = []
    for _ in range(options.starts):
        began = time.monotonic()
        with serving("fsync"):
            taken.append(time.monotonic() - began)
    print(f"ready after {min(taken):.2f} s at best, median {statistics.median(taken):.2f} s")
    return int(options.limit is not None and min(taken) > options.limit)


if __name__ == "__main__":
    sys.exit(main())
