"""Measure the CPU cost of a claim in a queue with no messages in flight, and in one with many.

    python -m benchmarks.claims [--in-flight 100000] [--rounds 20000] [--limit 1.2]

Both queues are on a private Valkey in memory. The oldest messages of the second one, as many as ``--in-flight`` says,
are held by claims of 20 messages. Then each queue in turn gets new messages, which are claimed one by one and deleted.
The output is the CPU time of Valkey and of this process for one claim, in microseconds. With ``--limit`` the exit
status is 1 if a claim in the second queue costs more than that many times a claim in the first.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, field

import psutil

from benchmarks.private_session import private_session
from benchmarks.service import Spent, compared
from zaqar_core.core import claims, messages
from zaqar_core.core.session import Session
from zaqar_core.domain.model import Claim, NewMessage
from zaqar_core.domain.names import QueueRef

#: Claims in one queue before the other queue is measured. Short turns expose both to the same noise.
TURN = 1000
_LONGEST_CLAIM_SECONDS = 43_200
_LIFE_SECONDS = 1_209_600


@dataclass
class Depth:
    """One queue, and the cost of its claims."""

    ref: QueueRef
    in_flight: int
    spent: Spent = field(default_factory=Spent)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--in-flight", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=20_000)
    parser.add_argument("--limit", type=float)
    options = parser.parse_args()
    depths = [Depth(QueueRef("bench", "us-east-1", f"claims-{n}"), n) for n in (0, options.in_flight)]
    with private_session() as (session, valkey):
        for depth in depths:
            _fill(session, depth)
        for _ in range(max(options.rounds // TURN, 1)):
            for depth in depths:
                _rounds(session, depth, valkey)
    ratio = compared(f"{'in flight':>10}", [(f"{one.in_flight:>10}", one.spent) for one in depths], digits=1)
    print(f"a claim beside {options.in_flight} in flight costs {ratio:.2f} times one beside none")
    return int(bool(options.limit and ratio > options.limit))


def _post(session: Session, ref: QueueRef, count: int) -> None:
    messages.post(session, ref, [NewMessage(b"x" * 200, ttl_seconds=_LIFE_SECONDS)] * count, post_bytes=count * 200)


def _claim(session: Session, ref: QueueRef, limit: int) -> Claim:
    made = claims.create(session, ref, ttl_seconds=_LONGEST_CLAIM_SECONDS, grace_seconds=60, limit=limit)
    assert made is not None
    return made


def _fill(session: Session, depth: Depth) -> None:
    """Post and claim the messages that stay in flight. One more claim warms up the queue."""
    held = 0
    while held < depth.in_flight:
        _post(session, depth.ref, 100)
        for _ in range(5):
            held += len(_claim(session, depth.ref, 20).messages)
    _post(session, depth.ref, 1)
    _claim(session, depth.ref, 1)


def _rounds(session: Session, depth: Depth, valkey: psutil.Process) -> None:
    _post(session, depth.ref, TURN)
    with depth.spent.counting(TURN, valkey):
        made = [_claim(session, depth.ref, 1) for _ in range(TURN)]
    for one in made:
        messages.delete_by_id(session, depth.ref, one.messages[0].id, claim_id=one.id)


if __name__ == "__main__":
    sys.exit(main())
