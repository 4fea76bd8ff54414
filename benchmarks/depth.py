"""Measure the CPU cost of a receive and a deletion in a FIFO queue with few messages, and in one with many.

    python -m benchmarks.depth [--messages 200000] [--groups 10000] [--rounds 4000] [--limit 1.25]

The small queue has 1,000 messages in 50 groups; the options set the size of the large one. Both are on a private Valkey
in memory. Messages are received and deleted one by one, from each queue in turn, and replaced by new ones. The output
is the CPU time of Valkey and of this process for one receive and its deletion, in microseconds. With ``--limit`` the
exit status is 1 if the large queue costs more than that many times the small one.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, field

import psutil

from benchmarks.private_session import private_session
from benchmarks.service import Spent, compared
from zaqar_core.core import leases, messages, queues
from zaqar_core.core.session import Session
from zaqar_core.domain.model import NewMessage, QueueSettings
from zaqar_core.domain.names import QueueRef

SHALLOW = (1_000, 50)
#: Rounds in one queue before the other queue is measured. Short turns expose both to the same noise.
TURN = 200


@dataclass
class Depth:
    """One queue, and the cost of its rounds."""

    ref: QueueRef
    messages: int
    groups: int
    sent: int = 0
    spent: Spent = field(default_factory=Spent)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=200_000)
    parser.add_argument("--groups", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=4_000)
    parser.add_argument("--limit", type=float)
    options = parser.parse_args()
    depths = [
        Depth(QueueRef("000000000000", "us-east-1", f"depth-{count}.fifo"), count, groups)
        for count, groups in (SHALLOW, (options.messages, options.groups))
    ]
    with private_session() as (session, valkey):
        for depth in depths:
            queues.create(session, depth.ref, QueueSettings(), creator="sqs")
            while depth.sent < depth.messages:
                _send(session, depth, 100)
        for _ in range(options.rounds // TURN):
            for depth in depths:
                _rounds(session, depth, valkey)
    sides = [(f"{one.messages:>10}{one.groups:>8}", one.spent) for one in depths]
    ratio = compared(f"{'messages':>10}{'groups':>8}", sides)
    print(f"receive and delete at depth cost {ratio:.2f} times what they cost beside {SHALLOW[0]} messages")
    return int(bool(options.limit and ratio > options.limit))


def _send(session: Session, depth: Depth, count: int) -> None:
    new = [
        NewMessage(b"x" * 200, group=f"group {number % depth.groups}", dedup_id=str(number))
        for number in range(depth.sent, depth.sent + count)
    ]
    messages.send(session, depth.ref, new)
    depth.sent += count


def _rounds(session: Session, depth: Depth, valkey: psutil.Process) -> None:
    with depth.spent.counting(TURN, valkey):
        for _ in range(TURN):
            [found] = leases.receive(session, depth.ref, max_messages=1, wait_seconds=0)
            assert found.receipt is not None
            assert leases.delete_received(session, depth.ref, [found.receipt]) == [None]
    _send(session, depth, TURN)


if __name__ == "__main__":
    sys.exit(main())
