"""A Celery application on a queue of the service. Its tasks report what they do on standard output."""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from celery import Celery
from celery.signals import worker_ready, worker_shutdown


def report(event: str, **more: Any) -> None:
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
    report("noted", text=text)


@app.task(name="work.hold", bind=True)
def hold(self: Any, path: str) -> None:
    """Run until the file exists."""
    report("holding", path=path, redelivered=self.request.delivery_info["redelivered"])
    deadline = time.monotonic() + 60
    while not Path(path).exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    report("held", path=path)


@app.task(name="work.fail_twice", bind=True, max_retries=2)
def fail_twice(self: Any, text: str) -> None:
    report("tried", text=text, retries=self.request.retries)
    if self.request.retries < 2:
        raise self.retry(countdown=0)


@worker_ready.connect
def ready(**more: Any) -> None:
    report("ready")


@worker_shutdown.connect
def stopped(**more: Any) -> None:
    report("stopped")


if __name__ == "__main__":
    # Sends the tasks given as JSON: [[name, text, options], ...].
    for name, text, options in json.loads(sys.argv[1]):
        app.send_task(name, [text], **options)
