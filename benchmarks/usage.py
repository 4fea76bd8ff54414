"""Measure the CPU time of one measurement of all queues, which quotas of accounts need every 5 s.

    python -m benchmarks.usage [--queues 1000] [--messages 100]

The queues are on a private Valkey in memory. The output is microseconds per queue, of Valkey and of this process.
"""

from __future__ import annotations

import argparse

import psutil

from benchmarks.service import Spent
from tests.private_valkey import private_valkey
from zaqar_core.background.usage import UsageMeter
from zaqar_core.configuration.settings import Settings
from zaqar_core.core import messages
from zaqar_core.core.process import Core
from zaqar_core.core.quotas import Quotas
from zaqar_core.domain.model import NewMessage
from zaqar_core.domain.names import QueueRef

_MEASUREMENTS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--queues", type=int, default=1_000)
    parser.add_argument("--messages", type=int, default=100)
    options = parser.parse_args()
    spent = Spent()
    with private_valkey() as server:
        core = Core(Settings(redis=server.url, durability="memory", store_connections=1), server.url)
        posted = [NewMessage(b"x" * 200, ttl_seconds=3600)] * options.messages
        for number in range(options.queues):
            ref = QueueRef("bench", "us-east-1", f"usage-{number}")
            messages.post(core.session(), ref, posted, post_bytes=1)
        meter = UsageMeter(core, Quotas(1, None))
        meter.measure()
        with spent.counting(options.queues * _MEASUREMENTS, psutil.Process(server.process.pid)):
            for _ in range(_MEASUREMENTS):
                meter.measure()
        core.close()
    python, valkey = spent.microseconds
    print(
        f"{options.queues} queues of {options.messages} messages, per queue: Valkey {valkey:.0f} µs, "
        f"this process {python:.0f} µs"
    )


if __name__ == "__main__":
    main()
