"""Celery on a queue of ours: kombu writes and reads SQS's requests in its own way for a worker."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients import installs
from tests.clients.driver import Client
from tests.clients.events import EVENT_SECONDS, Telling

pytestmark = pytest.mark.parametrize("client_process", ["boto3"], indirect=True)  # it only looks at the queue
HERE = Path(__file__).parent


class Work:
    """An application of Celery's."""

    def __init__(self, python: Path, endpoint: str, queue_name: str, options: dict[str, Any]) -> None:
        self._python = python
        self._environment = {
            **{name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
            "WORK_BROKER": endpoint.replace("http://", "sqs://any:any@"),
            "WORK_QUEUE": queue_name,
            "WORK_OPTIONS": json.dumps({"region": "us-east-1", "is_secure": False, "wait_time_seconds": 20, **options}),
        }

    def worker(self) -> Telling:
        command = [self._python, "-W", "ignore", "-m", "celery", "-q", "-A", "celery_work", "worker", "--pool", "solo"]
        return Telling(command, HERE, self._environment)

    def send(self, *tasks: tuple[str, str, dict[str, Any]]) -> None:
        subprocess.run(
            [str(self._python), "celery_work.py", json.dumps(tasks)],
            cwd=HERE, env=self._environment, timeout=EVENT_SECONDS, check=True,
        )  # fmt: skip


@pytest.fixture
def work(install_folder: Path, client: Client, queue_name: str) -> Work:
    return Work(installs.python_with(install_folder, installs.CELERY), client.endpoint, queue_name, {})


@pytest.fixture
def worker(work: Work) -> Iterator[Telling]:
    """A worker that waits for tasks."""
    with work.worker() as running:
        running.wait_for("ready")
        yield running


def stop(worker: Telling) -> None:
    """A warm shutdown: what runs is finished."""
    worker.process.send_signal(signal.SIGTERM)
    worker.ended()
    assert worker.process.returncode == 0
    assert "stopped" in worker.names()


def test_a_waiting_worker_runs_every_task(client: Client, queue_name: str, work: Work, worker: Telling) -> None:
    texts = [f"é\r{number}" for number in range(30)]
    work.send(*(("work.note", text, {}) for text in texts))
    assert sorted(event["text"] for event in worker.wait_for("noted", 30)) == sorted(texts)
    stop(worker)
    assert client.counts(f"{client.endpoint}/000000000000/{queue_name}") == (0, 0, 0)


def test_a_task_that_fails_is_tried_again(client: Client, queue_name: str, work: Work, worker: Telling) -> None:
    work.send(("work.fail_twice", "x", {}), ("work.note", "later", {"countdown": 1}))
    assert [event["retries"] for event in worker.wait_for("tried", 3)] == [0, 1, 2]
    if "noted" not in worker.names():
        worker.wait_for("noted")
    stop(worker)
    assert client.counts(f"{client.endpoint}/000000000000/{queue_name}") == (0, 0, 0)


def test_a_predefined_queue_is_worked_on_by_its_url(
    client: Client, queue: str, queue_name: str, install_folder: Path
) -> None:
    """Then kombu asks for no list of queues and creates none."""
    python = installs.python_with(install_folder, installs.CELERY)
    work = Work(python, client.endpoint, queue_name, {"predefined_queues": {queue_name: {"url": queue}}})
    work.send(("work.note", "x", {}))
    with work.worker() as worker:
        assert worker.wait_for("noted")[0]["text"] == "x"
        stop(worker)
    assert client.counts(queue) == (0, 0, 0)
