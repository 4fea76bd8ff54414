"""Access with tokens of a real Keystone."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
import requests

from tests.conftest import Service
from tests.keystone.conftest import Caller
from tests.keystone.server import Keystone
from tests.patience import PATIENCE_SECONDS

PATHS = (
    "/v2",
    "/v2/queues",
    "/v2/queues/q/messages",
    "/v2/nothing",
    "/v2/queues/q/claims/x",
    "/v1.1/queues",
    "/v1/queues",
)
HOT = "/v2/queues/q/messages"


def test_a_token_is_accepted(one: Caller, queue_name: str) -> None:
    path = f"/v2/queues/{queue_name}/messages"
    assert one.call("POST", path, {"messages": [{"body": 1}]}).status_code == 201
    assert [found["body"] for found in one.call("GET", f"{path}?echo=true").json()["messages"]] == [1]


@pytest.mark.parametrize("path", PATHS)
def test_without_a_token_everything_but_the_root_is_401(nobody: Caller, keystone: Keystone, path: str) -> None:
    answer = nobody.call("GET", path)
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, f'Keystone uri="{keystone.url}"')
    assert answer.json() == {
        "title": "Unauthorized",
        "description": "The request you have made requires authentication.",
    }


def test_the_root_needs_no_token(nobody: Caller) -> None:
    assert nobody.call("GET", "/").status_code == 300


def test_401_comes_before_every_other_check(nobody: Caller) -> None:
    headers = {"Client_ID": "no uuid", "Accept": "text/plain", "Content_Type": "application/x-www-form-urlencoded"}
    assert nobody.call("PATCH", HOT, "no object", **headers).status_code == 401
    too_long = "a" * 300_000
    assert nobody.call("POST", HOT, {"messages": [{"body": too_long}]}).status_code == 401
    assert nobody.call("OPTIONS", HOT).status_code == 401


@pytest.mark.parametrize("token", ["", "nonsense", "gAAAAABnonsense", "\u00e9" * 8])
def test_a_wrong_token_is_401(nobody: Caller, token: str) -> None:
    assert nobody.call("GET", HOT, X_Auth_Token=token.encode().decode("latin-1")).status_code == 401


def test_a_revoked_token_is_401(keystone: Keystone, one: Caller) -> None:
    keystone.revoke(one.token or "")
    assert one.call("GET", HOT).status_code == 401


def test_an_expired_token_is_401(keystone: Keystone, one: Caller) -> None:
    with keystone.running(token_seconds=1) as url:
        token = keystone.token("one", "one", url=url)
    caller = replace(one, token=token)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (status := caller.call("GET", "/v2/queues").status_code) == 200 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert status == 401


def test_the_token_determines_the_project_and_no_header_of_the_client(
    keystone: Keystone, one: Caller, queue_name: str
) -> None:
    path = f"/v2/queues/{queue_name}/messages"
    for claimed in (keystone.project("two"), "anything", ""):
        assert one.claiming(claimed).call("POST", path, {"messages": [{"body": 1}]}).status_code == 201
    assert len(one.call("GET", f"{path}?echo=true").json()["messages"]) == 3
    other = replace(one, token=keystone.token("two", "two")).claiming(keystone.project("one"))
    assert other.call("GET", f"{path}?echo=true").json()["messages"] == []
    assert queue_name not in other.call("GET", "/v2/queues?limit=20").text


@pytest.mark.parametrize("version", ["/v1", "/v1.1", "/v2"])
def test_a_token_of_no_project_reaches_no_queue(keystone: Keystone, one: Caller, version: str) -> None:
    caller = replace(one, token=keystone.token("one", None))
    assert caller.call("GET", f"{version}/queues", X_Project_Id=keystone.project("two")).status_code == 400


def test_extra_spec_does_not_replace_a_token(nobody: Caller) -> None:
    assert nobody.call("GET", HOT, EXTRA_SPEC="messagecode:anything").status_code == 401


@pytest.mark.parametrize(("user", "status"), [("one", 403), ("admin", 200)])
def test_the_health_report_is_for_admins(keystone: Keystone, one: Caller, user: str, status: int) -> None:
    caller = replace(one, token=keystone.token(user, user))
    answer = caller.call("GET", "/v2/health", X_Roles="admin", X_Role="admin")
    assert answer.status_code == status
    if status == 403:
        assert answer.json()["title"] == "Not authorized"


@pytest.mark.parametrize("headers", [{"X_Roles": "admin"}, {"X_Identity_Status": "Confirmed", "X_User_Id": "a"}])
def test_identity_headers_of_a_client_are_ignored(nobody: Caller, headers: dict[str, str]) -> None:
    assert nobody.claiming("anything").call("GET", HOT, **headers).status_code == 401


def test_a_signed_url_needs_no_token(one: Caller, nobody: Caller, keystone: Keystone, queue_name: str) -> None:
    path = f"/v2/queues/{queue_name}"
    assert one.call("PUT", path).status_code == 201
    signed = one.call("POST", f"{path}/share", {"paths": ["messages"], "methods": ["GET", "POST"]}).json()
    assert signed["project"] == keystone.project("one")
    shown = {
        "URL_Signature": signed["signature"],
        "URL_Expires": signed["expires"],
        "URL_Methods": ",".join(signed["methods"]),
        "URL_Paths": ",".join(signed["paths"]),
    }
    holder = nobody.claiming(signed["project"])
    assert holder.call("POST", f"{path}/messages", {"messages": [{"body": 1}]}, **shown).status_code == 201
    assert len(one.call("GET", f"{path}/messages?echo=true").json()["messages"]) == 1
    assert holder.call("DELETE", path, **shown).status_code == 404
    assert holder.claiming(keystone.project("two")).call("GET", f"{path}/messages", **shown).status_code == 404
    assert holder.call("GET", "/v2/health", **shown, X_Roles="admin").status_code == 404


def test_sqs_and_the_service_s_own_pages_need_no_token(guarded: Service) -> None:
    assert requests.get(f"{guarded.url}/health", timeout=10).status_code == 200
    headers = {"X-Amz-Target": "AmazonSQS.ListQueues", "Content-Type": "application/x-amz-json-1.0"}
    assert requests.post(guarded.url, b"{}", headers=headers, timeout=10).status_code == 200
