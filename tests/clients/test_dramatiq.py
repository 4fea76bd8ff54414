"""dramatiq on queues of the service, by dramatiq-sqs: a real worker, its retries, delays and dead letters."""

from __future__ import annotations

import base64
import json
import signal
from pathlib import Path

import pytest

from tests.clients import installs
from tests.clients.conftest import Advance
from tests.clients.driver import Client
from tests.clients.events import Telling
from tests.clients.workers import Program, stop

pytestmark = pytest.mark.parametrize("client_process", ["boto3"], indirect=True)  # it only looks at the queue
MANY = [f"task {number}" for number in range(200)]


class Work(Program):
    """An application of dramatiq's, with a queue and the queue of its dead letters.

    A message is sent as its actor, a text and a delay in milliseconds or None.
    """

    def __init__(self, python: Path, client: Client, name: str) -> None:
        super().__init__(python, "dramatiq_work", WORK_ENDPOINT=client.endpoint, WORK_QUEUE=name)
        self._client = client
        self.url = f"{client.endpoint}/000000000000/{name}_work"

    def worker(self, threads: int = 4) -> Telling:
        options = ("--processes", "1", "--threads", str(threads), "--worker-shutdown-timeout", "10000")
        return self.run("-m", "dramatiq", "dramatiq_work", *options)

    def counts(self) -> tuple[int, int, int]:
        return self._client.counts(self.url)

    def dead(self) -> list[str]:
        """Return the texts of the dead letters."""
        found = self._client.receive(f"{self.url}_dlq", MaxNumberOfMessages=10)
        return [json.loads(base64.b64decode(message["Body"]))["args"][0] for message in found]


@pytest.fixture
def work(install_folder: Path, client: Client, queue_name: str) -> Work:
    return Work(installs.python_with(install_folder, installs.DRAMATIQ), client, queue_name)


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
    """The longest delay of SQS, fifteen minutes, also for a worker that waits."""
    work.send(("note", "later", 900_000), ("note", "now", None))
    assert [event["text"] for event in worker.wait_for("noted")] == ["now"]
    later(work.url, 890)
    assert work.counts() == (0, 0, 1)
    later(work.url, 10)
    assert [event["text"] for event in worker.wait_for("noted")] == ["later"]
    stop(worker)
    assert work.counts() == (0, 0, 0)


@installs.long
def test_messages_of_a_killed_worker_are_delivered_again_after_twelve_hours(
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
def test_a_worker_that_stops_releases_messages_that_it_has_not_begun(work: Work, tmp_path: Path) -> None:
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
