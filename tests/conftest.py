"""Real parts for every test: a Valkey of its own, the core on it, and the service as a process."""

from __future__ import annotations

import base64
import gc
import os
import socket
import subprocess
import sys
import uuid
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import hypothesis
import pytest

from sqs_facade.compat.launching import ServiceProcess
from tests import deployments, leftovers, threads
from tests.private_valkey import private_valkey
from zaqar_core.configuration.settings import Settings
from zaqar_core.core import queues
from zaqar_core.core.process import Core
from zaqar_core.core.session import Session
from zaqar_core.domain.model import QueueSettings
from zaqar_core.domain.names import QueueRef
from zaqar_core.store import rechecks, script
from zaqar_core.web import stopping

#: ``single`` (the default), ``sentinel`` or ``cluster``: what the shared fixtures run on.
STORE_VARIABLE = "SQS_FACADE_TEST_STORE"
STORE = os.environ.get(STORE_VARIABLE, "single")
#: ``threads``: ``serving`` runs services under Gunicorn, with a thread for each request.
SERVING_VARIABLE = "SQS_FACADE_TEST_SERVING"

#: Hosts that tests call besides those of this machine, also with a region before them.
CALLED_HOSTS = "amazonaws.com,queues,x"

#: A run that leaves processes behind fails, and names them.
pytest_sessionfinish = leftovers.pytest_sessionfinish
pytest_terminal_summary = leftovers.pytest_terminal_summary

# A test on a busy machine takes as long as it takes. ``pytest --hypothesis-profile=thorough -m "hypothesis and
# not slow"`` runs the tests of properties, and those of tests/model, with more examples, as CI does.
hypothesis.settings.register_profile("suite", deadline=None, max_examples=25)
hypothesis.settings.register_profile("thorough", deadline=None, max_examples=100)
hypothesis.settings.load_profile("suite")


@pytest.hookimpl(wrapper=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> Generator[None, int, int]:
    """Run single tests in this process, and other runs with two workers more than there are processors.

    Tests wait a third of their time for processes to start and to end; the other workers use it. On two processors the
    suite took 246 s with three workers and 213 s with four.
    """
    number = yield
    if any("::" in argument for argument in config.args):
        return 0
    return number if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ else number + 2


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # a worker belongs to the run of its controller
        leftovers.watch(config)
        # Compiled modules, as an installed package has them: otherwise all workers, services and runs of pytest that
        # the tests start compile what they import, each time.
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        sys.dont_write_bytecode = False


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect no garbage while tests are found: all that is made stays. Leave it out of later collections too."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(autouse=True, scope="module")
def _goes_on() -> None:
    """A server that a test has stopped in this process stops no application of another test."""
    if stopping._watch is not None:
        stopping._watch._stopping = False


@pytest.fixture(scope="session")
def valkey() -> Iterator[str]:
    """URL of a private Valkey in memory."""
    with private_valkey() as server:
        yield server.url


@contextmanager
def own_store() -> Iterator[str]:
    """Start a store like the shared one, and yield its URL."""
    if STORE == "single":
        with private_valkey() as server:
            yield server.url
    else:
        with {"sentinel": deployments.sentinel_group, "cluster": deployments.cluster}[STORE]() as deployed:
            yield deployed.url


@pytest.fixture(scope="session")
def store_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """URL of the store that the shared core and service use."""
    if STORE == "single":
        yield request.getfixturevalue("valkey")
        return
    with own_store() as url:
        yield url


@contextmanager
def running_core(url: str, **settings: Any) -> Iterator[Core]:
    """The core of one process on a store, without HTTP."""
    given: dict[str, Any] = {"durability": "memory", "store_connections": 8} | settings
    core = Core(Settings(redis=url, **given), url)
    try:
        yield core
    finally:
        core.close()


@pytest.fixture(scope="session")
def core(store_url: str) -> Iterator[Core]:
    with running_core(store_url) as core:
        yield core


@pytest.fixture
def session(core: Core) -> Session:
    return core.session()


@pytest.fixture
def queue(session: Session) -> QueueRef:
    """A new, empty standard queue made by SQS."""
    ref = QueueRef("000000000000", "us-east-1", f"q-{uuid.uuid4().hex[:12]}")
    queues.create(session, ref, QueueSettings(), creator="sqs")
    return ref


@pytest.fixture
def advance(session: Session) -> Callable[[QueueRef, float], None]:
    """Moves a queue's own clock forward."""

    def move(ref: QueueRef, seconds: float) -> None:
        session.run(script("clock"), ref, [int(seconds * 1000)])

    return move


@pytest.fixture
def only_wakeups(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiters of this process check their queues when they are woken, and at no other time."""
    monkeypatch.setattr(rechecks, "RECHECK_SECONDS", (3600.0, 3600.0))


@dataclass
class Service:
    """A running service. ``redis_url`` is its embedded store, where the test started one."""

    url: str
    process: subprocess.Popen[bytes]


@contextmanager
def serving(command: str = "serve", /, **settings: str) -> Iterator[Service]:
    """``sqs-facade serve``, or another command, on a free port.

    ``settings`` are by their environment names. Ephemeral unless they say where the data are.
    """
    if not settings.keys() & {"redis", "data_dir", "zaqar_config"}:
        settings = {"ephemeral": "true", **settings}
    environment = {f"SQS_FACADE_{name.upper()}": value for name, value in settings.items()}
    if command == "serve" and os.environ.get(SERVING_VARIABLE) == "threads":
        with threads.gunicorn(environment) as (url, process):
            yield Service(url, process)
        return
    service = ServiceProcess(command, environment=environment)
    try:
        yield Service(service.url, service.process)
    finally:
        service.stop()


@pytest.fixture(scope="session")
def store_settings(request: pytest.FixtureRequest) -> dict[str, str]:
    """What a service of the tests is told of its store: an embedded one, unless the run is about another."""
    if STORE == "single":
        return {}
    key = f"tests:{base64.b64encode(bytes(32)).decode()}"  # an embedded store has one of its own
    return {"redis": request.getfixturevalue("store_url"), "durability": "memory", "encryption_keys": key}


@pytest.fixture(scope="session")
def service(store_settings: dict[str, str]) -> Iterator[Service]:
    """A service shared by all tests: each uses queues of its own."""
    with serving(max_waits="256", allowed_hosts=CALLED_HOSTS, **store_settings) as service:
        yield service


@pytest.fixture(params=["fast", "flask"])
def lane(request: pytest.FixtureRequest) -> str:
    """The way of a request through the service: both answer alike."""
    way: str = request.param
    return way


@pytest.fixture
def queue_name() -> str:
    """A queue name nobody else uses."""
    return f"t-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
