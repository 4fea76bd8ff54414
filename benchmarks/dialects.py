"""Compare the CPU cost of Zaqar's post, claim and deletion with that of SQS's send, receive and deletion.

    python -m benchmarks.dialects [--durability memory|fsync] [--messages 12000] [--connections 32] [--limit 1.3]

All requests are for single messages and go to one service with one worker. The six operations alternate, so that noise
affects all of them alike. The output is the CPU time of the worker and of Valkey for one request, in microseconds, and
the ratio of Zaqar's total to SQS's. With ``--limit`` the exit status is 1 if a ratio is larger.
"""

from __future__ import annotations

import argparse
import sys
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

import orjson

from benchmarks import load
from benchmarks.service import Service, Spent, cpu, serving

#: Requests of one operation before the next operation is measured.
TURN = 1000
_QUEUE = "/v2/queues/zaqar"
_CLIENT = str(uuid.uuid4())


@dataclass
class Run:
    """The operations of one dialect on its own queue. ``held`` names the messages that are to be deleted."""

    service: Service
    connections: int
    held: list[str] = field(default_factory=list)
    spent: dict[str, Spent] = field(default_factory=dict)

    def turn(self, name: str, requests: list[bytes], on_reply: Callable[[bytes], None] = lambda _: None) -> None:
        service, spent = self.service, self.spent.setdefault(name, Spent())
        python, valkey = cpu(service.workers), cpu(service.valkeys)
        spent.requests += load.run(service.address, iter(requests), self.connections, on_reply)
        spent.python += cpu(service.workers) - python
        spent.valkey += cpu(service.valkeys) - valkey


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--durability", choices=["memory", "fsync"], default="fsync")
    parser.add_argument("--messages", type=int, default=12_000)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--limit", type=float)
    options = parser.parse_args()
    with serving(options.durability) as service:
        sqs, zaqar = Run(service, options.connections), Run(service, options.connections)
        sqs.turn("create", [_sqs(service, "CreateQueue", {"QueueName": "sqs"})])
        zaqar.turn("create", [load.zaqar_request(service.host, "PUT", _QUEUE, _CLIENT)])
        for _ in range(max(options.messages // TURN, 1)):
            _sqs_turn(sqs)
            _zaqar_turn(zaqar)
    return _report(sqs, zaqar, options.limit)


def _sqs(service: Service, operation: str, body: dict[str, object]) -> bytes:
    return load.json_request(service.host, operation, orjson.dumps(body))


def _sqs_turn(run: Run) -> None:
    def keep(body: bytes) -> None:
        run.held.extend(one["ReceiptHandle"] for one in orjson.loads(body).get("Messages", ()))

    run.turn("SendMessage", [_sqs(run.service, "SendMessage", {"QueueUrl": "sqs", "MessageBody": "x" * 200})] * TURN)
    run.turn("ReceiveMessage", [_sqs(run.service, "ReceiveMessage", {"QueueUrl": "sqs"})] * TURN, keep)
    deletions = [_sqs(run.service, "DeleteMessage", {"QueueUrl": "sqs", "ReceiptHandle": one}) for one in run.held]
    run.turn("DeleteMessage", deletions)
    run.held.clear()


def _zaqar_turn(run: Run) -> None:
    def keep(body: bytes) -> None:
        run.held.extend(one["href"] for one in orjson.loads(body)["messages"])

    def call(method: str, path: str, body: bytes = b"") -> bytes:
        return load.zaqar_request(run.service.host, method, path, _CLIENT, body)

    message = orjson.dumps({"messages": [{"body": "x" * 200, "ttl": 3600}]})
    run.turn("post", [call("POST", _QUEUE + "/messages", message)] * TURN)
    claim = call("POST", _QUEUE + "/claims?limit=1", orjson.dumps({"ttl": 300, "grace": 60}))
    run.turn("claim", [claim] * TURN, keep)
    run.turn("delete", [call("DELETE", href) for href in run.held])
    run.held.clear()


def _report(sqs: Run, zaqar: Run, limit: float | None) -> int:
    print(f"{'':16}{'python µs':>10}{'valkey µs':>11}{'':>4}{'':8}{'python µs':>10}{'valkey µs':>11}{'times SQS':>11}")
    failed = False
    pairs = (("SendMessage", "post"), ("ReceiveMessage", "claim"), ("DeleteMessage", "delete"))
    for theirs, ours in pairs:
        one, other = sqs.spent[theirs].microseconds, zaqar.spent[ours].microseconds
        times = sum(other) / sum(one)
        failed |= bool(limit and times > limit)
        print(f"{theirs:16}{one[0]:10.0f}{one[1]:11.0f}{'':4}{ours:8}{other[0]:10.0f}{other[1]:11.0f}{times:11.2f}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
