"""The steps that Celery has: tasks on queues of the service, run by a worker in this process."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlsplit

import celery
import kombu
from celery import Celery
from celery.contrib.testing.worker import start_worker

PREFIX = os.environ["SDK_PREFIX"]
TEXT = 'é ☃ 😀 <&> "quoted"'
_key, _secret = (quote(os.environ[name], safe="") for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"))
_endpoint = urlsplit(os.environ["SDK_ENDPOINT"])
app = Celery("steps", broker=f"sqs://{_key}:{_secret}@{_endpoint.netloc}")
app.conf.update(
    broker_transport_options={
        "is_secure": False,
        "region": "us-east-1",
        "wait_time_seconds": 1,
        "polling_interval": 0.1,
    },
    task_default_queue=f"{PREFIX}-celery",
    worker_enable_remote_control=False,
)
_seen: list[Any] = []
_arrived = threading.Condition()


@app.task(name="note")
def note(value: Any) -> None:
    with _arrived:
        _seen.append(value)
        _arrived.notify_all()


@app.task(name="retry", bind=True, max_retries=2)
def retry(self: Any, value: Any) -> None:
    if self.request.retries < 2:
        raise self.retry(countdown=0)
    note(value)


def _wait_for(*values: Any) -> None:
    deadline = time.monotonic() + 60
    with _arrived:
        while not all(value in _seen for value in values):
            left = deadline - time.monotonic()
            assert left > 0, f"only {_seen} arrived"
            _arrived.wait(left)


def send() -> None:
    """Send a task and wait until the worker ran it."""
    note.delay(TEXT)
    _wait_for(TEXT)


def batch() -> None:
    """Send 25 tasks; the worker receives them in batches."""
    values = [f"batch {number}" for number in range(25)]
    for value in values:
        note.delay(value)
    _wait_for(*values)


def poll() -> None:
    """A task arrives while the worker waits."""
    time.sleep(0.5)
    note.delay("wake up")
    _wait_for("wake up")


def visibility() -> None:
    """A task that asks for another try comes again."""
    retry.delay("third time")
    _wait_for("third time")


def large() -> None:
    """A task of several hundred KiB; Celery encodes its arguments twice."""
    value = "x" * 300_000
    note.delay(value)
    _wait_for(value)


def purge() -> None:
    """Purge a queue that no worker reads."""
    with app.connection_for_write() as connection:
        channel = connection.default_channel
        queue = kombu.Queue(f"{PREFIX}-purge", channel=channel)
        queue.declare()
        app.send_task("note", ["never"], queue=f"{PREFIX}-purge")
        queue.purge()
        assert channel._size(f"{PREFIX}-purge") == 0


_STEPS: dict[str, Callable[[], None]] = {step.__name__: step for step in (send, batch, poll, visibility, large, purge)}


def _say(document: dict[str, Any]) -> None:
    sys.__stdout__.write(json.dumps(document) + "\n")  # type: ignore[union-attr]
    sys.__stdout__.flush()  # type: ignore[union-attr]


def main() -> None:
    _say({"versions": {"celery": celery.__version__}})
    with start_worker(app, perform_ping_check=False, pool="threads", concurrency=2, loglevel="ERROR"):
        for name in os.environ["SDK_STEPS"].split(","):
            if name not in _STEPS:
                _say({"step": name, "skip": "Celery has no such call"})
                continue
            try:
                _STEPS[name]()
            except Exception:
                _say({"step": name, "error": traceback.format_exc()[-1500:]})
            else:
                _say({"step": name})


if __name__ == "__main__":
    main()
