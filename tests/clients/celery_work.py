"""Runs with Celery: an application on a queue of ours, whose tasks tell on standard output what they do."""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from celery import Celery
from celery.signals import worker_ready, worker_shutdown


def tell(event: str, **more: Any) -> None:
    sys.stdout.write(json.dumps({"event": event, **more}) + "\n")
    sys.stdout.flush()


app = Celery("work", broker=os.environ["WORK_BROKER"])
app.conf.update(
    task_default_queue=os.environ["WORK_QUEUE"],
    task_acks_late=os.environ["WORK_ACKS"] == "late",
    worker_redirect_stdouts=False,
    worker_enable_remote_control=False,
    broker_connection_retry_on_startup=False,
    broker_transport_options=json.loads(os.environ["WORK_OPTIONS"]),
)


@app.task(name="work.note")
def note(text: str) -> None:
    tell("noted", text=text)


@app.task(name="work.hold", bind=True)
def hold(self: Any, path: str) -> None:
    """Runs until the file is there."""
    tell("holding", path=path, redelivered=self.request.delivery_info["redelivered"])
    deadline = time.monotonic() + 60
    while not Path(path).exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    tell("held", path=path)


@app.task(name="work.fail_twice", bind=True, max_retries=2)
def fail_twice(self: Any, text: str) -> None:
    tell("tried", text=text, retries=self.request.retries)
    if self.request.retries < 2:
        raise self.retry(countdown=0)


@worker_ready.connect
def ready(**more: Any) -> None:
    tell("ready")


@worker_shutdown.connect
def stopped(**more: Any) -> None:
    tell("stopped")


if __name__ == "__main__":
    # Sends the tasks given as JSON: [[name, text, options], ...].
    for name, text, options in json.loads(sys.argv[1]):
        app.send_task(name, [text], **options)
