"""Pre-signed URLs: what a signature admits, and what it does not."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.zaqar.conftest import Zaqar
from zaqar_core.configuration.settings import Settings
from zaqar_core.core.session import Session
from zaqar_core.rest.face import ZaqarFace
from zaqar_core.rest.signatures import Grant

KEY = "a secret"


@pytest.fixture
def zaqar(session: Session) -> Zaqar:
    """A project of its own on a face that signs."""
    return Zaqar(session, ZaqarFace(Settings(signed_url_key=KEY)))


def share(zaqar: Any, queue: str, **asked: Any) -> dict[str, str | None]:
    """Share a queue and return the headers for a client with the signed URL."""
    answer = zaqar.call("POST", f"/v2/queues/{queue}/share", asked)
    assert answer.status == 200, answer
    return headers(answer.json)


def headers(grant: dict[str, Any]) -> dict[str, str | None]:
    return {
        "HTTP_URL_SIGNATURE": grant["signature"],
        "HTTP_URL_PATHS": ",".join(grant["paths"]),
        "HTTP_URL_METHODS": ",".join(grant["methods"]),
        "HTTP_URL_EXPIRES": grant["expires"],
        "HTTP_X_PROJECT_ID": grant["project"],
    }


def test_a_share_signs_project_paths_methods_and_expiry(zaqar: Any, queue_name: str) -> None:
    """The four fields are joined by a backslash and an n, so that a test can compute the signature."""
    asked = {"paths": ["messages", "claims"], "methods": ["POST", "GET"], "expires": "2999-01-02T03:04:05+01:00"}
    found = zaqar.call("POST", f"/v2/queues/{queue_name}/share", asked).json
    queue = f"/v2/queues/{queue_name}"
    text = f"{queue}/claims,{queue}/messages\\nGET,POST\\n{zaqar.project}\\n2999-01-02T02:04:05"
    assert found == {
        "paths": [f"{queue}/claims", f"{queue}/messages"],
        "methods": ["GET", "POST"],
        "project": zaqar.project,
        "expires": "2999-01-02T02:04:05",
        "signature": hmac.new(KEY.encode(), text.encode(), hashlib.sha256).hexdigest(),
    }


def test_defaults_are_reading_messages_for_a_day(zaqar: Any, queue_name: str) -> None:
    found = zaqar.call("POST", f"/v2/queues/{queue_name}/share", {}).json
    assert (found["paths"], found["methods"]) == ([f"/v2/queues/{queue_name}/messages"], ["GET"])
    left = datetime.fromisoformat(found["expires"] + "+00:00") - datetime.now(UTC)
    assert timedelta(hours=23) < left <= timedelta(days=1)


def test_a_signed_url_admits_the_shared_operations(zaqar: Any, queue_name: str) -> None:
    guest = share(zaqar, queue_name, methods=["GET", "POST"])
    path = f"/v2/queues/{queue_name}/messages"
    posted = zaqar.call("POST", path, {"messages": [{"body": 1}]}, headers=guest)
    assert posted.status == 201
    assert zaqar.call("GET", path + "?echo=true", headers=guest).json["messages"][0]["body"] == 1
    assert zaqar.call("GET", posted.json["resources"][0], headers=guest).status == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/v2/queues/{0}/messages?pop=1"),
        ("POST", "/v2/queues/{0}/messages"),
        ("GET", "/v2/queues/{0}"),
        ("GET", "/v2/queues/{0}/claims/x"),
        ("GET", "/v2/queues/{0}-2/messages"),
        ("GET", "/v2/queues/x/messages/v2/queues/{0}/messages"),
        ("GET", "/v1.1/queues/{0}/messages"),
        ("GET", "/"),
    ],
)
def test_a_signed_url_admits_no_other_operation(zaqar: Any, queue_name: str, method: str, path: str) -> None:
    """Paths are compared as a whole, not searched for."""
    answer = zaqar.call(method, path.format(queue_name), headers=share(zaqar, queue_name))
    assert (answer.status, answer.json["title"]) == (404, "Not found")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HTTP_URL_SIGNATURE", "0" * 64), ("HTTP_URL_SIGNATURE", ""), ("HTTP_URL_SIGNATURE", "\xff"),
        ("HTTP_URL_METHODS", "DELETE,GET"), ("HTTP_URL_PATHS", "/v2"), ("HTTP_URL_EXPIRES", "2999-01-01T00:00:00"),
        ("HTTP_URL_EXPIRES", None), ("HTTP_URL_PATHS", None), ("HTTP_X_PROJECT_ID", "another"),
        ("HTTP_X_PROJECT_ID", None),
    ],
)  # fmt: skip
def test_a_changed_signature_is_refused(zaqar: Any, queue_name: str, name: str, value: str | None) -> None:
    guest = {**share(zaqar, queue_name), name: value}
    assert zaqar.call("GET", f"/v2/queues/{queue_name}/messages", headers=guest).status == 404


@pytest.mark.parametrize(
    "changed",
    [
        {"expires": "2020-01-01T00:00:00"},
        {"expires": "never"},
        {"paths": ["/v2/queues/q/messages", ""]},
        {"paths": ["/v2/queues/q/messages\\nGET"], "methods": ["GET"]},
        {"project": "a\\nb"},
    ],
)
def test_an_invalid_grant_is_refused_even_if_it_is_signed(zaqar: Any, changed: dict[str, Any]) -> None:
    """A valid signature does not admit a grant that has expired or is ambiguous."""
    fields: dict[str, Any] = {"paths": ["/v2/queues/q/messages"], "methods": ["GET"], "project": "p"}
    fields |= {"expires": "2999-01-01T00:00:00", **changed}
    guest = headers({**fields, "signature": Grant(**fields).signature(KEY)})
    path = "/v2/queues/q/messages" if changed.get("paths") != ["/v2/queues/q/messages", ""] else "/v2/queues/other"
    assert zaqar.call("GET", path, headers=guest).status == 404


@pytest.mark.parametrize(
    "asked",
    [
        b"", b"[]", b'{"paths":["stats"]}', b'{"paths":"messages"}', b'{"paths":[]}', b'{"methods":"GET"}',
        b'{"methods":["get"]}', b'{"methods":[1]}', b'{"expires":1}', b'{"expires":"soon"}', b'{"expires":null}',
        b'{"expires":"2020-01-01T00:00:00"}', b'{"expires":"0001-01-01T00:00:00+14:00"}', b'{"other":1}',
    ],
)  # fmt: skip
def test_a_share_with_wrong_input_is_refused(zaqar: Any, queue_name: str, asked: bytes) -> None:
    assert zaqar.call("POST", f"/v2/queues/{queue_name}/share", raw=asked).status == 400


def test_without_a_key_nothing_is_signed(session: Session, queue_name: str) -> None:
    zaqar = Zaqar(session, ZaqarFace(Settings()))
    assert zaqar.call("POST", f"/v2/queues/{queue_name}/share", {}).status == 400
    guest = headers({"paths": [f"/v2/queues/{queue_name}/messages"], "methods": ["GET"], "project": zaqar.project,
                     "expires": "2999-01-01T00:00:00", "signature": ""})  # fmt: skip
    assert zaqar.call("GET", f"/v2/queues/{queue_name}/messages", headers=guest).status == 404
