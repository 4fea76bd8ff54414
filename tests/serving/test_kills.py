"""kill -9 of any part in the middle of sending loses nothing that was acknowledged."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import psutil
import pytest

from tests.patience import until
from tests.serving.conftest import Client, Serve, client_of, is_running, kill_valkey

pytestmark = pytest.mark.slow

Start = Callable[..., Serve]
KILLS = 5
#: Acknowledged between two kills, so that each falls into the middle of sending.
BETWEEN = 60


class Sender:
    """Sends without pause from two threads to the current service, and records the acknowledged messages."""

    def __init__(self, service: Serve) -> None:
        self.service = service
        self.acknowledged: list[str] = []
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._send, args=(number,)) for number in range(2)]
        for thread in self._threads:
            thread.start()

    def _send(self, number: int) -> None:
        count = 0
        while not self._ended.is_set():
            client = Client(self.service.url)
            try:
                while not self._ended.is_set():
                    count += 1
                    body = f"{number}-{count}"
                    client.call("SendMessage", QueueUrl="kept", MessageBody=body)
                    self.acknowledged.append(body)
            except (OSError, http.client.HTTPException, AssertionError):
                time.sleep(0.005)  # unknown whether it was stored; go on with the next one
            finally:
                client.close()

    def more(self) -> None:
        """Return when ``BETWEEN`` further messages were acknowledged."""
        before = len(self.acknowledged)
        until(lambda: len(self.acknowledged) >= before + BETWEEN, "sending goes on")

    def end(self) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()


@pytest.fixture
def sending(serve: Start, data: Path) -> Iterator[Sender]:
    service = serve("--data-dir", data).wait_ready()
    with client_of(service) as client:
        client.call("CreateQueue", QueueName="kept")
    sender = Sender(service)
    yield sender
    sender.end()


def stored(service: Serve) -> set[str]:
    """Receive all messages once, hold them, and return their bodies."""
    found: set[str] = set()
    with client_of(service) as client:
        while True:
            got = client.call("ReceiveMessage", QueueUrl="kept", MaxNumberOfMessages=10, VisibilityTimeout=600)
            if not got.get("Messages"):
                return found
            found.update(message["Body"] for message in got["Messages"])


def assert_nothing_lost(sender: Sender) -> None:
    sender.end()
    assert len(sender.acknowledged) >= KILLS * BETWEEN
    assert set(sender.acknowledged) - stored(sender.service) == set()


def test_killed_workers_are_replaced_and_nothing_is_lost(sending: Sender) -> None:
    for _ in range(KILLS):
        sending.more()
        [worker] = sending.service.workers()
        worker.kill()
        until(partial(_others, sending.service, worker.pid), "a new worker")
    sending.more()
    assert_nothing_lost(sending)


@pytest.mark.slow
def test_a_killed_valkey_is_restarted_and_nothing_is_lost(sending: Sender, data: Path) -> None:
    for _ in range(KILLS):
        sending.more()
        kill_valkey(data)
    sending.more()
    assert_nothing_lost(sending)


@pytest.mark.slow
def test_after_kill_9_of_the_main_process_a_new_one_has_everything(sending: Sender, serve: Start, data: Path) -> None:
    for _ in range(KILLS):
        sending.more()
        old = sending.service
        workers = old.workers()
        old.process.kill()
        old.process.wait()
        sending.service = serve("--data-dir", data).wait_ready()
        until(partial(_all_ended, workers), "old workers end")
    sending.more()
    assert_nothing_lost(sending)


def test_after_kill_9_of_everything_a_new_service_has_everything(sending: Sender, serve: Start, data: Path) -> None:
    for _ in range(KILLS):
        sending.more()
        port = sending.service.url.rpartition(":")[2]
        sending.service.kill()
        sending.service = serve("--data-dir", data, "--port", port).wait_ready()
    sending.more()
    assert_nothing_lost(sending)


def _others(service: Serve, pid: int) -> list[psutil.Process]:
    return [worker for worker in service.workers() if worker.pid != pid]


def _all_ended(processes: list[psutil.Process]) -> bool:
    return not any(is_running(process.pid) for process in processes)
