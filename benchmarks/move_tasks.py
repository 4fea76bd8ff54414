"""Measure how many messages a move task moves in a second.

    python -m benchmarks.move_tasks [--durability memory|fsync] [--messages 20000] [--limit 500]

A service with one worker gets messages of 200 bytes in a dead-letter queue. A move task without a rate moves them to
another queue. The output is the number of messages divided by the time from the start of the task until the task is
listed as completed. With ``--limit`` the exit status is 1 if the rate is lower.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

import orjson

from benchmarks import load
from benchmarks.service import Service, serving

_ARN = "arn:aws:sqs:us-east-1:000000000000:"
#: Pause between two reads of the task's status.
POLL_SECONDS = 0.02


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--durability", choices=["memory", "fsync"], default="fsync")
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--limit", type=float)
    options = parser.parse_args()
    with serving(options.durability) as service:
        _fill(service, options.messages)
        began = time.monotonic()
        _call(service, "StartMessageMoveTask", SourceArn=f"{_ARN}dead", DestinationArn=f"{_ARN}destination")
        while (task := _call(service, "ListMessageMoveTasks", SourceArn=f"{_ARN}dead")["Results"][0])[
            "Status"
        ] == "RUNNING":
            time.sleep(POLL_SECONDS)
        rate = options.messages / (time.monotonic() - began)
    if task["Status"] != "COMPLETED" or task["ApproximateNumberOfMessagesMoved"] != options.messages:
        raise RuntimeError(task)
    print(f"{options.messages} messages, durability {options.durability}: {rate:.0f} messages per second")
    return int(bool(options.limit and rate < options.limit))


def _fill(service: Service, count: int) -> None:
    for name in ("dead", "destination"):
        _call(service, "CreateQueue", QueueName=name)
    policy = orjson.dumps({"deadLetterTargetArn": f"{_ARN}dead", "maxReceiveCount": 1}).decode()
    _call(service, "CreateQueue", QueueName="source", Attributes={"RedrivePolicy": policy})
    entries = [{"Id": str(number), "MessageBody": "x" * 200} for number in range(10)]
    batch = _request(service, "SendMessageBatch", QueueUrl="dead", Entries=entries)
    load.run(service.address, iter([batch] * (count // 10)), 8, lambda _: None)


def _request(service: Service, operation: str, **members: object) -> bytes:
    return load.json_request(service.host, operation, orjson.dumps(members))


def _call(service: Service, operation: str, **members: object) -> Any:
    replies: list[bytes] = []
    load.run(service.address, iter([_request(service, operation, **members)]), 1, replies.append)
    return orjson.loads(replies[0]) if replies[0] else None


if __name__ == "__main__":
    sys.exit(main())
