"""Fair queues: how many receives a quiet tenant's message waits behind a noisy tenant's backlog.

    python -m benchmarks.fair [--backlog 10000] [--quiet 50] [--limit 60]

One tenant has a backlog that consumers already work on; then each of ``quiet`` tenants sends one message. Counted: the
receives of one message each until a quiet tenant's one comes, with a consumer that deletes at once and with consumers
that hold 40 messages at a time; and the same without message groups. ``--limit`` makes it fail when the last quiet
message needs more receives than that.
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

#: Receives before the quiet tenants send: the consumers are at work.
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
    """Receives until the first and until the last of the quiet tenants' messages."""
    ref = QueueRef("000000000000", "us-east-1", f"fair-{held}-{grouped}")
    queues.create(session, ref, QueueSettings(), creator="sqs")
    for _ in range(backlog // 100):
        messages.send(session, ref, [NewMessage(b"noisy", group="noisy" if grouped else None)] * 100)
    flying: deque[Receipt] = deque()

    def receive() -> bytes:
        [found] = leases.receive(session, ref, max_messages=1, wait_seconds=0)
        assert found.receipt is not None
        flying.append(found.receipt)
        if len(flying) > held:
            leases.delete_received(session, ref, [flying.popleft()])
        return found.body

    for _ in range(BEFORE):
        receive()
    for number in range(quiet):
        messages.send(session, ref, [NewMessage(b"quiet", group=f"quiet {number}" if grouped else None)])
    seen = [receive() for _ in range(backlog + quiet - BEFORE)]
    places = [place for place, body in enumerate(seen, 1) if body == b"quiet"]
    assert len(places) == quiet
    return places[0], places[-1]


if __name__ == "__main__":
    sys.exit(main())
