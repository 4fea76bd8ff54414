"""The metrics of a service with several workers: right while workers are killed, and while the store is gone."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest
import requests

from tests.observability.conftest import Page
from tests.patience import until
from tests.private_valkey import PrivateValkey
from tests.serving.conftest import Client, Serve

pytestmark = pytest.mark.slow

_CLIENTS, _KILLS, _BETWEEN = 4, 3, 100


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateValkey]:
    server = PrivateValkey(tmp_path_factory.mktemp("store"))
    yield server
    server.kill()


@pytest.fixture(scope="module")
def service(store: PrivateValkey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    flags = ("--workers", "2", "--redis", store.url, "--durability", "memory")
    started = Serve(tmp_path_factory.mktemp("serve"), *flags).wait_ready()
    yield started
    started.kill()


def _page(service: Serve) -> Page:
    """Read the metrics from whichever worker answers."""
    answer = requests.get(f"{service.url}/metrics", headers={"Connection": "close"}, timeout=20)
    assert answer.status_code == 200
    return Page(answer.text)


class Worker:
    """A client that sends and receives without pause, and counts what was acknowledged."""

    def __init__(self, service: Serve, name: str) -> None:
        self.service, self.name = service, name
        self.sent = self.received = 0
        #: Requests whose outcome the client does not know.
        self.unknown = 0
        self.is_over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self.is_over.is_set():
            client = Client(self.service.url)
            try:
                while not self.is_over.is_set():
                    client.call("SendMessage", QueueUrl=self.name, MessageBody="12345")
                    self.sent += 1
                    found = client.call("ReceiveMessage", QueueUrl=self.name, MaxNumberOfMessages=10)
                    self.received += len(found.get("Messages", ()))
            except (OSError, http.client.HTTPException):
                self.unknown += 1
            finally:
                client.close()

    def end(self) -> None:
        self.is_over.set()
        self._thread.join()


def test_counters_are_what_clients_did_although_workers_are_killed(service: Serve) -> None:
    with closing(Client(service.url)) as client:
        client.call("CreateQueue", QueueName="counted")
    clients = [Worker(service, "counted") for _ in range(_CLIENTS)]
    try:
        for _ in range(_KILLS):
            before = sum(one.sent for one in clients)
            until(lambda before=before: sum(one.sent for one in clients) > before + _BETWEEN, "clients go on")  # type: ignore[misc]
            victim: psutil.Process = service.workers()[0]
            victim.kill()
            until(lambda: len(service.workers()) == 2, "another worker has started")
    finally:
        for one in clients:
            one.end()
    sent, received = sum(one.sent for one in clients), sum(one.received for one in clients)
    unknown = sum(one.unknown for one in clients)
    pages = [_page(service) for _ in range(6)]
    for page in pages:
        counted = page.queue("counted")
        assert sent <= counted["messages_sent_total"] <= sent + unknown
        assert received <= counted["messages_received_total"] <= received + 10 * unknown
        assert counted["sent_bytes_total"] == 5 * counted["messages_sent_total"]
        of = {"dialect": "sqs-json", "operation": "SendMessage"}
        assert sent <= page.value("request_duration_seconds_count", **of) <= sent + unknown
        assert page.value("processes") == 2
    assert len({tuple(sorted(page.queue("counted").items())) for page in pages}) == 1


def test_a_queue_that_is_deleted_begins_again_at_0_in_all_workers(service: Serve) -> None:
    for _ in range(2):
        for number in range(12):
            with closing(Client(service.url)) as client:  # a new connection: any worker
                if not number:
                    client.call("CreateQueue", QueueName="again")
                client.call("SendMessage", QueueUrl="again", MessageBody="x")
        assert _page(service).queue("again")["messages_sent_total"] == 12
        with closing(Client(service.url)) as client:
            client.call("DeleteQueue", QueueUrl="again")


def test_a_store_that_is_gone_is_said_and_seen_again(service: Serve, store: PrivateValkey) -> None:
    assert _page(service).value("store_up") == 1
    store.kill()
    until(lambda: _page(service).value("store_up") == 0, "the page says that the store is gone")
    page = _page(service)
    assert page.value("store_writable") == 0
    assert page.value("request_duration_seconds_count") > 0
    assert not page.has("queue_messages_visible")
    store.start()
    until(lambda: _page(service).value("store_up") == 1, "the page says that the store is back")


def test_a_stopped_service_leaves_no_counters(service: Serve) -> None:
    folders = {
        Path(file.path).parent
        for worker in service.workers()
        for file in worker.open_files()
        if "sqs-facade-metrics-" in file.path
    }
    assert len(folders) == 1
    service.stop()
    assert not any(folder.exists() for folder in folders)
