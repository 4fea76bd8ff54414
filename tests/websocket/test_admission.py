"""Admission of actions: without an authenticator, by pre-signed URLs, and with an authenticator."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.patience import PATIENCE_SECONDS
from tests.websocket.conftest import Client
from zaqar_core.core.process import Core
from zaqar_core.domain.identity import Authenticator, Identity, IdentityUnavailable, NotAuthenticated
from zaqar_core.rest import signatures
from zaqar_core.rest.face import ZaqarFace
from zaqar_core.rest.signatures import Grant as UrlGrant
from zaqar_core.websocket import server
from zaqar_core.websocket.conversation import Conversation, Service

KEY = "a secret"


def signed(client: Client, queue: str, part: str, methods: list[str], *, minutes: int = 5) -> dict[str, Any]:
    """Headers of a pre-signed URL of a queue's messages, claims or subscriptions."""
    expires = signatures.expiry_text(datetime.now(UTC) + timedelta(minutes=minutes))
    grant = UrlGrant([f"/v2/queues/{queue}/{part}"], methods, client.project, expires)
    return {
        "URL-Signature": grant.signature(KEY),
        "URL-Expires": expires,
        "URL-Methods": methods,
        "URL-Paths": list(grant.paths),
    }


def status(answer: Any) -> int:
    return int(answer["headers"]["status"])


def test_without_an_authenticator_every_authentication_succeeds(client: Client) -> None:
    answer = client.ask("authenticate", **{"X-Auth-Token": "anything"})
    assert (status(answer), answer["body"]) == (200, {"message": "Authentified."})
    assert answer["request"]["action"] == "authenticate"


def test_a_signed_url_admits_its_paths_and_methods(client: Client, queue_name: str) -> None:
    headers = signed(client, queue_name, "messages", ["GET", "POST"])
    messages = {"queue_name": queue_name, "messages": [{"body": 1}]}
    posted = client.ask("message_post", messages, **headers)
    assert status(posted) == 201
    assert status(client.ask("message_list", {"queue_name": queue_name}, **headers)) == 200
    one = {"queue_name": queue_name, "message_id": posted["body"]["message_ids"][0]}
    assert status(client.ask("message_get", one, **headers)) == 200
    joined = {**headers, "URL-Methods": "GET,POST", "URL-Paths": headers["URL-Paths"][0]}
    assert status(client.ask("message_list", {"queue_name": queue_name}, **joined)) == 200


@pytest.mark.parametrize(
    ("action", "change"),
    [
        ("message_delete", {}), ("claim_create", {}), ("queue_get", {}), ("queue_list", {}),
        ("message_list", {"URL-Signature": "0" * 64}), ("message_list", {"X-Project-ID": "other"}),
        ("message_list", {"URL-Methods": ["GET", "POST"]}), ("message_list", {"URL-Expires": "2999-01-01T00:00:00"}),
        ("message_list", {"URL-Paths": ["/v2/queues"]}), ("message_list", {"URL-Signature": ""}),
    ],
)  # fmt: skip
def test_a_signed_url_admits_nothing_else(client: Client, queue_name: str, action: str, change: dict[str, Any]) -> None:
    headers = {**signed(client, queue_name, "messages", ["GET"]), **change}
    fields = {"queue_name": queue_name, "message_id": "11111111-1111-4111-8111-111111111111"}
    assert status(client.ask(action, fields, **headers)) == 403


def test_an_expired_signed_url_is_refused(client: Client, queue_name: str) -> None:
    headers = signed(client, queue_name, "messages", ["GET"], minutes=-1)
    assert status(client.ask("message_list", {"queue_name": queue_name}, **headers)) == 403


def test_a_signed_url_of_a_queue_does_not_reach_its_namesakes(client: Client, queue_name: str) -> None:
    headers = signed(client, queue_name, "messages", ["GET"])
    for name in (f"{queue_name}x", f"{queue_name}/messages/../../other", f"{queue_name}/messages"):
        assert status(client.ask("message_list", {"queue_name": name}, **headers)) in (400, 403)


