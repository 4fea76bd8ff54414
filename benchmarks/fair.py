"""Count the receives until a quiet tenant's message is delivered from a queue with a noisy tenant's backlog.

    python -m benchmarks.fair [--backlog 10000] [--quiet 50] [--limit 60]

The noisy tenant has ``--backlog`` messages, some of which were received already. Then ``--quiet`` other tenants send
one message each, and all messages are received one by one. The output is the number of receives until the first and
until the last message of a quiet tenant: with one message in flight and with 40, with message groups and without. With
``--limit`` the exit status is 1 if the last one needs more receives in a queue with groups.
"""

from __future__ import annotations

import argparse
import sys
from collections import deque

from benchmarks.private_session import private_session
from zaqar_core.core import leases, messages, queues
from zaqar_core.core.session import Session
from zaqar_core.domain.model import NewMessage, QueueSettings, Receipt
from zaqar_core.domain.names import QueueRef

#: Receives before the quiet tenants send.
BEFORE = 100


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backlog", type=int, default=10_000)
    parser.add_argument("--quiet", type=int, default=50)
    parser.add_argument("--limit", type=int)
    options = parser.parse_args()
    worst = 0
    print(f"{options.backlog} messages of one tenant, then one of each of {options.quiet} others")
    print(f"{'':32}{'first':>8}{'last':>8}   receives until a quiet tenant's message")
    with private_session() as (session, _):
        for held in (0, 40):
            for grouped in (True, False):
                first, last = _waits(session, options.backlog, options.quiet, held=held, grouped=grouped)
                kind = "message groups" if grouped else "no groups"
                print(f"{kind + f', {held or 1} in flight':32}{first:8}{last:8}")
                worst = max(worst, last) if grouped else worst
    return int(bool(options.limit and worst > options.limit))


def _waits(session: Session, backlog: int, quiet: int, *, held: int, grouped: bool) -> tuple[int, int]:
    """Return the number of receives until the first and until the last message of a quiet tenant."""
    ref = QueueRef("000000000000", "us-east-1", f"fair-{held}-{grouped}")
    queues.create(session, ref, QueueSettings(), creator="sqs")
    for _ in range(backlog // 100):
        messages.send(session, ref, [NewMessage(b"noisy", group="noisy" if grouped else None)] * 100)
    in_flight: deque[Receipt] = deque()

    def receive() -> bytes:
        [found] = leases.receive(session, ref, max_messages=1, wait_seconds=0)
        assert found.receipt is not None
        in_flight.append(found.receipt)
        if len(in_flight) > held:
            leases.delete_received(session, ref, [in_flight.popleft()])
        return found.body

    for _ in range(BEFORE):
        receive()
    for number in range(quiet):
        messages.send(session, ref, [NewMessage(b"quiet", group=f"quiet {number}" if grouped else None)])
    seen = [receive() for _ in range(backlog + quiet - BEFORE)]
    receives = [number for number, body in enumerate(seen, 1) if body == b"quiet"]
    assert len(receives) == quiet
    return receives[0], receives[-1]


if __name__ == "__main__":
    sys.exit(main())
