"""Celery on a queue of the service. For a worker, kombu has its own code for the requests of SQS."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.clients import installs
from tests.clients.conftest import Advance
from tests.clients.driver import Client
from tests.clients.events import Telling
from tests.clients.workers import Program, stop

pytestmark = pytest.mark.parametrize("client_process", ["boto3"], indirect=True)  # it only looks at the queue


class Work(Program):
    """An application of Celery's. A task is sent as its name, a text and options."""

    def __init__(self, python: Path, endpoint: str, queue_name: str, options: dict[str, Any]) -> None:
        options = {"region": "us-east-1", "is_secure": False, "wait_time_seconds": 20, **options}
        super().__init__(
            python,
            "celery_work",
            WORK_BROKER=endpoint.replace("http://", "sqs://any:any@"),
            WORK_QUEUE=queue_name,
            WORK_ACKS="late",
            WORK_OPTIONS=json.dumps(options),
        )

    def worker(self, *pool: str, acks: str = "late") -> Telling:
        """``acks``: late, after a task has run, or early, before it does. Without a pool: one task at a time."""
        command = ("-W", "ignore", "-m", "celery", "-q", "-A", "celery_work", "worker")
        return self.run(*command, *(pool or ("--pool", "solo")), WORK_ACKS=acks)


@pytest.fixture
def work(install_folder: Path, client: Client, queue_name: str) -> Work:
    return Work(installs.python_with(install_folder, installs.CELERY), client.endpoint, queue_name, {})


MANY = [f"task {number}" for number in range(500)]


@installs.long
def test_five_hundred_tasks_run_once_each(client: Client, queue_name: str, work: Work) -> None:
    """On four processes, while they are being sent."""
    with work.worker("--concurrency", "4") as worker:
        worker.wait_for("ready")
        work.send(*(("work.note", text, {}) for text in MANY))
        assert sorted(event["text"] for event in worker.wait_for("noted", len(MANY))) == sorted(MANY)
        stop(worker)
        assert worker.names().count("noted") == len(MANY)
    assert client.counts(f"{client.endpoint}/000000000000/{queue_name}") == (0, 0, 0)


@installs.long
def test_a_worker_killed_in_the_middle_loses_nothing(
    client: Client, queue_name: str, work: Work, later: Advance
) -> None:
    """Its messages are visible again after their visibility timeout, which kombu sets to 1,800 seconds."""
    url = f"{client.endpoint}/000000000000/{queue_name}"
    work.send(*(("work.note", text, {}) for text in MANY))
    with work.worker() as first:
        first.wait_for("noted", 200)
        first.kill()
        first.ended()
    ran = [event["text"] for event in first.seen if event["event"] == "noted"]
    visible, held, _ = client.settled(url)
    assert visible + held >= len(MANY) - len(ran)
    later(url, 1800)
    with work.worker() as second:
        ran += [event["text"] for event in second.wait_for("noted", visible + held)]
        stop(second)
        assert second.names().count("noted") == visible + held
    assert set(ran) == set(MANY)
    assert len(ran) <= len(MANY) + held  # it acknowledges in bundles: what it held may have run
    assert client.counts(url) == (0, 0, 0)


@installs.long
def test_a_task_that_a_killed_worker_acknowledged_early_does_not_run_again(
    client: Client, queue_name: str, work: Work, later: Advance, tmp_path: Path
) -> None:
    """Tasks after it do."""
    url = f"{client.endpoint}/000000000000/{queue_name}"
    work.send(("work.hold", str(tmp_path / "never"), {}))
    with work.worker("--concurrency", "1", acks="early") as first:
        first.wait_for("holding")
        work.send(("work.note", "behind it", {}))
        assert sum(client.settled(url)) == 1
        first.kill()
        first.ended()
    for _ in range(2):  # the first time a poll may have it that the worker left waiting
        client.settled(url)
        later(url, 1800)
    with work.worker(acks="early") as second:
        second.wait_for("noted")
        stop(second)
        assert "holding" not in second.names()
    assert client.counts(url) == (0, 0, 0)


@installs.long
def test_a_task_longer_than_its_visibility_timeout_goes_to_another_worker(
    client: Client, queue_name: str, install_folder: Path, later: Advance, tmp_path: Path
) -> None:
    python = installs.python_with(install_folder, installs.CELERY)
    work = Work(python, client.endpoint, queue_name, {"visibility_timeout": 100})
    path = tmp_path / "go"
    work.send(("work.hold", str(path), {}))
    url = f"{client.endpoint}/000000000000/{queue_name}"
    with work.worker() as first:
        first.wait_for("holding")
        with work.worker() as second:
            second.wait_for("ready")
            later(url, 90)
            assert client.counts(url) == (0, 1, 0)
            later(url, 10)
            second.wait_for("holding")
            path.touch()
            second.wait_for("held")
            stop(second)
        first.wait_for("held")
        stop(first)
    assert client.counts(url) == (0, 0, 0)


def test_a_time_to_run_is_kept(client: Client, queue_name: str, work: Work, worker: Telling) -> None:
    """The worker holds the message until then: neither earlier nor twice."""
    began = time.monotonic()
    work.send(("work.note", "due", {"countdown": 3}), ("work.note", "now", {}))  # counted from the sending
    assert [event["text"] for event in worker.wait_for("noted", 2)] == ["now", "due"]
    assert time.monotonic() - began >= 3
    stop(worker)
    assert client.counts(f"{client.endpoint}/000000000000/{queue_name}") == (0, 0, 0)


@installs.long
def test_tasks_of_a_fifo_queue_run_in_order(client: Client, fifo: str, install_folder: Path) -> None:
    name = fifo.rpartition("/")[2]
    python = installs.python_with(install_folder, installs.CELERY)
    work = Work(python, client.endpoint, name, {"predefined_queues": {name: {"url": fifo}}})
    texts = [str(number) for number in range(20)]
    work.send(*(("work.note", text, {}) for text in texts))
    with work.worker() as worker:
        assert [event["text"] for event in worker.wait_for("noted", 20)] == texts
        stop(worker)
    assert client.counts(fifo) == (0, 0, 0)


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


def test_a_predefined_queue_is_used_by_its_url(
    client: Client, queue: str, queue_name: str, install_folder: Path
) -> None:
    """Then kombu neither lists nor creates queues."""
    python = installs.python_with(install_folder, installs.CELERY)
    work = Work(python, client.endpoint, queue_name, {"predefined_queues": {queue_name: {"url": queue}}})
    work.send(("work.note", "x", {}))
    with work.worker() as worker:
        assert worker.wait_for("noted")[0]["text"] == "x"
        stop(worker)
    assert client.counts(queue) == (0, 0, 0)
