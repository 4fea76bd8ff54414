"""dramatiq on queues of ours, by dramatiq-sqs: a real worker, its retries, delays and dead letters."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients import installs
from tests.clients.conftest import Advance
from tests.clients.driver import Client
from tests.clients.events import EVENT_SECONDS, Telling

pytestmark = pytest.mark.parametrize("client_process", ["boto3"], indirect=True)  # it only looks at the queue
HERE = Path(__file__).parent
MANY = [f"task {number}" for number in range(200)]


class Work:
    """An application of dramatiq's, with a queue and the queue of its dead letters."""

    def __init__(self, python: Path, client: Client, name: str) -> None:
        self._python = python
        self._client = client
        self.url = f"{client.endpoint}/000000000000/{name}_work"
        self._environment = {
            **{key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
            "WORK_ENDPOINT": client.endpoint,
            "WORK_QUEUE": name,
        }

    def worker(self, threads: int = 4) -> Telling:
        options = ("--processes", "1", "--threads", str(threads), "--worker-shutdown-timeout", "10000")
        return Telling([self._python, "-m", "dramatiq", "dramatiq_work", *options], HERE, self._environment)

    def send(self, *messages: tuple[str, str, int | None]) -> None:
        subprocess.run(
            [str(self._python), "dramatiq_work.py", json.dumps(messages)],
            cwd=HERE, env=self._environment, timeout=EVENT_SECONDS, check=True,
        )  # fmt: skip

    def counts(self) -> tuple[int, int, int]:
        return self._client.counts(self.url)

    def dead(self) -> list[str]:
        """What the dead letters were sent with."""
        found = self._client.receive(f"{self.url}_dlq", MaxNumberOfMessages=10)
        return [json.loads(base64.b64decode(message["Body"]))["args"][0] for message in found]


@pytest.fixture
def work(install_folder: Path, client: Client, queue_name: str) -> Work:
    return Work(installs.python_with(install_folder, installs.DRAMATIQ), client, queue_name)


@pytest.fixture
def worker(work: Work) -> Iterator[Telling]:
    with work.worker() as running:
        running.wait_for("ready")
        yield running


def stop(worker: Telling) -> None:
    worker.process.send_signal(signal.SIGTERM)
    worker.ended()
    assert worker.process.returncode == 0


def test_every_message_runs_once(work: Work, worker: Telling) -> None:
    work.send(*(("note", text, None) for text in MANY))
    assert sorted(event["text"] for event in worker.wait_for("noted", len(MANY))) == sorted(MANY)
    stop(worker)
    assert worker.names().count("noted") == len(MANY)
    assert work.counts() == (0, 0, 0)


def test_a_message_that_fails_is_tried_again_and_then_a_dead_letter(work: Work, worker: Telling) -> None:
    work.send(("fail", "broken", None))
    worker.wait_for("tried", 3)
    stop(worker)
    assert worker.names().count("tried") == 3
    assert work.counts() == (0, 0, 0)
    assert work.dead() == ["broken"]


def test_a_delay_is_kept(work: Work, worker: Telling, later: Advance) -> None:
    """The longest that SQS has, fifteen minutes, also for a worker that waits."""
    work.send(("note", "later", 900_000), ("note", "now", None))
    assert [event["text"] for event in worker.wait_for("noted")] == ["now"]
    later(work.url, 890)
    assert work.counts() == (0, 0, 1)
    later(work.url, 10)
    assert [event["text"] for event in worker.wait_for("noted")] == ["later"]
    stop(worker)
    assert work.counts() == (0, 0, 0)


@installs.long
def test_what_a_killed_worker_held_comes_back_after_twelve_hours(
    client: Client, work: Work, later: Advance, tmp_path: Path
) -> None:
    """Its visibility timeout, by default the longest there is."""
    path = tmp_path / "go"
    work.send(("hold", str(path), None))
    with work.worker() as first:
        first.wait_for("holding")
        first.kill()
        first.ended()
    path.touch()
    for _ in range(2):  # the first time a poll may have it that the worker left waiting
        client.settled(work.url)
        later(work.url, 43_200)
    with work.worker() as second:
        second.wait_for("held")
        stop(second)
    assert work.counts() == (0, 0, 0)


@installs.long
def test_a_worker_that_stops_gives_back_what_it_has_not_begun(work: Work, tmp_path: Path) -> None:
    path = tmp_path / "go"
    texts = [f"behind {number}" for number in range(4)]
    with work.worker(threads=1) as first:
        first.wait_for("ready")
        work.send(("hold", str(path), None))
        first.wait_for("holding")
        work.send(*(("note", text, None) for text in texts))
        first.process.send_signal(signal.SIGTERM)
        path.touch()
        first.ended()
    done = [event["text"] for event in first.seen if event["event"] == "noted"]
    with work.worker() as second:
        second.wait_for("ready")  # there may be nothing left to wait for
        done += [event["text"] for event in second.wait_for("noted", len(texts) - len(done))]
        stop(second)
    assert sorted(done) == texts
    assert work.counts() == (0, 0, 0)
