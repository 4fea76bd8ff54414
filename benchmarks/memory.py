"""Measure the memory that Valkey needs for one message, and that of the processes of an idle service.

    python -m benchmarks.memory [--messages 100000] [--limit 500]

Messages of 200 bytes are sent to one queue. The first figure is the growth of Valkey's ``used_memory`` per message, the
others are resident sizes. With ``--limit`` the exit status is 1 if a message needs more bytes.
"""

from __future__ import annotations

import argparse
import sys

from benchmarks.service import serving
from tests.private_valkey import private_valkey
from zaqar_core.configuration.settings import Settings
from zaqar_core.core import messages, queues
from zaqar_core.core.process import Core
from zaqar_core.domain.model import NewMessage, QueueSettings
from zaqar_core.domain.names import QueueRef


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--limit", type=float)
    options = parser.parse_args()
    with private_valkey() as server:
        core = Core(Settings(redis=server.url, durability="memory", store_connections=1), server.url)
        ref = QueueRef("000000000000", "us-east-1", "memory")
        session = core.session()
        with server.client() as client:
            queues.create(session, ref, QueueSettings(), creator="sqs")
            before = client.info("memory")["used_memory"]
            for _ in range(options.messages // 100):
                messages.send(session, ref, [NewMessage(b"x" * 200)] * 100)
            each = (client.info("memory")["used_memory"] - before) / options.messages
        core.close()
    print(f"{options.messages} messages of 200 bytes: {each:.0f} bytes of Valkey memory each")
    with serving("memory") as service:
        worker = max(process.memory_info().rss for process in service.workers) / 1e6
        print(f"an idle worker: {worker:.0f} MB, the main process: {service.main.memory_info().rss / 1e6:.0f} MB")
    return int(bool(options.limit and each > options.limit))


if __name__ == "__main__":
    sys.exit(main())
