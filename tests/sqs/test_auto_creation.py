"""The setting ``auto_create_queues``: which requests create which queues, and with what."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
import xmltodict

from sqs_facade.auto_creation import OPERATIONS, AutoCreation, configured, plain
from sqs_facade.face import SqsFace
from tests.patience import PATIENCE_SECONDS
from tests.sqs.wire import _flatten, signed
from zaqar_core.access.policies import Policy
from zaqar_core.access.principals import Principal
from zaqar_core.configuration.settings import Settings
from zaqar_core.core import queues
from zaqar_core.core.authorization import Authorizer
from zaqar_core.core.process import Core
from zaqar_core.domain.names import QueueRef
from zaqar_core.store import keys
from zaqar_core.web.envelope import Request

NOT_FOUND = "AWS.SimpleQueueService.NonExistentQueue"
PATTERNS = ("test-*", "*.fifo")

Call = Callable[..., str]


class Face:
    """The SQS face of one process; ``call`` returns the code of the error, "" without one."""

    def __init__(self, core: Core, protocol: str, creation: AutoCreation | None, **settings: Any) -> None:
        self._core = core
        self._protocol = protocol
        self.account = str(uuid.uuid4().int)[:12]
        found = Settings(redis=core.settings.redis, **settings)
        authorizer = Authorizer() if found.enforces_policies else None
        self._face = SqsFace(found, auto_creation=creation, authorizer=authorizer)

    def call(self, operation: str, *, principal: Principal | None = None, **members: Any) -> str:
        environ = {
            "HTTP_HOST": "localhost",
            "REQUEST_METHOD": "POST",
            "HTTP_AUTHORIZATION": signed(self.account),
            "wsgi.url_scheme": "http",
        }
        if self._protocol == "json":
            environ["HTTP_X_AMZ_TARGET"] = f"AmazonSQS.{operation}"
            body = json.dumps(members)
        else:
            environ["CONTENT_TYPE"] = "application/x-www-form-urlencoded"
            body = urlencode({"Action": operation, **_flatten(operation, members)})
        reply = self._face.answer(Request("POST", "/", "", body.encode(), environ, principal), self._core.session())
        if reply.status == 200:
            return ""
        if self._protocol == "json":
            return dict(reply.headers)["x-amzn-query-error"].partition(";")[0]
        return str(xmltodict.parse(reply.body)["ErrorResponse"]["Error"]["Code"])

    def names(self) -> list[str]:
        return queues.names(self._core.session(), self.account, "us-east-1")


@pytest.fixture(params=["json", "query"])
def protocol(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture
def face(core: Core, protocol: str) -> Face:
    return Face(core, protocol, configured(Settings(auto_create_queues=PATTERNS)))


CALLS: dict[str, dict[str, Any]] = {
    "SendMessage": {"QueueUrl": "test-a", "MessageBody": "x"},
    "SendMessageBatch": {"QueueUrl": "test-a", "Entries": [{"Id": "1", "MessageBody": "x"}]},
    "ReceiveMessage": {"QueueUrl": "test-a"},
    "GetQueueUrl": {"QueueName": "test-a"},
    "GetQueueAttributes": {"QueueUrl": "test-a", "AttributeNames": ["All"]},
}


@pytest.mark.parametrize("operation", CALLS)
def test_a_request_creates_the_queue_that_it_uses(face: Face, operation: str) -> None:
    assert face.call(operation, **CALLS[operation]) == ""
    assert face.names() == ["test-a"]


def test_the_table_has_every_operation_that_creates_a_queue() -> None:
    assert CALLS.keys() == OPERATIONS


@pytest.mark.parametrize(
    ("operation", "members"),
    [
        ("DeleteQueue", {}),
        ("PurgeQueue", {}),
        ("ListQueueTags", {}),
        ("SetQueueAttributes", {"Attributes": {"DelaySeconds": "1"}}),
        ("DeleteMessage", {"ReceiptHandle": "x"}),
    ],
)
def test_other_requests_create_nothing(face: Face, operation: str, members: dict[str, Any]) -> None:
    assert face.call(operation, QueueUrl="test-a", **members) == NOT_FOUND
    assert face.names() == []


@pytest.mark.parametrize(("name", "exists"), [("test-", True), ("a.fifo", True), ("other", False), ("test-a.b", False)])
def test_only_names_that_match_a_pattern_and_the_rule_of_names_are_created(face: Face, name: str, exists: bool) -> None:
    fifo: dict[str, Any] = {"MessageGroupId": "g", "MessageDeduplicationId": "d"} if name.endswith(".fifo") else {}
    assert face.call("SendMessage", QueueUrl=name, MessageBody="x", **fifo) == ("" if exists else NOT_FOUND)
    assert face.names() == ([name] if exists else [])


def test_nothing_is_created_while_the_setting_is_empty(core: Core, protocol: str) -> None:
    assert configured(Settings()) is None
    face = Face(core, protocol, None)
    assert face.call("SendMessage", QueueUrl="test-a", MessageBody="x") == NOT_FOUND


def test_a_queue_of_another_account_is_not_created(face: Face) -> None:
    other = f"http://localhost/{str(uuid.uuid4().int)[:12]}/test-a"
    assert face.call("SendMessage", QueueUrl=other, MessageBody="x") == NOT_FOUND


def test_a_wrong_request_creates_the_queue_and_gets_its_own_error(face: Face) -> None:
    assert face.call("SendMessage", QueueUrl="test-a", MessageBody="x", DelaySeconds=901) == "InvalidParameterValue"
    assert face.names() == ["test-a"]


def test_a_new_queue_has_the_defaults(core: Core, protocol: str) -> None:
    def defaults(ref: QueueRef) -> tuple[dict[str, str], dict[str, str]]:
        return {**plain(ref)[0], "VisibilityTimeout": "7"}, {"team": "shop"}

    face = Face(core, protocol, AutoCreation(("*",), defaults))
    assert face.call("GetQueueUrl", QueueName="orders") == ""
    found = queues.get(core.session(), QueueRef(face.account, "us-east-1", "orders")).settings
    assert (found.visibility_timeout_seconds, found.documents["tags"]) == (7, b'{"team":"shop"}')


def test_a_poll_does_not_create_its_queue_again_when_that_is_deleted(face: Face, core: Core) -> None:
    assert face.call("GetQueueUrl", QueueName="test-a") == ""
    found: list[str] = []
    poll = threading.Thread(
        target=lambda: found.append(face.call("ReceiveMessage", QueueUrl="test-a", WaitTimeSeconds=20))
    )
    poll.start()
    ref = QueueRef(face.account, "us-east-1", "test-a")
    while not core.session().command_at(ref, "ZCARD", keys.queue(ref) + b":w"):
        pass
    queues.delete(core.session(), ref)
    poll.join(PATIENCE_SECONDS)
    assert (found, face.names()) == ([NOT_FOUND], [])


def allowed(account: str, *actions: str) -> Principal:
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}]}
    arn = f"arn:aws:iam::{account}:user/dev"
    return Principal(account, arn, "AIDADEV", "dev", {}, (Policy.parse(json.dumps(policy), "identity"),))


def test_only_callers_that_may_create_queues_create_them(core: Core, protocol: str) -> None:
    face = Face(core, protocol, configured(Settings(auto_create_queues=PATTERNS)), enforce_policies=True)
    sender = allowed(face.account, "sqs:SendMessage")
    assert face.call("SendMessage", principal=sender, QueueUrl="test-a", MessageBody="x") == NOT_FOUND
    assert face.names() == []
    creator = allowed(face.account, "sqs:SendMessage", "sqs:CreateQueue")
    assert face.call("SendMessage", principal=creator, QueueUrl="test-a", MessageBody="x") == ""
    assert face.call("ReceiveMessage", principal=creator, QueueUrl="test-b") == "AccessDenied"
    assert face.names() == ["test-a"]
