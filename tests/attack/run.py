"""Create a history and check it. The long form: ``python -m tests.attack.run --seconds 300``."""

from __future__ import annotations

import argparse
import json
import os
import random
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from http.client import HTTPException
from pathlib import Path

from tests.attack import verdict
from tests.attack.histories import (
    MOST_RECEIVES,
    QUEUES,
    VISIBILITY_SECONDS,
    Cluster,
    Consumer,
    Delivery,
    History,
    Producer,
)
from tests.patience import until
from tests.serving.conftest import Client, Serve

KILLS = ("worker", "valkey", "main", "all")
DEAD = {"standard": "standard-dead", "fair": "fair-dead"}
#: Within it everything that was sent is consumed, once producers have stopped.
DRAIN_SECONDS = 60.0
#: Within it the moves of killed processes are finished.
MOVE_SECONDS = 40.0


def run(cluster: Cluster, *, seconds: float, kills: tuple[str, ...], producers: int = 3, consumers: int = 6) -> None:
    """Run traffic and kills for that time, drain the queues, and check every rule. Raises AssertionError with the
    violations."""
    history, stop_sending, stop = History(), threading.Event(), threading.Event()
    _make_queues(cluster)
    senders = [Producer(cluster, history, stop_sending) for _ in range(producers)]
    receivers = [Consumer(cluster, history, stop) for _ in range(consumers)]
    for actor in (*senders, *receivers):
        actor.start()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(random.uniform(0.3, 1.2) * min(2.0, seconds / 6))
        if kills:
            what = random.choice(kills)
            history.kills.append((time.monotonic(), what))
            cluster.kill(what)
            history.kills.append((time.monotonic(), f"{what} is back"))
    stop_sending.set()
    for actor in senders:
        actor.join(30)
    for consumer in receivers:
        consumer.is_diligent = True
    until(lambda: _is_drained(cluster), "everything is consumed", DRAIN_SECONDS)
    stop.set()
    for actor in receivers:
        actor.join(30)
    dead = _dead_letters(cluster, history)
    report(history, dead)
    check(history, dead)
    assert _counts(cluster, *QUEUES, *DEAD.values()) == {0}


def check(history: History, dead: list[Delivery]) -> None:
    """Check every rule and return one document, so that a failure shows all violations."""
    violations: dict[str, Sequence[object]] = {
        "lost": verdict.lost(history, dead),
        "risen": verdict.risen(history),
        "doubled": verdict.doubled(history),
        "shared": verdict.shared(history),
        "disordered": verdict.disordered(history),
        "renumbered": verdict.renumbered(history),
        "moved twice": verdict.moved_twice(dead),
        "moved while held": verdict.moved_while_held(history, dead),
        "late": verdict.late(history, 0.5),
    }
    assert {rule: found[:5] for rule, found in violations.items() if found} == {}
    assert history.sent


def report(history: History, dead: list[Delivery]) -> None:
    worst = max(verdict.late(history, 0.0), default=0.0)
    print(  # noqa: T201 - the long form's only output
        f"{len(history.sent)} sends acknowledged, {len(history.deliveries)} deliveries, {len(dead)} dead letters, "
        f"{len(history.kills) // 2} kills, {history.unknown} calls without an answer, latest empty poll {worst:.3f} s"
    )


def _make_queues(cluster: Cluster) -> None:
    client = Client(cluster.url())
    for queue in (*QUEUES, *DEAD.values()):
        fifo = {"FifoQueue": "true"} if queue.endswith(".fifo") else {}
        client.call("CreateQueue", QueueName=queue, Attributes={"VisibilityTimeout": str(VISIBILITY_SECONDS), **fifo})
    for queue, dead in DEAD.items():
        arn = f"arn:aws:sqs:us-east-1:000000000000:{dead}"
        policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": MOST_RECEIVES})
        client.call("SetQueueAttributes", QueueUrl=queue, Attributes={"RedrivePolicy": policy})
    client.close()


def _counts(cluster: Cluster, *queues: str) -> set[int]:
    client = Client(cluster.url())
    found: set[int] = set()
    for queue in queues:
        answer = client.call("GetQueueAttributes", QueueUrl=queue, AttributeNames=["All"])["Attributes"]
        found |= {int(value) for name, value in answer.items() if name.startswith("ApproximateNumber")}
    client.close()
    return found


def _is_drained(cluster: Cluster) -> bool:
    """Return whether all queues are empty. False also while a service has no workers after a kill."""
    time.sleep(0.2)
    try:
        return _counts(cluster, *QUEUES) == {0}
    except (OSError, HTTPException):
        return False


def _dead_letters(cluster: Cluster, history: History) -> list[Delivery]:
    """Receive all dead letters once, hold them meanwhile, and delete them at the end.

    A move whose process was killed is finished by housekeeping, so this waits for every message that must arrive there.
    """
    consumer = Consumer(cluster, History(), threading.Event())
    missing = {one.body for one in history.sent if one.body.startswith("poison")}
    found: list[Delivery] = []
    give_up, more = time.monotonic() + MOVE_SECONDS, True
    while more or (missing and time.monotonic() < give_up):
        answers = [consumer.receive(queue, wait=0, visibility=600) for queue in DEAD.values()]
        more = any(answers)
        found += [one for answer in answers for one in answer]
        missing -= {one.body for one in found}
        time.sleep(0 if more else 0.1)
    for one in found:
        consumer.delete(one)
    consumer.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--services", type=int, default=2)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--kills", default=",".join(KILLS))
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sf", dir="/tmp", ignore_cleanup_errors=True) as folder:
        os.environ["TMPDIR"] = folder
        started: list[Serve] = []

        def serve(*flags: str) -> Serve:
            started.append(Serve(Path(folder), *flags))
            return started[-1]

        start: Callable[..., Serve] = serve
        try:
            cluster = Cluster(start, Path(folder) / "data", services=asked.services, workers=asked.workers)
            run(cluster, seconds=asked.seconds, kills=tuple(asked.kills.split(",")) if asked.kills else ())
        finally:
            for service in started:
                service.kill()


if __name__ == "__main__":
    main()
