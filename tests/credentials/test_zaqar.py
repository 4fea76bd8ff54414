"""Zaqar with credentials: static tokens, HTTP basic and pre-signed URLs, by both lanes."""

from __future__ import annotations

import base64
import json as jsons
import uuid
from pathlib import Path
from typing import Any

import pytest
import requests
from websockets.sync.client import connect

from tests.conftest import Service, serving
from tests.credentials.conftest import OTHERS
from tests.credentials.signing import ACCOUNT, KEY, SECRET, USER, credentials
from tests.sqs.wire import HTTP
from zaqar_core.access.users import CHALLENGE, KnownUser, Users
from zaqar_core.core.process import Core
from zaqar_core.domain.identity import Identity, NotAuthenticated
from zaqar_core.rest.face import ZaqarFace
from zaqar_core.websocket.conversation import Conversation
from zaqar_core.websocket.conversation import Service as Sockets

TWO = "210987654321"
TOKEN_OF_TWO = "a static token of user two"


def _basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"}


ONE = _basic(KEY, SECRET)


def _call(
    service: Service, lane: str, method: str, path: str, headers: dict[str, str], json: Any = None
) -> requests.Response:
    shown = {"Client-ID": str(uuid.UUID(int=7)), "X-SQS-Facade-Lane": lane, **headers}
    return HTTP.request(method, service.url + path, json=json, headers=shown, timeout=30)


@pytest.mark.parametrize(
    ("headers", "account"),
    [(ONE, ACCOUNT), ({"X-Auth-Token": TOKEN_OF_TWO}, TWO), ({**ONE, "X-Project-Id": TWO}, ACCOUNT)],
    ids=["basic", "token", "another project"],
)
def test_the_project_is_the_account_of_the_user(
    guarded: Service, lane: str, queue_name: str, headers: dict[str, str], account: str
) -> None:
    assert _call(guarded, lane, "PUT", f"/v2/queues/{queue_name}", headers).status_code == 201
    posted = _call(guarded, lane, "POST", f"/v2/queues/{queue_name}/messages", headers, {"messages": [{"body": 1}]})
    assert posted.status_code == 201
    for caller, its_account in ((ONE, ACCOUNT), ({"X-Auth-Token": TOKEN_OF_TWO}, TWO)):
        listed = _call(guarded, lane, "GET", f"/v2/queues/{queue_name}/messages?echo=true", caller).json()["messages"]
        assert len(listed) == (1 if its_account == account else 0)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Project-Id": ACCOUNT},
        {"X-Auth-Token": "a static token of user three"},
        {"X-Auth-Token": "a static token of user gone"},
        _basic(KEY, "wrong"),
        _basic("AKIDUNKNOWN", SECRET),
        _basic("AKIDGONE", "another secret of forty characters, gone"),
        _basic(KEY, ""),
        _basic("", ""),
        {"Authorization": "Basic !"},
        {"Authorization": f"Bearer {SECRET}"},
    ],
    ids=str,
)
@pytest.mark.parametrize("path", ["/v2/queues", "/v2/queues/x/messages"])
def test_others_are_refused_with_a_challenge(guarded: Service, lane: str, path: str, headers: dict[str, str]) -> None:
    answer = _call(guarded, lane, "GET", path, headers)
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, CHALLENGE)
    assert answer.json()["title"] == "Unauthorized"


def test_the_versions_and_the_health_pages_stay_open(guarded: Service) -> None:
    for path in ("/", "/health", "/health/ready"):
        assert HTTP.get(guarded.url + path).status_code in (200, 300)


def test_a_large_body_is_refused_after_the_caller(guarded: Service, lane: str) -> None:
    body = "x" * 300_000
    path = "/v2/queues/x/messages"
    assert _call(guarded, lane, "POST", path, {}, body).status_code == 401
    assert _call(guarded, lane, "POST", path, ONE, body).status_code == 400


def test_a_user_that_is_not_in_the_file_is_keystones(tmp_path: Path) -> None:
    known = credentials(tmp_path, USER + OTHERS)

    class Keystone:
        def identify(self, environ: Any) -> Identity:
            if environ.get("HTTP_X_AUTH_TOKEN") != "of keystone":
                raise NotAuthenticated("Keystone")
            return Identity("project", "user", frozenset(), 0.0)

    users = Users(known, Keystone())
    assert users.identify({"HTTP_X_AUTH_TOKEN": "of keystone"}).project == "project"
    found = users.identify({"HTTP_X_AUTH_TOKEN": TOKEN_OF_TWO})
    assert isinstance(found, KnownUser)
    assert found.principal.arn == f"arn:aws:iam::{TWO}:user/two"
    with pytest.raises(NotAuthenticated, match="Keystone"):
        users.identify({"HTTP_X_AUTH_TOKEN": "of nobody"})


def test_a_user_is_not_active_any_more_when_disabled(tmp_path: Path) -> None:
    known = credentials(tmp_path, USER + OTHERS)
    found = Users(known).identify({"HTTP_X_AUTH_TOKEN": TOKEN_OF_TWO})
    assert isinstance(found, KnownUser)
    assert found.is_active()
    (tmp_path / "credentials.toml").write_text(USER)
    assert known.check()
    assert not found.is_active()


def _frame(action: str, body: Any = None, **headers: str) -> str:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return jsons.dumps({"action": action, "headers": {"Client-ID": str(uuid.UUID(int=7)), **named}, "body": body or {}})


def _status(reply: str | bytes) -> int:
    return int(jsons.loads(reply)["headers"]["status"])


def test_a_connection_ends_with_its_user(core: Core, tmp_path: Path, queue_name: str) -> None:
    known = credentials(tmp_path, USER + OTHERS)
    users = Users(known)
    conversation = Conversation(Sockets(core, ZaqarFace(core.settings, users), users))
    create = _frame("queue_create", {"queue_name": queue_name}, X_Project_ID=TWO)
    assert _status(conversation.answer(create)) == 403
    assert _status(conversation.answer(_frame("authenticate", X_Auth_Token="of nobody"))) == 401
    assert _status(conversation.answer(_frame("authenticate", X_Auth_Token=TOKEN_OF_TWO))) == 200
    assert _status(conversation.answer(create)) == 201
    assert _status(conversation.answer(_frame("queue_list", X_Project_ID=ACCOUNT))) == 403
    long = {"queue_name": queue_name, "messages": [{"body": "x" * 300_000}]}
    assert _status(conversation.answer(_frame("message_post", long, X_Project_ID=TWO))) == 400
    (tmp_path / "credentials.toml").write_text(USER)
    assert known.check()
    assert _status(conversation.answer(create)) == 403


def test_the_websocket_service_needs_credentials(store_url: str, tmp_path: Path) -> None:
    credentials(tmp_path, USER + OTHERS)
    file = str(tmp_path / "credentials.toml")
    with (
        serving("websocket", redis=store_url, durability="memory", credentials_file=file) as service,
        connect(service.url) as connection,
    ):
        for frame, status in (
            (_frame("queue_list", X_Project_ID=TWO), 403),
            (_frame("authenticate", X_Auth_Token=TOKEN_OF_TWO), 200),
            (_frame("queue_list", X_Project_ID=TWO), 200),
        ):
            connection.send(frame)
            assert _status(connection.recv(timeout=20)) == status
