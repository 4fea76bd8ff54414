"""A store behind TLS: the shared connection of tasks, and the wake-ups."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.conftest import serving
from tests.deployments import IN_MEMORY, Server, deployed
from tests.eventloop.loops import on_loop
from tests.eventloop.test_waiting import poll, sleep_until, waiting
from tests.eventloop.test_wake_ups import publish_until_received_on_loop
from tests.sqs.wire import Sqs
from tests.tls_proxy import tls_proxy
from zaqar_core.configuration.settings import Settings
from zaqar_core.core import leases, messages, queues
from zaqar_core.core.process import Core
from zaqar_core.domain.errors import StoreUnavailable
from zaqar_core.domain.model import NewMessage, QueueSettings
from zaqar_core.domain.names import QueueRef

QUEUE = QueueRef("000000000000", "us-east-1", "q")


@pytest.fixture
def server() -> Iterator[Server]:
    with deployed() as found:
        yield found.server(*IN_MEMORY)


@pytest.fixture
def url(server: Server, tmp_path: Path) -> Iterator[str]:
    with tls_proxy(server.port, tmp_path) as found:
        yield found


@pytest.fixture
def core(url: str) -> Iterator[Core]:
    core = Core(Settings(redis=url, durability="memory"), url)
    queues.create(core.session(), QUEUE, QueueSettings(), creator="sqs")
    yield core
    core.close()


def test_tasks_send_and_receive_small_and_large_messages(core: Core) -> None:
    """Large ones need several TLS records, and more than the kernel takes at once."""
    bodies = [bytes([65 + number]) * size for number, size in enumerate([10, 1_000_000, 20, 900_000, 30])]

    def sends(body: bytes) -> None:
        messages.send(core.session(), QUEUE, [NewMessage(body)])

    def receives() -> list[bytes]:
        found: list[bytes] = []
        while len(found) < len(bodies):
            taken = leases.receive(core.session(), QUEUE, max_messages=10, wait_seconds=1)
            found += [one.body for one in taken]
        return found

    ended = on_loop(receives, *[partial(sends, body) for body in bodies])
    assert [sorted(found) for found in ended if found] == [sorted(bodies)]


def test_a_wake_up_arrives_on_the_loop(core: Core) -> None:
    def sends() -> None:
        sleep_until(lambda: waiting(core, QUEUE) == 1)
        publish_until_received_on_loop(core)
        messages.send(core.session(), QUEUE, [NewMessage(b"1")])

    assert [one.body for got in on_loop(poll(core, QUEUE), sends) if got for one in got] == [b"1"]


def test_a_lost_connection_is_replaced(core: Core, server: Server) -> None:
    def sends() -> None:
        messages.send(core.session(), QUEUE, [NewMessage(b"1")])
        server.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        sleep_until(lambda: received(core) == b"1")

    on_loop(sends)


def received(core: Core) -> bytes:
    try:
        return b"".join(one.body for one in leases.receive(core.session(), QUEUE, max_messages=1, visibility_seconds=0))
    except StoreUnavailable:
        return b""


def test_the_service_runs_on_a_store_behind_tls(url: str) -> None:
    with serving(redis=url, durability="memory") as service:
        sqs = Sqs(service.url, "json", "fast")
        queue = sqs.queue("q")
        sqs.send(queue, "x" * 1_000_000)
        assert [len(one["Body"]) for one in sqs.receive(queue, WaitTimeSeconds=1)] == [1_000_000]
