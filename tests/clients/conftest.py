"""The same behaviours through other people's clients, each a process of its own, all on one service."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import pytest

from tests.clients import installs
from tests.clients.driver import Client, Process
from tests.clients.events import Telling
from tests.conftest import Service, serving
from zaqar_core.domain.names import QueueRef

ACCOUNT = "000000000000"
Advance = Callable[[str, float], None]

#: Kind -> the protocol it speaks.
KINDS = {"boto3": "json", "boto3-query": "query", "js3": "json", "js2": "json", "js2-query": "query"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Clients that cannot be had take their tests with them; test_suite tells which and why, by one skip for each."""
    here = Path(__file__).parent
    gone: list[pytest.Item] = []
    for item in items:
        if not item.path.is_relative_to(here) or not isinstance(item, pytest.Function):
            continue
        kind = str(item.callspec.params.get("client_process", "boto3")) if hasattr(item, "callspec") else "boto3"
        needs_node = kind.startswith("js") or "js" in item.fixturenames
        if not needs_node and kind == "boto3" and "install_folder" not in item.fixturenames:
            continue
        if needs_node:
            item.add_marker("node")
        item.add_marker(pytest.mark.timeout(installs.INSTALL_SECONDS + 60))
        if installs.missing(node=needs_node):
            gone.append(item)
    if gone:
        config.hook.pytest_deselected(items=gone)
        left = set(gone)
        items[:] = [item for item in items if item not in left]


@pytest.fixture(scope="session")
def service(valkey: str) -> Iterator[Service]:
    """``sqs-facade serve`` on the tests' own Valkey, so that a test can move a queue's clock."""
    key = "test:" + "A" * 43 + "="  # 32 zero bytes: queues may ask for encryption
    settings = {"max_waits": "256", "encryption_keys": key, "allowed_hosts": "elsewhere.test"}
    with serving(redis=valkey, durability="memory", **settings) as service:
        yield service


@pytest.fixture(scope="session")
def install_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where other clients are installed."""
    return installs.folder(tmp_path_factory.mktemp("clients"))


@pytest.fixture(scope="session")
def js(install_folder: Path) -> Path:
    """A folder with the JavaScript programs and their packages."""
    return installs.js_packages(install_folder)


def _command(kind: str, request: pytest.FixtureRequest) -> list[str | Path]:
    lines = Path(__file__).with_name("lines_boto3.py")
    if kind == "boto3":
        return [sys.executable, lines]
    if kind == "boto3-query":
        return [installs.python_with(request.getfixturevalue("install_folder"), installs.OLD_BOTO3), lines]
    folder: Path = request.getfixturevalue("js")
    program = {"js3": ["sdk3.mjs"], "js2": ["sdk2.mjs", "aws-sdk"], "js2-query": ["sdk2.mjs", "aws-sdk-query"]}[kind]
    return ["node", folder / program[0], *program[1:]]


@pytest.fixture(scope="session", params=KINDS)
def client_process(request: pytest.FixtureRequest) -> Iterator[tuple[str, Process]]:
    process = Process(_command(request.param, request))
    assert process.protocol == KINDS[request.param]
    yield request.param, process
    process.stop()


@pytest.fixture
def client(client_process: tuple[str, Process], service: Service) -> Client:
    """A client with nothing but an endpoint and dummy credentials."""
    kind, process = client_process
    return Client(kind, process, service.url)


@pytest.fixture
def queue(client: Client, queue_name: str) -> str:
    """URL of a new standard queue."""
    return client.queue(queue_name)


@pytest.fixture
def fifo(client: Client, queue_name: str) -> str:
    """URL of a new FIFO queue that wants deduplication ids."""
    return client.queue(f"{queue_name}.fifo", FifoQueue="true")


class Work(Protocol):
    """What the fixture ``work`` of a test file is."""

    def worker(self) -> Telling: ...


@pytest.fixture
def worker(work: Work) -> Iterator[Telling]:
    """A worker that waits for tasks."""
    with work.worker() as running:
        running.wait_for("ready")
        yield running


@pytest.fixture
def later(advance: Callable[[QueueRef, float], None]) -> Advance:
    """``later(queue_url, seconds)``: the queue's own clock goes on."""

    def move(queue_url: str, seconds: float) -> None:
        advance(QueueRef(ACCOUNT, "us-east-1", queue_url.rsplit("/", 1)[-1]), seconds)

    return move