class Doorman:
    """Accepts tokens of the form ``project:seconds``; for the token ``away`` it is unavailable."""

    def identify(self, environ: Mapping[str, Any]) -> Identity:
        project, _, life = environ.get("HTTP_X_AUTH_TOKEN", "").partition(":")
        if project == "away":
            raise IdentityUnavailable
        if not life:
            raise NotAuthenticated("none")
        return Identity(project, "u", frozenset(), time.time() + float(life), {"HTTP_X_PROJECT_ID": project})


class Talk:
    """A conversation with an authenticator, without a socket."""

    def __init__(self, core: Core, authenticator: Authenticator) -> None:
        self.conversation = Conversation(Service(core, ZaqarFace(core.settings), authenticator))

    def ask(self, action: str, body: Any = None, **headers: Any) -> Any:
        headers = {"Client-ID": "11111111-1111-4111-8111-111111111111", **headers}
        answer = self.conversation.answer(json.dumps({"action": action, "headers": headers, "body": body}))
        return json.loads(answer)


@pytest.fixture
def talk(core: Core) -> Talk:
    return Talk(core, Doorman())


def test_with_an_authenticator_no_action_runs_without_a_token(talk: Talk) -> None:
    assert status(talk.ask("queue_list", **{"X-Project-ID": "p"})) == 403
    assert status(talk.ask("queue_list", **{"X-Project-ID": "p", "X-Auth-Token": "p:60"})) == 403
    assert status(talk.ask("authenticate", **{"X-Auth-Token": "wrong"})) == 401
    assert status(talk.ask("queue_list", **{"X-Project-ID": "p"})) == 403
    assert status(talk.ask("authenticate", **{"X-Auth-Token": "p:60"})) == 200
    assert status(talk.ask("queue_list", **{"X-Project-ID": "p"})) == 200
    assert status(talk.ask("queue_list")) == 200
    assert status(talk.ask("queue_list", **{"X-Project-ID": "other"})) == 403


def test_a_refused_token_ends_the_admission_by_an_earlier_one(talk: Talk) -> None:
    assert status(talk.ask("authenticate", **{"X-Auth-Token": "p:60"})) == 200
    assert status(talk.ask("authenticate", **{"X-Auth-Token": "wrong"})) == 401
    assert status(talk.ask("queue_list")) == 403
    assert status(talk.ask("authenticate", **{"X-Auth-Token": "away"})) == 503


def test_the_reply_to_a_binary_authenticate_is_binary(core: Core) -> None:
    frame = {"action": "authenticate", "headers": {"X-Auth-Token": "wrong"}}
    answer = Talk(core, Doorman()).conversation.answer(msgspec.msgpack.encode(frame))
    assert isinstance(answer, bytes)
    assert status(msgspec.msgpack.decode(answer)) == 401


@pytest.fixture
def gated(core: Core, free_port: int) -> Iterator[str]:
    """URL of a server in this process that has an authenticator."""
    loop, ready, stop = asyncio.new_event_loop(), threading.Event(), asyncio.Event()
    service = Service(core, ZaqarFace(core.settings), Doorman())
    serving = server.serving(core.settings, service, free_port, ready.set, stop)
    thread = threading.Thread(target=loop.run_until_complete, args=(serving,))
    thread.start()
    assert ready.wait(PATIENCE_SECONDS)
    yield f"ws://127.0.0.1:{free_port}"
    loop.call_soon_threadsafe(stop.set)
    thread.join(PATIENCE_SECONDS)
    loop.close()


def test_a_connection_ends_with_its_token(gated: str) -> None:
    with connect(gated) as connection:
        client = Client(connection, False, "p")
        assert status(client.ask("authenticate", **{"X-Auth-Token": "p:0.3"})) == 200
        with pytest.raises(ConnectionClosed) as closed:
            connection.recv(timeout=30)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4003


def test_a_new_token_extends_the_connection(gated: str) -> None:
    with connect(gated) as connection:
        client = Client(connection, False, "p")
        for token in ("p:0.5", "p:60"):
            assert status(client.ask("authenticate", **{"X-Auth-Token": token})) == 200
        with contextlib.suppress(TimeoutError):
            connection.recv(timeout=0.8)
        assert client.call("queue_list")[0] == 200
