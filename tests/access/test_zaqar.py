"""Policies at the Zaqar face and over WebSocket: the same questions as at the SQS face."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from tests.access.conftest import OWNER, policy
from tests.conftest import Service
from tests.sqs.wire import HTTP, Sqs
from tests.zaqar.conftest import Zaqar
from tests.zaqar.test_identity import Tokens
from zaqar_core.access.policies import Policy
from zaqar_core.access.principals import Principal
from zaqar_core.configuration.settings import Settings
from zaqar_core.core import queues
from zaqar_core.core.authorization import Authorizer
from zaqar_core.core.process import Core
from zaqar_core.core.session import Session
from zaqar_core.domain.model import QueueSettings, SettingsChange
from zaqar_core.domain.names import QueueRef
from zaqar_core.rest import rights
from zaqar_core.rest.face import ZaqarFace
from zaqar_core.rest.routes import ROUTES, RULES
from zaqar_core.web.envelope import Reply, Request
from zaqar_core.websocket import conversation

#: Rules of operations that no policy concerns.
WITHOUT_RIGHTS = {"home:get", "ping:get", "flavors:get_all", "flavors:get"}
MESSAGES = {"messages": [{"body": 1, "ttl": 60}]}
TERMS = {"ttl": 60, "grace": 60}


@pytest.fixture
def zaqar(session: Session) -> Zaqar:
    """A project of its own, without authentication."""
    return Zaqar(session, ZaqarFace(Settings(), authorizer=Authorizer()))


def _ref(zaqar: Zaqar, name: str) -> QueueRef:
    return QueueRef(zaqar.project, "us-east-1", name)


def _set(zaqar: Zaqar, name: str, document: str) -> None:
    """Set a policy as the SQS face does."""
    session = zaqar.session
    session.guards = None
    queues.create(session, _ref(zaqar, name), QueueSettings(), creator="zaqar")
    queues.change(session, _ref(zaqar, name), SettingsChange(documents={"policy": document.encode()}))


def test_every_rule_has_its_rights() -> None:
    without = {rule for rule in RULES if not rights.RIGHTS.get(rule)}
    assert without == WITHOUT_RIGHTS
    assert rights.RIGHTS.keys() <= RULES
    assert {name for route in ROUTES for name in rights.of(route)} <= {
        "AddPermission", "ChangeMessageVisibility", "CreateQueue", "DeleteMessage", "DeleteQueue", "GetQueueAttributes",
        "ListQueues", "PurgeQueue", "ReceiveMessage", "SendMessage", "SetQueueAttributes", "zaqar:Administer",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("method", "path", "document", "action"),
    [
        ("PUT", "", None, "CreateQueue"),
        ("GET", "", None, "GetQueueAttributes"),
        ("DELETE", "", None, "DeleteQueue"),
        ("GET", "/stats", None, "GetQueueAttributes"),
        ("POST", "/purge", {"resource_types": ["messages"]}, "PurgeQueue"),
        ("POST", "/share", {"methods": ["GET"]}, "AddPermission"),
        ("POST", "/messages", MESSAGES, "SendMessage"),
        ("GET", "/messages", None, "ReceiveMessage"),
        ("DELETE", "/messages?ids=51d7b7d4b7d4", None, "DeleteMessage"),
        ("DELETE", "/messages?pop=1", None, "DeleteMessage"),
        ("DELETE", "/messages?pop=1", None, "ReceiveMessage"),
        ("GET", "/messages/51d7b7d4b7d4", None, "ReceiveMessage"),
        ("DELETE", "/messages/51d7b7d4b7d4", None, "DeleteMessage"),
        ("POST", "/claims", TERMS, "ReceiveMessage"),
        ("GET", "/claims/51d7b7d4b7d4", None, "ReceiveMessage"),
        ("PATCH", "/claims/51d7b7d4b7d4", TERMS, "ChangeMessageVisibility"),
        ("DELETE", "/claims/51d7b7d4b7d4", None, "ChangeMessageVisibility"),
        ("GET", "/subscriptions", None, "GetQueueAttributes"),
        ("POST", "/subscriptions", {"subscriber": "http://198.51.100.1/"}, "ReceiveMessage"),
        ("POST", "/subscriptions", {"subscriber": "http://198.51.100.1/"}, "SetQueueAttributes"),
        ("DELETE", "/subscriptions/51d7b7d4b7d4", None, "SetQueueAttributes"),
        ("GET", "/undelivered", None, "ReceiveMessage"),
    ],
)
def test_the_policy_of_a_queue_denies_an_operation_by_its_action(
    zaqar: Zaqar, queue_name: str, method: str, path: str, document: Any, action: str
) -> None:
    _set(zaqar, queue_name, policy({"Effect": "Deny", "Action": f"sqs:{action}"}))
    answer = zaqar.call(method, f"/v2/queues/{queue_name}{path}", document)
    resource = f"arn:aws:sqs:us-east-1:{zaqar.project}:{queue_name}"
    assert (answer.status, answer.json) == (
        403,
        {
            "title": "Not authorized",
            "description": f"You are not authorized to complete this action: arn:aws:iam::{zaqar.project}:root "
            f"may not perform sqs:{action.lower()} on {resource} with an explicit deny in a resource-based policy.",
        },
    )
    _set(zaqar, queue_name, policy({"Effect": "Deny", "Action": "sqs:TagQueue"}))
    assert zaqar.call(method, f"/v2/queues/{queue_name}{path}", document).status != 403


def test_without_a_denial_a_project_does_as_before(zaqar: Zaqar, queue_name: str) -> None:
    zaqar.post(queue_name, 1, 2)
    assert zaqar.call("POST", f"/v2/queues/{queue_name}/claims", TERMS).status == 201
    assert zaqar.call("GET", "/v2/queues").status == 200
    assert zaqar.call("GET", "/v2/queues", headers={"HTTP_X_PROJECT_ID": "other"}).status == 200
    assert zaqar.call("PUT", "/v2/topics/t").status == 201


def test_a_user_has_the_rights_of_identity_based_policies(session: Session, queue_name: str) -> None:
    allowed = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": f"arn:aws:sqs:*:*:{queue_name}"}
    sender = Principal(
        OWNER, f"arn:aws:iam::{OWNER}:user/ann", "AIDA", "ann", {}, (Policy.parse({"Statement": allowed}),)
    )

    class Authenticated(ZaqarFace):
        def answer(self, request: Request, session: Session) -> Reply:
            request.principal = sender
            return super().answer(request, session)

    zaqar = Zaqar(session, Authenticated(Settings(), authorizer=Authorizer()), OWNER)
    zaqar.post(queue_name, 1)
    assert zaqar.call("GET", f"/v2/queues/{queue_name}/messages").status == 403
    assert zaqar.call("GET", "/v2/queues").status == 403
    assert zaqar.call("POST", f"/v2/queues/{queue_name}-other/messages", MESSAGES).status == 403
    assert zaqar.call("POST", f"/v2/topics/{queue_name}/messages", MESSAGES).status == 403
    assert zaqar.call("GET", "/v2/ping").status == 204


def test_a_right_in_an_account_is_none_in_another_project(session: Session, queue_name: str) -> None:
    everything = Principal(OWNER, f"arn:aws:iam::{OWNER}:user/ann", "AIDA", "ann", {}, (Policy.ADMINISTRATOR,))

    class Authenticated(ZaqarFace):
        def answer(self, request: Request, session: Session) -> Reply:
            request.principal = everything
            return super().answer(request, session)

    zaqar = Zaqar(session, Authenticated(Settings(), authorizer=Authorizer()))
    assert zaqar.call("GET", "/v2/queues").status == 403
    assert zaqar.call("PUT", f"/v2/queues/{queue_name}").status == 403
    assert zaqar.call("POST", f"/v2/queues/{queue_name}/messages", MESSAGES).status == 403
    _set(zaqar, queue_name, policy({"Principal": {"AWS": OWNER}, "Action": "sqs:SendMessage"}))
    assert zaqar.call("POST", f"/v2/queues/{queue_name}/messages", MESSAGES).status == 201


@pytest.fixture
def keystone(session: Session) -> Callable[..., Zaqar]:
    def build(**settings: Any) -> Zaqar:
        chosen = Settings(auth_strategy="keystone", **settings)
        return Zaqar(session, ZaqarFace(chosen, Tokens(), Authorizer()))

    return build


def test_a_policy_only_denies_callers_of_keystone(
    keystone: Callable[..., Zaqar], queue_name: str, tmp_path: Any
) -> None:
    rules = tmp_path / "policy.yaml"
    rules.write_text('"queues:stats": "role:admin"')
    zaqar = keystone(policy_file=rules)
    member: dict[str, str | None] = {"HTTP_X_AUTH_TOKEN": f"{zaqar.project} member"}
    path = f"/v2/queues/{queue_name}"
    _set(zaqar, queue_name, policy({}))
    assert zaqar.call("GET", f"{path}/stats", headers=member).status == 403  # policy.yaml decides first
    assert zaqar.call("POST", f"{path}/messages", MESSAGES, headers=member).status == 201
    _set(zaqar, queue_name, policy({"Effect": "Deny", "Action": "sqs:SendMessage"}))
    assert zaqar.call("POST", f"{path}/messages", MESSAGES, headers=member).status == 403
    assert zaqar.call("POST", f"{path}/claims", TERMS, headers=member).status == 201


def test_an_action_over_websocket_needs_the_same_rights(core: Core, queue_name: str) -> None:
    zaqar = Zaqar(core.session(), ZaqarFace(Settings(), authorizer=Authorizer()))
    document = policy({"Effect": "Deny", "Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.7"}}})
    _set(zaqar, queue_name, document)
    headers = {"Client-ID": zaqar.client_id, "X-Project-ID": zaqar.project}
    frame = {"action": "queue_get_stats", "headers": headers, "body": {"queue_name": queue_name}}
    found = []
    for address in ("192.0.2.7", "192.0.2.8"):
        frames = conversation.Conversation(conversation.Service(core, zaqar.face), address)
        found.append(json.loads(frames.answer(json.dumps(frame)))["headers"]["status"])
    assert found == [403, 200]


def test_both_dialects_and_both_lanes_ask_the_same_policy(enforcing: Service, queue_name: str, lane: str) -> None:
    sqs = Sqs(enforcing.url, "json", lane, account=OWNER)
    url = sqs.queue(queue_name)
    headers = {"Client-ID": str(uuid.uuid4()), "X-Project-Id": OWNER, "x-sqs-facade-lane": lane}

    def post() -> int:
        path = f"{enforcing.url}/v2/queues/{queue_name}/messages"
        return HTTP.post(path, json=MESSAGES, headers=headers, timeout=10).status_code

    assert post() == 201
    locked = policy({"Effect": "Deny", "Action": "sqs:SendMessage"})
    sqs.call("SetQueueAttributes", QueueUrl=url, Attributes={"Policy": locked})
    assert post() == 403
    assert sqs.error("SendMessage", QueueUrl=url, MessageBody="x").code == "AccessDenied"
    sqs.call("SetQueueAttributes", QueueUrl=url, Attributes={"Policy": ""})
    assert post() == 201
