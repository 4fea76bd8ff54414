"""A service that enforces policies, and its SQS face alone, for callers that the service cannot authenticate yet."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sqs_facade.face import SqsFace
from tests.conftest import Service, serving
from tests.sqs.wire import Sqs
from zaqar_core.access.principals import Principal
from zaqar_core.configuration.settings import Settings
from zaqar_core.core.authorization import Authorizer
from zaqar_core.core.process import Core
from zaqar_core.web.envelope import Request

OWNER, OTHER = "444455556666", "111122223333"


@pytest.fixture(scope="session")
def enforcing(store_settings: dict[str, str]) -> Iterator[Service]:
    """Two workers, so that a policy is changed at one and used at the other."""
    with serving(enforce_policies="true", workers="2", **store_settings) as service:
        yield service


@pytest.fixture(params=["json-fast", "query-fast", "json-flask", "query-flask"])
def client(enforcing: Service, request: pytest.FixtureRequest) -> Callable[[str], Sqs]:
    """Returns the client of an account, or an anonymous one."""
    protocol, lane = request.param.split("-")

    def of(account: str) -> Sqs:
        return Sqs(enforcing.url, protocol, lane, account=account)

    return of


@pytest.fixture
def owner(client: Callable[[str], Sqs]) -> Sqs:
    return client(OWNER)


@pytest.fixture
def queue(owner: Sqs) -> str:
    """URL of a new queue of the owner."""
    return owner.queue(f"t-{uuid.uuid4().hex[:12]}")


def arn(queue: str) -> str:
    """Return the ARN of a queue of the owner."""
    return f"arn:aws:sqs:us-east-1:{OWNER}:{queue.rpartition('/')[2]}"


def policy(*statements: dict[str, Any]) -> str:
    """Return a policy. Each statement allows everybody everything, but for its own members."""
    base = {"Effect": "Allow", "Principal": "*", "Action": "sqs:*", "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [{**base, **one} for one in statements]})


class Worker:
    """The SQS face of one process, by calls of authenticated principals."""

    def __init__(self, core: Core) -> None:
        self._core = core
        settings = Settings(redis=core.settings.redis, enforce_policies=True)
        self._face = SqsFace(settings, authorizer=Authorizer())
        #: Round trips to the store of the last call.
        self.round_trips = 0

    def call(self, principal: Principal | None, operation: str, **members: Any) -> tuple[int, Any]:
        """Return the status and the document of the response."""
        environ = {"HTTP_X_AMZ_TARGET": f"AmazonSQS.{operation}", "HTTP_HOST": "localhost", "REQUEST_METHOD": "POST"}
        request = Request("POST", "/", "", json.dumps(members).encode(), environ, principal)
        session = self._core.session()
        session.router = _Counting(session.router)
        reply = self._face.answer(request, session)
        self.round_trips = session.router.calls
        return reply.status, json.loads(reply.body or b"{}")


class _Counting:
    """A router that counts the calls of functions."""

    def __init__(self, router: Any) -> None:
        self._router = router
        self.calls = 0

    def run(self, *arguments: Any) -> Any:
        self.calls += 1
        return self._router.run(*arguments)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._router, name)


@pytest.fixture
def worker(core: Core) -> Worker:
    return Worker(core)


@pytest.fixture
def second_worker(core: Core) -> Worker:
    return Worker(core)
