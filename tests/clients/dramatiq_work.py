"""Dramatiq actors on queues of the service. They report what they do on standard output."""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import dramatiq
from dramatiq.middleware import Retries
from dramatiq_sqs import SQSBroker


def report(event: str, **more: Any) -> None:
    os.write(1, (json.dumps({"event": event, **more}) + "\n").encode())  # dramatiq sends sys.stdout elsewhere


class Reports(dramatiq.Middleware):
    def after_worker_boot(self, *_given: Any) -> None:
        report("ready")

    def after_worker_shutdown(self, *_given: Any) -> None:
        report("stopped")


broker = SQSBroker(
    namespace=os.environ["WORK_QUEUE"],
    middleware=[Reports(), Retries(min_backoff=1, max_backoff=1)],
    dead_letter=True,
    tags={"team": "orders"},
    endpoint_url=os.environ["WORK_ENDPOINT"],
    region_name="us-east-1",
    aws_access_key_id="any",
    aws_secret_access_key="any",
)
dramatiq.set_broker(broker)


@dramatiq.actor(queue_name="work")
def note(text: str) -> None:
    report("noted", text=text)


@dramatiq.actor(queue_name="work")
def hold(path: str) -> None:
    """Run until the file exists."""
    report("holding", path=path)
    deadline = time.monotonic() + 60
    while not Path(path).exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    report("held", path=path)


@dramatiq.actor(queue_name="work", max_retries=2)
def fail(text: str) -> None:
    report("tried", text=text)
    raise ValueError(text)


if __name__ == "__main__":
    # Sends the messages given as JSON: [[actor, text, delay in ms or null], ...].
    for name, text, delay in json.loads(sys.argv[1]):
        broker.get_actor(name).send_with_options(args=(text,), delay=delay)
