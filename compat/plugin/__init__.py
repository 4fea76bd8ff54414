"""The pytest plugin: SQS and Zaqar for tests, without set-up.

A test that uses one of the fixtures has an account of its own on a service that all tests of the process share. The
first such test starts the service. With ``--sqs-facade``, a suite written for moto sends its SQS requests there too.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from . import shared

if TYPE_CHECKING:
    from ..service import Facade
    from .tools import Clock, Spy
    from .zaqar import ZaqarSession

REGION = "us-east-1"
_BRIDGED = pytest.StashKey[bool]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option ``--sqs-facade``."""
    parser.getgroup("sqs-facade").addoption(
        "--sqs-facade",
        action="store_true",
        help="under moto's mock_aws, send SQS requests to sqs-facade and leave all others to moto",
    )


def pytest_configure(config: pytest.Config) -> None:
    """With ``--sqs-facade``, replace moto's SQS by the facade."""
    if config.getoption("--sqs-facade"):
        try:
            from . import bridge
        except ImportError as problem:
            raise pytest.UsageError(f"--sqs-facade needs moto and boto3 (sqs-facade[compat]): {problem}") from None
        bridge.install()
        config.stash[_BRIDGED] = True


def pytest_unconfigure(config: pytest.Config) -> None:
    """Restore moto and stop the service."""
    if config.stash.get(_BRIDGED, False):
        from . import bridge

        bridge.remove()
    shared.stop()


@pytest.fixture(scope="session")
def sqs_facade() -> Facade:
    """Return the running service: ``sqs_facade.url`` is the endpoint for any client."""
    return shared.facade()


@pytest.fixture
def sqs_account(request: pytest.FixtureRequest, sqs_facade: Facade) -> Iterator[str]:
    """Provide the 12 digits of this test's account, and empty the account after the test.

    Used as an access key, they are all the credentials that a client needs. With ``--sqs-facade`` it is moto's account.
    """
    if request.config.stash.get(_BRIDGED, False):
        from . import bridge

        account = bridge.ACCOUNT
    else:
        account = f"{uuid.uuid4().int % 10**12:012d}"
    yield account
    sqs_facade.hook("reset", account=account)


@contextmanager
def _needed(fixture: str, requirement: str) -> Iterator[None]:
    """Fail the test with one line that says what to install, if an import in the block fails."""
    try:
        yield
    except ImportError as problem:
        raise pytest.fail.Exception(
            f"the fixture {fixture} needs a package that is not installed ({problem}): pip install '{requirement}'",
            pytrace=False,
        ) from None


@pytest.fixture(scope="session")
def _boto_session() -> Any:
    with _needed("sqs_client", "sqs-facade[compat]"):
        import boto3
    return boto3.Session()


@pytest.fixture
def sqs_client(sqs_facade: Facade, sqs_account: str, _boto_session: Any) -> Any:
    """Return a boto3 client of SQS."""
    from botocore.config import Config

    return _boto_session.client(
        "sqs",
        endpoint_url=sqs_facade.url,
        region_name=REGION,
        aws_access_key_id=sqs_account,
        aws_secret_access_key="test",  # noqa: S106 - not checked
        config=Config(proxies={}),
    )


@pytest.fixture
def zaqar_client(sqs_facade: Facade, sqs_account: str) -> Any:
    """Return python-zaqarclient's client of Zaqar v2: ``zaqar_client.queue("test-queue").claim(ttl=60, grace=60)``."""
    with _needed("zaqar_client", "python-zaqarclient"):
        from zaqarclient.queues import client
    options = {"backend": "noauth", "options": {"os_project_id": sqs_account}}
    return client.Client(sqs_facade.url, version=2, conf={"auth_opts": options})


@pytest.fixture
def zaqar_http(sqs_facade: Facade, sqs_account: str) -> Iterator[ZaqarSession]:
    """Provide a ``requests`` session for Zaqar v2: ``zaqar_http.get("/queues")``."""
    with _needed("zaqar_http", "sqs-facade[compat]"):
        from .zaqar import ZaqarSession
    with ZaqarSession(sqs_facade.url, sqs_account) as session:
        yield session


@pytest.fixture
def sqs_queue(sqs_client: Any) -> str:
    """Create a standard queue and return its URL."""
    return str(sqs_client.create_queue(QueueName="test-queue")["QueueUrl"])


@pytest.fixture
def sqs_clock(sqs_facade: Facade, sqs_account: str) -> Clock:
    """Return the clock of this test's account: ``sqs_clock.advance(hours=12)``."""
    from .tools import Clock

    return Clock(sqs_facade, sqs_account)


@pytest.fixture
def sqs_spy(sqs_facade: Facade, sqs_account: str) -> Iterator[Spy]:
    """Provide a record of the events of this test's messages.

    ``sqs_spy.wait_for(queue, predicate, timeout_seconds=5)`` waits for one of them.
    """
    from .tools import Spy

    spy = Spy(sqs_facade, sqs_account)
    spy.start()
    shared.after_reset.append(spy.start)
    yield spy
    shared.after_reset.remove(spy.start)
